import logging
from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection
from django.db.models import F
from django.test import RequestFactory

from django_jwtauth import api_tokens, sessions, signals
from django_jwtauth.exceptions import (
    ExpiredToken,
    GenerationUnknown,
    RefreshTokenReused,
    SessionEnded,
    TokenBlacklisted,
    Unavailable,
)
from django_jwtauth.models import BlacklistedToken, LoginSession
from django_jwtauth.signins import rotation
from tests import forge
from tests.calls import reason_of
from tests.conftest import PASSWORD

START = datetime(2027, 1, 15, 8, 0, 0, 250_000, timezone.utc)


# Every rule holds on a connection in autocommit and within a caller's transaction.
pytestmark = pytest.mark.parametrize(
    "mode",
    [
        pytest.param("autocommit", marks=pytest.mark.django_db(transaction=True)),
        pytest.param("transaction", marks=pytest.mark.django_db),
    ],
)


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def pair(mode, clock):
    assert connection.in_atomic_block is (mode == "transaction")
    return sessions.start(User.objects.create_user("anna", password=PASSWORD))


def row():
    return LoginSession.objects.get()


def columns(session):
    return {name: value for name, value in vars(session).items() if name != "_state"}


# --- the step


def test_a_refresh_moves_the_row_by_one_generation(pair, clock):
    """Generation, refreshed_at and expires_at move; nothing else does, and no row is added."""
    before = columns(row())
    clock.shift(timedelta(hours=1))

    second = sessions.refresh(pair.refresh)

    after = columns(row())
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"generation", "refreshed_at", "expires_at"}
    assert after["generation"] == 1
    assert after["refreshed_at"] == START + timedelta(hours=1)
    assert after["expires_at"] == START + timedelta(days=7, hours=1)
    assert forge.claims_of(second.refresh)["gen"] == 1
    assert BlacklistedToken.objects.count() == 0


def test_a_refresh_costs_few_statements(pair, mode, statements):
    """One query and one UPDATE; a caller's transaction locks first."""
    with statements(2 if mode == "autocommit" else 3) as captured:
        sessions.refresh(pair.refresh)

    assert [query["sql"].split()[0] for query in captured][-1] == "UPDATE"
    assert LoginSession.objects.count() == 1


def test_a_lost_answer_costs_no_update(pair, statements):
    """Asked again, the same query answers."""
    sessions.refresh(pair.refresh)
    with statements(2 if connection.in_atomic_block else 1) as captured:
        sessions.refresh(pair.refresh)

    assert not [query["sql"] for query in captured if query["sql"].startswith("UPDATE")]


def test_a_chain_of_refreshes_is_one_row(pair, clock):
    """Twenty refreshes later there is one sign-in, and its last tokens are good."""
    for _ in range(20):
        clock.shift(timedelta(minutes=5))
        pair = sessions.refresh(pair.refresh)

    assert row().generation == 20
    assert sessions.authenticate(pair.access)[1]["sid"] == row().sid


def test_another_access_token_leaves_the_row_alone(pair, clock, statements):
    """With ``keep``: one query, no refresh token, and the one that was shown stays in use."""
    before = columns(row())
    clock.shift(timedelta(hours=1))

    with statements(2 if connection.in_atomic_block else 1):
        other = sessions.refresh(pair.refresh, keep=True)

    assert other.refresh is None
    assert other.refresh_expires_in == timedelta(days=7, hours=-1).total_seconds()
    assert sessions.authenticate(other.access)[1]["sid"] == row().sid
    assert columns(row()) == before
    assert sessions.refresh(pair.refresh).refresh


def test_another_access_token_moves_no_grace_period(pair, clock):
    """A superseded token is as old as it was, however often its successor is shown."""
    second = sessions.refresh(pair.refresh)
    clock.shift(timedelta(seconds=31))
    sessions.refresh(second.refresh, keep=True)

    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh, keep=True)
    assert row().end_reason == "reused"


# --- grace


@pytest.mark.parametrize("leeway", [0, 10])
def test_a_lost_answer_is_given_again_within_the_grace_period(pair, clock, settings, leeway):
    """Byte for byte, to the last moment of the period and the leeway, and the tokens stay."""
    settings.JWTAUTH = {"LEEWAY": leeway}
    second = sessions.refresh(pair.refresh)
    before = columns(row())
    clock.shift(timedelta(seconds=30 + leeway))

    again = sessions.refresh(pair.refresh)

    assert again.refresh == second.refresh
    assert again.access != second.access
    # That it was late is noted, once.
    assert columns(row()) == {**before, "replayed_generation": 1}


@pytest.mark.parametrize("leeway", [0, 10])
def test_after_the_grace_period_it_is_reuse(pair, clock, settings, leeway):
    """One microsecond later the sign-in ends."""
    settings.JWTAUTH = {"LEEWAY": leeway}
    sessions.refresh(pair.refresh)
    clock.shift(timedelta(seconds=30 + leeway, microseconds=1))

    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh)
    assert row().end_reason == "reused"


def test_the_grace_period_does_not_slide(pair, clock):
    """Asking again and again does not move its end."""
    sessions.refresh(pair.refresh)
    for _ in range(3):
        clock.shift(timedelta(seconds=10))
        sessions.refresh(pair.refresh)
    clock.shift(timedelta(microseconds=1))

    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh)


def test_only_the_previous_token_has_grace(pair):
    """Two generations old is reuse, however soon."""
    sessions.refresh(sessions.refresh(pair.refresh).refresh)

    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh)
    assert row().end_reason == "reused"


def test_a_clock_that_is_behind_counts_as_within(pair, clock):
    """A node five minutes behind the one that refreshed does not end the sign-in."""
    second = sessions.refresh(pair.refresh)
    clock.shift(timedelta(minutes=-4))

    assert sessions.refresh(pair.refresh).refresh == second.refresh


def test_without_a_grace_period_the_second_refresh_is_reuse(pair, clock, settings):
    """REFRESH_GRACE_PERIOD = 0 leaves the same instant only."""
    settings.JWTAUTH = {"REFRESH_GRACE_PERIOD": 0}
    sessions.refresh(pair.refresh)
    clock.shift(timedelta(microseconds=1))

    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh)


def test_an_ended_sign_in_has_no_grace(pair):
    """Signed out is signed out, also for a token whose answer was lost."""
    sessions.refresh(pair.refresh)
    LoginSession.objects.all().end()

    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh)
    assert row().end_reason == "signed_out"


def test_a_new_pair_from_the_grace_period_goes_on(pair):
    """The client continues with either copy: they are one token."""
    sessions.refresh(pair.refresh)
    again = sessions.refresh(pair.refresh)

    third = sessions.refresh(again.refresh)

    assert forge.claims_of(third.refresh)["gen"] == 2
    assert row().ended_at is None


# --- reuse


def test_reuse_ends_the_sign_in_for_everybody(pair, caplog):
    """Thief and owner are both out, with every token of the sign-in, and a log line says so."""
    second = sessions.refresh(pair.refresh)
    third = sessions.refresh(second.refresh)

    with pytest.raises(RefreshTokenReused), caplog.at_level(logging.WARNING):
        sessions.refresh(pair.refresh)

    session = row()
    assert (session.end_reason, session.ended_via) == ("reused", "reuse_detection")
    assert (session.ended_by, session.generation) == (None, 2)
    for access in (pair.access, second.access, third.access):
        with pytest.raises(SessionEnded):
            sessions.authenticate(access)
    for refresh in (pair.refresh, second.refresh, third.refresh):
        with pytest.raises(SessionEnded):
            sessions.refresh(refresh)
    assert [record.getMessage() for record in caplog.records] == [
        f"Superseded refresh token for sign-in {session.sid}: sign-in ended"
    ]


def test_verifying_a_superseded_token_ends_nothing(pair, clock, statements):
    """Verify answers as a refresh would, now and after the grace period, and writes nothing."""
    second = sessions.refresh(pair.refresh)
    clock.shift(timedelta(seconds=30))
    with statements(1):
        assert sessions.verify(pair.refresh)[1]["gen"] == 0
    clock.shift(timedelta(microseconds=1))

    with statements(1), pytest.raises(RefreshTokenReused):
        sessions.verify(pair.refresh)
    assert row().ended_at is None
    assert sessions.verify(second.refresh)[1]["gen"] == 1


def test_a_generation_of_the_future_is_refused_and_ends_nothing(pair, caplog):
    """After a restore from a backup the rows are older than the tokens: told, not punished."""
    second = sessions.refresh(pair.refresh)
    LoginSession.objects.update(generation=F("generation") - 1)

    for call in (sessions.refresh, sessions.verify):
        with pytest.raises(GenerationUnknown), caplog.at_level(logging.WARNING):
            call(second.refresh)

    assert row().ended_at is None
    assert "is at generation 0, token has 1" in caplog.text
    assert sessions.refresh(pair.refresh)


def test_a_blacklisted_refresh_token_is_refused_in_a_live_sign_in(pair):
    """Should its sign-in be alive for any reason, the token is not."""
    sessions.blacklist(pair.refresh)
    LoginSession.objects.update(ended_at=None)

    for call in (sessions.refresh, sessions.verify):
        with pytest.raises(TokenBlacklisted):
            call(pair.refresh)


# --- places

OWNER, MOBILE, THIEF = "203.0.113.7", "2001:db8:1:2::7", "198.51.100.66"


def at(address, agent="Firefox"):
    return RequestFactory(REMOTE_ADDR=address, HTTP_USER_AGENT=agent).post("/")


@pytest.fixture
def placed(mode, clock):
    """A sign-in that was started and refreshed once by its owner."""
    user = User.objects.create_user("bert", password=PASSWORD)
    pair = sessions.start(user, at(OWNER))
    clock.shift(timedelta(minutes=5))
    return pair, sessions.refresh(pair.refresh, at(OWNER))


def test_a_refresh_records_where_it_came_from(placed, clock, statements):
    """Address, user agent and network go into the refresh's own UPDATE."""
    _, second = placed
    clock.shift(timedelta(minutes=5))
    with statements(3 if connection.in_atomic_block else 2):
        sessions.refresh(second.refresh, at(MOBILE, "Chrome"))

    session = row()
    assert (session.ip_address, session.user_agent) == (OWNER, "Firefox")
    assert (session.refreshed_ip, session.refreshed_agent) == (MOBILE, "Chrome")
    assert session.networks == f"2001:db8:1:2::/64 {OWNER}"


def test_the_networks_of_a_sign_in_are_bounded(placed):
    """The latest eight stay, and fit the column whatever kind they are."""
    _, pair = placed
    for number in range(20):
        address = f"2001:db8:{number + 16:x}ff:ffff::1"
        pair = sessions.refresh(pair.refresh, at(address))

    networks = row().networks.split()
    assert len(networks) == rotation.MAX_NETWORKS
    assert networks[0] == "2001:db8:23ff:ffff::/64"
    assert len(row().networks) <= 255


@pytest.mark.parametrize("address", [OWNER, MOBILE, None])
def test_a_replay_from_a_known_place_passes_for_the_clients_own(placed, clock, address):
    """Two tabs, a lost answer, a phone between wifi and mobile network: nothing is written."""
    _, pair = placed
    known = sessions.refresh(pair.refresh, at(MOBILE))
    pair = known
    for _ in range(5):
        clock.shift(timedelta(minutes=5))
        following = sessions.refresh(pair.refresh, at(OWNER))
        before = columns(row())
        again = sessions.refresh(pair.refresh, at(address) if address else None)
        assert again.refresh == following.refresh
        assert columns(row()) == before
        pair = following


@pytest.mark.parametrize("address", [OWNER, None])
def test_late_replays_are_not_served_at_two_generations_in_a_row(placed, clock, address):
    """At an address that tells nothing, keeping step is noticed at the second generation."""
    stolen, owner = placed
    request = at(address) if address else None
    clock.shift(timedelta(seconds=15))
    stolen = sessions.refresh(stolen.refresh, request)
    # The same lost answer, once more.
    assert sessions.refresh(placed[0].refresh, request).refresh == stolen.refresh
    clock.shift(timedelta(minutes=5))
    sessions.refresh(owner.refresh, at(OWNER))
    clock.shift(timedelta(seconds=15))

    with pytest.raises(RefreshTokenReused):
        sessions.refresh(stolen.refresh, request)
    assert row().end_reason == "reused"


@pytest.mark.parametrize(("delay", "expected"), [(15, "reused"), (5, "")])
def test_an_owner_who_follows_a_thief_is_noticed_like_a_thief(placed, clock, delay, expected):
    """Late at two generations in a row ends it; always prompt, they pass for two tabs."""
    _, owner = placed
    stolen = owner
    for _ in range(5):
        clock.shift(timedelta(minutes=5))
        stolen = sessions.refresh(stolen.refresh, at(THIEF))
        clock.shift(timedelta(seconds=delay))
        try:
            owner = sessions.refresh(owner.refresh, at(OWNER))
        except RefreshTokenReused:
            break
    assert row().end_reason == expected


def test_a_client_may_lose_every_second_answer(placed, clock):
    """However late it asks again, as after a failover of the database, within the grace period."""
    _, pair = placed
    for _ in range(10):
        clock.shift(timedelta(minutes=5))
        following = sessions.refresh(pair.refresh, at(OWNER))
        clock.shift(timedelta(seconds=25))
        assert sessions.refresh(pair.refresh, at(OWNER)).refresh == following.refresh
        pair = sessions.refresh(following.refresh, at(OWNER))
    assert row().ended_at is None


def test_prompt_replays_are_a_second_tab(placed, clock):
    """Every time, up to ten seconds, and nothing is written."""
    _, pair = placed
    for _ in range(10):
        clock.shift(timedelta(minutes=5))
        following = sessions.refresh(pair.refresh, at(OWNER))
        clock.shift(timedelta(seconds=10))
        assert sessions.refresh(pair.refresh, at(OWNER)).refresh == following.refresh
        pair = following
    assert row().replayed_generation is None


def test_a_replay_from_elsewhere_is_served_once_and_recorded(placed, clock, caplog):
    """The row says when and from where, a log line and a signal say so at once."""
    heard = []

    def hear(**arguments):
        heard.append((arguments["session_id"], arguments["ip_address"], arguments["user_agent"]))

    signals.refresh_token_replayed.connect(hear)
    first, second = placed
    clock.shift(timedelta(seconds=8))
    with caplog.at_level(logging.WARNING):
        stolen = sessions.refresh(first.refresh, at(THIEF, "Firefox"))
        # The same place may have lost that answer in turn.
        assert sessions.refresh(first.refresh, at(THIEF, "Firefox")).refresh == stolen.refresh

    session = row()
    assert stolen.refresh == second.refresh
    assert (session.replayed_generation, session.replayed_ip) == (1, THIEF)
    assert (session.replayed_at, session.replayed_agent) == (
        session.refreshed_at + timedelta(seconds=8),
        "Firefox",
    )
    assert (session.refreshed_ip, session.networks) == (OWNER, OWNER)
    assert [record.event for record in caplog.records] == ["refresh_token_replayed"]
    assert heard == ([] if connection.in_atomic_block else [(session.id, THIEF, "Firefox")])


@pytest.mark.parametrize("elsewhere", [THIEF, "2001:db8:9::1"])
def test_a_second_replay_from_elsewhere_is_reuse(placed, clock, elsewhere):
    """At the next generation nobody believes in a lost answer any more: the sign-in ends."""
    first, second = placed
    stolen = sessions.refresh(first.refresh, at(THIEF))
    clock.shift(timedelta(minutes=5))
    sessions.refresh(second.refresh, at(OWNER))
    clock.shift(timedelta(seconds=8))

    with pytest.raises(RefreshTokenReused):
        sessions.refresh(stolen.refresh, at(elsewhere))
    assert row().end_reason == "reused"
    assert row().replayed_ip == elsewhere


def test_a_third_place_at_one_generation_is_reuse(placed):
    """One other place may be the owner's; two are not."""
    first, _ = placed
    sessions.refresh(first.refresh, at(THIEF))

    with pytest.raises(RefreshTokenReused):
        sessions.refresh(first.refresh, at("198.51.100.67"))


def test_the_place_of_a_replay_is_not_a_place_of_the_sign_in(placed):
    """Being served once makes nobody known; refreshing with the current token does."""
    first, second = placed
    sessions.refresh(first.refresh, at(THIEF))
    assert row().networks == OWNER

    sessions.refresh(second.refresh, at(MOBILE))
    assert row().networks.split() == ["2001:db8:1:2::/64", OWNER]


def test_reuse_records_who_presented_the_token(placed, clock, statements):
    """After the grace period, too: the desk shows both sides."""
    first, _ = placed
    refreshed_at = row().refreshed_at
    clock.shift(timedelta(minutes=1))

    # The same statements as a refresh: the UPDATE that ends the row writes them.
    with statements(5 if connection.in_atomic_block else 2), pytest.raises(RefreshTokenReused):
        sessions.refresh(first.refresh, at(THIEF, "curl"))
    session = row()
    assert session.refreshed_at == refreshed_at
    assert (session.refreshed_ip, session.refreshed_agent) == (OWNER, "Firefox")
    assert (session.replayed_ip, session.replayed_agent) == (THIEF, "curl")
    assert session.replayed_at == session.ended_at == refreshed_at + timedelta(minutes=1)


def test_reuse_after_a_lost_race_tells_the_winners_side(pair, conflict, caplog):
    """What is logged of the sign-in is read again with a lock, not what was read before."""

    def win_twice():
        second = sessions.refresh(pair.refresh, at(MOBILE, "Chrome"))
        sessions.refresh(second.refresh, at(OWNER, "Firefox"))

    conflict(win_twice)
    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh, at(THIEF, "curl"))

    [record] = caplog.records
    assert (record.ip_address, record.user_agent) == (THIEF, "curl")
    assert (record.refreshed_ip, record.refreshed_agent) == (OWNER, "Firefox")
    assert (row().refreshed_ip, row().replayed_ip) == (OWNER, THIEF)


def test_without_rotation_nothing_is_superseded_lately(placed, settings, clock):
    """A refresh of the current token opens no period in which older ones are good again."""
    first, second = placed
    clock.shift(timedelta(hours=2))
    settings.JWTAUTH = {"ROTATE_REFRESH_TOKENS": False}
    sessions.refresh(second.refresh, at(OWNER))
    clock.shift(timedelta(seconds=8))

    with pytest.raises(RefreshTokenReused):
        sessions.verify(first.refresh)
    with pytest.raises(RefreshTokenReused):
        sessions.refresh(first.refresh, at(OWNER))


# --- nothing fails after the swap


def broken_hook(user, session):
    raise broken_hook.error


@pytest.mark.parametrize(
    "trouble",
    [
        {"HOOKS": {"CLAIMS": "tests.test_rotation.broken_hook"}},
        {"HOOKS": {"CLAIMS": "tests.test_rotation.long_claim"}},
        {
            "KEYS": [
                {
                    "algorithm": "HS256",
                    "secret": "0123456789abcdef" * 4,
                    "active_from": "2999-01-01T00:00:00Z",
                }
            ]
        },
    ],
    ids=["hook fails", "token too long", "no active key"],
)
@pytest.mark.parametrize(
    "error", [RuntimeError("down"), OperationalError("down"), KeyboardInterrupt()], ids=repr
)
def test_a_refresh_that_cannot_be_signed_changes_nothing(placed, clock, settings, trouble, error):
    """However long it lasts, the same token works when it is over: no sign-in ends as stolen."""
    _, pair = placed
    broken_hook.error = error
    before = columns(row())
    settings.JWTAUTH = trouble
    with pytest.raises(
        (RuntimeError, OperationalError, ValueError, ImproperlyConfigured, KeyboardInterrupt)
    ):
        sessions.refresh(pair.refresh, at(OWNER))
    assert columns(row()) == before
    clock.shift(timedelta(minutes=5))
    settings.JWTAUTH = {}

    assert sessions.refresh(pair.refresh, at(OWNER))


def long_claim(user, session):
    return {"long": "x" * 9000}


def test_a_pair_that_the_answer_cannot_carry_changes_nothing(placed):
    """A cookie holds less than a token may have: its door says so before the row moves."""
    _, pair = placed
    with pytest.raises(ValueError, match="at most 100 are allowed"):
        sessions.refresh(pair.refresh, max_length=100)
    assert row().generation == 1
    with pytest.raises(ValueError, match="at most 100 are allowed"):
        sessions.start(User.objects.get(), max_length=100)
    assert LoginSession.objects.count() == 1


# --- the end of the sign-in


def test_the_idle_limit_slides_and_the_absolute_one_does_not(clock, settings, pair):
    """Refreshed for ever, a sign-in ends at SESSION_LIFETIME, and no token outlives it."""
    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIME": timedelta(days=2)}
    end = START + timedelta(days=30)
    for _ in range(9):
        clock.shift(timedelta(days=3))
        pair = sessions.refresh(pair.refresh)
        assert row().expires_at == min(datetime.now(timezone.utc) + timedelta(days=7), end)
        for raw in (pair.access, pair.refresh):
            assert forge.claims_of(raw)["exp"] <= end.timestamp()
    clock.shift(timedelta(days=2))
    pair = sessions.refresh(pair.refresh)

    assert pair.expires_in == pair.refresh_expires_in == 86400
    clock.shift(timedelta(days=1))
    for call, raw in ((sessions.refresh, pair.refresh), (sessions.authenticate, pair.access)):
        with pytest.raises(ExpiredToken):
            call(raw)


def test_an_idle_sign_in_expires(pair, clock):
    """REFRESH_TOKEN_LIFETIME without a refresh is the end."""
    clock.move_to(START.replace(microsecond=0) + timedelta(days=7, microseconds=-1))
    assert sessions.verify(pair.refresh)
    clock.shift(timedelta(microseconds=1))

    with pytest.raises(ExpiredToken):
        sessions.refresh(pair.refresh)


def test_a_shorter_lifetime_applies_to_old_sign_ins(pair, clock, settings):
    """Lowering SESSION_LIFETIME refuses every token of what is older, at once; writes nothing."""
    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIME": timedelta(days=1)}
    user = User.objects.get()
    pair = sessions.start(user)
    script = api_tokens.create(user, "ci")
    clock.shift(timedelta(hours=2))
    settings.JWTAUTH = {"SESSION_LIFETIME": timedelta(hours=2)}

    for call, raw in (
        (sessions.refresh, pair.refresh),
        (sessions.verify, pair.refresh),
        (sessions.verify, pair.access),
        (sessions.authenticate, pair.access),
    ):
        assert reason_of(call, raw) == "expired"
    assert not LoginSession.objects.get(pk=pair.session_id).is_live()
    assert sessions.authenticate(script.raw)

    settings.JWTAUTH = {"SESSION_LIFETIME": timedelta(hours=2, microseconds=1)}
    assert sessions.authenticate(pair.access)
    assert sessions.refresh(pair.refresh)
    refreshed = LoginSession.objects.get(pk=pair.session_id)
    assert refreshed.generation == 1
    assert refreshed.expires_at == START + timedelta(hours=2, microseconds=1)


def test_leeway_gives_a_late_client_its_seconds_and_no_longer_tokens(pair, clock, settings):
    """Within the leeway a refresh works, and what it gives has ended as well."""
    settings.JWTAUTH = {"LEEWAY": 10, "REFRESH_TOKEN_LIFETIME": timedelta(days=30)}
    pair = sessions.refresh(pair.refresh)
    clock.move_to(START + timedelta(days=30, seconds=9))

    late = sessions.refresh(pair.refresh)

    end = START + timedelta(days=30)
    assert forge.claims_of(late.access)["exp"] == int(end.timestamp())
    assert row().expires_at == end
    clock.shift(timedelta(seconds=1))
    with pytest.raises(ExpiredToken):
        sessions.refresh(late.refresh)


# --- without rotation


def test_without_rotation_the_token_stays(pair, clock, settings):
    """The answer has no refresh token; only refreshed_at is written, and exp does not move."""
    settings.JWTAUTH = {"ROTATE_REFRESH_TOKENS": False}
    before = columns(row())
    for _ in range(3):
        clock.shift(timedelta(days=1))
        answer = sessions.refresh(pair.refresh)
        assert answer.refresh is None
        assert sessions.authenticate(answer.access)

    after = columns(row())
    assert {name for name in after if after[name] != before[name]} == {"refreshed_at"}
    assert answer.refresh_expires_in == 4 * 86400
    clock.move_to(START + timedelta(days=7))
    with pytest.raises(ExpiredToken):
        sessions.refresh(pair.refresh)


def test_without_rotation_an_older_generation_is_still_reuse(pair, clock, settings):
    """Switching rotation off does not revive what it superseded."""
    second = sessions.refresh(pair.refresh)
    settings.JWTAUTH = {"ROTATE_REFRESH_TOKENS": False}
    clock.shift(timedelta(minutes=1))
    assert sessions.refresh(second.refresh).refresh is None
    clock.shift(timedelta(minutes=1))

    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh)


# --- SECRET_KEY


def test_a_refresh_brings_the_auth_hash_to_the_new_secret_key(pair, settings, statements, mode):
    """Rotated with a fallback, nobody is signed out, and the same UPDATE renews the hash."""
    before = row().auth_hash
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-that-is-long-enough-for-hs256-as-well"

    assert sessions.authenticate(pair.access)
    with statements(2 if mode == "autocommit" else 3):
        second = sessions.refresh(pair.refresh)

    assert row().auth_hash != before
    assert row().auth_hash == User.objects.get().get_session_auth_hash()
    settings.SECRET_KEY_FALLBACKS = []
    assert sessions.authenticate(second.access)
    assert sessions.refresh(second.refresh)


def test_the_auth_hash_is_left_alone_when_it_is_current(pair, statements):
    """The column is not written at every refresh."""
    with statements(3 if connection.in_atomic_block else 2) as captured:
        sessions.refresh(pair.refresh)

    assert "auth_hash" not in captured[-1]["sql"]


# --- conflicts, without a race: another is always faster


@pytest.fixture
def conflict(monkeypatch):
    """Run something between the query and the UPDATE, once."""

    def plan(action):
        write = rotation._write
        calls = []

        def run(*args, **kwargs):
            calls.append(args)
            if len(calls) == 1:
                action()
            return write(*args, **kwargs)

        monkeypatch.setattr(rotation, "_write", run)

    return plan


def test_who_comes_second_gets_the_successor_of_the_first(pair, conflict):
    """A refresh that lost the race reads the row again, once, and answers with the same token."""
    conflict(lambda: LoginSession.objects.update(generation=1, refreshed_at=START))

    second = sessions.refresh(pair.refresh)

    assert forge.claims_of(second.refresh)["gen"] == row().generation == 1
    assert sessions.refresh(pair.refresh).refresh == second.refresh


def test_a_slow_commit_is_no_theft(pair, conflict, clock):
    """A request that found its token current gets the answer of its twin, however late."""
    long_ago = START - timedelta(hours=1)
    conflict(lambda: LoginSession.objects.update(generation=1, refreshed_at=long_ago))

    assert forge.claims_of(sessions.refresh(pair.refresh).refresh)["gen"] == 1
    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh)


def test_a_refresh_that_meets_a_sign_out_gives_nothing(pair, conflict):
    """After the sign-out has answered no pair is issued."""
    conflict(lambda: LoginSession.objects.all().end())

    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh)
    assert row().generation == 0


def test_a_refresh_that_meets_a_purge_gives_nothing(pair, conflict):
    """A row that is gone is a sign-in that has ended."""
    conflict(lambda: LoginSession.objects.all().delete())

    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh)


def test_a_refresh_that_comes_third_is_reuse(pair, conflict):
    """Two refreshes happened meanwhile: the token is two generations old."""
    conflict(lambda: LoginSession.objects.update(generation=2, refreshed_at=START))

    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh)
    assert row().end_reason == "reused"


def fail_on_update(times):
    """An execute wrapper: the database gives up on the first UPDATEs, as on a deadlock."""
    left = [times]

    def run(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and left[0]:
            left[0] -= 1
            raise OperationalError("deadlock detected: secret")
        return execute(sql, params, many, context)

    return run


def test_a_deadlock_is_tried_again_once(pair, mode, caplog):
    """In autocommit the refresh goes through; within a caller's transaction it is 503."""
    with connection.execute_wrapper(fail_on_update(1)):
        if mode == "autocommit":
            assert forge.claims_of(sessions.refresh(pair.refresh).refresh)["gen"] == 1
            assert row().generation == 1
        else:
            with pytest.raises(Unavailable):
                sessions.refresh(pair.refresh)
            connection.needs_rollback = False
    assert "secret" not in caplog.text


def test_a_database_that_goes_on_failing_is_unavailable(pair, mode, caplog):
    """Never a loop, and never a reason to sign in again."""
    with connection.execute_wrapper(fail_on_update(9)), pytest.raises(Unavailable):
        sessions.refresh(pair.refresh)
    connection.needs_rollback = False

    assert row().generation == 0
    assert [record.getMessage() for record in caplog.records] == [
        "The database cannot answer for a token: OperationalError"
    ]
    assert sessions.refresh(pair.refresh)


def test_the_second_look_is_locked(pair, conflict):
    """Unlocked it would be stale at the isolation levels of PostgreSQL and MariaDB."""
    conflict(lambda: LoginSession.objects.update(generation=1, refreshed_at=START))
    seen = []

    def watch(execute, sql, params, many, context):
        seen.append((sql, context["connection"].in_atomic_block))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        sessions.refresh(pair.refresh)

    sql, in_transaction = [look for look in seen if look[0].startswith("SELECT")][-1]
    assert in_transaction
    if connection.features.has_select_for_update:
        assert sql.endswith("FOR UPDATE")


def test_a_lock_is_taken_at_once_within_a_transaction(pair, mode):
    """A caller's transaction may be REPEATABLE READ: what it reads first must be locked."""
    seen = []

    def watch(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        sessions.refresh(pair.refresh)

    reads = [sql for sql in seen if sql.startswith("SELECT")]
    locking = [sql for sql in reads if "FOR UPDATE" in sql]
    if connection.features.has_select_for_update:
        assert len(locking) == (0 if mode == "autocommit" else len(reads))


def test_a_refresh_writes_the_subject_once_a_field_is_named(pair, settings):
    """So that the row says what the tokens say, which checks and erasing go by."""
    settings.JWTAUTH = {"SUBJECT_FIELD": "username"}
    assert row().subject == str(row().user_id)

    for _ in range(2):
        pair = sessions.refresh(pair.refresh)

        assert row().subject == "anna"
