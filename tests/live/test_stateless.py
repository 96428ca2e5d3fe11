"""A project that issues tokens and a service that verifies them: two processes, one secret."""

import json
import time

import jwt
import pytest

pytest.importorskip("cryptography")

from tests.forge import claims_of
from tests.issuer import Signer
from tests.keypairs import make_pem
from tests.live.servers import call, obtain

ISSUER, AUDIENCE = "https://auth.example.com", "orders"


@pytest.fixture
def auth(make_server, database):
    server = make_server("tests.live.auth_settings")
    config = {
        "ISSUER": ISSUER,
        "AUDIENCE": AUDIENCE,
        "KEYS": [{"algorithm": "ES256", "private_key": make_pem(), "kid": "first"}],
    }
    server.deploy(database=database, JWTAUTH=config)
    return server


@pytest.fixture
def service(make_server, auth):
    server = make_server("tests.live.resource_settings")
    server.deploy(JWTAUTH={"ISSUERS": {ISSUER: f"{auth.url}/.well-known/jwks.json"}})
    return server


def orders(service, raw=None):
    return call("GET", f"{service.url}/orders/", raw=raw)


def test_a_service_without_database_and_private_key_verifies(auth, service):
    """With the settings that docs/stateless.md prints, a service lets the right tokens in."""
    pair = obtain(auth)
    claims = claims_of(pair["access"])
    good = {"user": claims["sub"], "session": claims["sid"]}

    assert orders(service, pair["access"]) == (200, good)

    head, _, signature = pair["access"].split(".")
    _, other, _ = obtain(auth)["access"].split(".")
    thief = Signer("first")
    refused = {
        "tampered": (f"{head}.{other}.{signature}", "bad_signature"),
        "signed by another key": (
            jwt.encode(claims, thief.private, "ES256", {"kid": "first", "typ": "at+jwt"}),
            "bad_signature",
        ),
        "a refresh token": (pair["refresh"], "bad_signature"),
        "no token": ("rubbish", "malformed"),
    }
    for raw, reason in refused.values():
        status, body = orders(service, raw)
        assert (status, body["reason"]) == (401, reason)
    assert orders(service)[0] == 401

    # The service has no key to sign with, and Django's checks accept that.
    printed = service.run(
        "-c",
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "from django.core.management import call_command\n"
        "from django_jwtauth.tokens.keyrings import get_access_ring\n"
        "call_command('check')\n"
        "print(settings.DATABASES['default']['ENGINE'])\n"
        "print([key.kid for key in get_access_ring().keys if not key.symmetric])\n",
    )
    assert "no issues" in printed
    assert printed.split()[-2:] == ["django.db.backends.dummy", "[]"]

    # A sign-in that ends is the project's to know: the token stays good here until it expires.
    assert call("POST", f"{auth.url}/api/token/blacklist/", {"refresh": pair["refresh"]})[0] == 200
    assert call("GET", f"{auth.url}/protected/", raw=pair["access"])[0] == 401
    assert orders(service, pair["access"]) == (200, good)

    # The project is down: the keys are kept.
    auth.close()
    time.sleep(1.1)
    assert orders(service, pair["access"]) == (200, good)


def test_a_service_that_never_saw_the_keys_is_unavailable(auth, make_server):
    """A token that nobody can check yet is 503, and is good once the project answers."""
    raw = obtain(auth)["access"]
    config = json.loads(auth.config_file.read_text())
    auth.close()
    service = make_server("tests.live.resource_settings")
    service.deploy(JWTAUTH={"ISSUERS": {ISSUER: f"{auth.url}/.well-known/jwks.json"}})

    status, body = orders(service, raw)
    assert (status, body["reason"]) == (503, "unavailable")

    auth.listen()
    auth.deploy(**config)
    time.sleep(0.3)
    assert orders(service, raw)[0] == 200
