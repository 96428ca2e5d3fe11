"""Keys change while traffic flows: two servers that are deployed one after the other."""

import time
from datetime import datetime, timedelta, timezone

import pytest

pytest.importorskip("cryptography")

from tests.keypairs import make_key, make_pem, make_public_pem
from tests.live.servers import call, obtain
from tests.live.traffic import Traffic

ISSUER = "https://auth.example.com"


class KeyPair:
    """A key as it stands in KEYS: with its private half, or to verify only."""

    def __init__(self, kid):
        key = make_key()
        self.private = {"algorithm": "ES256", "private_key": make_pem(key=key), "kid": kid}
        self.public = {"algorithm": "ES256", "public_key": make_public_pem(key=key), "kid": kid}

    def active_from(self, moment):
        return {**self.private, "active_from": moment.isoformat()}


@pytest.fixture
def deploy(database):
    def deploy(server, *keys):
        settings = {
            "ISSUER": ISSUER,
            "AUDIENCE": "orders",
            "KEYS": keys,
        }
        server.deploy(database=database, JWTAUTH=settings)

    return deploy


@pytest.fixture
def servers(make_server):
    return [make_server("tests.live.auth_settings") for _ in range(2)]


@pytest.fixture
def service(make_server, servers):
    """A service that knows the keys from the first server's JWKS alone."""
    server = make_server("tests.live.resource_settings")

    def start():
        server.deploy(JWTAUTH={"ISSUERS": {ISSUER: f"{servers[0].url}/.well-known/jwks.json"}})
        return server

    return start


def now():
    return datetime.now(timezone.utc)


def test_keys_rotate_without_a_401(deploy, servers, service):
    """Twice another key signs, published first in both ways that there are: nobody is refused."""
    first, second, third = (KeyPair(kid) for kid in ("first", "second", "third"))

    def staggered(*keys):
        started = now()
        for server in servers:
            deploy(server, *keys)
            traffic.go_on()
        return now() - started

    for server in servers:
        deploy(server, first.private)
    with Traffic(servers, service()) as traffic:
        traffic.wait_for(lambda: len(traffic.counts) == 5)

        # The second key verifies everywhere before it signs anywhere.
        duration = staggered(first.private, second.public)
        time.sleep(1)  # the max-age of the key set
        assert traffic.held == {"first"}
        staggered(second.private, first.public)
        traffic.wait_for(lambda: traffic.held == {"second"})

        # No token of the first is held any more, so it is dropped. The third is in every
        # process, with its private half, before its time comes.
        activation = now() + 2 * duration + timedelta(seconds=1)
        staggered(second.private, third.active_from(activation))
        assert now() < activation, "the machine was much slower than a moment before"
        assert traffic.held == {"second"}
        traffic.wait_for(lambda: traffic.held == {"third"})
        assert now() > activation
        staggered(third.private)

    assert traffic.errors == []
    assert traffic.refusals == []
    assert min(traffic.counts[what] for what in ("call", "service", "jwks")) > 100
    assert min(traffic.counts[what] for what in ("obtain", "refresh")) > 5


def test_a_removed_key_is_refused_at_once(deploy, servers, service):
    """A key taken out of KEYS verifies nothing from the restart on, and nobody is signed out."""
    leaked, fresh = KeyPair("leaked"), KeyPair("fresh")
    one, other = servers
    for server in servers:
        deploy(server, leaked.private)
    service = service()
    pair = obtain(one)
    old = pair["access"]

    def status(server, raw):
        path = "/orders/" if server is service else "/protected/"
        code, body = call("GET", server.url + path, raw=raw)
        return code if code == 200 else (code, body["reason"])

    assert [status(server, old) for server in (*servers, service)] == [200, 200, 200]

    deploy(one, fresh.private)
    refused = (401, "bad_signature")
    assert status(one, old) == refused

    # The refresh token was not signed with that key: the client has a new pair at once.
    answer, pair = call("POST", f"{one.url}/api/token/refresh/", {"refresh": pair["refresh"]})
    assert answer == 200
    new = pair["access"]
    assert status(one, new) == 200
    # What was not deployed yet goes on as before: it believes the leaked key, and no other.
    assert [status(other, old), status(other, new)] == [200, refused]

    deploy(other, fresh.private)
    assert [status(other, old), status(other, new)] == [refused, 200]
    # A service that fetches the keys follows when its copy has expired.
    time.sleep(1.1)
    assert [status(service, old), status(service, new)] == [refused, 200]
