"""Real faults, made to happen to the test database and taken back."""

import threading
import time
from contextlib import contextmanager
from pathlib import Path

from django.db import close_old_connections, connection, connections

from django_jwtauth.models import LoginSession


@contextmanager
def settings_of_the_connection(**changes):
    """Connect anew with these parts of DATABASES changed, and once more without."""
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(changes)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.clear()
        connection.settings_dict.update(before)


def unreachable():
    """Nothing listens where the database was; for SQLite, its directory is gone."""
    if connection.vendor == "sqlite":
        return settings_of_the_connection(NAME="/nowhere/at/all.sqlite3")
    # Port 9 is "discard", which no machine of today serves.
    return settings_of_the_connection(HOST="127.0.0.1", PORT="9")


@contextmanager
def read_only():
    """A standby after a failover, or a full disk: what reads works, what writes does not."""
    if connection.vendor == "sqlite":
        path = Path(connection.settings_dict["NAME"]).resolve()
        options = {**connection.settings_dict["OPTIONS"], "uri": True}
        with settings_of_the_connection(NAME=f"file:{path}?mode=ro", OPTIONS=options):
            yield
        return
    statement = {
        "postgresql": "SET default_transaction_read_only = on",
        "mysql": "SET SESSION TRANSACTION READ ONLY",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(statement)
    try:
        yield
    finally:
        connection.close()


@contextmanager
def impatient():
    """A statement that waits for a lock gives up after a short time."""
    statement = {
        "postgresql": "SET statement_timeout = 300",
        "mysql": "SET innodb_lock_wait_timeout = 1",
        "sqlite": "PRAGMA busy_timeout = 300",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(statement)
    try:
        yield
    finally:
        connection.close()


@contextmanager
def locked_row(session_id):
    """Another connection holds the sign-in's row; on SQLite, the whole file.

    Gives a function that lets it go before the block ends.
    """
    locked, done = threading.Event(), threading.Event()

    def hold():
        mine = connections["default"]
        try:
            with mine.cursor() as cursor:
                if mine.vendor == "sqlite":
                    cursor.execute("BEGIN IMMEDIATE")
                else:
                    mine.set_autocommit(False)
            LoginSession.objects.filter(pk=session_id).update(name="held")
            locked.set()
            done.wait(timeout=30)
            mine.connection.rollback()
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert locked.wait(timeout=30)
        yield done.set
    finally:
        done.set()
        thread.join()


def backend_id():
    """The server's number for this connection."""
    statement = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
    with connection.cursor() as cursor:
        cursor.execute(statement[connection.vendor])
        return cursor.fetchone()[0]


def kill(number):
    """End a connection from the server's side, from another connection."""

    def run():
        mine = connections["default"]
        statement = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}
        try:
            with mine.cursor() as cursor:
                cursor.execute(statement[mine.vendor], [number])
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@contextmanager
def killed_while_waiting(session_id, seconds=0.5):
    """The server drops this connection while a statement waits for the sign-in's row."""
    number = backend_id()

    def later():
        time.sleep(seconds)
        kill(number)

    with locked_row(session_id):
        killer = threading.Thread(target=later)
        killer.start()
        try:
            yield
        finally:
            killer.join()


def next_request():
    """What Django does when a request comes in, and its test client does not."""
    close_old_connections()
