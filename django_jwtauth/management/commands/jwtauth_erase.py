"""Erase a person from the records, for a request under Article 17 of the GDPR."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from ... import sessions
from ...exceptions import Unavailable
from ...models import Via
from ..terminal import confirm, find_user, system_user


class Command(BaseCommand):
    help = (
        "End all sign-ins of a person, and erase names, addresses, devices and notes from the "
        "records. The bare rows stay: when each sign-in began and ended, and why. Run it before "
        "you delete the user."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--user", metavar="NAME", help="The user with this user name.")
        who.add_argument(
            "--deleted",
            metavar="SUB",
            help="A user who was deleted: the claim sub of the tokens, usually the primary key. "
            "Reads the whole table.",
        )
        parser.add_argument(
            "--no-input",
            "--noinput",
            action="store_false",
            dest="interactive",
            help="Do not ask for confirmation.",
        )

    def handle(self, *, user: str | None, deleted: str | None, **options: Any) -> None:
        person = find_user("--user", user) if user is not None else deleted or ""
        if options["interactive"]:
            question = (
                "This ends all sign-ins of this person, and cannot be undone. "
                "To confirm, type the name again:\n"
            )
            confirm(question, user if user is not None else deleted or "", "Nothing was erased.")
        try:
            number = sessions.erase(person, via=Via.COMMAND, by=system_user())
        except (Unavailable, DatabaseError) as error:
            raise CommandError(
                f"The database failed: {type(error).__name__}\nNothing was erased."
            ) from error
        rows = "row" if number == 1 else "rows"
        self.stdout.write(f"Erased names, addresses, devices and notes from {number:,} {rows}.")
