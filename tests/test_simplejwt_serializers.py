"""simplejwt's serializers and views: what a project subclasses, and what they answer."""

import pickle
from datetime import datetime, timedelta, timezone

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_logged_in
from django.urls import include, path
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.test import APIClient

from django_jwtauth import exceptions, sessions
from django_jwtauth import views as core
from django_jwtauth.contrib.simplejwt.exceptions import TokenError
from django_jwtauth.contrib.simplejwt.serializers import (
    NoActiveAccount,
    TokenBlacklistSerializer,
    TokenObtainPairSerializer,
    TokenRefreshSerializer,
    TokenVerifySerializer,
)
from django_jwtauth.contrib.simplejwt.tokens import AccessToken, RefreshToken
from django_jwtauth.contrib.simplejwt.views import (
    TokenObtainPairView,
    token_blacklist,
    token_obtain_pair,
    token_refresh,
    token_verify,
)
from django_jwtauth.models import LoginSession
from django_jwtauth.views import browser
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


# --- signing in


class ByAddress(ModelBackend):
    def authenticate(self, request, username=None, password=None, **kwargs):
        found = get_user_model().objects.filter(email=username or kwargs.get("email")).first()
        return found if found and found.check_password(password) else None


class AddressSerializer(TokenObtainPairSerializer):
    username_field = "email"


def validated(cls, data=None, **context):
    form = cls(data=data or {"username": "anna", "password": PASSWORD}, context=context)
    form.is_valid(raise_exception=True)
    return form


def test_signing_in_by_address(user, settings):
    """The recipe of every forum: a back end, and a username_field."""
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.ByAddress"]
    form = validated(AddressSerializer, {"email": user.email, "password": PASSWORD})
    assert sessions.verify(form.validated_data["access"])[0] == user


def test_a_username_field_of_an_instance(user):
    """simplejwt has a class attribute, which code sets on an instance, too."""

    class Chosen(TokenObtainPairSerializer):
        def __init__(self, *args, **kwargs):
            self.username_field = "login"
            super().__init__(*args, **kwargs)

    form = validated(Chosen, {"login": "anna", "password": PASSWORD})
    assert form.user == user


def test_without_a_request(user):
    """A serializer that is used by itself signs in; nobody knows from where."""
    form = validated(TokenObtainPairSerializer)
    assert LoginSession.objects.get().ip_address is None
    assert form.pair.session_id == LoginSession.objects.get().pk


def test_a_request_of_django_and_of_drf(user, rf):
    """Either is where the sign-in comes from, and Django's signal tells of it."""
    heard = []

    def hear(request, **kwargs):
        heard.append(request)

    user_logged_in.connect(hear)
    plain = rf.post("/", REMOTE_ADDR="192.0.2.7")
    for request in (plain, Request(plain)):
        validated(TokenObtainPairSerializer, request=request)
    user_logged_in.disconnect(hear)

    assert [row.ip_address for row in LoginSession.objects.all()] == ["192.0.2.7"] * 2
    assert heard == [plain, plain]


def scopes_of(raw):
    return forge.claims_of(raw).get("scope")


class Refetching(TokenObtainPairSerializer):
    @classmethod
    def get_token(cls, user):
        return super().get_token(get_user_model().objects.get(pk=user.pk))


class Twice(TokenObtainPairSerializer):
    def validate(self, attrs):
        super().validate(attrs)
        refresh = self.get_token(self.user)
        return {"refresh": str(refresh), "access": str(refresh.access_token)}


class Direct(TokenObtainPairSerializer):
    def validate(self, attrs):
        super().validate(attrs)
        refresh = RefreshToken.for_user(self.user)
        return {"refresh": str(refresh), "access": str(refresh.access_token)}


@pytest.mark.parametrize(("body", "lasts"), [({}, 3600), ({"remember": True}, 7 * 86400)])
def test_remember_me(user, settings, body, lasts):
    """A subclass that knows nothing of it offers it, too, within a request and without one."""
    settings.JWTAUTH = {"SESSION_LIFETIME_NOT_REMEMBERED": 3600}
    form = NamedSerializer(data={"username": "anna", "password": PASSWORD, **body})

    assert form.is_valid()
    assert form.pair.remembered is ("remember" in body)
    claims = forge.claims_of(form.validated_data["refresh"])
    assert claims["exp"] - claims["iat"] == lasts


@pytest.mark.parametrize("cls", [TokenObtainPairSerializer, Refetching, Twice, Direct])
def test_what_was_granted_is_in_every_token(user, settings, cls):
    """A token without a scope may do everything: none of these ways loses it."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": f"{__name__}.scopes", "SIGN_IN": f"{__name__}.proofs"}}
    form = validated(cls)
    for raw in form.validated_data.values():
        assert scopes_of(raw) == "read"
        assert forge.claims_of(raw)["amr"] == ["pwd", "otp"]
    assert scopes_of(str(AccessToken.for_user(form.user))) == "read"
    assert LoginSession.objects.count() == 2


def test_validate_called_by_itself(user, settings):
    """As the tests of projects call it, and packages that wrap the serializer."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": f"{__name__}.scopes"}}
    form = TokenObtainPairSerializer(data={"username": "anna", "password": PASSWORD})
    data = form.validate({"username": "anna", "password": PASSWORD})

    assert scopes_of(data["access"]) == scopes_of(data["refresh"]) == "read"


def test_another_user_than_the_one_who_was_admitted(user, other_user, settings):
    """What was granted to one is not another's, who gets a sign-in of their own."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": f"{__name__}.proofs"}}

    class For(TokenObtainPairSerializer):
        def validate(self, attrs):
            super().validate(attrs)
            return {"access": str(self.get_token(other_user).access_token)}

    claims = forge.claims_of(validated(For).validated_data["access"])
    assert claims["sub"] == str(other_user.pk)
    assert "amr" not in claims
    assert LoginSession.objects.count() == 2


def test_a_refusal_in_the_end_ends_the_sign_in(user):
    """Nobody gets its tokens: it is not shown as live."""

    class Late(TokenObtainPairSerializer):
        def validate(self, attrs):
            self.data_then = super().validate(attrs)
            raise ValidationError("not today")

    form = Late(data={"username": "anna", "password": PASSWORD})
    assert not form.is_valid()
    assert LoginSession.objects.get().ended_at
    with pytest.raises(exceptions.SessionEnded):
        sessions.verify(form.data_then["access"])


def test_two_requests_do_not_meet(user, other_user):
    """What one serializer knows is gone when it has validated."""
    validated(TokenObtainPairSerializer)
    token = RefreshToken.for_user(other_user)
    assert token["sub"] == str(other_user.pk)
    assert LoginSession.objects.count() == 2


def test_a_user_that_signed_in_can_be_pickled(user, settings):
    """It may be kept in a cache."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": f"{__name__}.scopes"}}
    assert pickle.loads(pickle.dumps(validated(TokenObtainPairSerializer).user)) == user


def only_staff(user):
    return user.is_staff


def never(user):
    raise PermissionDenied("the rule of the project")


@pytest.mark.parametrize("door", ["obtain", "refresh"])
def test_a_rule_of_the_project(user, settings, door):
    """USER_AUTHENTICATION_RULE is asked when a user signs in, and when they refresh."""
    raw = str(RefreshToken.for_user(user))
    settings.SIMPLE_JWT = {"USER_AUTHENTICATION_RULE": f"{__name__}.only_staff"}

    def enter():
        if door == "obtain":
            return validated(TokenObtainPairSerializer)
        return validated(TokenRefreshSerializer, {"refresh": raw})

    with pytest.raises(NoActiveAccount, match="No active account"):
        enter()
    assert LoginSession.objects.get().generation == 0
    settings.SIMPLE_JWT = {"USER_AUTHENTICATION_RULE": f"{__name__}.never"}
    with pytest.raises(PermissionDenied):
        enter()
    get_user_model().objects.update(is_staff=True)
    settings.SIMPLE_JWT = {"USER_AUTHENTICATION_RULE": f"{__name__}.only_staff"}
    assert enter().validated_data["access"]


# --- refreshing and signing out


class Fat(RefreshToken):
    no_copy_claims = (*RefreshToken.no_copy_claims, "big")


class FatSerializer(TokenRefreshSerializer):
    token_class = Fat


def test_refreshing_costs_no_more_statements(pair, statements):
    """The class as it is asks once and writes once; one with its own token class asks before."""
    with statements(3):
        form = validated(TokenRefreshSerializer, {"refresh": pair.refresh})
    with statements(4):
        validated(FatSerializer, {"refresh": form.validated_data["refresh"]})


def test_a_token_class_of_its_own_is_what_refreshes(user):
    """Its access tokens leave out what it says, and the refresh token keeps it."""
    token = Fat.for_user(user)
    token["big"] = "x"
    data = validated(FatSerializer, {"refresh": str(token)}).validated_data

    assert "big" not in forge.claims_of(data["access"])
    assert forge.claims_of(data["refresh"])["big"] == "x"
    assert forge.claims_of(data["refresh"])["gen"] == 1


def test_the_refusal_of_a_reused_token(user, pair, time_machine):
    """It ends the sign-in here, too, and has the sentence of simplejwt."""
    sessions.refresh(pair.refresh)
    time_machine.move_to(datetime.now(timezone.utc) + timedelta(minutes=1))
    for cls in (TokenRefreshSerializer, FatSerializer):
        with pytest.raises(TokenError, match="Token is blacklisted"):
            validated(cls, {"refresh": pair.refresh})
    assert LoginSession.objects.get().end_reason == "reused"


def test_signing_out_again_and_too_late(user, pair, time_machine):
    """As at the endpoint of the core, and recorded as what came by the API."""
    for _ in range(2):
        assert validated(TokenBlacklistSerializer, {"refresh": pair.refresh}).validated_data == {}
    assert LoginSession.objects.get().ended_via == "api"
    time_machine.move_to(datetime.now(timezone.utc) + timedelta(days=8))
    assert validated(TokenBlacklistSerializer, {"refresh": pair.refresh})


# --- under our own views


class Named(TokenObtainPairSerializer):
    def validate(self, attrs):
        return {**super().validate(attrs), "name": self.user.get_username()}


def ours(view, serializer, rf, **body):
    request = rf.post("/", body, headers={"User-Agent": "curl/8"})
    return view.as_view(serializer_class=serializer)(request)


def test_signing_in_under_our_own_view(user, rf):
    """The serializer has signed in already: its answer is what is answered, and once."""
    answer = ours(core.TokenObtainPairView, Named, rf, username="anna", password=PASSWORD)

    assert answer.status_code == 200
    assert answer.data["name"] == "anna"
    assert answer.data.keys() >= {"access", "refresh", "expires_in", "refresh_expires_in"}
    assert LoginSession.objects.get().user_agent == "curl/8"
    wrong = ours(core.TokenObtainPairView, Named, rf, username="anna", password="x")
    assert wrong.status_code == 401
    assert wrong["WWW-Authenticate"] == 'Bearer realm="api"'


def test_the_others_under_our_own_views(user, pair, rf):
    """Each is asked once, and what it refuses is a 401."""
    answer = ours(core.TokenRefreshView, TokenRefreshSerializer, rf, refresh=pair.refresh)
    assert LoginSession.objects.get().generation == 1
    assert sessions.verify(answer.data["refresh"])
    last = answer.data["refresh"]
    for view, serializer, name in (
        (core.TokenVerifyView, TokenVerifySerializer, "token"),
        (core.TokenBlacklistView, TokenBlacklistSerializer, "refresh"),
    ):
        assert ours(view, serializer, rf, **{name: last}).status_code == 200
        assert ours(view, serializer, rf, **{name: "x"}).status_code == 401
    assert ours(core.TokenRefreshView, TokenRefreshSerializer, rf, refresh=last).status_code == 401


def test_cookies_stay_the_only_place_of_tokens(user, settings):
    """Under the view for browsers a serializer cannot put them into the body."""

    class View(browser.SignInView):
        serializer_class = Named

    pattern = path("token/", View.as_view(), name="token_obtain_pair")
    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [pattern]})
    answer = APIClient().post("/token/", {"username": "anna", "password": PASSWORD})

    assert answer.json().keys() == {"expires_in", "refresh_expires_in", "name"}
    assert len([name for name in answer.cookies if "jwtauth" in name]) >= 2


# --- views


class InACookie(TokenObtainPairSerializer):
    def validate(self, attrs):
        data = super().validate(attrs)
        self.secret = data.pop("refresh")
        return data


class Cookies(TokenObtainPairView):
    serializer_class = InACookie


def test_a_token_that_was_left_out_stays_out(user, settings):
    """The view adds how long tokens last, and no token."""
    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [path("t/", Cookies.as_view())]})
    answer = APIClient().post("/t/", {"username": "anna", "password": PASSWORD})

    assert answer.json().keys() == {"access", "token_type", "expires_in", "refresh_expires_in"}


SERIALIZERS = {
    "TOKEN_OBTAIN_SERIALIZER": token_obtain_pair,
    "TOKEN_REFRESH_SERIALIZER": token_refresh,
    "TOKEN_VERIFY_SERIALIZER": token_verify,
    "TOKEN_BLACKLIST_SERIALIZER": token_blacklist,
}


class Hello(Serializer):
    def validate(self, attrs):
        return {"hello": "you"}


@pytest.mark.parametrize("setting", SERIALIZERS)
def test_a_serializer_that_a_setting_names(settings, rf, setting):
    """Read when a request comes, so that settings of a test hold."""
    settings.SIMPLE_JWT = {setting: f"{__name__}.Hello"}
    answer = SERIALIZERS[setting](rf.post("/", {}))
    assert answer.data == {"hello": "you"}
    settings.SIMPLE_JWT = {setting: "shop.nothing"}
    with pytest.raises(ImportError):
        SERIALIZERS[setting](rf.post("/", {}))


def test_the_answers_of_the_views(user, pair, settings, rf):
    """Not to be cached; a refusal has simplejwt's codes and our reason."""
    answer = token_refresh(rf.post("/", {"refresh": pair.access}))
    assert answer["Cache-Control"] == "no-store"
    assert answer.data == {
        "detail": "Token has wrong type",
        "code": "token_not_valid",
        "reason": "wrong_type",
    }
    get_user_model().objects.update(is_active=False)
    answer = token_refresh(rf.post("/", {"refresh": pair.refresh}))
    assert (answer.status_code, answer.data["code"]) == (401, "no_active_account")
    assert answer.data["reason"] == "user_inactive"
    answer = token_obtain_pair(rf.post("/", {"username": "anna", "password": PASSWORD}))
    assert answer.data == {
        "detail": "No active account found with the given credentials",
        "code": "no_active_account",
        "reason": "invalid_credentials",
    }


def test_throttles_of_the_core(user, limits, rf):
    """Guessing is counted here as at every other door."""
    limits(account=1)
    post = {"username": "anna", "password": "wrong"}
    assert [token_obtain_pair(rf.post("/", post)).status_code for _ in range(2)] == [401, 429]


def test_atomic_requests_do_not_revive_a_sign_in(pair):
    """The views are outside the transaction of ATOMIC_REQUESTS, as the core's are."""
    for view in SERIALIZERS.values():
        assert view._non_atomic_requests >= {"default"}


def big_hook(user, request):
    return {"big": "y" * 5000}


@pytest.mark.urls("tests.urls")
def test_a_pair_that_does_not_fit_a_cookie_leaves_no_sign_in(user, rf, settings):
    """Nobody gets its tokens, so nobody could end it."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": f"{__name__}.big_hook"}}
    view = browser.SignInView.as_view(serializer_class=TokenObtainPairSerializer)
    request = rf.post("/", {"username": user.get_username(), "password": PASSWORD})
    request.csrf_processing_done = True

    with pytest.raises(ValueError, match="does not fit into a cookie"):
        view(request)
    assert not LoginSession.objects.live().exists()
