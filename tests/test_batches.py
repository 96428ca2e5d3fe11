"""Large tables are gone through in small steps, in one way: see the callers for what they do."""

import re
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction

import django_jwtauth
from django_jwtauth.models import Cause
from django_jwtauth.operations import batches, purge, revocation, sweep
from tests.rows import DAY, SESSION_KEPT, make_sessions

HOUR = timedelta(hours=1)


def purge_all():
    return purge.purge().sessions


def end_all():
    return revocation.end(revocation.everybody(), Cause())


# What goes through the sign-ins, and how old those are that it is for.
WALKS = {
    "purge": (purge_all, SESSION_KEPT + DAY),
    "revocation": (end_all, HOUR),
    "sweep": (sweep.sweep, HOUR),
}


@pytest.fixture(params=WALKS)
def walk(request, transactional_db):
    """``walk(number)`` goes through so many rows, and returns how many it was done with."""
    work, age = WALKS[request.param]

    def walk(number):
        # None has a user: the sweep ends them.
        make_sessions(*[age] * number)
        return work()

    return walk


@contextmanager
def watching(watch):
    """Call ``watch(sql, params)`` before each statement."""

    def run(execute, sql, params, many, context):
        watch(sql, params or ())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run):
        yield


@contextmanager
def deadlocks(number):
    """Make the first so many writing statements fail as in a deadlock."""
    left = [OperationalError("deadlock")] * number

    def fail(sql, params):
        if left and sql.startswith(("UPDATE", "DELETE")):
            raise left.pop()

    with watching(fail):
        yield


def accept(monkeypatch, most):
    """Limit the parameters of a statement."""
    monkeypatch.delitem(vars(connection.features), "max_query_params", raising=False)
    monkeypatch.setattr(type(connection.features), "max_query_params", most)


def test_a_deadlock_is_survived(walk, no_pauses):
    """After a pause that grows, the batch is read and done again; nothing is counted twice."""
    with deadlocks(2):
        assert walk(3) == 3
    assert no_pauses == [0.1, 0.2]


def test_it_gives_up_some_time(walk, no_pauses):
    """The error of the database reaches the caller."""
    with deadlocks(100), pytest.raises(OperationalError, match="deadlock"):
        walk(1)
    assert len(no_pauses) == batches.ATTEMPTS - 1


def test_no_statement_has_more_parameters_than_the_database_takes(walk, monkeypatch):
    """SQLite before 3.32 takes 999."""
    accept(monkeypatch, 60)
    numbers = []
    with watching(lambda sql, params: numbers.append(len(params))):
        assert walk(150) == 150
    assert max(numbers) <= 60


@pytest.mark.parametrize("name", ["revocation", "sweep"])
def test_a_callers_transaction_is_not_tried_again(name, transactional_db, no_pauses):
    """After an error it is lost; the caller must know."""
    work, age = WALKS[name]
    make_sessions(age)
    with pytest.raises(OperationalError), transaction.atomic(), deadlocks(1):
        work()
    assert no_pauses == []


def test_a_purge_goes_on_within_a_callers_transaction(transactional_db, no_pauses):
    """Each of its batches is a transaction of its own, or a savepoint."""
    make_sessions(SESSION_KEPT + DAY)
    with transaction.atomic(), deadlocks(1):
        assert purge_all() == 1


def test_rows_of_one_moment_are_told_apart(walk, monkeypatch):
    """However many there are of them, none is left out and none met twice."""
    accept(monkeypatch, 53)

    assert walk(10) == 10


def test_there_is_one_walk_with_one_retry():
    """A second one would have another idea of what may be tried again."""
    package = Path(django_jwtauth.__file__).parent
    waiting = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\bsleep\(PAUSE|max_query_params", path.read_text())
    ]

    assert waiting == ["operations/batches.py"]
