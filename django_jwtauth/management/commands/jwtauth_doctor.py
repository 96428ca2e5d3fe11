"""Sign in, call, sign out and call again like a client, and report what is wrong."""

from collections.abc import Iterator
from typing import Any

from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseFailure
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from ...checks import DATABASE_CHECKS, TAG
from ...contrib.simplejwt.move import project, source
from ...contrib.simplejwt.move.advice import report
from ...store import database
from ..logins import try_logins
from ..temporary import borrow_user, make_user
from ..visiting import (
    NO_DATABASE,
    Visitor,
    find_paths,
    is_default,
    nothing_kept,
    tell_story,
)

LABEL = "django_jwtauth"
LEFT = "python manage.py jwtauth_doctor --from-simplejwt"
_SHOWN = 5


class Command(BaseCommand):
    help = (
        "Sign in, call, sign out and call again, in this process: 200 200 200 401 if all "
        "is well. Then do the same at the project's own logins. All writes are rolled back."
    )
    # The command runs our checks itself, to show all of them and continue after a warning.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--user",
            metavar="NAME",
            help="Sign in as this user, not as a temporary one. The password that is set for "
            "this is rolled back, too.",
        )
        parser.add_argument(
            "--login",
            metavar="PATH",
            action="append",
            default=[],
            help="A path where the project's users sign in, if it is not found by its name. "
            "Can be given several times.",
        )
        parser.add_argument(
            "--deploy", action="store_true", help="Also run the checks for production."
        )
        parser.add_argument(
            "--from-simplejwt",
            action="store_true",
            help="Only print what to change in a project that uses djangorestframework-simplejwt.",
        )

    def handle(
        self,
        *,
        user: str | None,
        login: list[str],
        deploy: bool,
        from_simplejwt: bool,
        **options: Any,
    ) -> None:
        if from_simplejwt:
            self.stdout.writelines(f"{line}\n" for line in report())
            return
        self.show_checks(deploy)
        wrong = [*self.examine(user, login), *find_leftovers()]
        if wrong:
            raise CommandError("\n".join(wrong))
        self.stdout.write(self.style.SUCCESS("200 200 200 401: all is well."))
        if not is_default():
            self.stdout.write(
                "DEFAULT_AUTHENTICATION_CLASSES does not contain JWTAuthentication: only those of "
                "your views that name it accept the tokens."
            )

    def examine(self, name: str | None, logins: list[str]) -> list[str]:
        """Make the requests; return what is wrong."""
        visitor = Visitor(find_paths(), self.stdout.write)
        using = database.alias()
        try:
            require_migrations(using)
            with nothing_kept():
                user, password = borrow_user(name, using) if name else make_user(using)
                wrong = tell_story(visitor, user, password)
                return [*wrong, *try_logins(visitor, user, password, logins)]
        except DatabaseFailure as error:
            raise CommandError(f"{NO_DATABASE} ({type(error).__name__})") from error

    def show_checks(self, deploy: bool) -> None:
        found = [
            *run_checks(tags=[TAG], include_deployment_checks=deploy),
            *(each for check in DATABASE_CHECKS for each in check(databases=[database.alias()])),
        ]
        shown = [message for message in found if not message.is_silenced()]
        for message in shown:
            style = self.style.ERROR if message.is_serious() else self.style.WARNING
            self.stdout.write(style(str(message)))
        if any(message.is_serious() for message in shown):
            raise CommandError("Correct the errors above first.")
        if not shown:
            self.stdout.write("No problems found.")


def find_leftovers() -> Iterator[str]:
    """Yield what still uses simplejwt, except in tests, which fail by themselves."""
    if not source.is_present():
        return
    files = source.find_files()
    places = [each for each in source.find_places(files.paths) if each.is_in_use()]
    left = [f"{each.path}:{each.line}: {each.name}" for each in places]
    left += [f"{each.place}: {each.name}" for each in project.find_classes()]
    if left:
        shown = "\n".join(f"    {each}" for each in left[:_SHOWN])
        more = f"\n    and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        yield f"simplejwt is still used:\n{shown}{more}\nWhat to write instead: {LEFT}"
    if not files.whole:
        yield f"Only {len(files.paths)} files of the source were read for uses of simplejwt."


def require_migrations(using: str) -> None:
    """Raise ``CommandError`` with the names of our migrations that have not been run."""
    executor = MigrationExecutor(connections[using])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(LABEL))
    missing = [migration.name for migration, _ in plan if migration.app_label == LABEL]
    if missing:
        names = ", ".join(missing)
        raise CommandError(
            f"Migrations of {LABEL} have not been run ({names}): run `python manage.py migrate`."
        )
