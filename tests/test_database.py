"""Which database is asked, and what its failures mean."""

import ast
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
)
from django.db.utils import ConnectionHandler

import django_jwtauth
from django_jwtauth.exceptions import Unavailable, UnstorableText
from django_jwtauth.models import LoginSession
from django_jwtauth.store import database


@pytest.mark.parametrize(
    "error", [OperationalError, InterfaceError, InternalError, DatabaseError, IntegrityError]
)
def test_what_a_database_raises_is_unavailable(error, caplog):
    """One error, the cause beside it, and a log line that quotes nothing."""
    with pytest.raises(Unavailable) as caught, database.reporting_unavailable():
        raise error("parameter was eyJhbGciOiJIUzI1NiJ9.secret")

    assert isinstance(caught.value.__cause__, error)
    assert [record.getMessage() for record in caplog.records] == [
        f"The database cannot answer for a token: {error.__name__}"
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM {table}_x WHERE 'eyJ.secret' = 'x'",
        "SELECT {table}.absent FROM {table}",
        "INSERT INTO {table} (id, absent) VALUES (1, 'eyJ.secret')",
        "UPDATE {table} SET absent = 'eyJ.secret'",
    ],
    ids=["table", "column", "inserted", "updated"],
)
def test_migrations_that_were_not_run_are_logged(sql, caplog):
    """The log says what to run, and repeats at most the name of one of our tables."""
    table = LoginSession._meta.db_table
    with (
        pytest.raises(Unavailable),
        database.reporting_unavailable(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql.format(table=table))

    [record] = caplog.records
    assert record.event == "migrations_not_run"
    assert record.table in (table, "unknown")
    assert "run `python manage.py migrate`" in record.getMessage()
    assert "secret" not in record.getMessage()


@pytest.mark.parametrize(
    "error",
    [
        DataError("value too long for type character varying(100)"),
        OperationalError(1366, "Incorrect string value: '\\xF0\\x9F' for column 'name' at row 1"),
        OperationalError(1267, "Illegal mix of collations"),
    ],
    ids=["too long", "three bytes", "collations"],
)
def test_what_a_column_cannot_hold_is_bad_input(error, caplog):
    """The database is well: no 503, and nothing that anybody could fill a log with."""
    with pytest.raises(UnstorableText), database.reporting_unavailable():
        raise error
    assert not caplog.records


def test_other_errors_are_nobodys_to_hide():
    """A mistake in a hook is not an unavailable database."""
    with pytest.raises(ZeroDivisionError), database.reporting_unavailable():
        raise ZeroDivisionError


class Elsewhere:
    """Sends what is written to another database than what is read."""

    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "primary"


def test_rows_are_read_where_they_are_written(settings):
    """A replica that lags would let a revoked token pass."""
    settings.DATABASE_ROUTERS = [f"{__name__}.Elsewhere"]

    assert database.sign_ins().db == database.blacklisted_tokens().db == "primary"


def test_the_rows_are_asked_for_in_one_place():
    """Whoever forgets the database reads from the replica: nobody else names the manager."""
    package = Path(django_jwtauth.__file__).parent
    asking = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
        if ast.unparse(node) in ("LoginSession.objects", "BlacklistedToken.objects")
    }

    assert asking == {"store/database.py"}


def test_an_empty_default_is_no_database():
    """In Django's documented layout with several databases, "default" may be an empty dict."""
    handler = ConnectionHandler({"default": {}, "users": {"ENGINE": "django.db.backends.sqlite3"}})
    with patch.object(database, "connections", handler):
        assert [using for using in handler if database.is_configured(using)] == ["users"]
