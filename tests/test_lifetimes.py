from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.test import RequestFactory

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.exceptions import AuthError, RefreshTokenReused, SignInRefused
from django_jwtauth.models import LoginSession
from django_jwtauth.signins import lifetimes
from tests.calls import reason_of
from tests.forge import claims_of

START = datetime(2027, 1, 15, 8, 0, tzinfo=timezone.utc)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

answer = {}
asked = []


def hook(user, request):
    asked.append((user, request))
    if isinstance(answer.get("raises"), Exception):
        raise answer["raises"]
    return answer.get("returns")


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def hooked(settings):
    """``hooked(returns=…)`` or ``hooked(raises=…)`` sets what the hook does."""

    def configure(**does):
        settings.JWTAUTH = {"HOOKS": {"LIFETIMES": "tests.test_lifetimes.hook"}}
        answer.update(does)

    answer.clear()
    asked.clear()
    yield configure
    answer.clear()


def row(pair):
    return LoginSession.objects.get(pk=pair.session_id)


def refresh_until_refused(pair, clock, every):
    """Refresh every so often, and return how long that worked, and the reason why it ended."""
    while True:
        clock.shift(every)
        try:
            pair = sessions.refresh(pair.refresh)
        except AuthError as error:
            return datetime.now(timezone.utc) - START, error.reason
        for raw in (pair.access, pair.refresh):
            assert claims_of(raw)["exp"] <= row(pair).latest_end.timestamp()


# --- chosen when the sign-in starts


def test_lifetimes_of_one_sign_in(user, clock):
    """The caller chooses all three; the row and the answer say so, and a refresh keeps them."""
    pair = sessions.start(
        user, lifetimes={"session": 2 * HOUR, "refresh": 1800, "access": timedelta(seconds=60)}
    )
    assert (pair.expires_in, pair.refresh_expires_in) == (60, 1800)
    assert row(pair).expires_at == START + timedelta(minutes=30)

    clock.shift(20 * MINUTE)
    pair = sessions.refresh(pair.refresh)
    assert (pair.expires_in, pair.refresh_expires_in) == (60, 1800)
    assert row(pair).expires_at == START + 50 * MINUTE


def test_what_was_chosen_is_only_in_the_refresh_token(user):
    """A service that reads the access token is told its own exp, and nothing else."""
    pair = sessions.start(user, lifetimes={"session": HOUR})

    assert claims_of(pair.refresh)["lifetimes"] == {"session": 3600}
    assert "lifetimes" not in claims_of(pair.access)
    assert "lifetimes" not in claims_of(sessions.refresh(pair.refresh).access)


def test_nothing_chosen_adds_nothing(user):
    """The tokens of a project that uses none of this are as before."""
    assert "lifetimes" not in claims_of(sessions.start(user).refresh)


@pytest.mark.parametrize("given", [{}, None])
def test_nothing_may_be_chosen(user, given):
    """An empty dict is as good as None."""
    assert sessions.start(user, lifetimes=given).refresh_expires_in == 7 * 86400


@pytest.mark.parametrize("name", ["session", "refresh", "access"])
@pytest.mark.parametrize(
    "value", [0, -1, timedelta(0), "1h", None, True, 0.5, float("nan"), 10**12, object()]
)
def test_a_wrong_lifetime_starts_no_sign_in(user, hooked, name, value):
    """ValueError names it, wherever it came from; no row, no last_login."""
    with pytest.raises(ValueError, match="lifetimes= has a wrong lifetime"):
        sessions.start(user, lifetimes={name: value})
    hooked(returns={name: value})
    with pytest.raises(ValueError, match=r'HOOKS\["LIFETIMES"\] has a wrong lifetime'):
        sessions.start(user)

    assert not LoginSession.objects.exists()
    user.refresh_from_db()
    assert user.last_login is None


@pytest.mark.parametrize("value", [{"idle": 60}, {"remembered": 1}, {7: 60}, "session", [60], 60])
def test_what_is_no_dict_of_known_names_starts_no_sign_in(user, hooked, value):
    """A misspelt name would leave the sign-in longer than meant."""
    with pytest.raises(ValueError, match="lifetimes= must be a dict"):
        sessions.start(user, lifetimes=value)
    hooked(returns=value)
    with pytest.raises(ValueError, match=r'HOOKS\["LIFETIMES"\] must be a dict'):
        sessions.start(user)
    assert not LoginSession.objects.exists()


def test_no_lifetime_exceeds_its_setting(user, clock):
    """So the purge, which goes by the settings, deletes no row that a token needs."""
    pair = sessions.start(user, lifetimes=dict.fromkeys(lifetimes.NAMES, 3650 * DAY))

    assert (pair.expires_in, pair.refresh_expires_in) == (300, 7 * 86400)
    clock.shift(6 * DAY)
    pair = sessions.refresh(pair.refresh)
    assert refresh_until_refused(pair, clock, 6 * DAY) == (30 * DAY, "expired")


def test_the_async_twin_takes_the_same(user):
    """astart() passes both on."""
    pair = async_to_sync(sessions.astart)(user, lifetimes={"access": 60}, remember=True)

    assert pair.expires_in == 60


@pytest.mark.urls("tests.test_oauth")
def test_every_door_says_how_long_tokens_are_valid(user, hooked, client):
    """OAuth's answer and the tokens' own claims go by what was chosen, as does ``me/``."""
    hooked(returns={"session": HOUR, "access": 60})
    pair = sessions.start(user)
    form = {"grant_type": "refresh_token", "refresh_token": pair.refresh}
    body = client.post("/oauth/token/", form).json()
    claims = claims_of(body["access_token"])
    me = client.get("/api/me/", headers={"Authorization": f"Bearer {pair.access}"}).json()

    assert body["expires_in"] == claims["exp"] - claims["iat"] == 60
    expires = datetime.fromisoformat(me["expires_at"].replace("Z", "+00:00"))
    assert expires.timestamp() == claims_of(pair.access)["exp"]


def test_api_tokens_and_links_have_their_own_lifetimes(user, hooked):
    """The hook is for sign-ins, and is not asked."""
    hooked(returns={"session": HOUR})
    api_tokens.create(user, "ci")
    one_time.create(user, "export")

    assert asked == []


def test_a_token_of_another_package_may_mean_something_else(db):
    """Its claim of the same name is not ours."""
    assert lifetimes.of({"legacy": True, "lifetimes": "long"}) == lifetimes.of({})


# --- chosen by the hook


def test_the_hook_chooses_for_a_user_and_a_request(user, hooked):
    """It is called once for a sign-in, and not for a refresh."""
    hooked(returns={"session": HOUR})
    request = RequestFactory().post("/")

    pair = sessions.start(user, request)
    assert pair.refresh_expires_in == 3600
    sessions.refresh(pair.refresh)
    assert asked == [(user, request)]


def test_a_hook_may_choose_nothing(user, hooked):
    """None leaves the settings."""
    hooked(returns=None)

    assert sessions.start(user).refresh_expires_in == 7 * 86400


@pytest.mark.parametrize("error", [LookupError("its own fault"), SignInRefused(), RuntimeError()])
def test_a_hook_that_fails_starts_no_sign_in(user, hooked, error):
    """Whatever it raises reaches the caller before anything is written."""
    hooked(raises=error)

    with pytest.raises(type(error)):
        sessions.start(user)
    assert not LoginSession.objects.exists()


def test_an_inactive_user_is_refused_before_the_hook_is_asked(user, hooked):
    """The hook may count on a user who may sign in."""
    hooked(raises=LookupError())
    user.is_active = False

    assert reason_of(sessions.start, user) == "user_inactive"
    assert asked == []


@pytest.mark.parametrize(
    ("by_hook", "by_caller", "expected"),
    [
        ({"session": 100}, {"session": 200}, 100),
        ({"session": 200}, {"session": 100}, 100),
        ({"session": 200}, {"refresh": 100}, 100),
        ({"refresh": 200}, None, 200),
    ],
)
def test_the_shortest_applies(user, hooked, by_hook, by_caller, expected):
    """A caller cannot lengthen what the hook limits, or the other way round."""
    hooked(returns=by_hook)

    assert sessions.start(user, lifetimes=by_caller).refresh_expires_in == expected


# --- to the end


def test_four_lifetimes_side_by_side(user, clock, settings):
    """Each sign-in is refreshed as long as it was to last, and not a minute longer."""
    settings.JWTAUTH = {"SESSION_LIFETIME_NOT_REMEMBERED": 12 * HOUR}
    starts = {
        30 * DAY: {},
        12 * HOUR: {"remember": False},
        8 * HOUR: {"lifetimes": {"session": 8 * HOUR, "access": MINUTE}},
        20 * MINUTE: {"lifetimes": {"session": 20 * MINUTE}},
    }
    for lasts, chosen in starts.items():
        clock.move_to(START)
        pair = sessions.start(user, **chosen)
        assert refresh_until_refused(pair, clock, timedelta(minutes=20)) == (lasts, "expired")
        assert row(pair).expires_at == START + lasts
        assert not row(pair).is_live()


def test_an_idle_sign_in_ends_with_its_own_refresh_token(user, clock):
    """Refreshed in time it goes on; idle for longer, it is over."""
    pair = sessions.start(user, lifetimes={"refresh": HOUR})
    for _ in range(5):
        clock.shift(HOUR - timedelta(seconds=1))
        pair = sessions.refresh(pair.refresh)
    assert row(pair).is_live()
    clock.shift(HOUR)

    assert reason_of(sessions.refresh, pair.refresh) == "expired"
    assert not LoginSession.objects.live().exists()


def test_a_lost_answer_is_given_again_byte_for_byte(user, clock):
    """What was chosen depends on no clock and no setting."""
    first = sessions.start(user, lifetimes={"session": HOUR, "refresh": 60})
    clock.shift(timedelta(seconds=10))
    second = sessions.refresh(first.refresh)
    clock.shift(timedelta(seconds=20))

    assert sessions.refresh(first.refresh).refresh == second.refresh
    clock.shift(timedelta(seconds=20))
    with pytest.raises(RefreshTokenReused):
        sessions.refresh(first.refresh)


def test_a_shorter_setting_applies_to_what_was_chosen(user, clock, settings):
    """And a longer one does not lengthen it."""
    pair = sessions.start(user, lifetimes={"session": 10 * DAY, "access": 120})
    settings.JWTAUTH = {"SESSION_LIFETIME": 5 * DAY, "ACCESS_TOKEN_LIFETIME": 60}
    clock.shift(4 * DAY)
    pair = sessions.refresh(pair.refresh)
    assert (pair.expires_in, pair.refresh_expires_in) == (60, 86400)

    settings.JWTAUTH = {"SESSION_LIFETIME": 90 * DAY, "ACCESS_TOKEN_LIFETIME": 900}
    pair = sessions.refresh(pair.refresh)
    assert (pair.expires_in, pair.refresh_expires_in) == (120, 6 * 86400)


@pytest.mark.parametrize("leeway", [0, 60])
def test_a_token_that_expires_too_late_ends_with_its_sign_in(user, clock, settings, leeway):
    """Project code can extend a token with simplejwt's names; the sign-in still ends in time."""
    settings.JWTAUTH = {"LEEWAY": leeway}
    from django_jwtauth.contrib.simplejwt.tokens import RefreshToken

    pair = sessions.start(user, lifetimes={"session": HOUR})
    token = RefreshToken(pair.refresh)
    token.set_exp(lifetime=DAY)
    raw = str(token)
    clock.shift(HOUR + timedelta(seconds=leeway - 1))
    assert sessions.verify(raw)
    clock.shift(timedelta(seconds=1))

    assert reason_of(sessions.verify, raw) == "expired"
    assert reason_of(sessions.refresh, raw) == "expired"


# --- not remembered


def test_a_sign_in_that_is_not_remembered_is_short(user, clock, settings):
    """The answer says so, too, and so does every refresh."""
    settings.JWTAUTH = {"SESSION_LIFETIME_NOT_REMEMBERED": HOUR}
    pair = sessions.start(user, remember=False)
    assert (pair.remembered, pair.refresh_expires_in) == (False, 3600)
    clock.shift(20 * MINUTE)
    pair = sessions.refresh(pair.refresh)

    assert (pair.remembered, pair.refresh_expires_in) == (False, 2400)
    remembered = sessions.start(user)
    assert (remembered.remembered, remembered.refresh_expires_in) == (True, 7 * 86400)


def test_without_the_setting_every_sign_in_is_remembered(user):
    """A project that does not offer the choice sees no difference."""
    pair = sessions.start(user, remember=False)

    assert (pair.remembered, pair.refresh_expires_in) == (True, 7 * 86400)
    assert "lifetimes" not in claims_of(pair.refresh)


@pytest.mark.parametrize(
    ("later", "left"),
    [
        (30 * MINUTE, None),
        (50 * MINUTE, 600),
        (2 * HOUR, 1200),
        (None, 1200),
    ],
)
def test_the_setting_may_be_shortened_later(user, clock, settings, later, left):
    """Shorter applies at the next refresh; longer, or none, leaves what was promised."""
    settings.JWTAUTH = {"SESSION_LIFETIME_NOT_REMEMBERED": HOUR}
    pair = sessions.start(user, remember=False)
    clock.shift(40 * MINUTE)
    settings.JWTAUTH = {"SESSION_LIFETIME_NOT_REMEMBERED": later}

    if left is None:
        assert reason_of(sessions.refresh, pair.refresh) == "expired"
    else:
        pair = sessions.refresh(pair.refresh)
        assert (pair.remembered, pair.refresh_expires_in) == (False, left)
