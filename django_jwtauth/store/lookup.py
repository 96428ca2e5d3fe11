"""The one query: a token's user, its sign-in, and whether the token is blacklisted.

And what goes with any question to the database: whom a token is for, which alias is asked,
and what a failure means.
"""

import functools
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import DataError, connections, router, transaction
from django.db import Error as DatabaseFailure
from django.db.models import Model

from ..exceptions import AuthError, Unavailable, UnstorableText, UnusableKey, UserNotFound
from ..models import BlacklistedToken, LoginSession
from ..tokens import is_identifier
from . import compiled

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("django_jwtauth")

# MariaDB and MySQL, of text that the column's character set lacks.
_NOT_IN_CHARSET = (1267, 1270, 1271, 1300, 1366, 3854, 3988)
# MariaDB and MySQL; PostgreSQL.
_NO_TABLE_OR_COLUMN = (1146, 1054, "42P01", "42703")
_NOT_IN_SQLITE = re.compile(r"no such (table|column)|table \S+ has no column")

REFRESH_COLUMNS = (
    "id",
    "generation",
    "auth_hash",
    "created_at",
    "refreshed_at",
    "expires_at",
    "ended_at",
    "refreshed_ip",
    "networks",
    "replayed_generation",
    "replayed_at",
    "replayed_ip",
)


class Identity(NamedTuple):
    """Whom a token is for: the saved primary key, and its text, which is ``sub``."""

    key: Any
    subject: str


class SignInState(NamedTuple):
    """What every request needs of a sign-in."""

    auth_hash: str
    ended_at: datetime | None


class Found(NamedTuple):
    """What the database says of a token; ``session`` is None when it is not the user's."""

    user: "AbstractBaseUser"
    session: LoginSession | SignInState | None
    blacklisted: bool


def alias() -> str:
    """Return the alias that sign-ins are written to, and so are read from.

    A replica that lags would let a revoked token pass.
    """
    return router.db_for_write(LoginSession)


def non_atomic(view: Any) -> Any:
    """Keep ``ATOMIC_REQUESTS`` of every alias off a view: a rollback would undo a refusal."""
    for name in connections:
        view = transaction.non_atomic_requests(using=name)(view)
    return view


def saved_key(user: "AbstractBaseUser") -> Any:
    """Return the primary key of a user, as the code that made the user spelled it.

    Raises ``TypeError`` for what is no user: an object of another model may have the same
    key. ``ValueError`` for one who is not saved.
    """
    model = get_user_model()
    if not isinstance(user, model):
        name = type(user).__name__
        raise TypeError(f"Only users can have tokens: {model._meta.label}, not {name}.")
    # Not user.pk: a model derived from the user's may have a key of its own.
    key = getattr(user, model._meta.pk.attname)
    if key is None or user._state.adding:
        raise ValueError("Only a saved user can sign in.")
    return key


def identify(user: "AbstractBaseUser") -> Identity:
    """Return whom the tokens of ``user`` are for.

    Whole numbers and UUIDs have one text. Of any other key the database knows how it is
    saved: collations, padding, fields that convert. Raises what saved_key() raises,
    ``UserNotFound``, and ``UnusableKey`` where the tokens would not lead back to the user.
    """
    model: Any = get_user_model()
    given, field = saved_key(user), _key_field(model)
    try:
        key = field.to_python(given)
    except (ValueError, TypeError, OverflowError, ValidationError):
        key = None
    if key is not None and type(key) not in (int, UUID):
        with reporting_unavailable():
            same = model._default_manager.using(alias()).filter(pk=key)
            key = next(iter(same.values_list("pk", flat=True)), None)
        if key is None:
            raise UserNotFound
    subject = str(key)
    if not is_identifier(subject) or _parse_pk(model, subject, connections[alias()]) is None:
        logger.error(
            "A user cannot sign in: %s does not fit into a token",
            field.name,
            extra={"event": "unusable_key", "field": field.name},
        )
        raise UnusableKey
    return Identity(key, subject)


@contextmanager
def nothing_rolled_back() -> Iterator[None]:
    """Undo what DRF's exception handler does for ``ATOMIC_REQUESTS``.

    A view that is non_atomic() has no transaction to roll back: DRF would roll back one that
    was begun around it, and with that the end of a sign-in.
    """
    marks = [
        (connection, connection.needs_rollback)
        for connection in connections.all(initialized_only=True)
        if connection.in_atomic_block and connection.settings_dict["ATOMIC_REQUESTS"]
    ]
    yield
    for connection, needs_rollback in marks:
        connection.needs_rollback = needs_rollback


def find(claims: dict[str, Any]) -> Found | None:
    """Return what is known of a token with these claims, None when there is no such user.

    One query, through the user model's default manager, so that a user it hides stays
    hidden. Nothing about the sign-in is in WHERE: its absence must be told apart from
    the user's.
    """
    found = _find(claims, SignInState._fields)
    if found is None:
        return None
    user, values, blacklisted = found
    return Found(user, SignInState(*values) if values else None, blacklisted)


def find_session(claims: dict[str, Any], *, lock: bool) -> Found | None:
    """Return the same, with a ``LoginSession`` that has what a refresh needs.

    With ``lock``, inside a transaction, the rows are read as they are now and kept so,
    whatever the isolation level: two queries.
    """
    locked = lock_session(claims) if lock else None
    found = _find(claims, () if lock else REFRESH_COLUMNS, lock=lock)
    if found is None:
        return None
    user, values, blacklisted = found
    session = LoginSession.from_db(alias(), REFRESH_COLUMNS, values) if values else None
    if locked and locked.user_id == user.pk:
        session = locked
    if session:
        session.user, session.subject = user, claims["sub"]
    return Found(user, session, blacklisted)


def _find(
    claims: dict[str, Any], columns: tuple[str, ...], *, lock: bool = False
) -> tuple[Any, Sequence[Any] | None, bool] | None:
    """Return the user, the ``columns`` of the sign-in if there is one, and whether blacklisted."""
    model, connection = get_user_model(), connections[alias()]
    pk = _parse_pk(model, claims["sub"], connection)
    if pk is None:
        return None
    params = {
        "pk": _key_field(model).get_db_prep_value(pk, connection),
        "sid": claims["sid"],
        "jti": claims["jti"],
    }
    if lock or not compiled.is_plain(model):
        found = _find_annotated(model, columns, params, connection, lock)
    else:
        found = _find_compiled(model, columns, params, connection)
    # A database may compare text loosely: "Anna" is not "anna".
    if found is None or str(found[0].pk) != claims["sub"]:
        return None
    user, values, blacklisted = found
    # Without a sign-in every column is NULL; with one, the first never is.
    known = columns and values[0] is not None
    return user, values if known else None, blacklisted


def _parse_pk(model: type[Model], subject: str, connection: Any) -> Any:
    """Return ``sub`` as a value of the primary key, None when no row can have it."""
    field = _key_field(model)
    try:
        value = field.to_python(subject)
    except (ValueError, TypeError, OverflowError, ValidationError):
        return None
    if str(value) != subject:
        return None
    if isinstance(value, int):
        low, high = connection.ops.integer_field_range(field.get_internal_type())
        if (low is not None and value < low) or (high is not None and value > high):
            return None
    return value


@functools.cache
def _key_field(model: type[Model]) -> Any:
    field: Any = model._meta.pk
    while field.remote_field:
        field = field.target_field
    return field


def _find_compiled(
    model: type[Model], columns: tuple[str, ...], params: dict[str, Any], connection: Any
) -> tuple[Any, Sequence[Any], bool] | None:
    statement = compiled.get_statement(connection.alias, model, columns)
    row = compiled.fetch(statement, connection, params)
    if row is None:
        return None
    user = model.from_db(connection.alias, statement.user_fields, row.user)
    return user, row.session, row.blacklisted


def _find_annotated(
    model: type[Model],
    columns: tuple[str, ...],
    params: dict[str, Any],
    connection: Any,
    lock: bool,
) -> tuple[Any, Sequence[Any], bool] | None:
    """The same through the project's manager, by scalar subqueries: the ORM's fastest form."""
    users: Any = model._default_manager.using(connection.alias).filter(pk=params["pk"])
    if lock:
        of = ("self",) if connection.features.has_select_for_update_of else ()
        users = users.select_for_update(of=of)
    recipes = compiled.get_recipes(columns)
    for alias, recipe in recipes.items():
        # What annotate() does, less a check of names that takes as long as all of this.
        users.query.add_annotation(recipe.fill(params), alias)
    user = next(iter(users), None)
    if user is None:
        return None
    *session, blacklisted = [user.__dict__.pop(alias) for alias in recipes]
    return user, session, bool(blacklisted)


def lock_session(claims: dict[str, Any]) -> LoginSession | None:
    """Return the sign-in as it is now, locked until the transaction ends; None when unknown."""
    rows = LoginSession.objects.using(alias()).select_for_update()
    return rows.filter(pk=claims["sid"]).first()


def is_unstorable(error: BaseException) -> bool:
    """Return whether the database refused a value, and would have done so on its best day."""
    code = error.args[0] if error.args else None
    return isinstance(error, DataError) or (
        isinstance(error, DatabaseFailure) and code in _NOT_IN_CHARSET
    )


def refusal_of(error: DatabaseFailure) -> AuthError:
    """Return what a failure of the database means to a client, and log it if it is one."""
    if is_unstorable(error):
        return UnstorableText()
    # Nothing else of a driver's message: it may quote a parameter.
    name = type(error).__name__
    if _is_missing(error):
        known = (get_user_model(), LoginSession, BlacklistedToken)
        first = str(error).partition("\n")[0]
        table = next((t for model in known if (t := model._meta.db_table) in first), "unknown")
        logger.error(
            "The database lacks a table or column (%s): run `python manage.py migrate`",
            table,
            extra={"event": "migrations_not_run", "table": table, "error": name},
        )
    else:
        logger.error(
            "The database cannot answer for a token: %s",
            name,
            extra={"event": "database_unavailable", "error": name},
        )
    return Unavailable()


def _is_missing(error: DatabaseFailure) -> bool:
    """Return whether a table or a column is not there."""
    code = error.args[0] if error.args else None
    state = getattr(error.__cause__, "sqlstate", None) or getattr(error.__cause__, "pgcode", None)
    return (
        code in _NO_TABLE_OR_COLUMN
        or state in _NO_TABLE_OR_COLUMN
        or (isinstance(code, str) and _NOT_IN_SQLITE.match(code) is not None)
    )


class reporting_unavailable:
    """Turn what a database raises into ``Unavailable``: it never means that a token is bad."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, DatabaseFailure):
            raise refusal_of(error) from error
