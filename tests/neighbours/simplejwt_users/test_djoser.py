"""djoser makes and takes our tokens, by the alias or by contrib.djoser."""

import pytest
from django.utils.module_loading import import_string
from djoser.conf import settings as djoser

from django_jwtauth.exceptions import TokenError
from django_jwtauth.models import LoginSession
from tests.conftest import PASSWORD

JSON = "application/json"


def post(client, path, body, **headers):
    return client.post(path, body, content_type=JSON, headers=headers)


def sign_in(client):
    body = {"username": "anna", "password": PASSWORD}
    answer = post(client, "/djoser/jwt/create/", body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def status(client, access):
    return client.get("/protected/", headers={"Authorization": f"Bearer {access}"}).status_code


def test_its_routes(client, user):
    """Create, verify and refresh, under djoser's paths, of one sign-in."""
    pair = sign_in(client)

    assert LoginSession.objects.get().user == user
    assert status(client, pair["access"]) == 200
    verified = post(client, "/djoser/jwt/verify/", {"token": pair["access"]})
    assert verified.status_code == 200
    refreshed = post(client, "/djoser/jwt/refresh/", {"refresh": pair["refresh"]}).json()
    assert status(client, refreshed["access"]) == 200
    assert LoginSession.objects.count() == 1


def test_a_wrong_password(client, user):
    answer = post(client, "/djoser/jwt/create/", {"username": "anna", "password": "no"})

    assert answer.status_code == 401


def test_setting_the_password_ends_the_sign_in(client, user):
    """At djoser's own endpoint, which knows nothing of tokens."""
    pair = sign_in(client)
    body = {"current_password": PASSWORD, "new_password": "an0ther-long-one"}
    bearer = f"Bearer {pair['access']}"
    answer = post(client, "/djoser/users/set_password/", body, Authorization=bearer)

    assert answer.status_code == 204, answer.content
    assert status(client, pair["access"]) == 401
    refreshed = post(client, "/djoser/jwt/refresh/", {"refresh": pair["refresh"]})
    assert refreshed.status_code == 401


def test_a_social_sign_in(client, user):
    """The strategy that the setting names starts a sign-in; djoser answers its tokens."""
    given = djoser.SOCIAL_AUTH_TOKEN_STRATEGY.obtain(user)

    assert given["user"] == user
    assert LoginSession.objects.get().user == user
    assert status(client, given["access"]) == 200
    refreshed = post(client, "/djoser/jwt/refresh/", {"refresh": given["refresh"]})
    assert refreshed.status_code == 200


def test_a_social_sign_in_of_an_inactive_user(user):
    user.is_active = False
    user.save()

    with pytest.raises(TokenError):
        djoser.SOCIAL_AUTH_TOKEN_STRATEGY.obtain(user)
    assert not LoginSession.objects.exists()


def test_both_do_the_same():
    """With the alias, contrib.djoser may stay in the settings."""
    assert import_string("django_jwtauth.contrib.djoser.TokenStrategy").obtain
