"""Which database is used, and what its failures mean."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.db import DataError, connections, router, transaction
from django.db import Error as DatabaseFailure

from ..exceptions import AuthError, Unavailable, UnstorableText
from ..models import (
    BlacklistedToken,
    BlacklistedTokenQuerySet,
    LoginSession,
    LoginSessionQuerySet,
)

logger = logging.getLogger("django_jwtauth")


# Codes of MariaDB and MySQL for text that the column's character set cannot hold.
_NOT_IN_CHARSET = (1267, 1270, 1271, 1300, 1366, 3854, 3988)


# Codes of MariaDB and MySQL, and of PostgreSQL.
_NO_TABLE_OR_COLUMN = (1146, 1054, "42P01", "42703")


_NOT_IN_SQLITE = re.compile(r"no such (table|column)|table \S+ has no column")


def alias() -> str:
    """Return the alias to which sign-ins are written, and from which they are therefore read.

    On a replica that lags, a revoked token would be accepted.
    """
    return router.db_for_write(LoginSession)


def sign_ins() -> LoginSessionQuerySet:
    """Return all rows of ``LoginSession``, on the alias that is written to."""
    return LoginSession.objects.using(alias())


def blacklisted_tokens() -> BlacklistedTokenQuerySet:
    """Return all rows of ``BlacklistedToken``, on the alias that is written to."""
    return BlacklistedToken.objects.using(alias())


def is_configured(using: str) -> bool:
    """Return whether the alias has a database; in Django, "default" may be an empty dict."""
    engine: str = connections[using].settings_dict["ENGINE"]
    return engine != "django.db.backends.dummy"


def non_atomic(view: Any) -> Any:
    """Keep ``ATOMIC_REQUESTS`` of every alias off a view: a rollback would undo a refusal."""
    for name in connections:
        view = transaction.non_atomic_requests(using=name)(view)
    return view


@contextmanager
def nothing_rolled_back() -> Iterator[None]:
    """Undo what DRF's exception handler does for ``ATOMIC_REQUESTS``.

    A non_atomic() view has no transaction to roll back. DRF would roll back one that was begun
    around the view, and with it the end of a sign-in.
    """
    marks = [
        (connection, connection.needs_rollback)
        for connection in connections.all(initialized_only=True)
        if connection.in_atomic_block and connection.settings_dict["ATOMIC_REQUESTS"]
    ]
    yield
    for connection, needs_rollback in marks:
        connection.needs_rollback = needs_rollback


def is_unstorable(error: BaseException) -> bool:
    """Return whether the database refused a value that it could never store."""
    code = error.args[0] if error.args else None
    return isinstance(error, DataError) or (
        isinstance(error, DatabaseFailure) and code in _NOT_IN_CHARSET
    )


def refusal_of(error: DatabaseFailure) -> AuthError:
    """Return the refusal for an error of the database; log it unless the input was bad."""
    if is_unstorable(error):
        return UnstorableText()
    # Only the name, because a driver's message may quote a parameter.
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
    """Return whether a table or a column is missing."""
    code = error.args[0] if error.args else None
    state = getattr(error.__cause__, "sqlstate", None) or getattr(error.__cause__, "pgcode", None)
    return (
        code in _NO_TABLE_OR_COLUMN
        or state in _NO_TABLE_OR_COLUMN
        or (isinstance(code, str) and _NOT_IN_SQLITE.match(code) is not None)
    )


class reporting_unavailable:
    """Turn a database's errors into ``Unavailable``, as they never mean that a token is bad."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, DatabaseFailure):
            raise refusal_of(error) from error
