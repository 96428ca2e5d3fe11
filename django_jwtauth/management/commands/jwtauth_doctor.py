"""Sign in, call, sign out and call again like a client, and report what is wrong."""

import json
import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DataError, IntegrityError, connections, models, transaction
from django.db import Error as DatabaseFailure
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import NoReverseMatch, URLResolver, get_resolver, resolve, reverse
from rest_framework.settings import api_settings

from ...authentication import JWTAuthentication
from ...checks import DATABASE_CHECKS, TAG
from ...conf import get_settings
from ...contrib.simplejwt.move.advice import report
from ...store import database

LABEL = "django_jwtauth"
OBTAIN, ME, BLACKLIST = ENDPOINTS = ("token_obtain_pair", "jwtauth_me", "token_blacklist")

NO_DATABASE = "The database does not answer. Is it running, and have you run `manage.py migrate`?"
NOT_OURS = (
    "A middleware, or an earlier pattern in the URLconf, answers instead of django-jwtauth's view."
)
ADVICE = {
    400: "Does ALLOWED_HOSTS name a host, and does django-jwtauth's view answer here?",
    403: "A middleware or another view forbids it.",
    404: NOT_OURS,
    405: NOT_OURS,
    429: "A throttle refuses it. Try again later.",
    503: NO_DATABASE,
}
OTHER_USER = "If this project needs more than a temporary user, pass --user NAME."


class Command(BaseCommand):
    help = (
        "Sign in, call, sign out and call again, in this process: 200 200 200 401 if all "
        "is well. All of it happens in a transaction that is rolled back."
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
            "--deploy", action="store_true", help="Also run the checks for production."
        )
        parser.add_argument(
            "--from-simplejwt",
            action="store_true",
            help="Only print what to change in a project that uses djangorestframework-simplejwt.",
        )

    def handle(
        self, *, user: str | None, deploy: bool, from_simplejwt: bool, **options: Any
    ) -> None:
        if from_simplejwt:
            self.stdout.writelines(f"{line}\n" for line in report())
            return
        self.show_checks(deploy)
        visitor = Visitor(find_paths(), self.stdout.write)
        using = database.alias()
        try:
            require_migrations(using)
            with transaction.atomic(using), quiet_log():
                try:
                    credentials = borrow_user(user, using) if user else make_user(using)
                    tell_story(visitor, credentials)
                finally:
                    transaction.set_rollback(True, using)
        except DatabaseFailure as error:
            raise CommandError(f"{NO_DATABASE} ({type(error).__name__})") from error
        self.stdout.write(self.style.SUCCESS("200 200 200 401: all is well."))
        if not is_default():
            self.stdout.write(
                "DEFAULT_AUTHENTICATION_CLASSES does not contain JWTAuthentication: only those of "
                "your views that name it accept the tokens."
            )

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


def is_default() -> bool:
    classes: Iterable[Any] = api_settings.DEFAULT_AUTHENTICATION_CLASSES
    return any(isinstance(item, type) and issubclass(item, JWTAuthentication) for item in classes)


class Visitor:
    """A client of the project that prints each answer and stops at a wrong one."""

    def __init__(self, paths: dict[str, str], write: Any) -> None:
        self.paths = paths
        self.write = write
        self.client = Client(raise_request_exception=False, SERVER_NAME=allowed_host())

    def visit(
        self,
        method: str,
        endpoint: str,
        *,
        expect: int,
        token: str | None = None,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        path = self.paths[endpoint]
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"{get_settings().AUTH_HEADER_TYPES[0]} {token}"
        response = self.client.generic(
            method,
            path,
            json.dumps(body) if body else "",
            content_type="application/json",
            secure=True,
            headers=headers,
        )
        self.write(f"{method:4} {path:24} {response.status_code}")
        if response.status_code != expect:
            raise CommandError(
                f"{path} should answer {expect}. {explain(endpoint, response)}\n"
                f"The view is {name_view(path)}."
            )
        return read_json(response)


def tell_story(visitor: Visitor, credentials: dict[str, Any]) -> None:
    pair = visitor.visit("POST", OBTAIN, body=credentials, expect=200)
    if "access" not in pair or "refresh" not in pair:
        raise CommandError(f"No tokens in this answer. {NOT_OURS}")
    visitor.visit("GET", ME, token=pair["access"], expect=200)
    visitor.visit("POST", BLACKLIST, body={"refresh": pair["refresh"]}, expect=200)
    visitor.visit("GET", ME, token=pair["access"], expect=401)


def explain(endpoint: str, response: Any) -> str:
    """Explain what may have caused a wrong answer. Of its body, only a reason is shown."""
    if response.status_code in (301, 302, 303, 307, 308):
        return f"It redirects to {urlsplit(response['Location']).path}. {NOT_OURS}"
    if response.status_code == 401:
        return explain_refusal(endpoint, str(read_json(response).get("reason", "")))
    if response.status_code == 500:
        error = response.exc_info[1] if response.exc_info else None
        if isinstance(error, ImproperlyConfigured):
            return f"It raised ImproperlyConfigured: {error}"
        return f"It raised {type(error).__name__}. {OTHER_USER}"
    if response.status_code == 200:
        return "The sign-in has ended, but its access token is still accepted."
    return ADVICE.get(response.status_code, NOT_OURS)


def explain_refusal(endpoint: str, reason: str) -> str:
    if endpoint == OBTAIN and reason == "invalid_credentials":
        backends = ", ".join(settings.AUTHENTICATION_BACKENDS)
        return (
            f"The name and the password are right, but the authentication back ends ({backends}) "
            "refuse them: the user may be inactive, locked out, or known by another name. "
            f"{OTHER_USER}"
        )
    if endpoint == OBTAIN and reason in ("sign_in_refused", "mfa_required"):
        return f'HOOKS["SIGN_IN"] requires more than a password. {OTHER_USER}'
    # Only the package's own words are shown, because the view may be the project's.
    return f"Reason: {reason if reason.isidentifier() else 'none given'}."


# --- what tell_story() needs


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


def find_paths() -> dict[str, str]:
    """Return the path of each endpoint, in whatever namespace the project included them."""
    for namespace in find_namespaces(get_resolver()):
        try:
            return {endpoint: reverse(f"{namespace}{endpoint}") for endpoint in ENDPOINTS}
        except NoReverseMatch:
            continue
    raise CommandError(
        f"{settings.ROOT_URLCONF} has no {', '.join(ENDPOINTS)}. Add this to its urlpatterns:\n"
        '    path("api/", include("django_jwtauth.urls")),'
    )


def find_namespaces(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    yield prefix
    for name, (_, nested) in resolver.namespace_dict.items():
        yield from find_namespaces(nested, f"{prefix}{name}:")


def name_view(path: str) -> str:
    view = resolve(path).func
    view = getattr(view, "view_class", view)
    return f"{view.__module__}.{getattr(view, '__qualname__', type(view).__qualname__)}"


def allowed_host() -> str:
    hosts = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return hosts[0] if hosts else "localhost"


def make_user(using: str) -> dict[str, Any]:
    """Insert a user, past save() and its signals, so that nobody is mailed a welcome."""
    model = get_user_model()
    password = secrets.token_urlsafe(32)
    user = model(**{field.name: sample(field) for field in needed_fields(model)})
    try:
        user.set_password(password)
        model._base_manager.using(using).bulk_create([user])
    # The table requires something else, or bulk_create() does not take the model.
    except (IntegrityError, DataError, AttributeError, TypeError, ValueError) as error:
        raise CommandError(
            f"A temporary {model._meta.label} cannot be created ({type(error).__name__}). "
            f"{OTHER_USER}"
        ) from error
    return {model.USERNAME_FIELD: str(user.get_username()), "password": password}


def needed_fields(model: Any) -> list[Any]:
    named = {model.USERNAME_FIELD, *model.REQUIRED_FIELDS, "is_active"}
    return [
        field
        for field in model._meta.concrete_fields
        if field.name in named
        or (field.unique and not (field.primary_key or field.null or field.has_default()))
    ]


def sample(field: Any) -> Any:
    """Return a value for a required field, different each time where it may have to be unique."""
    word = f"{secrets.token_hex(4)}-doctor"
    if isinstance(field, models.BooleanField):
        return True
    if isinstance(field, models.IntegerField):
        return secrets.randbelow(2**31)
    if isinstance(field, models.EmailField):
        return f"{word}@jwtauth.invalid"
    if isinstance(field, (models.CharField, models.TextField)):
        return word[: field.max_length]
    return field.get_default()


def borrow_user(name: str, using: str) -> dict[str, Any]:
    """Set a password that we know; the rollback restores the old one."""
    model = get_user_model()
    try:
        user = model._default_manager.using(using).get(**{model.USERNAME_FIELD: name})
    except (model.DoesNotExist, ValueError, ValidationError):
        raise CommandError(f"There is no user named {name!r}.") from None
    password = secrets.token_urlsafe(32)
    columns = [field.attname for field in model._meta.concrete_fields]
    before = {column: getattr(user, column) for column in columns}
    user.set_password(password)
    changed = {column: getattr(user, column) for column in columns}
    # Past save() and its signals, for the same reason.
    model._base_manager.using(using).filter(pk=user.pk).update(
        **{column: value for column, value in changed.items() if value != before[column]}
    )
    return {model.USERNAME_FIELD: str(user.get_username()), "password": password}


def read_json(response: Any) -> dict[str, Any]:
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


@contextmanager
def quiet_log() -> Iterator[None]:
    """Keep Django from logging the 401 that we expect."""
    logger = logging.getLogger("django.request")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
