"""A front end that was written against simplejwt: recorded there, played here.

The requests are sent to a real simplejwt, and what it answers is the expectation. Where we
answer otherwise on purpose is not among them, but in docs/coming-from-simplejwt.md.
"""

import json
import time
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from django_jwtauth.contrib.simplejwt.move.advice import advise
from django_jwtauth.models import LoginSession
from tests import forge
from tests.conftest import PASSWORD
from tests.legacy import legacy
from tests.simplejwt_project import process

TOKEN, REFRESH, VERIFY, BLACKLIST = (
    f"/api/token/{name}" for name in ("", "refresh/", "verify/", "blacklist/")
)
USERS = ("anna", "bert", "carl")


class Recorded(NamedTuple):
    request: tuple[Any, ...]
    status: int
    body: Any
    challenge: str | None


class Recorder:
    """Sends requests with ``send`` and keeps what was asked and answered."""

    def __init__(self, send):
        self.send = send
        self.records = []

    def __call__(self, method, path, body=None, authorization=None):
        answer = self.send(method, path, body, authorization)
        request = (method, path, body, authorization)
        self.records.append(
            Recorded(request, answer["status"], answer["body"], answer["challenge"])
        )
        return answer["body"]

    def protected(self, raw):
        return self("GET", "/protected/", authorization=f"Bearer {raw}")


def send_here(method, path, body=None, authorization=None):
    headers = {} if authorization is None else {"Authorization": authorization}
    response = APIClient(raise_request_exception=False).generic(
        method,
        path,
        "" if body is None else json.dumps(body),
        content_type="application/json",
        headers=headers,
    )
    return {
        "status": response.status_code,
        "body": json.loads(response.content or b"null"),
        "challenge": response.headers.get("WWW-Authenticate"),
    }


def sign_in(ask):
    """The forms, right and wrong."""
    ask("POST", TOKEN, {"username": "anna", "password": "wrong"})
    ask("POST", TOKEN, {"username": "nobody", "password": PASSWORD})
    ask("POST", TOKEN, {})
    ask("POST", TOKEN, {"username": "", "password": ""})
    ask("POST", TOKEN, {"username": None, "password": None})
    ask("POST", TOKEN, {"username": "an\0na", "password": PASSWORD})
    ask("POST", TOKEN, [])
    ask("GET", TOKEN)
    return ask("POST", TOKEN, {"username": "anna", "password": PASSWORD})


def call(ask, pair):
    """An API call with a good token, with none, and with what is not an access token."""
    ask.protected(pair["access"])
    ask("GET", "/protected/")
    for header in ("", "Bearer", "Bearer a b", "Basic abc", "Token abc"):
        ask("GET", "/protected/", authorization=header)
    for raw in ("garbage", "a.b.c", pair["access"][:-4] + "AAAA", pair["refresh"]):
        ask.protected(raw)
    now = int(time.time())
    user = get_user_model().objects.get(username="anna")
    ask.protected(legacy(user, exp=now - 10))
    ask.protected(legacy(user, key="another-key-that-signed-this-access-token"))
    ask.protected(legacy(user, user_id="987654321"))


def refresh(ask, pair):
    """The next access token, and the refresh token where there is a new one."""
    for raw in ("garbage", pair["access"], "", None):
        ask("POST", REFRESH, {"refresh": raw})
    ask("POST", REFRESH, {})
    ask("GET", REFRESH)
    user = get_user_model().objects.get(username="anna")
    ask("POST", REFRESH, {"refresh": legacy(user, "refresh", exp=int(time.time()) - 10)})
    for _ in range(3):
        pair = {**pair, **ask("POST", REFRESH, {"refresh": pair["refresh"]})}
        ask.protected(pair["access"])
    return pair


def verify(ask, pair):
    """Good tokens of both kinds, and others."""
    for raw in (pair["access"], pair["refresh"], "garbage", "", None):
        ask("POST", VERIFY, {"token": raw})
    ask("POST", VERIFY, {})
    user = get_user_model().objects.get(username="anna")
    ask("POST", VERIFY, {"token": legacy(user, exp=int(time.time()) - 10)})


def sign_out(ask, pair):
    """And what a client sees that goes on all the same."""
    ask("POST", BLACKLIST, {"refresh": "garbage"})
    ask("POST", BLACKLIST, {"refresh": pair["access"]})
    ask("POST", BLACKLIST, {"refresh": ""})
    ask("POST", BLACKLIST, {"refresh": pair["refresh"]})
    ask("POST", REFRESH, {"refresh": pair["refresh"]})


def lose_the_account(ask):
    """Deactivated and deleted users, and those whose password was changed by an operator."""
    pair = ask("POST", TOKEN, {"username": "bert", "password": PASSWORD})
    get_user_model().objects.filter(username="bert").update(is_active=False)
    ask.protected(pair["access"])
    ask("POST", REFRESH, {"refresh": pair["refresh"]})
    ask("POST", TOKEN, {"username": "bert", "password": PASSWORD})
    pair = ask("POST", TOKEN, {"username": "carl", "password": PASSWORD})
    process.delete_user("carl")
    ask.protected(pair["access"])
    ask("POST", TOKEN, {"username": "carl", "password": PASSWORD})


def play(send):
    """Return everything that the front end asked and was answered, on fresh users."""
    get_user_model().objects.all().delete()
    for username in USERS:
        get_user_model().objects.create_user(username, password=PASSWORD)
    ask = Recorder(send)
    pair = sign_in(ask)
    call(ask, pair)
    pair = refresh(ask, pair)
    verify(ask, pair)
    sign_out(ask, pair)
    lose_the_account(ask)
    return ask.records


def is_token(value):
    return isinstance(value, str) and value.count(".") == 2 and value.startswith("eyJ")


def check_same(theirs, ours):
    """Fail unless a client that reads ``theirs`` can read ``ours``: there may be more."""
    if isinstance(theirs, dict):
        assert theirs.keys() <= ours.keys()
        for name, value in theirs.items():
            check_same(value, ours[name])
    elif isinstance(theirs, list):
        assert len(theirs) == len(ours)
        for mine, yours in zip(theirs, ours, strict=True):
            check_same(mine, yours)
    elif is_token(theirs):
        assert is_token(ours)
        # What is in a refresh token is the server's business.
        if forge.claims_of(theirs)["token_type"] == "access":
            check_claims(forge.claims_of(theirs), forge.claims_of(ours))
    elif isinstance(theirs, str) and theirs.startswith("JSON parse error"):
        assert ours.startswith("JSON parse error")
    else:
        assert theirs == ours


def check_claims(theirs, ours):
    """Fail unless each claim is there, with a value of the same kind."""
    for name, value in theirs.items():
        assert isinstance(ours[name], type(value)), name
    assert ours["token_type"] == theirs["token_type"]
    assert ours["user_id"] == ours["sub"]
    assert abs((ours["exp"] - ours["iat"]) - (theirs["exp"] - theirs["iat"])) <= 1


@pytest.mark.parametrize("rotate", [True, False])
def test_the_front_end_runs_unchanged(transactional_db, settings, rotate):
    """Same statuses, and every word that it read is there, with the settings of the doctor."""
    process.require_simplejwt()
    given = {"ROTATE_REFRESH_TOKENS": rotate, "BLACKLIST_AFTER_ROTATION": rotate}
    with process.running(**given) as old:
        recorded = play(old.send)
    settings.SIMPLE_JWT = given
    names = {"timedelta": timedelta, "SIMPLE_JWT": given}
    settings.JWTAUTH = {name: eval(line, names) for name, line in advise().lines.items()}
    played = play(send_here)

    assert len(recorded) == len(played) > 50
    for theirs, ours in zip(recorded, played, strict=True):
        told = f"{theirs.request}\n  {theirs.status} {theirs.body}\n  {ours.status} {ours.body}"
        assert theirs.status == ours.status, told
        try:
            check_same(theirs.body, ours.body)
        except (AssertionError, KeyError) as error:
            raise AssertionError(told) from error
        assert (theirs.challenge is None) == (ours.challenge is None), told
        assert (ours.challenge or "").startswith(theirs.challenge or ""), told
    assert LoginSession.objects.exists()


def test_the_recording_is_of_simplejwt(transactional_db):
    """What is expected was answered by simplejwt itself, and is not all refusals."""
    process.require_simplejwt()
    with process.running() as old:
        recorded = play(old.send)

    statuses = [record.status for record in recorded]
    assert statuses.count(200) > 10
    assert {200, 400, 401, 405} == set(statuses)
    assert not any("reason" in record.body for record in recorded if record.body)
