"""dj-rest-auth makes and takes our tokens, by the alias or by contrib.dj_rest_auth."""

from datetime import datetime, timedelta

import pytest
from dj_rest_auth.app_settings import api_settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from django_jwtauth.models import LoginSession
from tests.conftest import PASSWORD
from tests.neighbours.simplejwt_users.calls import ACCESS, JSON, REFRESH, post, sign_in, status


@pytest.fixture
def in_body(monkeypatch):
    """Scripts may have the refresh token."""
    monkeypatch.setattr(api_settings, "JWT_AUTH_HTTPONLY", False)


def test_login(client, user):
    """One sign-in; the answer has the user, the access token and when they expire."""
    body = sign_in(client).json()

    session = LoginSession.objects.get()
    assert session.user == user
    assert body["user"]["username"] == "anna"
    assert body["refresh"] == ""
    assert status(Client(), body["access"]) == 200
    ends = datetime.fromisoformat(body["refresh_expiration"])
    assert abs(ends - session.expires_at) < timedelta(seconds=5)
    assert datetime.fromisoformat(body["access_expiration"]) > timezone.now()


def test_a_wrong_password(client, user):
    answer = post(client, "/auth/login/", {"username": "anna", "password": "no"})

    assert answer.status_code == 400
    assert not answer.cookies
    assert not LoginSession.objects.exists()


def test_cookies_by_its_own_settings(client, user):
    """Name, path, flags; a request needs nothing else."""
    answer = sign_in(client)

    access, refresh = answer.cookies[ACCESS], answer.cookies[REFRESH]
    assert (access["path"], refresh["path"]) == ("/", "/auth/")
    for cookie in (access, refresh):
        assert cookie["httponly"] and cookie["secure"]
        assert cookie["samesite"] == "Strict"
    assert status(client) == 200


def test_no_cookies(client, user, monkeypatch, in_body):
    """Without names there are none, and the pair is in the body."""
    monkeypatch.setattr(api_settings, "JWT_AUTH_COOKIE", None)
    monkeypatch.setattr(api_settings, "JWT_AUTH_REFRESH_COOKIE", None)
    monkeypatch.setattr(api_settings, "JWT_AUTH_RETURN_EXPIRATION", False)
    answer = sign_in(client)
    body = answer.json()

    assert not answer.cookies
    assert set(body) == {"access", "refresh", "user"}
    assert status(client) == 401
    refreshed = post(client, "/auth/token/refresh/", {"refresh": body["refresh"]})
    assert status(client, refreshed.json()["access"]) == 200
    assert not refreshed.cookies
    left = post(client, "/auth/logout/", {"refresh": refreshed.json()["refresh"]})
    assert (left.status_code, LoginSession.objects.filter(ended_at=None).count()) == (200, 0)
    assert not left.cookies


@pytest.mark.parametrize("always", [True, False])
def test_csrf(user, monkeypatch, always):
    """The cookie is refused without the CSRF token where the settings ask for it; a header not."""
    client = Client(enforce_csrf_checks=True)
    access = sign_in(client).json()["access"]
    monkeypatch.setattr(api_settings, "JWT_AUTH_COOKIE_ENFORCE_CSRF_ON_UNAUTHENTICATED", always)
    change = "/auth/user/"

    answer = client.patch(change, {"first_name": "A"}, content_type=JSON, secure=True)
    assert answer.status_code == 403
    bearer = {"Authorization": f"Bearer {access}"}
    answer = client.patch(change, {}, content_type=JSON, headers=bearer, secure=True)
    assert answer.status_code == 200
    anonymous = Client(enforce_csrf_checks=True)
    answer = anonymous.patch(change, {}, content_type=JSON, secure=True)
    assert answer.status_code == (403 if always else 401)


def test_csrf_is_off_by_default(user, monkeypatch):
    monkeypatch.setattr(api_settings, "JWT_AUTH_COOKIE_USE_CSRF", False)
    client = Client(enforce_csrf_checks=True)
    sign_in(client)

    answer = client.patch("/auth/user/", {}, content_type=JSON, secure=True)
    assert answer.status_code == 200


def test_refresh_by_cookie(client, user):
    """The old refresh token is superseded; the next one is in the cookie, not in the body."""
    first = sign_in(client).cookies[REFRESH].value
    answer = post(client, "/auth/token/refresh/")
    body = answer.json()

    assert answer.status_code == 200
    assert "refresh" not in body and body["access_expiration"]
    assert answer.cookies[REFRESH].value != first
    assert answer.cookies[ACCESS].value == body["access"]
    assert status(client) == 200
    assert LoginSession.objects.count() == 1


def test_refresh_by_body(client, user, in_body):
    """The body takes precedence over the cookie."""
    refresh = sign_in(client).json()["refresh"]
    client.cookies[REFRESH] = "nonsense"
    body = post(client, "/auth/token/refresh/", {"refresh": refresh}).json()

    assert body["refresh"] != refresh
    assert body["refresh_expiration"] > body["access_expiration"]


@pytest.mark.parametrize("body", [{}, {"refresh": "nonsense"}])
def test_refresh_without_a_valid_token(client, body):
    answer = post(client, "/auth/token/refresh/", body)

    assert answer.status_code == 401
    assert not answer.cookies


def test_verify(client, user):
    access = sign_in(client).json()["access"]

    assert post(client, "/auth/token/verify/", {"token": access}).status_code == 200
    assert post(client, "/auth/token/verify/", {"token": "x"}).status_code == 401


def test_logout(client, user):
    """The sign-in ends, so that the access token is refused too, and the cookies are cleared."""
    access = sign_in(client).json()["access"]
    answer = post(client, "/auth/logout/")

    assert answer.status_code == 200
    assert answer.cookies[ACCESS].value == answer.cookies[REFRESH].value == ""
    assert answer.cookies[REFRESH]["path"] == "/auth/"
    assert LoginSession.objects.get().ended_at
    assert status(Client(), access) == 401


def test_changing_the_password_ends_the_sign_ins(client, user):
    """At dj-rest-auth's own endpoint, which knows nothing of tokens."""
    access = sign_in(client).json()["access"]
    body = {"new_password1": "an0ther-long-one", "new_password2": "an0ther-long-one"}
    answer = post(client, "/auth/password/change/", body, Authorization=f"Bearer {access}")

    assert answer.status_code == 200, answer.content
    assert status(client, access) == 401
    assert post(client, "/auth/token/refresh/").status_code == 401


def test_registration(client, db):
    """Registering signs in."""
    body = {
        "username": "ben",
        "email": "ben@example.com",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    answer = post(client, "/auth/registration/", body)

    assert answer.status_code == 201, answer.content
    assert LoginSession.objects.get().user == get_user_model().objects.get()
    assert status(Client(), answer.json()["access"]) == 200
    refreshed = post(client, "/auth/token/refresh/", {"refresh": answer.json()["refresh"]})
    assert refreshed.status_code == 200


def test_a_stolen_access_token_in_the_cookie(client, user):
    """A refresh token is none, and a forged one neither."""
    answer = sign_in(client)
    for raw in (answer.cookies[REFRESH].value, answer.cookies[ACCESS].value[:-4] + "aaaa"):
        client.cookies[ACCESS] = raw
        assert status(client) == 401
