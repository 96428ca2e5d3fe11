"""Authlib, httpx-auth and oauth4webapi, as they come, against a running server."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.forge import claims_of
from tests.gateways import http
from tests.gateways.conftest import AUDIENCE, CLIENT_ID, CLIENT_SECRET, HERE, needs
from tests.live.servers import PASSWORD, USERNAME
from tests.shell import environment

NODE_MODULES = HERE.parent / "verifiers" / "node_modules"


def has(*modules):
    return all(importlib.util.find_spec(name) for name in modules)


@pytest.fixture
def server(deployment, monkeypatch):
    """Its URL; no proxy of the environment is asked, and plain http will do."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return deployment.server.url


def me(server, raw):
    return http.ask(f"{server}/api/me/", raw).status


@pytest.fixture
def authlib(server):
    """A session of Authlib's, and the tokens that it saved."""
    needs(has("authlib", "requests"), "Authlib")
    from tests.gateways import with_authlib

    saved = []
    with with_authlib.make_client(server, CLIENT_ID, CLIENT_SECRET, saved.append) as client:
        with_authlib.sign_in(client, USERNAME, PASSWORD)
        yield client, saved


def test_authlib_signs_in_and_calls(authlib, server):
    """OAuth2Session gets a token that it understands and sends it to an API."""
    client, _ = authlib
    assert client.token["token_type"] == "Bearer"
    assert client.token["scope"] == "jwtauth:manage reports:read reports:write"
    assert client.get(f"{server}/api/me/").json()["username"] == USERNAME


def test_authlib_refreshes_by_itself(authlib, server):
    """When the token has expired it is refreshed with the next call, and the new pair is saved."""
    client, saved = authlib
    first = dict(client.token)
    client.token["expires_at"] = 1

    assert client.get(f"{server}/api/me/").status_code == 200
    assert saved == [client.token]
    assert client.token["access_token"] != first["access_token"]
    assert claims_of(client.token["refresh_token"])["gen"] == 1


def test_authlib_introspects(authlib, server):
    """introspect_token() with the client's secret, in the header."""
    from tests.gateways import with_authlib

    client, _ = authlib
    raw = client.token["access_token"]
    told = with_authlib.introspect(client, server, raw)
    assert (told["active"], told["username"]) == (True, USERNAME)
    assert with_authlib.introspect(client, server, raw + "x") == {"active": False}


def test_authlib_revokes(authlib, server):
    """revoke_token() signs out: the access token is refused at once."""
    from tests.gateways import with_authlib

    client, _ = authlib
    raw = client.token["access_token"]
    assert me(server, raw) == 200
    with_authlib.sign_out(client, server)
    assert me(server, raw) == 401
    assert with_authlib.introspect(client, server, raw) == {"active": False}


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_authenticates_by_either_method(authlib, server, method):
    """Both that the discovery document lists."""
    client, _ = authlib
    client.token_endpoint_auth_method = method
    client.revocation_endpoint_auth_method = method
    raw = client.token["refresh_token"]
    client.refresh_token(f"{server}/oauth/token/", refresh_token=raw)
    answer = client.introspect_token(f"{server}/oauth/introspect/", client.token["access_token"])
    assert answer.json()["active"] is True


def test_authlib_tells_what_is_wrong(authlib, server):
    """Our errors are those it knows: a superseded token is an invalid_grant."""
    from authlib.integrations.base_client import OAuthError

    client, _ = authlib
    old = client.token["refresh_token"]
    for _ in range(2):
        client.refresh_token(f"{server}/oauth/token/")
    with pytest.raises(OAuthError) as refused:
        client.refresh_token(f"{server}/oauth/token/", refresh_token=old)
    assert (refused.value.error, refused.value.description) == ("invalid_grant", "reused")


def test_httpx_auth(server):
    """It signs in with the first request, asks for scopes, and signs in again when it must."""
    needs(has("httpx", "httpx_auth"), "httpx-auth")
    from httpx_auth import OAuth2

    from tests.gateways import with_httpx_auth

    OAuth2.token_cache.clear()
    with with_httpx_auth.make_client(server, USERNAME, PASSWORD) as client:
        told = client.get("/api/me/").json()
        assert (told["username"], told["scopes"]) == (USERNAME, ["reports:read"])
        again = client.get("/api/me/").json()
        assert again["session_id"] == told["session_id"]
        OAuth2.token_cache.clear()
        assert client.get("/api/me/").json()["session_id"] != told["session_id"]


def test_httpx_auth_tells_what_is_wrong(server):
    """A wrong password is the error that it has a class for."""
    needs(has("httpx", "httpx_auth"), "httpx-auth")
    from httpx_auth import InvalidGrantRequest, OAuth2

    from tests.gateways import with_httpx_auth

    OAuth2.token_cache.clear()
    with (
        with_httpx_auth.make_client(server, USERNAME, "wrong") as client,
        pytest.raises(InvalidGrantRequest, match="invalid_grant"),
    ):
        client.get("/api/me/")


def test_oauth4webapi(server):
    """RFC 8414, 6749, 9068, 7662, 7009 in one go, checked by a client that is strict about them."""
    needs(shutil.which("node") and (NODE_MODULES / "oauth4webapi").is_dir(), "oauth4webapi")
    tokens = http.sign_in(server)
    done = subprocess.run(
        ["node", "with_oauth4webapi.mjs"],
        cwd=HERE,
        env=environment(
            ISSUER=server, AUDIENCE=AUDIENCE, CLIENT_ID=CLIENT_ID, CLIENT_SECRET=CLIENT_SECRET
        ),
        input=tokens["refresh_token"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    assert told["claims"] == claims_of(told["tokens"]["access_token"])
    assert told["claims"]["client_id"] == AUDIENCE
    assert told["before"]["active"] is True
    assert told["after"] == {"active": False}
    assert told["error"] == "invalid_grant"


PAGES = {"gateways.md": ["nginx.conf", "Caddyfile"]}
PAGES["oauth.md"] = ["with_authlib.py", "with_httpx_auth.py"]


@pytest.mark.parametrize("page", PAGES)
def test_what_is_documented_is_what_is_tested(page):
    """The pages show the files that these tests run, not copies of them."""
    text = (Path(__file__).parents[2] / "docs" / page).read_text()
    for name in PAGES[page]:
        assert f"literalinclude}} ../tests/gateways/{name}\n" in text
