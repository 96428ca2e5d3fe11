import re
from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from django.contrib.auth.models import User

from django_jwtauth.claims import RESERVED_CLAIMS, SIGN_IN_CLAIMS
from django_jwtauth.models import LoginSession
from django_jwtauth.signins import issuing, lifetimes
from tests.forge import claims_of

MOMENT = datetime(2027, 1, 15, 8, 0, 0, 750_000, timezone.utc)
NOW = int(MOMENT.timestamp())

hook_answer = {}


def claims_hook(user, session):
    return {**hook_answer, "seen": [user.username, session.generation]}


def none_hook(user, session):
    return None


@pytest.fixture(autouse=True)
def frozen():
    with time_machine.travel(MOMENT, tick=False):
        yield


@pytest.fixture
def user():
    return User(pk=7, username="anna")


def make_session(**changes):
    columns = {
        "subject": "7",
        "auth_hash": "hash",
        "created_at": MOMENT,
        "refreshed_at": MOMENT,
        "expires_at": MOMENT + timedelta(days=7),
        **changes,
    }
    return LoginSession(**columns)


def issue(user, carried=None, rotated=True, **changes):
    session = make_session(**changes)
    return session, issuing.issue(session, user, carried or {}, lifetimes.of({}), rotated=rotated)


def test_an_access_token_has_exactly_these_claims(user):
    """Nothing personal is in it unless a hook says so."""
    session, pair = issue(user)
    claims = claims_of(pair.access)

    assert re.fullmatch(rf"{session.sid}\.[0-9a-f]{{16}}", claims.pop("jti"))
    assert claims == {
        "token_type": "access",
        "sub": "7",
        "iat": NOW,
        "exp": NOW + 300,
        "sid": session.id.hex,
    }


def test_a_refresh_token_has_exactly_these_claims(user):
    """It names the sign-in and the generation, and its exp is the row's."""
    session, pair = issue(user, generation=3)

    assert claims_of(pair.refresh) == {
        "token_type": "refresh",
        "sub": "7",
        "sid": session.id.hex,
        "gen": 3,
        "jti": f"{session.id.hex}:3",
        "iat": NOW,
        "exp": NOW + 7 * 86400,
    }


def test_two_access_tokens_of_a_sign_in_differ(user):
    """Each has a jti of its own and can be blacklisted alone."""
    session = make_session()
    raws = {
        issuing.issue(session, user, {}, lifetimes.of({}), rotated=False).access for _ in range(50)
    }

    assert len({claims_of(raw)["jti"] for raw in raws}) == 50


def test_a_generation_is_issued_again_byte_for_byte(user):
    """The refresh token is made of the row and what is carried, not of the time."""
    session, first = issue(user, {"scope": "read", "tenant": "x"})
    with time_machine.travel(MOMENT + timedelta(seconds=29), tick=False):
        again = issuing.issue(
            session, user, {"scope": "read", "tenant": "x"}, lifetimes.of({}), rotated=True
        )

    assert again.refresh == first.refresh
    assert again.access != first.access
    assert again.refresh_expires_in == first.refresh_expires_in - 29


def test_the_answer_tells_the_seconds_left(user, settings):
    """expires_in and refresh_expires_in count from now."""
    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIME": 90}
    session, pair = issue(user, expires_at=MOMENT + timedelta(seconds=1000))

    assert (pair.expires_in, pair.refresh_expires_in) == (90, 1000)
    assert pair.session_id == session.id


def test_without_rotation_there_is_no_refresh_token(user):
    """The old one stays in use."""
    assert issue(user, rotated=False)[1].refresh is None


def test_the_tokens_are_not_in_the_repr(user):
    """A pair in a log line or a traceback gives nothing away."""
    _, pair = issue(user)

    assert pair.access not in repr(pair)
    assert pair.refresh not in repr(pair)


# --- the end of the sign-in


@pytest.mark.parametrize("left", [299, 1, 0])
def test_no_access_token_outlives_the_sign_in(user, left):
    """At the end of SESSION_LIFETIME an access token has only what is left of it."""
    _, pair = issue(user, created_at=MOMENT - timedelta(days=30) + timedelta(seconds=left))

    assert claims_of(pair.access)["exp"] == NOW + left
    assert pair.expires_in == left


def test_the_seconds_left_are_never_negative(user, settings):
    """Within the leeway after its end a sign-in still answers, with nothing left."""
    settings.JWTAUTH = {"LEEWAY": 10}
    ended = MOMENT - timedelta(seconds=5)
    _, pair = issue(user, created_at=ended - timedelta(days=30), expires_at=ended)

    assert (pair.expires_in, pair.refresh_expires_in) == (0, 0)


# --- issuer and audience


def test_issuer_and_audience_are_claims_when_configured(user, settings):
    """A single audience is a string, and with both there is a client_id (RFC 9068, 2.2)."""
    settings.JWTAUTH = {"ISSUER": "https://a.example", "AUDIENCE": "api"}
    _, pair = issue(user)
    access, refresh = claims_of(pair.access), claims_of(pair.refresh)

    assert access["iss"] == refresh["iss"] == "https://a.example"
    assert access["aud"] == access["client_id"] == "api"
    assert not {"aud", "client_id"} & refresh.keys()


def test_several_audiences_are_a_list(user, settings):
    """All of them are named; without an issuer there is no client_id."""
    settings.JWTAUTH = {"AUDIENCE": ["api", "mobile"]}
    access = claims_of(issue(user)[1].access)

    assert access["aud"] == ["api", "mobile"]
    assert not {"iss", "client_id"} & access.keys()


def test_an_issuer_alone_makes_no_client_id(user, settings):
    """client_id needs both."""
    settings.JWTAUTH = {"ISSUER": "https://a.example"}

    assert not {"aud", "client_id"} & claims_of(issue(user)[1].access).keys()


# --- claims of the project


def test_the_user_id_is_copied_under_another_name(user, settings):
    """USER_ID_CLAIM is for front ends that read user_id; neither hook nor claims= changes it."""
    settings.JWTAUTH = {
        "USER_ID_CLAIM": "user_id",
        "HOOKS": {"CLAIMS": "tests.test_issuing.claims_hook"},
    }
    hook_answer.update(user_id="8")
    try:
        _, pair = issue(user, {"user_id": "9"})
    finally:
        hook_answer.clear()

    claims = claims_of(pair.access)
    assert (claims["sub"], claims["user_id"]) == ("7", "7")


def test_the_hook_sees_user_and_sign_in_at_each_issue(user, settings):
    """Its claims are in the access token alone, computed anew."""
    settings.JWTAUTH = {"HOOKS": {"CLAIMS": "tests.test_issuing.claims_hook"}}
    for generation in (0, 1):
        _, pair = issue(user, generation=generation)
        assert claims_of(pair.access)["seen"] == ["anna", generation]
        assert "seen" not in claims_of(pair.refresh)


def test_a_hook_may_answer_none(user, settings):
    """No claims are no error."""
    settings.JWTAUTH = {"HOOKS": {"CLAIMS": "tests.test_issuing.none_hook"}}

    assert claims_of(issue(user)[1].access)["sub"] == "7"


@pytest.mark.parametrize("name", sorted(RESERVED_CLAIMS | SIGN_IN_CLAIMS))
def test_a_hook_sets_no_reserved_claim(user, settings, name):
    """Who the token is for, until when and for what is not the hook's to say."""
    settings.JWTAUTH = {"HOOKS": {"CLAIMS": "tests.test_issuing.claims_hook"}}
    hook_answer[name] = "x"
    try:
        with pytest.raises(ValueError, match=rf"HOOKS\[.CLAIMS.\] may not set the claim '{name}'"):
            issue(user)
    finally:
        hook_answer.clear()


@pytest.mark.parametrize("name", sorted(RESERVED_CLAIMS))
def test_a_sign_in_carries_no_reserved_claim(name):
    """claims= is refused, named by the first wrong claim, whatever its value."""
    with pytest.raises(ValueError, match=f"may not set the claim '{name}'"):
        issuing.carried_claims({"tenant": 1, name: None})


def test_what_is_carried_is_in_both_tokens(user):
    """scope, amr, auth_time and claims= come back at every refresh, out of the refresh token."""
    carried = {"scope": "read write", "amr": ["pwd", "otp"], "auth_time": NOW, "tenant": {"id": 3}}
    _, pair = issue(user, issuing.carried_claims(carried))

    for raw in (pair.access, pair.refresh):
        assert carried.items() <= claims_of(raw).items()


def test_carried_claims_win_over_the_hook(user, settings):
    """What was fixed at sign-in stays fixed."""
    settings.JWTAUTH = {"HOOKS": {"CLAIMS": "tests.test_issuing.claims_hook"}}

    assert claims_of(issue(user, {"seen": "fixed"})[1].access)["seen"] == "fixed"
