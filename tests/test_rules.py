import pytest
from django.contrib.auth.models import User

from django_jwtauth.exceptions import TokenError
from django_jwtauth.models import BlacklistedToken, LoginSession
from django_jwtauth.signins import rules
from tests import forge
from tests.refusals import WRONGS

LOADS = {
    "to authenticate": rules.load_user,
    "to refresh": rules.load,
    "to refresh, locked": lambda claims: rules.load(claims, lock=True),
}


@pytest.fixture(params=LOADS.values(), ids=LOADS)
def load(request):
    return request.param


@pytest.mark.parametrize("first", range(len(WRONGS)))
def test_of_several_reasons_the_first_is_reported(load, user, pair, first):
    """With everything wrong from here on, the first in the documented order is told."""
    claims = forge.claims_of(pair.access)
    # The last first: blacklisting needs the sign-in to be known.
    for make in list(WRONGS.values())[: first - 1 if first else None : -1]:
        claims.update(make(user, pair))

    with pytest.raises(TokenError) as caught:
        load(claims)
    assert caught.value.reason == list(WRONGS)[first]


@pytest.mark.parametrize("reason", WRONGS)
def test_each_wrong_alone_is_refused(load, user, pair, reason):
    """None of the rules depends on another."""
    claims = forge.claims_of(pair.access)
    assert load(claims)
    claims.update(WRONGS[reason](user, pair))

    with pytest.raises(TokenError) as caught:
        load(claims)
    assert caught.value.reason == reason


def test_loading_writes_nothing(load, user, pair):
    """A refusal by itself changes no row; only a refresh ends a sign-in."""
    User.objects.update(is_active=False, password="!")
    before = list(LoginSession.objects.values())

    with pytest.raises(TokenError):
        load(forge.claims_of(pair.access))
    assert list(LoginSession.objects.values()) == before
    assert not BlacklistedToken.objects.exists()


def test_a_sign_in_without_a_user_is_nobodys(load, user, pair):
    """The row of a deleted user authenticates nobody."""
    LoginSession.objects.update(user=None)

    with pytest.raises(TokenError) as caught:
        load(forge.claims_of(pair.access))
    assert caught.value.reason == "session_ended"


def test_any_fallback_of_the_secret_key_matches(load, pair, settings):
    """As in Django's sessions: the hash may be of any key that is still known."""
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another-secret-that-is-long-enough-for-hs256-as-well"
    for fallbacks in ([old], ["third", old], [old, "third"]):
        settings.SECRET_KEY_FALLBACKS = fallbacks
        assert load(forge.claims_of(pair.access))

    settings.SECRET_KEY_FALLBACKS = ["third"]
    with pytest.raises(TokenError) as caught:
        load(forge.claims_of(pair.access))
    assert caught.value.reason == "credentials_changed"


def test_what_a_refresh_writes_is_the_present_hash(user, pair, settings):
    """load() tells the hash under the present SECRET_KEY."""
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-that-is-long-enough-for-hs256-as-well"

    live = rules.load(forge.claims_of(pair.access))

    assert live.user == user
    assert live.session == LoginSession.objects.get()
    assert live.auth_hash == user.get_session_auth_hash() != live.session.auth_hash


class Bare:
    """A user model may have neither is_active nor a hash."""


def test_a_user_model_may_know_neither_activity_nor_hash():
    """Nothing to check is nothing wrong."""
    assert rules.is_active(Bare()) is True
    assert rules.auth_hash(Bare()) == ""


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), (None, False)])
def test_activity_is_asked_of_the_object(value, expected):
    """It may be a property, not a column."""
    user = Bare()
    user.is_active = value

    assert rules.is_active(user) is expected
