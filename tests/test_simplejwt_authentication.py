"""simplejwt's authentication classes: the steps a subclass has, the settings, the one statement."""

import subprocess
import sys

import pytest
from django.urls import include, path
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView

from django_jwtauth import api_tokens, sessions
from django_jwtauth.contrib.simplejwt.authentication import (
    JWTAuthentication,
    JWTStatelessUserAuthentication,
)
from django_jwtauth.contrib.simplejwt.exceptions import (
    AuthenticationFailed,
    InvalidToken,
    TokenError,
)
from django_jwtauth.contrib.simplejwt.models import TokenUser
from django_jwtauth.contrib.simplejwt.tokens import AccessToken, RefreshToken
from django_jwtauth.views import MeView
from tests.shell import ROOT, environment

pytestmark = pytest.mark.django_db


class Who(APIView):
    authentication_classes = (JWTAuthentication,)

    def get(self, request):
        return Response({"user": str(request.user.pk), "type": type(request.auth).__name__})


class Stateless(Who):
    authentication_classes = (JWTStatelessUserAuthentication,)


class Me(MeView):
    authentication_classes = (JWTAuthentication,)


urlpatterns = [
    path("who/", Who.as_view()),
    path("stateless/", Stateless.as_view()),
    path("me/", Me.as_view()),
    path("api/", include("django_jwtauth.urls")),
]


@pytest.fixture(autouse=True)
def urls(settings):
    settings.ROOT_URLCONF = __name__


def ask(raw=None, where="/who/", **headers):
    if raw is not None:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {raw}"
    return APIClient().get(where, **headers)


def test_a_request_is_one_statement(user, pair, statements):
    """The user comes with the check of the token, whatever the steps of it are called."""
    with statements(1):
        answer = ask(pair.access)
    assert answer.json() == {"user": str(user.pk), "type": "AccessToken"}
    with statements(0):
        assert ask(pair.access, "/stateless/").json()["user"] == str(user.pk)


def test_a_middleware_and_a_view_ask_once(user, pair, statements):
    """What was found out of a request's token is kept with the request, as it is by the core."""
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    with statements(1):
        assert JWTAuthentication().authenticate(request)[0] == user
        assert JWTAuthentication().authenticate(request)[0] == user


def test_our_own_endpoints_read_the_token_object(pair):
    """A view of this package to which a project gave this class finds the claims that it needs."""
    assert ask(pair.access, "/me/").json()["session_id"] == pair.session_id.hex


def test_the_answer_to_a_refused_token(pair):
    """The body of simplejwt, with a reason; the same as the core's."""
    sessions.end(pair.session_id)
    ours, theirs = ask(pair.access), ask(pair.access, "/api/me/")

    assert (ours.status_code, ours.json()) == (401, theirs.json())
    assert ours["WWW-Authenticate"] == theirs["WWW-Authenticate"]
    assert theirs["Vary"] in ours["Vary"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_active": False}, "user_inactive"),
        ({"password": "another"}, "password_changed"),
    ],
)
def test_a_user_who_is_refused(user, pair, change, code):
    """Told with the token, so that code which stops there does not take it for good."""
    type(user).objects.filter(pk=user.pk).update(**change)
    with pytest.raises(InvalidToken) as caught:
        JWTAuthentication().get_validated_token(pair.access)
    assert isinstance(caught.value, AuthenticationFailed)
    assert caught.value.detail["code"] == code


def test_a_bad_header():
    answer = ask(HTTP_AUTHORIZATION="Bearer a b")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_authorization_header")
    assert answer.json()["reason"] == "bad_header"


def test_a_header_of_another_name(user, pair, settings):
    """AUTH_HEADER_NAME, in either spelling; caches learn that the answer depends on it."""
    settings.JWTAUTH = {"AUTH_HEADER_NAME": "HTTP_X_ACCESS_TOKEN"}
    answer = ask(HTTP_X_ACCESS_TOKEN=f"Bearer {pair.access}")

    assert answer.json()["user"] == str(user.pk)
    assert "X-Access-Token" in answer["Vary"]
    assert ask(pair.access).status_code == 401


class Named(AccessToken):
    def verify(self):
        super().verify()
        if self.get("name") != "Anna":
            raise TokenError("Not Anna's")


class Numbered(AccessToken):
    def verify(self):
        super().verify()
        if "number" not in self:
            raise TokenError({"detail": "No number"})


def test_token_classes_of_ones_own(user, settings, statements):
    """AUTH_TOKEN_CLASSES are tried in turn; the refusal has a message of each."""
    settings.SIMPLE_JWT = {"AUTH_TOKEN_CLASSES": [f"{__name__}.Named", f"{__name__}.Numbered"]}
    refresh = RefreshToken.for_user(user)
    plain = str(refresh.access_token)
    refresh["number"] = 7

    assert ask(str(refresh.access_token)).json()["type"] == "Numbered"
    with statements(1):
        answer = ask(plain)
    assert [message["token_class"] for message in answer.json()["messages"]] == [
        "Named",
        "Numbered",
    ]
    assert answer.json()["messages"][0]["message"] == "Not Anna's"
    assert ask(plain, "/stateless/").status_code == 401
    assert ask(str(refresh.access_token), "/stateless/").status_code == 200


def test_no_class_takes_what_is_no_access_token(pair, settings):
    """A refresh token in the header is refused, whatever class a setting names."""
    settings.SIMPLE_JWT = {"AUTH_TOKEN_CLASSES": ["rest_framework_simplejwt.tokens.SlidingToken"]}
    assert ask(pair.access).status_code == 200
    assert ask(pair.refresh).status_code == 401


class Company(TokenUser):
    @property
    def company(self):
        return self.token["company"].title()


def test_a_class_of_stateless_users(user, settings):
    """TOKEN_USER_CLASS of SIMPLE_JWT."""
    settings.SIMPLE_JWT = {"TOKEN_USER_CLASS": f"{__name__}.Company"}
    token = AccessToken.for_user(user)
    token["company"] = "acme"
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {token}")

    found, validated = JWTStatelessUserAuthentication().authenticate(request)
    assert (found.company, found.pk) == ("Acme", str(user.pk))
    assert isinstance(validated, AccessToken)


def test_stateless_users_without_an_id(pair, settings):
    """With USER_ID_FIELD another than the primary key, a token says nothing of it by itself."""
    settings.SIMPLE_JWT = {"USER_ID_FIELD": "email"}
    assert ask(pair.access).status_code == 200
    answer = ask(pair.access, "/stateless/")
    assert answer.json()["detail"] == "Token contained no recognizable user identification"


def test_api_tokens(user):
    """Accepted where the database is asked, as by the core's classes."""
    raw = api_tokens.create(user, "ci").raw
    assert ask(raw).status_code == 200
    assert ask(raw, "/stateless/").status_code == 401


@pytest.mark.parametrize("validated", [{}, {"sub": "1"}, None, "text", 7, [1]])
def test_claims_that_name_nobody(user, validated):
    with pytest.raises(InvalidToken, match="no recognizable"):
        JWTAuthentication().get_user(validated)


class Elsewhere(JWTAuthentication):
    """Tokens of another issuer, which the subclass verifies by itself."""

    def get_validated_token(self, raw_token):
        if raw_token != b"theirs":
            raise InvalidToken("not theirs")
        return {"user_id": self.who}


def test_claims_that_a_subclass_has_checked(user):
    """The user that they name is found and has to be active; they belong to no sign-in."""
    request = APIRequestFactory().get("/", HTTP_AUTHORIZATION="Bearer theirs")
    backend = Elsewhere()
    backend.who = user.pk
    assert backend.authenticate(request) == (user, {"user_id": user.pk})
    for backend.who in ("nobody", None, True, user.pk + 1, "1 ", [1]):
        with pytest.raises(AuthenticationFailed) as caught:
            backend.authenticate(request)
        assert caught.value.detail["code"] == "user_not_found"
    backend.who = user.pk
    type(user).objects.update(is_active=False)
    with pytest.raises(AuthenticationFailed) as caught:
        backend.authenticate(request)
    assert caught.value.detail["code"] == "user_inactive"


def test_claims_of_ours_that_were_copied(user, pair):
    """A dict of a token's claims is asked of the database again."""
    claims = dict(JWTAuthentication().get_validated_token(pair.access))
    assert JWTAuthentication().get_user(claims) == user
    sessions.end(pair.session_id)
    with pytest.raises(AuthenticationFailed.__mro__[2]):
        JWTAuthentication().get_user(claims)


class CookieAuthentication(JWTAuthentication):
    """The recipe of every forum."""

    def authenticate(self, request):
        header = self.get_header(request)
        raw_token = self.get_raw_token(header) if header else request.COOKIES.get("access")
        if raw_token is None:
            return None
        validated_token = self.get_validated_token(raw_token)
        return self.get_user(validated_token), validated_token


def test_tokens_in_a_cookie_by_the_recipe(user, pair, statements):
    request = APIRequestFactory().get("/")
    assert CookieAuthentication().authenticate(request) is None
    request.COOKIES["access"] = pair.access
    with statements(1):
        assert CookieAuthentication().authenticate(request)[0] == user
    request.COOKIES["access"] = pair.refresh
    with pytest.raises(InvalidToken):
        CookieAuthentication().authenticate(request)


@pytest.mark.parametrize("header", [b"Bearer \xff", b"Bearer", b" ", "Bearer text", b"\xc3\xa4 b"])
def test_odd_headers(header):
    """Nothing of a header ends in a 500; what is text is read, too."""
    try:
        raw = JWTAuthentication().get_raw_token(header)
    except AuthenticationFailed:
        return
    assert raw is None or isinstance(raw, bytes)


FIRST = """
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="x" * 50,
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "django_jwtauth"
    ],
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [
        "django_jwtauth.contrib.simplejwt.authentication.JWTAuthentication"
    ]},
)
django.setup()
import %s
"""


@pytest.mark.parametrize(
    "module",
    [
        "rest_framework.views",
        *(
            f"django_jwtauth.contrib.simplejwt.{name}"
            for name in ("authentication", "tokens", "exceptions", "settings", "views", "checks")
        ),
    ],
)
def test_whichever_module_is_imported_first(module):
    """DRF imports the class while it defines APIView: nothing of it may need that."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST % module],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
