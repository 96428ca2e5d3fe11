"""What an operation may cost in statements and signatures, and what it must not do again.

No test here measures time: ``benchmarks/`` does.
"""

from collections import Counter
from typing import NamedTuple

import jwt.algorithms
import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.urls import reverse

from django_jwtauth import conf, sessions
from django_jwtauth.models import BlacklistedToken, LoginSession
from django_jwtauth.tokens import keyrings
from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY
from tests.keypairs import make_pem

pytestmark = pytest.mark.usefixtures("nothing_remembered")


class Operation(NamedTuple):
    """A request that must succeed, its statements, and the signatures made and checked."""

    send: object
    statements: int
    signed: int
    checked: int
    status: int = 200


OPERATIONS = {
    # The user; the sign-in; last_login.
    "obtain": Operation(lambda api, pair: api.obtain(), 3, 2, 0),
    "authenticate": Operation(lambda api, pair: api.protected(pair.access), 1, 0, 1),
    "verify": Operation(lambda api, pair: api.verify(pair.access), 1, 0, 1),
    "verify a refresh token": Operation(lambda api, pair: api.verify(pair.refresh), 1, 0, 1),
    # The sign-in and the user, locked; the row. Without a transaction it is one less.
    "refresh": Operation(lambda api, pair: api.refresh(pair.refresh), 3, 2, 1),
    # The sign-in with its user; its end; the record. In a transaction, a savepoint for the one
    # receiver of user_logged_out, the admin's.
    "sign out": Operation(lambda api, pair: api.blacklist(refresh=pair.refresh), 5, 0, 1),
    "blacklist": Operation(lambda api, pair: api.blacklist(token=pair.access), 2, 0, 1),
    "me": Operation(
        lambda api, pair: api.with_token(pair.access).get(reverse("jwtauth_me")), 1, 0, 1
    ),
    "garbage": Operation(lambda api, pair: api.protected("a.b.c"), 0, 0, 0, 401),
    "a forged token": Operation(
        lambda api, pair: api.protected(pair.access[:-4] + "AAAA"), 0, 0, 1, 401
    ),
}


@pytest.fixture(params=OPERATIONS.values(), ids=OPERATIONS)
def operation(request):
    return request.param


@pytest.fixture
def calls(monkeypatch):
    """How often each function given to ``watch`` was called."""
    counted = Counter()

    def watch(owner, name):
        function = getattr(owner, name)

        def counting(*args, **kwargs):
            counted[name] += 1
            return function(*args, **kwargs)

        monkeypatch.setattr(owner, name, counting)

    counted.watch = watch
    return counted


def test_statements(operation, api, pair, statements):
    """As few as the promise allows, and none for what is not one of our tokens."""
    number = operation.statements
    if connection.vendor == "mysql" and operation is OPERATIONS["obtain"]:
        # It takes "ádmin" for "admin": what it compares is what guesses are counted by.
        number += 1

    with statements(number):
        assert operation.send(api, pair).status_code == operation.status


@pytest.mark.django_db(transaction=True)
def test_a_refresh_without_a_transaction(api, statements):
    """One query and one UPDATE."""
    pair = sessions.start(get_user_model().objects.create_user("anna"))

    with statements(2):
        assert api.refresh(pair.refresh).status_code == 200


def test_rows(api, pair):
    """A refresh adds none, signing out one, however often it is done."""
    second = api.refresh(pair.refresh).json()
    assert (LoginSession.objects.count(), BlacklistedToken.objects.count()) == (1, 0)

    for _ in range(2):
        api.blacklist(refresh=second["refresh"])
    assert (LoginSession.objects.count(), BlacklistedToken.objects.count()) == (1, 1)


def test_signatures(operation, api, pair, calls):
    """Each is made once and checked once."""
    calls.watch(jwt.algorithms.HMACAlgorithm, "sign")
    calls.watch(jwt.algorithms.HMACAlgorithm, "verify")

    operation.send(api, pair)

    # PyJWT checks an HMAC by making it again.
    made = calls["sign"] - calls["verify"]
    assert (made, calls["verify"]) == (operation.signed, operation.checked)


def test_a_token_seen_before_is_not_checked_again(api, pair, calls):
    """Not by authenticating, nor at the endpoint that verifies."""
    api.protected(pair.access)
    calls.watch(jwt.algorithms.HMACAlgorithm, "verify")

    api.protected(pair.access)
    api.verify(pair.access)

    assert calls["verify"] == 0


def test_settings_are_read_once(operation, api, pair, calls):
    """Every later request finds them ready."""
    operation.send(api, sessions.start(get_user_model().objects.create_user("bert")))
    calls.watch(conf, "read")

    operation.send(api, pair)

    assert calls["read"] == 0


@pytest.mark.skipif(not CRYPTOGRAPHY, reason="needs cryptography")
def test_a_key_is_read_once(api, user, settings, calls):
    """To read a PEM takes longer than a hundred signatures."""
    pem = make_pem("ES256")
    settings.JWTAUTH = {"KEYS": [{"algorithm": "ES256", "private_key": pem}]}
    calls.watch(keyrings, "load_key")

    for _ in range(3):
        pair = api.obtain().json()
        pair = api.refresh(pair["refresh"]).json()
        assert api.protected(pair["access"]).status_code == 200

    assert calls["load_key"] == 1
