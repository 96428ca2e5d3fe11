"""The one query: a token's user, its sign-in, and whether the token is blacklisted."""

import functools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import Error as DatabaseFailure
from django.db import connections, router
from django.db.models import IntegerField, Model
from django.db.models.expressions import RawSQL

from . import compiled
from .exceptions import Unavailable
from .models import BlacklistedToken, LoginSession

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("django_jwtauth")

_PREFIX = "_jwtauth_"

# Columns of the sign-in: what every request needs, and what a refresh needs besides.
TO_AUTHENTICATE = ("id", "auth_hash", "ended_at")
TO_REFRESH = (
    "id",
    "generation",
    "auth_hash",
    "created_at",
    "refreshed_at",
    "expires_at",
    "ended_at",
)


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says of a token; ``session`` is None when it is not the user's."""

    user: "AbstractBaseUser"
    session: LoginSession | None
    blacklisted: bool


def alias() -> str:
    """Return the alias that sign-ins are written to, and so are read from.

    A replica that lags would let a revoked token pass.
    """
    return router.db_for_write(LoginSession)


def find(
    claims: dict[str, Any], columns: tuple[str, ...] = TO_AUTHENTICATE, *, lock: bool = False
) -> Found | None:
    """Return what is known of a token with these claims, None when there is no such user.

    One query, through the user model's default manager, so that a user it hides stays
    hidden. Nothing about the sign-in is in WHERE: its absence must be told apart from
    the user's. ``columns`` of the sign-in are loaded, the others deferred. With ``lock``,
    inside a transaction, the rows are read as they are now and kept so, whatever the
    isolation level.
    """
    using = alias()
    model = get_user_model()
    pk = _parse_pk(model, claims["sub"], using)
    if pk is None:
        return None
    if lock:
        found = _find_locked(model, pk, claims, using)
    elif compiled.is_plain(model):
        found = _find_compiled(model, pk, claims, columns, using)
    else:
        users = model._default_manager.using(using)
        found = _find_annotated(users, pk, claims, columns, using)
    # A database may compare text loosely: "Anna" is not "anna".
    if found is None or str(found.user.pk) != claims["sub"]:
        return None
    if found.session:
        found.session.user = cast(Any, found.user)
        found.session.subject = claims["sub"]
    return found


def _parse_pk(model: type[Model], subject: str, using: str) -> Any:
    """Return ``sub`` as a value of the primary key, None when no row can have it."""
    field = _key_field(model)
    try:
        value = field.to_python(subject)
    except (ValueError, TypeError, OverflowError, ValidationError):
        return None
    if str(value) != subject:
        return None
    if isinstance(value, int):
        low, high = connections[using].ops.integer_field_range(field.get_internal_type())
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
    model: type[Model], pk: Any, claims: dict[str, Any], columns: tuple[str, ...], using: str
) -> Found | None:
    statement = compiled.get_statement(using, model._meta.label, columns)
    connection = connections[using]
    values = {
        "pk": _key_field(model).get_db_prep_value(pk, connection),
        "sid": _db_sid(claims, connection),
        "jti": claims["jti"],
    }
    row = compiled.fetch(statement, connection, values)
    if row is None:
        return None
    user: Any = model.from_db(using, statement.user_fields, row.user)
    return Found(user, _make_session(using, columns, row.session), row.blacklisted)


def _find_annotated(
    users: Any, pk: Any, claims: dict[str, Any], columns: tuple[str, ...], using: str
) -> Found | None:
    """The same through the project's manager, by scalar subqueries: the ORM's fastest form."""
    connection = connections[using]
    sessions = connection.ops.quote_name(LoginSession._meta.db_table)
    blacklist = connection.ops.quote_name(BlacklistedToken._meta.db_table)
    key = [_db_sid(claims, connection), _key_field(users.model).get_db_prep_value(pk, connection)]
    # Only names of ours go into the text.
    annotations = {
        _PREFIX + name: RawSQL(  # noqa: S611
            f"SELECT {name} FROM {sessions} WHERE id = %s AND user_id = %s",  # noqa: S608
            key,
            output_field=cast(Any, LoginSession._meta.get_field(name)),
        )
        for name in columns
    }
    annotations[_PREFIX + "blacklisted"] = RawSQL(  # noqa: S611
        f"SELECT COUNT(*) FROM {blacklist} WHERE jti = %s",  # noqa: S608
        [claims["jti"]],
        output_field=IntegerField(),
    )
    user = next(iter(users.order_by().filter(pk=pk).annotate(**annotations)), None)
    if user is None:
        return None
    values = [user.__dict__.pop(_PREFIX + name) for name in columns]
    blacklisted = bool(user.__dict__.pop(_PREFIX + "blacklisted"))
    return Found(user, _make_session(using, columns, values), blacklisted)


def _find_locked(model: type[Model], pk: Any, claims: dict[str, Any], using: str) -> Found | None:
    session = lock_session(claims)
    of = ("self",) if connections[using].features.has_select_for_update_of else ()
    users = model._default_manager.using(using).select_for_update(of=of)
    found = _find_annotated(users, pk, claims, (), using)
    if found is None:
        return None
    ours = session is not None and session.user_id == found.user.pk
    return Found(found.user, session if ours else None, found.blacklisted)


def _db_sid(claims: dict[str, Any], connection: Any) -> Any:
    return LoginSession._meta.pk.get_db_prep_value(UUID(claims["sid"]), connection)


def _make_session(using: str, columns: Sequence[str], values: Sequence[Any]) -> LoginSession | None:
    # Without columns, or without a row joined, there is no sign-in.
    if not columns or values[0] is None:
        return None
    return LoginSession.from_db(using, columns, values)


def lock_session(claims: dict[str, Any]) -> LoginSession | None:
    """Return the sign-in as it is now, locked until the transaction ends; None when unknown."""
    rows = LoginSession.objects.using(alias()).select_for_update()
    return rows.filter(pk=claims["sid"]).first()


@contextmanager
def reporting_unavailable() -> Iterator[None]:
    """Turn what a database raises into ``Unavailable``: it never means that a token is bad."""
    try:
        yield
    except DatabaseFailure as error:
        # Only the class: a driver's message may quote a parameter.
        logger.error("The database cannot answer for a token: %s", type(error).__name__)
        raise Unavailable from error
