"""With USE_TZ = False a column holds local time; a moment must be what it was all the same."""

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import time_machine
from django.contrib import admin

import django_jwtauth
from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.admin import LoginSessionAdmin
from django_jwtauth.conf import moments
from django_jwtauth.exceptions import ExpiredToken, RefreshTokenReused, TokenBlacklisted
from django_jwtauth.management import terminal
from django_jwtauth.models import BlacklistedToken, Cause, LoginSession
from django_jwtauth.operations import purge, revocation
from tests import forge

MINUTE = timedelta(minutes=1)

# When the clock is put back, the first moment of the time that comes twice, and forward.
BACK = {
    "Europe/Berlin": datetime(2027, 10, 31, 0, 0, tzinfo=timezone.utc),
    "America/New_York": datetime(2027, 11, 7, 5, 0, tzinfo=timezone.utc),
    # By half an hour.
    "Australia/Lord_Howe": datetime(2027, 4, 3, 14, 30, tzinfo=timezone.utc),
}
FORWARD = datetime(2027, 3, 28, 0, 55, tzinfo=timezone.utc)


@pytest.fixture(params=BACK)
def back(request, settings):
    """Local times in ``request.param``; the first moment that is written like a later one."""
    settings.USE_TZ = False
    settings.TIME_ZONE = request.param
    return BACK[request.param]


@pytest.fixture
def spring(settings):
    settings.USE_TZ = False
    settings.TIME_ZONE = "Europe/Berlin"
    return FORWARD


def at(moment):
    # A datetime would move the zone of the process as well.
    return time_machine.travel(moment.timestamp(), tick=False)


def lifetime_of(raw):
    claims = forge.claims_of(raw)
    return claims["exp"] - claims["iat"]


@pytest.mark.parametrize("minutes", range(-10, 130, 10))
def test_what_is_stored_is_the_same_moment(back, minutes):
    """Before, in both passes of the hour, and after it, microseconds and all."""
    for microsecond in (0, 1, 499_999, 999_999):
        moment = back + minutes * MINUTE + timedelta(microseconds=microsecond)
        held = moments.stored(moment)

        assert held.tzinfo is None
        # A column forgets it.
        assert abs(moments.aware(held.replace(fold=0)) - moment) <= timedelta(microseconds=1)


def test_with_time_zones_nothing_is_changed(settings):
    settings.USE_TZ = True
    moment = moments.now()

    assert moments.stored(moment) is moment
    assert moments.aware(moment) is moment
    assert moments.uncertainty() == timedelta(0)


@pytest.mark.parametrize("minutes", [5, 35, 65, 95])
def test_every_token_lives_as_long_as_it_should(back, user, settings, minutes):
    """In both passes of the hour, and into the next."""
    settings.JWTAUTH = {"REFRESH_TOKEN_LIFETIME": 1800, "ACCESS_TOKEN_LIFETIME": 300}
    with at(back + minutes * MINUTE) as clock:
        now = int((back + minutes * MINUTE).timestamp())
        pair = sessions.start(user)
        assert forge.claims_of(pair.refresh)["iat"] == now
        assert (pair.expires_in, pair.refresh_expires_in) == (300, 1800)
        token = api_tokens.create(user, "ci", lifetime=10 * MINUTE).raw
        link = one_time.create(user, "download", lifetime=10 * MINUTE)
        assert lifetime_of(token) == lifetime_of(link) == 600
        assert forge.claims_of(token)["iat"] == forge.claims_of(link)["iat"] == now
        clock.shift(29 * MINUTE)
        second = sessions.refresh(pair.refresh)
        assert lifetime_of(second.refresh) == 1800
        clock.shift(31 * MINUTE)
        with pytest.raises(ExpiredToken):
            sessions.refresh(second.refresh)


@pytest.mark.parametrize("minutes", [-5, 5, 35, 65])
def test_the_end_of_a_sign_in_is_a_moment(back, user, settings, minutes):
    """SESSION_LIFETIME counts through the hour that comes twice."""
    settings.JWTAUTH = {"SESSION_LIFETIME": 5400, "REFRESH_TOKEN_LIFETIME": 5400, "LEEWAY": 0}
    with at(back + minutes * MINUTE) as clock:
        pair = sessions.start(user)
        assert pair.refresh_expires_in == 5400
        clock.shift(89 * MINUTE)
        pair = sessions.refresh(pair.refresh)
        assert (pair.refresh_expires_in, pair.expires_in) == (60, 60)


@pytest.mark.parametrize("minutes", [5, 29, 35, 59, 65])
def test_a_superseded_token_is_known_in_the_second_pass(back, user, minutes):
    """An hour later the clock says the same, and the grace period is over."""
    with at(back + minutes * MINUTE) as clock:
        first = sessions.start(user)
        second = sessions.refresh(first.refresh)
        clock.shift(20)
        assert sessions.refresh(first.refresh).refresh == second.refresh
        clock.shift(timedelta(hours=1) - 20 * timedelta(seconds=1))
        with pytest.raises(RefreshTokenReused):
            sessions.refresh(first.refresh)


def test_the_oldest_sign_in_ends_not_the_one_that_looks_older(back, user, settings):
    """By the clock on the wall, the second of two sign-ins may have come before the first."""
    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 1}
    with at(back + 25 * MINUTE) as clock:
        sessions.start(user)
        # Lord Howe's time comes back after half an hour already.
        clock.shift(timedelta(minutes=25))
        second = sessions.start(user)
        clock.shift(timedelta(minutes=15))

        assert sessions.start(user).session_id != second.session_id
        live = LoginSession.objects.get(ended_at=None)

    assert moments.aware(live.created_at) == back + 65 * MINUTE


def test_ending_all_leaves_out_nothing_that_looks_younger(back, user):
    """A sign-in of the first pass is older than the moment that an operator acts in."""
    with at(back + 25 * MINUTE) as clock:
        sessions.start(user)
        clock.shift(timedelta(minutes=35))
        ended = revocation.end(revocation.everybody(), Cause(reason="stolen", via="code", note="n"))

    assert ended == 1


def test_the_hour_that_does_not_come(spring, user, settings):
    """Clocks go forward while a token lives: it lives no shorter."""
    settings.JWTAUTH = {"REFRESH_TOKEN_LIFETIME": 1800, "ACCESS_TOKEN_LIFETIME": 300}
    with at(spring) as clock:
        pair = sessions.start(user)
        assert (pair.expires_in, pair.refresh_expires_in) == (300, 1800)
        clock.shift(29 * MINUTE)
        assert lifetime_of(sessions.refresh(pair.refresh).refresh) == 1800


def test_nothing_is_purged_that_a_live_token_needs(spring, user, settings):
    """SESSION_LIFETIME ago, the wall clock was an hour behind."""
    settings.JWTAUTH = {"AUDIT_RETENTION": 0}
    with at(spring - timedelta(days=5)) as clock:
        pair = sessions.start(user)
        for _ in range(5):
            clock.shift(timedelta(days=5, hours=23))
            pair = sessions.refresh(pair.refresh)
        left = timedelta(days=30) - 5 * timedelta(days=5, hours=23)
        clock.shift(left - 2 * MINUTE)
        purge.purge()
        assert sessions.refresh(pair.refresh)
        clock.shift(timedelta(hours=2))
        assert purge.purge().sessions == 1


def test_a_blacklisted_token_stays_as_long_as_it_could_be_used(back, user, settings):
    settings.JWTAUTH = {"AUDIT_RETENTION": 0, "ACCESS_TOKEN_LIFETIME": 600}
    with at(back + 5 * MINUTE) as clock:
        pair = sessions.start(user)
        claims = sessions.blacklist(pair.access)
        clock.shift(9 * MINUTE)
        purge.purge()
        with pytest.raises(TokenBlacklisted):
            sessions.authenticate(pair.access)
    row = user.jwtauth_sessions.get().blacklisted_tokens.get()
    assert moments.aware(row.expires_at).timestamp() == claims["exp"]


# --- whoever asks for the time


def test_one_module_knows_what_time_it_is():
    """The others would have a moment without a zone where the project stores local time."""
    package = Path(django_jwtauth.__file__).parent
    asking = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\b(timezone|datetime)\.now\(|\blocaltime\(\)", path.read_text())
    ]

    assert asking == ["conf/moments.py"]


@pytest.mark.parametrize("minutes", [5, 35, 65, 95])
def test_what_happens_is_recorded_at_its_moment(
    back, user, rf, minutes, django_capture_on_commit_callbacks
):
    """One sign-in or many ended, a token blacklisted or used: in both passes of the hour."""
    moment = back + minutes * MINUTE
    with at(moment), django_capture_on_commit_callbacks(execute=True):
        sessions.blacklist(sessions.start(user).access)
        sessions.blacklist(sessions.start(user).refresh)
        sessions.authenticate_request(api_tokens.create(user, "ci").raw, rf.get("/"))
        LoginSession.objects.filter(kind="sign_in", ended_at=None).end()

    rows = LoginSession.objects
    recorded = [
        *rows.filter(kind="sign_in").values_list("ended_at", flat=True),
        *rows.filter(kind="api_token").values_list("last_used_at", flat=True),
        *BlacklistedToken.objects.values_list("blacklisted_at", flat=True),
    ]
    assert len(recorded) == 5
    for held in recorded:
        assert abs(moments.aware(held) - moment) <= timedelta(microseconds=1)


@pytest.mark.parametrize("minutes", [20, 26, 50, 65, 80, 95])
def test_the_admin_says_expired_when_a_refresh_is_refused(back, user, settings, minutes):
    """By the clock on the wall, a sign-in that ended in the first pass may be live again."""
    settings.JWTAUTH = {"REFRESH_TOKEN_LIFETIME": 1800, "ACCESS_TOKEN_LIFETIME": 300}
    with at(back - 5 * MINUTE):
        pair = sessions.start(user)
    with at(back + minutes * MINUTE):
        status = LoginSessionAdmin(LoginSession, admin.site).status(LoginSession.objects.get())
        expired = minutes > 25
        if expired:
            with pytest.raises(ExpiredToken):
                sessions.refresh(pair.refresh)
        else:
            sessions.refresh(pair.refresh)

    assert status == ("Expired" if expired else "Live")


@pytest.mark.parametrize("minutes", [5, 35, 65, 95])
def test_an_operator_names_a_moment(back, user, minutes):
    """With its offset, which says which pass is meant; whatever the database keeps."""
    with at(back):
        sessions.start(user)
    moment = back + minutes * MINUTE
    with at(moment):
        target = revocation.everybody(terminal.moment(moment.isoformat()))

        assert (target.before, revocation.count(target).ended) == (moment, 1)
