"""What contrib.dj_rest_auth does besides, without the alias and without simplejwt."""

from importlib import reload

import pytest
from dj_rest_auth.app_settings import api_settings
from dj_rest_auth.registration.views import SocialLoginView
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from rest_framework.authtoken.models import Token
from rest_framework.serializers import Serializer
from rest_framework.test import APIRequestFactory

from django_jwtauth import api_tokens, sessions
from django_jwtauth.contrib.dj_rest_auth import urls
from django_jwtauth.contrib.dj_rest_auth.views import LoginView
from django_jwtauth.models import LoginSession
from tests import pages
from tests.neighbours.simplejwt_users.calls import ACCESS, REFRESH, post, sign_in, status


class KnownUser(Serializer):
    def validate(self, attrs):
        return {"user": get_user_model().objects.get()}


@pytest.mark.parametrize("sent", ["header", "access cookie", "refresh cookie", "body"])
def test_logout_by_whichever_token_is_there(user, sent):
    """dj-rest-auth's own view takes only the refresh token."""
    answer = sign_in(Client())
    access, refresh = answer.cookies[ACCESS].value, answer.cookies[REFRESH].value
    client, headers, body = Client(), {}, {}
    if sent == "header":
        headers["Authorization"] = f"Bearer {access}"
    elif sent == "body":
        body["refresh"] = refresh
    else:
        name = ACCESS if sent.startswith("access") else REFRESH
        client.cookies[name] = access if name == ACCESS else refresh
    answer = post(client, "/auth/logout/", body, **headers)

    assert answer.status_code == 200
    assert LoginSession.objects.get().ended_at


@pytest.mark.parametrize("sent", [(ACCESS,), (REFRESH,), (ACCESS, REFRESH)])
def test_no_other_site_logs_out(user, sent):
    """Also once the access cookie has expired and only the refresh cookie is there."""
    answer, browser = sign_in(Client()), Client(enforce_csrf_checks=True)
    for name in sent:
        browser.cookies[name] = answer.cookies[name].value
    refused = post(browser, "/auth/logout/", Origin="https://evil.example")

    assert refused.status_code == 403
    assert not LoginSession.objects.get().ended_at


def test_a_logout_with_a_header_needs_no_csrf_token(user):
    """No form can send one."""
    answer, browser = sign_in(Client()), Client(enforce_csrf_checks=True)
    browser.cookies[REFRESH] = answer.cookies[REFRESH].value
    bearer = {"Authorization": f"Bearer {answer.json()['access']}"}

    assert post(browser, "/auth/logout/", **bearer).status_code == 200
    assert LoginSession.objects.get().ended_at


def test_logout_twice_or_without_a_valid_token(client, user):
    """200: nobody is signed in afterwards. What is no token ends nothing."""
    access = sign_in(client).json()["access"]
    bearer = {"Authorization": f"Bearer {access}"}
    for headers in (bearer, bearer, {}, {"Authorization": "Bearer"}, {"Authorization": "Bearer x"}):
        assert post(Client(), "/auth/logout/", **headers).status_code == 200
    assert post(Client(), "/auth/logout/", {"refresh": "x"}).status_code == 200
    assert post(Client(), "/auth/logout/", [1]).status_code == 400


def test_an_api_token_does_not_log_out(client, user):
    token = api_tokens.create(user, "script").raw
    post(client, "/auth/logout/", Authorization=f"Bearer {token}")

    assert status(client, token) == 200


def test_logout_of_a_session_of_django_and_a_token_of_drf(client, user, monkeypatch):
    """As dj-rest-auth's own: a project may use these besides."""
    Token.objects.create(user=user)
    monkeypatch.setattr(api_settings, "SESSION_LOGIN", True)
    sign_in(client)
    assert client.session.get("_auth_user_id") == str(user.pk)
    post(client, "/auth/logout/")

    assert "_auth_user_id" not in client.session
    assert not Token.objects.exists()


def test_the_answer_varies_on_both(client, user):
    """Where the token is read from: no cache may serve one client's answer to another."""
    sign_in(client)
    names = client.get("/protected/", secure=True)["Vary"].split(", ")

    assert {"Authorization", "Cookie"} <= set(names)


def test_one_statement_for_each_request(client, user, django_assert_num_queries):
    sign_in(client)
    with django_assert_num_queries(1):
        assert status(client) == 200


def test_a_social_login(user):
    """``LoginView`` before dj-rest-auth's own view gives it our answer; the device is known."""
    view = type("GoogleLogin", (LoginView, SocialLoginView), {"serializer_class": KnownUser})
    request = APIRequestFactory().post("/", {}, HTTP_USER_AGENT="Firefox")
    answer = view.as_view()(request)

    assert sessions.verify(str(answer.data["access"]))[0] == user
    assert answer.cookies[ACCESS].value == str(answer.data["access"])
    assert LoginSession.objects.get().user_agent == "Firefox"


def test_a_login_that_fails_in_the_end(user):
    """Nobody gets the tokens, so the sign-in ends."""

    class Broken(LoginView):
        serializer_class = KnownUser

        def get_response(self):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Broken.as_view()(APIRequestFactory().post("/", {}))
    assert LoginSession.objects.get().ended_at


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("USE_JWT", False),
        ("JWT_TOKEN_CLAIMS_SERIALIZER", Serializer),
        ("JWT_TOKEN_CLAIMS_SERIALIZER", None),
    ],
)
def test_settings_with_which_it_would_issue_other_tokens(monkeypatch, name, value):
    """Said when the URLs are read; the default of dj-rest-auth is simplejwt's serializer."""
    if value is None:
        monkeypatch.setattr(api_settings, "_user_settings", {"USE_JWT": True})
        monkeypatch.delattr(api_settings, name)
    else:
        monkeypatch.setattr(api_settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=r"TokenObtainPairSerializer"):
        reload(urls)


def test_an_empty_refresh_token_in_the_body(client, user):
    """As none: the cookie is used."""
    sign_in(client)

    assert post(client, "/auth/token/refresh/", {"refresh": ""}).status_code == 200
    assert post(Client(), "/auth/token/refresh/", {"refresh": ""}).status_code == 401


def test_the_urls_have_the_names_of_dj_rest_auth(monkeypatch):
    """All of them, which code reverses."""
    monkeypatch.setattr(api_settings, "USE_JWT", False)
    from dj_rest_auth import urls as theirs

    assert {each.name for each in urls.urlpatterns} == {
        *(each.name for each in theirs.urlpatterns),
        "token_refresh",
        "token_verify",
    }


def test_what_the_page_says(user, settings, monkeypatch):
    """Its blocks are what this project has in its settings and URLs, and a view that works."""
    names = {"GoogleOAuth2Adapter": None}
    blocks = pages.read_blocks(pages.DOCS / "coming-from-simplejwt.md")
    for block in blocks:
        if block.heading == "dj-rest-auth without the alias":
            exec(block.code, names)
    (routes,) = names["urlpatterns"]

    assert names["REST_AUTH"].items() <= settings.REST_AUTH.items()
    assert names["REST_FRAMEWORK"].items() <= settings.REST_FRAMEWORK.items()
    assert routes.urlconf_module is urls
    monkeypatch.setattr(names["GoogleLogin"], "serializer_class", KnownUser)
    answer = names["GoogleLogin"].as_view()(APIRequestFactory().post("/", {}))
    assert sessions.verify(str(answer.data["access"]))[0] == user
