"""The classes of simplejwt that projects call and subclass, as they are here."""

import pytest
from django.urls import include, path
from rest_framework.test import APIClient

from django_jwtauth import exceptions, sessions
from django_jwtauth.contrib.simplejwt.serializers import TokenObtainPairSerializer
from django_jwtauth.contrib.simplejwt.tokens import AccessToken, RefreshToken
from django_jwtauth.contrib.simplejwt.views import TokenObtainPairView
from django_jwtauth.models import BlacklistedToken, LoginSession
from tests import forge
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


class NamedSerializer(TokenObtainPairSerializer):
    """As simplejwt's documentation writes it."""

    @classmethod
    def get_token(cls, user):
        token = super().get_token(user)
        token["name"] = user.get_username().title()
        return token

    def validate(self, attrs):
        data = super().validate(attrs)
        data["email"] = self.user.email
        return data


class NamedView(TokenObtainPairView):
    serializer_class = NamedSerializer


urlpatterns = [
    path("api/token/", NamedView.as_view(), name="token_obtain_pair"),
    path("api/", include("django_jwtauth.urls")),
]


def test_tokens_for_a_user(user, api):
    """for_user(), access_token and str(), as simplejwt's documentation has it: one sign-in."""
    refresh = RefreshToken.for_user(user)
    body = {"refresh": str(refresh), "access": str(refresh.access_token)}

    assert LoginSession.objects.get().user == user
    assert sessions.authenticate(body["access"])[0] == user
    assert api.refresh(body["refresh"]).status_code == 200
    assert str(refresh.access_token) == body["access"]


def test_claims_of_a_new_token(user, api):
    """What is added before the token is read is in both tokens, and in those that follow."""
    refresh = RefreshToken.for_user(user)
    refresh["name"] = "Anna"
    assert "name" in refresh
    assert refresh.get("nothing") is None
    assert forge.claims_of(str(refresh.access_token))["name"] == "Anna"
    assert forge.claims_of(str(refresh))["name"] == "Anna"

    assert forge.claims_of(api.refresh(str(refresh)).json()["access"])["name"] == "Anna"


def test_claims_of_a_token_that_was_given_out(user, api):
    """Its jti is that of its sign-in; what is changed afterwards is signed when it is next read."""
    refresh = RefreshToken.for_user(user)
    first = str(refresh)
    refresh["name"] = "Anna"

    assert refresh["jti"] == forge.claims_of(first)["jti"]
    assert "name" not in forge.claims_of(first)
    assert forge.claims_of(str(refresh))["name"] == "Anna"
    assert str(refresh) == str(refresh)
    assert LoginSession.objects.count() == 1


@pytest.mark.parametrize("claim", ["sub", "sid", "gen", "iss", "aud", "token_type", "user_id"])
def test_reserved_claims_of_a_new_token(user, claim):
    """A claim that the sign-in decides cannot be set, in neither of its tokens."""
    refresh = RefreshToken.for_user(user)
    for token in (refresh, refresh.access_token):
        token[claim] = "2"
        with pytest.raises(ValueError, match=claim):
            str(token)


def test_an_inactive_user_gets_no_token(user):
    """simplejwt only logged it."""
    user.is_active = False
    with pytest.raises(exceptions.UserInactive):
        str(RefreshToken.for_user(user))


def test_address_and_user_agent(user, rf):
    """Recorded when the request is given."""
    request = rf.get("/", headers={"User-Agent": "curl/8"}, REMOTE_ADDR="192.0.2.7")
    str(RefreshToken.for_user(user, request))

    session = LoginSession.objects.get()
    assert (session.ip_address, session.user_agent) == ("192.0.2.7", "curl/8")


def test_signing_out_as_everybody_wrote_it(user, pair, api):
    """RefreshToken(raw).blacklist() ends the sign-in."""
    RefreshToken(pair.refresh).blacklist()

    assert api.protected(pair.access).status_code == 401
    assert BlacklistedToken.objects.get().token_type == "refresh"
    with pytest.raises(exceptions.TokenError):
        RefreshToken(pair.refresh)


def test_reading_a_refresh_token(user, pair):
    """It is verified, and of the right kind; nothing is exchanged."""
    refresh = RefreshToken(pair.refresh)
    assert (str(refresh), refresh["sub"]) == (pair.refresh, str(user.pk))
    with pytest.raises(KeyError):
        refresh["nothing"]
    with pytest.raises(exceptions.WrongTokenType):
        RefreshToken(pair.access)
    assert sessions.authenticate(str(refresh.access_token))[0] == user
    assert LoginSession.objects.get().generation == 0


def test_reading_an_access_token(user, pair):
    """AccessToken(raw) refuses what a request would be refused for."""
    access = AccessToken(pair.access)
    assert access.payload["sub"] == access.get("sub") == str(user.pk)
    with pytest.raises(exceptions.WrongTokenType):
        AccessToken(pair.refresh)
    access.blacklist()
    with pytest.raises(exceptions.TokenBlacklisted):
        AccessToken(pair.access)


def test_an_access_token_for_a_user(user, api):
    """As tests of projects make them."""
    assert api.protected(str(AccessToken.for_user(user))).status_code == 200


def test_what_is_shown_of_a_token(user, pair):
    """Its jti, never the token."""
    for token in (RefreshToken(pair.refresh), AccessToken(pair.access)):
        assert token["jti"] in repr(token)
        assert str(token) not in repr(token)


@pytest.mark.urls(__name__)
def test_a_serializer_that_was_subclassed(user, api):
    """get_token() and validate() of a subclass do what they did; the answer has ours, too."""
    answer = api.obtain()
    body = answer.json()
    assert answer.status_code == 200
    assert body.keys() == {
        *("access", "refresh", "email"),
        *("token_type", "expires_in", "refresh_expires_in"),
    }
    assert body["email"] == "anna@example.org"
    assert forge.claims_of(body["access"])["name"] == "Anna"
    assert answer["Cache-Control"] == "no-store"
    session = LoginSession.objects.get()
    assert session.ip_address == "127.0.0.1"

    again = api.refresh(body["refresh"]).json()
    assert forge.claims_of(again["access"])["name"] == "Anna"


@pytest.mark.urls(__name__)
def test_refusals_of_a_subclassed_serializer(user, api, settings):
    """The password is checked as everywhere: same body, same throttle, same hooks."""
    wrong = api.obtain(password="wrong")
    assert (wrong.status_code, wrong.json()["reason"]) == (401, "invalid_credentials")
    assert api.post("/api/token/", {}).json().keys() == {"username", "password"}
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"account": "1/min"}}}
    for _ in range(2):
        throttled = api.obtain(password="wrong")
    assert throttled.status_code == 429
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.hooks.refuse"}}
    assert APIClient().post(
        "/api/token/", {"username": "anna", "password": PASSWORD}
    ).status_code in (401, 403)
    assert not LoginSession.objects.exists()


@pytest.mark.urls(__name__)
def test_a_second_factor_at_a_subclassed_serializer(user, api, settings):
    """The hook sees what came in the body here, too."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.test_credentials.asking_hook"}}
    body = {"username": "anna", "password": PASSWORD}

    assert api.post("/api/token/", body).json()["reason"] == "mfa_required"
    answer = api.post("/api/token/", {**body, "otp": "012345"}).json()
    assert forge.claims_of(answer["access"])["saw"] == "012345"


class GreedySerializer(TokenObtainPairSerializer):
    @classmethod
    def get_token(cls, user):
        token = super().get_token(user)
        token["scope"] = "everything"
        token["amr"] = ["pwd"]
        return token


@pytest.mark.urls(__name__)
def test_a_serializer_cannot_grant_what_the_hooks_did_not(user, api, settings, monkeypatch):
    """What HOOKS["SCOPES"] and HOOKS["SIGN_IN"] say has the last word."""
    settings.JWTAUTH = {
        "HOOKS": {"SCOPES": f"{__name__}.scopes", "SIGN_IN": f"{__name__}.proofs"},
    }
    monkeypatch.setattr(NamedView, "serializer_class", GreedySerializer)
    claims = forge.claims_of(api.obtain().json()["access"])

    assert (claims["scope"], claims["amr"]) == ("read", ["pwd", "otp"])


def scopes(user, request):
    return ["read"]


def proofs(user, request):
    return {"amr": ["pwd", "otp"]}
