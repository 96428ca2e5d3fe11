"""The clients for tests of projects: what they send is what a real client would."""

import subprocess
import sys
from datetime import datetime, timezone

import pytest
import time_machine
from asgiref.sync import async_to_sync

from django_jwtauth import sessions
from django_jwtauth.exceptions import ExpiredToken, SessionEnded
from django_jwtauth.models import LoginSession
from django_jwtauth.testing import AsyncJWTClient, JWTClient, make_expired_token, make_revoked_token
from tests.pages import read_blocks
from tests.shell import ROOT, environment

URLS = """\
from django.urls import include, path

urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path("auth/", include("django_jwtauth.urls.browser")),
]
"""
SETTINGS = """\
from tests.settings import *

ROOT_URLCONF = "site_urls"
"""


def test_the_documentations_examples_pass(tmp_path):
    """Each example of docs/testing.md, put into the file that it names, is run by pytest."""
    for block in read_blocks(ROOT / "docs/testing.md"):
        if block.language == "python":
            name = block.code.splitlines()[0].removeprefix("# ")
            (tmp_path / name).write_text(block.code)
    (tmp_path / "site_urls.py").write_text(URLS)
    (tmp_path / "site_settings.py").write_text(SETTINGS)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\nfilterwarnings = error\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--ds", "site_settings"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "9 passed" in done.stdout


def test_an_expired_token_is_refused_and_its_sign_in_lives(user):
    """Only the time is against it: an hour ago it was good."""
    raw = make_expired_token(user, scope="read")
    with pytest.raises(ExpiredToken):
        sessions.authenticate(raw)
    moment = datetime.now(timezone.utc).timestamp() - 5400
    with time_machine.travel(moment):
        found, claims = sessions.authenticate(raw)
    assert (found, claims["scope"]) == (user, "read")
    assert LoginSession.objects.live().count() == 1


def test_a_revoked_token_is_refused(user):
    """Only the sign-in is against it."""
    with pytest.raises(SessionEnded):
        sessions.authenticate(make_revoked_token(user))


@pytest.mark.parametrize("cookies", [False, True])
def test_signing_out_ends_the_sign_in(user, cookies):
    """After sign_out() nothing is sent, and what was sent is worth nothing."""
    client = JWTClient()
    pair = client.sign_in(user, cookies=cookies)
    client.sign_out()
    assert client.pair is None
    assert not client.cookies
    assert "error" not in client.get("/api/me/").headers["WWW-Authenticate"]
    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh)


def test_signing_in_again_sends_only_the_new_token(user, other_user):
    """Cookies of one user do not travel with the header of the next."""
    client = JWTClient()
    client.sign_in(user, cookies=True)
    client.sign_in(other_user)
    assert not client.cookies
    assert client.get("/api/me/").json()["username"] == other_user.username


def test_cookies_need_a_csrf_token_where_it_is_checked(settings, user):
    """With enforce_csrf_checks, the client is refused as a browser on a foreign page would be."""
    settings.ROOT_URLCONF = "django_jwtauth.urls.browser"
    client = JWTClient(enforce_csrf_checks=True)
    client.sign_in(user, cookies=True)
    assert client.post("/token/refresh/").status_code == 403


def test_the_first_word_of_the_header_is_the_projects(settings, user):
    """A project that calls it JWT is sent JWT."""
    settings.JWTAUTH = {"AUTH_HEADER_TYPES": ["JWT"]}
    client = JWTClient()
    client.sign_in(user)
    assert client.get("/api/me/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_async_client_signs_in(user):
    """What one request is given itself goes before what the client sends."""

    async def ask():
        client = AsyncJWTClient()
        await client.sign_in(user)
        given = {"Authorization": "Bearer a.b.c"}
        codes = [
            (await client.get("/api/me/", headers=headers)).status_code for headers in ({}, given)
        ]
        client.forget()
        return [*codes, (await client.get("/api/me/")).status_code]

    assert async_to_sync(ask)() == [200, 401, 401]
