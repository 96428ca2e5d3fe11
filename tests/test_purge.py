import threading
from datetime import datetime, timedelta
from datetime import timezone as dt_timezone
from types import SimpleNamespace

import hypothesis
import pytest
import time_machine
from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.db.models.signals import pre_delete
from django.db.utils import ConnectionDoesNotExist
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import Phase
from hypothesis import strategies as st

from django_jwtauth import sessions
from django_jwtauth.exceptions import TokenError
from django_jwtauth.models import BlacklistedToken, Kind, LoginSession
from django_jwtauth.operations import batches
from django_jwtauth.operations import purge as module
from django_jwtauth.operations.purge import Purged, purge
from django_jwtauth.store import database
from tests.racing import race
from tests.rows import DAY, SESSION_KEPT, TOKEN_KEPT, make_sessions, make_tokens

SECOND = timedelta(seconds=1)


# --- what is deleted


@pytest.mark.parametrize("leeway", [0, 60], ids=lambda value: f"leeway {value}")
def test_sign_ins_are_kept_for_lifetime_leeway_and_retention(db, settings, leeway):
    """To the second, whether they ended or not."""
    settings.JWTAUTH = {"LEEWAY": leeway}
    with time_machine.travel(timezone.now(), tick=False):
        edge = SESSION_KEPT + timedelta(seconds=leeway)
        make_sessions(edge + SECOND, edge + DAY, ended_at=timezone.now() - DAY)
        make_sessions(edge + SECOND)
        kept = make_sessions(edge, edge - SECOND, timedelta(0))
        done = purge()

    assert done == Purged(sessions=3)
    assert set(LoginSession.objects.all()) == set(kept)


@pytest.mark.parametrize("leeway", [0, 60], ids=lambda value: f"leeway {value}")
def test_blacklisted_tokens_are_kept_until_nobody_asks(db, settings, leeway):
    """Until they have expired, leeway included, and the retention is over: to the second."""
    settings.JWTAUTH = {"LEEWAY": leeway}
    with time_machine.travel(timezone.now(), tick=False):
        edge = TOKEN_KEPT + timedelta(seconds=leeway)
        make_tokens(edge + SECOND, edge + DAY)
        kept = make_tokens(edge, edge - SECOND, -DAY)
        done = purge()

    assert done == Purged(blacklisted_tokens=2)
    assert set(BlacklistedToken.objects.all()) == set(kept)


def test_retention_is_a_setting(db, settings):
    """Without retention, what is over goes at once, and what lives stays."""
    settings.JWTAUTH = {"AUDIT_RETENTION": 0}
    make_sessions(30 * DAY + SECOND)
    kept = make_sessions(29 * DAY)

    assert purge() == Purged(sessions=1)
    assert list(LoginSession.objects.all()) == kept


def test_an_api_token_is_kept_until_it_has_expired(db):
    """It may live longer than a sign-in; from its end on it is kept as long as any."""
    now, age = timezone.now(), SESSION_KEPT + DAY
    api_token = {"kind": Kind.API_TOKEN}
    make_sessions(age, expires_at=now - TOKEN_KEPT - SECOND, **api_token)
    kept = make_sessions(age, expires_at=now - TOKEN_KEPT + DAY, **api_token)
    kept += make_sessions(age, expires_at=now + DAY, **api_token)

    assert purge() == Purged(sessions=1)
    assert set(LoginSession.objects.all()) == set(kept)


def test_a_blacklisted_token_keeps_its_sign_in(db):
    """The record of a token names the sign-in it belonged to for as long as it is kept."""
    old, gone = make_sessions(SESSION_KEPT + DAY, SESSION_KEPT + DAY)
    make_tokens(TOKEN_KEPT - DAY, session=old)
    make_tokens(TOKEN_KEPT + DAY, session=gone)

    assert purge() == Purged(sessions=1, blacklisted_tokens=1)
    assert BlacklistedToken.objects.get().session == old


@pytest.mark.parametrize("step", [DAY, 0 * DAY], ids=["days apart", "of one moment"])
def test_it_passes_over_sign_ins_that_are_kept(db, step):
    """Whole batches of them, too, and however many were made in one moment."""
    *named, _, _ = make_sessions(*[SESSION_KEPT + 9 * DAY - number * step for number in range(7)])
    for session in named:
        make_tokens(TOKEN_KEPT - DAY, session=session)

    assert purge(batch_size=2, dry_run=True) == Purged(2, 0)
    assert purge(batch_size=2) == Purged(2, 0)
    assert set(LoginSession.objects.all()) == set(named)
    assert purge(batch_size=2) == Purged()


def test_what_a_live_token_needs_stays(db, pair):
    """The row of a sign-in that is in use is not touched, and its tokens go on working."""
    make_sessions(SESSION_KEPT + DAY)

    assert purge() == Purged(sessions=1)
    assert sessions.authenticate(pair.access)
    assert sessions.refresh(pair.refresh)


SECONDS = st.sampled_from([60, 3600, 86400, 4 * 86400, 8 * 86400]) | st.integers(1, 8 * 86400)
LIFETIMES = st.fixed_dictionaries(
    {}, optional={"session": SECONDS, "refresh": SECONDS, "access": SECONDS}
)
#: Of a sign-in, and how long after it, or after a refresh, each next refresh comes.
LIVES = st.tuples(LIFETIMES, st.booleans(), st.lists(st.integers(1, 3 * 86400), max_size=6))


@hypothesis.given(
    lives=st.lists(LIVES, min_size=1, max_size=6),
    step=st.integers(3600, 86400),
    leeway=st.sampled_from([0, 60]),
)
@hypothesis.example(
    lives=[({"session": 8 * 86400, "refresh": 8 * 86400}, True, [])], step=50000, leeway=0
)
# Making an example smaller takes minutes.
@hypothesis.settings(
    max_examples=25,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_no_lifetime_outlives_its_row(db, user, settings, lives, step, leeway):
    """Sign-ins of any lifetimes, purged at every step: what was accepted before still is.

    Nothing is retained for the record here, so the row goes as early as it ever may. In the end,
    all are gone.
    """
    settings.JWTAUTH = {
        "ACCESS_TOKEN_LIFETIME": timedelta(hours=2),
        "REFRESH_TOKEN_LIFETIME": timedelta(days=2),
        "SESSION_LIFETIME": timedelta(days=5),
        "SESSION_LIFETIME_NOT_REMEMBERED": timedelta(days=1),
        "AUDIT_RETENTION": 0,
        "LEEWAY": leeway,
    }
    LoginSession.objects.all().delete()
    start = datetime(2027, 1, 15, 8, tzinfo=dt_timezone.utc)
    raws = []
    with time_machine.travel(start, tick=False) as clock:
        for lifetimes, remember, waits in lives:
            clock.move_to(start)
            pair = sessions.start(user, lifetimes=lifetimes, remember=remember)
            raws += [pair.access, pair.refresh]
            for wait in waits:
                clock.shift(wait)
                if not accepted(pair.refresh):
                    break
                pair = sessions.refresh(pair.refresh)
                raws += [pair.access, pair.refresh]
        # Of the latest row, to which the others are much older.
        moment = start
        while moment < start + timedelta(days=6):
            clock.move_to(moment)
            before = [raw for raw in raws if accepted(raw)]
            purge()
            assert [raw for raw in raws if accepted(raw)] == before
            moment += timedelta(seconds=step)
        clock.move_to(start + timedelta(days=5, seconds=leeway + 1))
        purge()
    assert not LoginSession.objects.exists()


def accepted(raw):
    try:
        return bool(sessions.verify(raw))
    except TokenError:
        return False


def test_a_dry_run_counts_what_a_run_deletes(db):
    """And deletes nothing: also where a token goes first and its sign-in after it."""
    old, gone = make_sessions(SESSION_KEPT + DAY, SESSION_KEPT + DAY)
    make_sessions(SESSION_KEPT + DAY, DAY)
    make_tokens(DAY, session=old)
    make_tokens(TOKEN_KEPT + DAY, TOKEN_KEPT + DAY, session=gone)
    counted = purge(dry_run=True)

    assert counted == Purged(sessions=2, blacklisted_tokens=2)
    assert (LoginSession.objects.count(), BlacklistedToken.objects.count()) == (4, 3)
    assert purge() == counted


# --- how


def test_it_goes_in_batches_oldest_first(db):
    """No batch is larger than asked for, and each is told as it is done."""
    make_sessions(*(SESSION_KEPT + number * DAY for number in range(1, 6)))
    make_tokens(*(TOKEN_KEPT + number * DAY for number in range(1, 4)))
    told = []
    oldest = []

    def progress(done):
        told.append(done)
        first = LoginSession.objects.order_by("created_at").first()
        oldest.append(first and (timezone.now() - first.created_at).days - SESSION_KEPT.days)

    assert purge(batch_size=2, progress=progress) == Purged(5, 3)
    assert told == [(0, 2), (0, 3), (2, 3), (4, 3), (5, 3)]
    assert oldest == [5, 5, 3, 1, None]


def test_rows_of_the_same_moment_fill_several_batches(db):
    """Walking on from the last moment leaves nothing of it behind."""
    with time_machine.travel(timezone.now(), tick=False):
        make_sessions(*[SESSION_KEPT + DAY] * 7)

    assert purge(batch_size=2) == Purged(sessions=7)


def test_a_batch_walks_on_and_loads_keys_only(db):
    """A batch reads keys from an index where the one before stopped, and deletes by key."""
    make_sessions(SESSION_KEPT + DAY, SESSION_KEPT + DAY)
    with CaptureQueriesContext(connection) as captured:
        purge(batch_size=1)
    statements = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    selects = [sql for sql in statements if sql.startswith("SELECT")]
    deletes = [sql for sql in statements if sql.startswith("DELETE")]

    # Of a sign-in it is asked whether a token names it.
    assert len(statements) == len(selects) + len(deletes) == 6 + 2
    first, second, _ = [sql for sql in selects if "created_at" in sql]
    assert ">=" not in first
    assert ">=" in second
    assert not any("auth_hash" in sql or "user_agent" in sql for sql in statements)


def test_it_goes_where_the_app_writes(monkeypatch):
    """A router may keep sign-ins in another database than the default one."""
    monkeypatch.setattr(database, "alias", lambda: "elsewhere")

    with pytest.raises(ConnectionDoesNotExist, match="elsewhere"):
        purge()


def test_receivers_of_the_project_are_called(db):
    """Whoever listens to the deletion of sign-ins hears of each, and all are deleted."""
    make_sessions(SESSION_KEPT + DAY, SESSION_KEPT + DAY, DAY)
    heard = []

    def hear(instance, **kwargs):
        heard.append(instance.pk)

    pre_delete.connect(hear, sender=LoginSession)
    try:
        done = purge()
    finally:
        pre_delete.disconnect(hear, sender=LoginSession)

    assert done == Purged(sessions=2)
    assert len(heard) == 2


def test_rows_of_the_project_are_seen_to():
    """A model of the project that refers to sign-ins makes Django's own delete() necessary."""
    relation = SimpleNamespace(auto_created=True, concrete=False, related_model=SimpleNamespace)

    class Extended:
        _meta = SimpleNamespace(get_fields=lambda **kwargs: [relation])

    assert module._is_extended(Extended)
    assert not module._is_extended(LoginSession)
    assert not module._is_extended(BlacklistedToken)


# --- when the database refuses


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, IntegrityError])
def test_a_batch_that_fails_is_tried_again(db, monkeypatch, no_pauses, error):
    """A deadlock, a lock or a lost connection costs a pause that grows, not the purge."""
    make_sessions(SESSION_KEPT + DAY)
    failures = [error, error]
    delete = module._delete

    def fail_twice(rows):
        if failures:
            raise failures.pop()
        return delete(rows)

    monkeypatch.setattr(module, "_delete", fail_twice)

    assert purge() == Purged(sessions=1)
    assert no_pauses == [0.1, 0.2]


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_made_anew(monkeypatch, no_pauses):
    """A database that restarts during a purge does not end it."""
    kill = {
        "postgresql": "SELECT pg_terminate_backend(pg_backend_pid())",
        "mysql": "KILL CONNECTION_ID()",
    }
    if connection.vendor not in kill:
        pytest.skip("there is no connection to lose")
    make_sessions(SESSION_KEPT + DAY)
    delete = module._delete

    def lose_connection(rows):
        monkeypatch.setattr(module, "_delete", delete)
        with connection.cursor() as cursor:
            cursor.execute(kill[connection.vendor])
        return delete(rows)

    monkeypatch.setattr(module, "_delete", lose_connection)

    assert purge() == Purged(sessions=1)
    assert no_pauses == [0.1]


def test_it_gives_up_and_keeps_what_it_did(db, monkeypatch, no_pauses):
    """When a batch fails again and again the error is raised; the batches before it stand."""
    make_sessions(SESSION_KEPT + DAY)
    make_tokens(TOKEN_KEPT + DAY)
    delete = module._delete
    attempts = []

    def fail_for_sessions(rows):
        if rows.model is BlacklistedToken:
            return delete(rows)
        attempts.append(rows)
        raise OperationalError("deadlock")

    monkeypatch.setattr(module, "_delete", fail_for_sessions)

    with pytest.raises(OperationalError, match="deadlock"):
        purge()
    assert len(attempts) == batches.ATTEMPTS
    assert LoginSession.objects.count() == 1
    assert BlacklistedToken.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_token_blacklisted_in_between_saves_its_sign_in(monkeypatch, no_pauses):
    """Between the two statements of a batch: the database refuses, and the row stays."""
    saved, gone = make_sessions(SESSION_KEPT + DAY, SESSION_KEPT + DAY)
    delete = module._delete

    def blacklist_first(rows):
        if not BlacklistedToken.objects.exists():
            make_tokens(-DAY, session=saved)
        return delete(rows)

    def undisturbed_rest(*args):
        monkeypatch.setattr(module, "_delete", delete)
        make_tokens(-DAY, session=saved)

    monkeypatch.setattr(module, "_delete", blacklist_first)
    monkeypatch.setattr(batches.time, "sleep", undisturbed_rest)

    assert purge() == Purged(sessions=1)
    assert list(LoginSession.objects.all()) == [saved]
    assert gone.pk != saved.pk


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("isolation", [None, "REPEATABLE READ", "SERIALIZABLE"])
def test_purges_at_once_share_the_work(isolation):
    """No error and no deadlock escapes, everything is deleted, and no row is counted twice."""
    for session in make_sessions(*[SESSION_KEPT + DAY] * 200)[::2]:
        make_tokens(TOKEN_KEPT + DAY, session=session)
    counts = race([lambda: purge(batch_size=7)] * 3, isolation=isolation)
    rest = purge()

    assert sum(count.sessions for count in [*counts, rest]) == 200
    assert sum(count.blacklisted_tokens for count in [*counts, rest]) == 100


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_holds_is_passed_over():
    """The purge does not wait for a transaction of somebody else, which may be long."""
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("cannot pass over locked rows")
    held, _ = make_sessions(SESSION_KEPT + DAY, SESSION_KEPT + DAY)
    counts = []
    thread = threading.Thread(target=lambda: counts.extend(race([purge])))
    with transaction.atomic():
        LoginSession.objects.select_for_update().get(pk=held.pk)
        thread.start()
        thread.join(timeout=5)
        waited = thread.is_alive()
    thread.join()

    assert not waited
    assert counts == [Purged(sessions=1)]
    assert LoginSession.objects.get() == held


@pytest.mark.django_db(transaction=True)
def test_signing_in_and_out_goes_on_during_a_purge(user):
    """Neither the purge nor those who sign in, refresh and sign out see an error."""
    make_sessions(*[SESSION_KEPT + DAY] * 100)
    stop = threading.Event()

    def use():
        rounds = 0
        while not stop.is_set() or not rounds:
            pair = sessions.start(user)
            sessions.blacklist(sessions.refresh(pair.refresh).refresh)
            rounds += 1
            # Clients pause; SQLite's lock is not fair to others when one never does.
            stop.wait(0.002)
        return rounds

    def clean():
        try:
            return purge(batch_size=5)
        finally:
            stop.set()

    purged, *rounds = race([clean, use, use])

    assert purged == Purged(sessions=100)
    assert all(count > 0 for count in rounds)
