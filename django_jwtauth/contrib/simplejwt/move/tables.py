"""Read the tables of simplejwt's blacklist app, whether or not the app is still installed.

The column ``token``, which contains a whole refresh token, is never read.
"""

import functools
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.core.signals import setting_changed
from django.db import OperationalError, ProgrammingError, connections
from django.db.models import DateTimeField, Value

from ....conf import MAX_TENANTS, get_tenancy, moments
from ....store import database, identity

OUTSTANDING, BLACKLISTED = TABLES = (
    "token_blacklist_outstandingtoken",
    "token_blacklist_blacklistedtoken",
)


#: The rows, by id, that a question without an index examines at most.
LATEST = 10_000


class Row(NamedTuple):
    """One outstanding token; ``user_id`` as in the database, moments aware."""

    id: int
    jti: str
    user_id: Any
    expires_at: datetime
    blacklisted_at: datetime | None


def find_alias() -> str | None:
    """Return the alias of the database that has the tables, or None if none has."""
    return _find_alias(get_tenancy().tenant)


# With a schema for each tenant, one may have the tables and another not.
@functools.lru_cache(MAX_TENANTS)
def _find_alias(tenant: str | None) -> str | None:
    aliases: list[str] = [database.alias(), *connections]
    # Not a database that is down, which may be the one: then nobody knows what it refuses.
    for using in filter(database.is_configured, dict.fromkeys(aliases)):
        if set(TABLES) <= set(connections[using].introspection.table_names()):
            return using
    return None


def forget_alias() -> None:
    """Look for the tables again when they are next needed."""
    _find_alias.cache_clear()


def is_blacklisted(jti: str) -> bool:
    """Return whether simplejwt's tables, if there are any, refuse the token."""
    using = find_alias()
    if using is None:
        return False
    statement = (
        f"SELECT 1 FROM {OUTSTANDING} o JOIN {BLACKLISTED} b ON b.token_id = o.id "  # noqa: S608
        "WHERE o.jti = %s"
    )
    try:
        with connections[using].cursor() as cursor:
            cursor.execute(statement, [jti])
            return cursor.fetchone() is not None
    except (ProgrammingError, OperationalError):
        # The tables may have been dropped since this process found them.
        forget_alias()
        if find_alias() is not None:
            raise
        return False


def forget_user(using: str, user: Any) -> None:
    """Set the user of outstanding tokens to NULL, as on_delete there does, before a deletion."""
    # They may have been dropped since, and this transaction would be lost.
    forget_alias()
    if using != find_alias():
        return
    connection = connections[using]
    key = get_user_model()._meta.pk.get_db_prep_value(identity.saved_key(user), connection)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {OUTSTANDING} SET user_id = NULL WHERE user_id = %s", [key])  # noqa: S608


def get_last_id(using: str) -> int:
    """Return the id of the newest outstanding token, or 0 without one."""
    return int(_fetch_value(using, f"SELECT MAX(id) FROM {OUTSTANDING}") or 0)  # noqa: S608


def count(using: str, last_id: int) -> int:
    """Return how many outstanding tokens there are up to that id."""
    return int(_fetch_value(using, f"SELECT COUNT(*) FROM {OUTSTANDING} WHERE id <= %s", last_id))  # noqa: S608


def read_after(
    reached: Row | None, using: str, last_id: int, size: int, *, column: str = "", value: Any = None
) -> list[Row]:
    """Return the outstanding tokens up to that id that follow ``reached``, at most ``size``.

    ``column``: "user_id" or "jti", to read only those that have this value there.
    """
    only, values = (f"o.{column} = %s AND ", [value]) if column else ("", [])
    which = f"WHERE {only}o.id > %s AND o.id <= %s ORDER BY o.id"
    return _read(using, which, size, *values, reached.id if reached else 0, last_id)


def read_newest(using: str, expire_after: datetime, size: int) -> list[Row]:
    """Return the newest outstanding tokens that expire after ``expire_after``, at most ``size``.

    Examines the newest ``LATEST`` rows, because the column has no index.
    """
    which = "WHERE o.id > %s AND o.expires_at > %s ORDER BY o.id DESC"
    return _read(using, which, size, get_last_id(using) - LATEST, _column(expire_after, using))


def count_issued(using: str, after: datetime) -> int:
    """Return how many of the newest ``LATEST`` outstanding tokens were issued after a moment."""
    statement = f"SELECT COUNT(*) FROM {OUTSTANDING} WHERE id > %s AND created_at > %s"  # noqa: S608
    first = get_last_id(using) - LATEST
    return int(_fetch_value(using, statement, first, _column(after, using)))


def _read(using: str, which: str, size: int, *params: Any) -> list[Row]:
    statement = (
        f"SELECT o.id, o.jti, o.user_id, o.expires_at, b.blacklisted_at FROM {OUTSTANDING} o "  # noqa: S608
        f"LEFT JOIN {BLACKLISTED} b ON b.token_id = o.id {which} LIMIT %s"
    )
    with connections[using].cursor() as cursor:
        cursor.execute(statement, [*params, size])
        return [
            Row(pk, jti, user_id, _moment(expires_at, using), _moment(blacklisted_at, using))
            for pk, jti, user_id, expires_at, blacklisted_at in cursor.fetchall()
        ]


def _fetch_value(using: str, statement: str, *params: Any) -> Any:
    with connections[using].cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchone()[0]


def _column(value: datetime, using: str) -> Any:
    """Return an aware moment as a column holds it."""
    return connections[using].ops.adapt_datetimefield_value(moments.stored(value))


def _moment(value: Any, using: str) -> Any:
    """Return the moment in a column: text in SQLite, without a time zone in MariaDB."""
    connection = connections[using]
    column = Value(None, output_field=DateTimeField())
    for convert in connection.ops.get_db_converters(column):
        value = convert(value, column, connection)
    return value and moments.aware(value)


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("DATABASES", "INSTALLED_APPS"):
        forget_alias()


setting_changed.connect(_forget, dispatch_uid="django_jwtauth.contrib.simplejwt.move.tables")
