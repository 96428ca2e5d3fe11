"""Races: what must hold when requests meet on one sign-in. Run on every database."""

import multiprocessing
from collections import Counter
from functools import partial

import jwt
import pytest
from django.db import connection, connections, transaction

from django_jwtauth import exceptions, sessions
from django_jwtauth.models import BlacklistedToken, LoginSession, Reason
from tests.conftest import PASSWORD
from tests.racing import post, race, set_isolation

pytestmark = pytest.mark.django_db(transaction=True)

ISOLATION_LEVELS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


def generation(raw):
    return jwt.decode(raw, options={"verify_signature": False})["gen"]


def test_sixteen_refreshes_give_one_successor(user):
    """Sixteen parallel refreshes of one token, fifty times over, make one generation each."""
    raw = sessions.start(user).refresh
    for expected in range(1, 51):
        answers = race([partial(post, "token/refresh/", refresh=raw)] * 16)

        assert Counter(answer.status_code for answer in answers) == {200: 16}
        assert len({answer.json()["refresh"] for answer in answers}) == 1
        raw = answers[0].json()["refresh"]
        assert generation(raw) == expected
    assert LoginSession.objects.get().generation == 50
    assert sessions.verify(raw)


@pytest.mark.parametrize("isolation", ISOLATION_LEVELS)
def test_refreshes_agree_at_every_isolation_level(user, isolation):
    """Stricter isolation levels change nothing: one successor, every caller gets it."""
    raw = sessions.start(user).refresh
    for _ in range(10):
        answers = race([partial(post, "token/refresh/", refresh=raw)] * 8, isolation=isolation)

        assert Counter(answer.status_code for answer in answers) == {200: 8}
        assert len({answer.json()["refresh"] for answer in answers}) == 1
        raw = answers[0].json()["refresh"]


def refresh_inside_atomic(raw):
    with transaction.atomic():
        return sessions.refresh(raw)


def test_refreshes_inside_a_callers_transaction_agree(user):
    """Inside the caller's own transaction there is one successor, or a 503, never a fork."""
    raw = sessions.start(user).refresh
    for _ in range(10):
        results = race([partial(refresh_inside_atomic, raw)] * 8, isolation="READ COMMITTED")

        pairs = [item for item in results if isinstance(item, sessions.TokenPair)]
        rest = [item for item in results if not isinstance(item, sessions.TokenPair)]
        assert len({pair.refresh for pair in pairs}) == 1
        assert all(isinstance(item, exceptions.Unavailable) for item in rest)
        if connection.vendor != "sqlite":  # which cannot lock what it only read
            assert not rest
        raw = pairs[0].refresh


def test_stale_snapshot_is_not_believed(user):
    """A transaction that looked before another one refreshed gets that refresh, or a 503."""
    if connection.vendor == "sqlite":
        pytest.skip("on SQLite a reader in a transaction keeps every writer waiting")
    pair = sessions.start(user)
    set_isolation("REPEATABLE READ")
    try:
        with transaction.atomic():
            assert LoginSession.objects.get().generation == 0
            (other,) = race([partial(sessions.refresh, pair.refresh)])
            mine = sessions.refresh(pair.refresh).refresh
    except exceptions.Unavailable:
        mine = None
    finally:
        set_isolation("READ COMMITTED")

    # MariaDB reads the row as it is under the lock; PostgreSQL refuses to.
    assert mine == (other.refresh if connection.vendor == "mysql" else None)


def test_nothing_survives_a_sign_out(user):
    """Whatever a refresh racing a sign-out got, it is refused once the sign-out answered."""
    for _ in range(50):
        raw = sessions.start(user).refresh
        refreshed, signed_out = race(
            [
                partial(post, "token/refresh/", refresh=raw),
                partial(post, "token/blacklist/", refresh=raw),
            ]
        )

        assert signed_out.status_code == 200
        assert refreshed.status_code in (200, 401)
        if refreshed.status_code == 200:
            for token in (refreshed.json()["access"], refreshed.json()["refresh"]):
                with pytest.raises(exceptions.SessionEnded):
                    sessions.verify(token)


def test_replay_racing_the_owner_ends_the_sign_in(user):
    """A thief's replay and the owner's refresh may meet: the sign-in is over afterwards."""
    for _ in range(20):
        first = sessions.start(user)
        second = sessions.refresh(first.refresh)
        third = sessions.refresh(second.refresh)
        owner, thief = race(
            [
                partial(post, "token/refresh/", refresh=third.refresh),
                partial(post, "token/refresh/", refresh=first.refresh),
            ]
        )

        assert thief.status_code == 401
        assert owner.status_code in (200, 401)
        row = LoginSession.objects.get(pk=first.session_id)
        assert row.end_reason == Reason.REUSED
        with pytest.raises(exceptions.SessionEnded):
            sessions.authenticate(third.access)


def test_blacklisting_in_parallel_makes_one_row(user):
    """Signing out sixteen times at once answers 200 each time and leaves one record."""
    raw = sessions.start(user).refresh

    answers = race([partial(post, "token/blacklist/", refresh=raw)] * 16)

    assert Counter(answer.status_code for answer in answers) == {200: 16}
    assert BlacklistedToken.objects.count() == 1
    assert LoginSession.objects.get().end_reason == Reason.SIGNED_OUT


def test_parallel_sign_ins_respect_the_limit(user, settings):
    """However many sign-ins meet, no more than the limit stay live."""
    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 3}
    for _ in range(5):
        answers = race([partial(post, "token/", username="anna", password=PASSWORD)] * 8)

        assert Counter(answer.status_code for answer in answers) == {200: 8}
        assert LoginSession.objects.live().count() == 3


def refresh_in_process(raw, queue):
    connections.close_all()
    results = race([partial(post, "token/refresh/", refresh=raw)] * 4)
    queue.put([(answer.status_code, answer.json().get("refresh")) for answer in results])


def test_processes_agree(user):
    """Four processes of four threads each get the one successor."""
    context = multiprocessing.get_context("fork")
    raw = sessions.start(user).refresh
    for _ in range(5):
        connections.close_all()
        queue = context.Queue()
        processes = [
            context.Process(target=refresh_in_process, args=(raw, queue)) for _ in range(4)
        ]
        for process in processes:
            process.start()
        answers = [answer for _ in processes for answer in queue.get(timeout=60)]
        for process in processes:
            process.join()

        assert {status for status, _ in answers} == {200}
        assert len({refresh for _, refresh in answers}) == 1
        raw = answers[0][1]
