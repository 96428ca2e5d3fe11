"""nginx, Caddy and HAProxy as they are documented, in front of an API that checks nothing."""

import shutil
import sqlite3
import time
from contextlib import closing

import pytest

from tests.forge import claims_of
from tests.gateways import http
from tests.gateways.conftest import AUDIENCE, HERE, SHORT, configuration, needs, started
from tests.live.servers import USERNAME
from tests.shell import free_port

IDENTITY = ("X-Auth-User", "X-Auth-Subject", "X-Auth-Session", "X-Auth-Scope")

# What surrounds the documented part: a place to write, and no privileges.
NGINX = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/1;
    proxy_temp_path {folder}/2;
    fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4;
    scgi_temp_path {folder}/5;
    include {folder}/gateway.conf;
}}
"""
CADDY = "{\n\tadmin off\n\tauto_https off\n}\n"


def find(program):
    # Debian keeps servers where only root looks.
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


@pytest.fixture(scope="module")
def nginx(addresses, tmp_path_factory):
    needs(find("nginx"), "nginx")
    folder, used = tmp_path_factory.mktemp("nginx"), addresses()
    (folder / "gateway.conf").write_text(configuration("nginx.conf", used))
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
    command = [find("nginx"), "-e", folder / "error.log", "-c", folder / "nginx.conf"]
    with started(command, f"http://{used['127.0.0.1:8080']}") as url:
        yield url


@pytest.fixture(scope="module")
def caddy(addresses, tmp_path_factory):
    needs(find("caddy"), "caddy")
    folder, used = tmp_path_factory.mktemp("caddy"), addresses()
    file = folder / "Caddyfile"
    file.write_text(CADDY + configuration("Caddyfile", used))
    command = [find("caddy"), "run", "--config", file, "--adapter", "caddyfile"]
    variables = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (
        (folder / "log").open("w") as log,
        started(
            command, f"http://{used['127.0.0.1:8080']}", variables=variables, stderr=log
        ) as url,
    ):
        yield url


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def gateway(request):
    """The URL of a gateway that asks Django about each request."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def tokens(deployment):
    return http.sign_in(deployment.server.url)


def test_a_good_token_gets_through(gateway, tokens):
    """The API behind the gateway sees who it is, once, and the request as it was."""
    claims = claims_of(tokens["access_token"])
    answer = http.ask(f"{gateway}/orders/7?scope=admin&q=1", tokens["access_token"])

    assert answer.status == 200
    assert answer.json["path"] == "/orders/7?scope=admin&q=1"
    assert {name: answer.seen(name) for name in IDENTITY} == {
        "X-Auth-User": [USERNAME],
        "X-Auth-Subject": [claims["sub"]],
        "X-Auth-Session": [claims["sid"]],
        "X-Auth-Scope": ["jwtauth:manage reports:read reports:write"],
    }


def test_a_body_gets_through(gateway, tokens):
    """A POST is asked about without its body, and passed on with it."""
    answer = http.ask(f"{gateway}/orders/", tokens["access_token"], body={"item": "x" * 5000})
    assert answer.json["body"] == f"item={'x' * 5000}"


@pytest.mark.parametrize("raw", [None, "", "garbage", "a b"])
def test_without_a_good_token_nothing_gets_through(gateway, raw):
    """401 with the challenge of RFC 6750, which reaches the client."""
    answer = http.ask(f"{gateway}/orders/", raw)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="api"')


def test_a_refresh_token_does_not_get_through(gateway, tokens):
    """It is for the token endpoint alone."""
    assert http.ask(gateway, tokens["refresh_token"]).status == 401


def test_a_revoked_token_is_stopped_at_once(gateway, deployment, tokens):
    """The next request after the revocation is refused, minutes before the token expires."""
    raw = tokens["access_token"]
    assert http.ask(gateway, raw).status == 200
    http.revoke(deployment.server.url, tokens["refresh_token"])
    assert http.ask(gateway, raw).status == 401


def test_a_required_scope(gateway, deployment):
    """Where the configuration requires one, a token without it gets 403."""
    for scope, status in (("reports:read", 200), ("reports:write", 403)):
        raw = http.sign_in(deployment.server.url, scope=scope)["access_token"]
        assert http.ask(f"{gateway}/reports/2026", raw).status == status
        assert http.ask(f"{gateway}/orders/", raw).status == 200


@pytest.mark.parametrize(
    "more",
    [
        ["?scope=reports:write"],
        ["?scope="],
        ["?" + "&".join(["a=1"] * 1500)],
        ["", ("Content-Type", "text/plain; charset=utf-16")],
        ["", ("Content-Type", "text/plain; charset=cp037")],
        ["", ("Content-Type", "text/plain; charset=rot13")],
        ["", ("X-Original-URI", "/orders/")],
        ["", ("X-Forwarded-Uri", "/orders/")],
        ["", ("X-HTTP-Method-Override", "OPTIONS")],
    ],
    ids=["query", "empty query", "long query", "utf-16", "cp037", "rot13", *"123"],
)
def test_a_client_cannot_change_what_is_required(gateway, deployment, more):
    """Neither its query nor its headers reach the question; the answer is 403 and no 500."""
    query, *headers = more
    raw = http.sign_in(deployment.server.url, scope="reports:write")["access_token"]
    assert http.ask(f"{gateway}/reports/{query}", raw, *headers).status == 403
    assert http.ask(f"{gateway}/orders/{query}", raw, *headers).status == 200


@pytest.mark.parametrize("name", ["X-Auth-{}", "x-auth-{}", "X_Auth_{}", "X-Auth_{}", "X_Auth-{}"])
def test_a_client_cannot_say_who_it_is(gateway, deployment, name):
    """What it sends under these names, however spelt, does not reach the API."""
    raw = http.sign_in(deployment.server.url)["access_token"]
    words = ("User", "Subject", "Session", "Scope")
    given = [(name.format(word), "root") for word in words for _ in "12"]
    answer = http.ask(f"{gateway}/orders/", raw, *given)
    assert answer.status == 200
    for header in IDENTITY:
        assert len(answer.seen(header)) == 1
        assert "root" not in answer.seen(header)


def test_a_token_without_scopes_gets_none_of_the_clients(gateway, redeploy, deployment):
    """An empty value from us removes the client's as well, which some versions of Caddy keep."""
    redeploy(HOOKS={"SCOPES": None})
    raw = http.sign_in(deployment.server.url)["access_token"]
    answer = http.ask(f"{gateway}/orders/", raw, ("X-Auth-Scope", "admin"))
    assert answer.status == 200
    assert answer.seen("X-Auth-Scope") in ([], [""])


def test_a_name_of_another_script_arrives(gateway, deployment, tokens):
    """Percent-encoded, so that no gateway and no API trips over it."""
    rename = "UPDATE auth_user SET username = ? WHERE username = ?"
    with closing(sqlite3.connect(deployment.database)) as database, database:
        database.execute(rename, ("Zoë \U0001f600\r\nX-Auth-User: root", USERNAME))
    try:
        answer = http.ask(gateway, tokens["access_token"])
    finally:
        with closing(sqlite3.connect(deployment.database)) as database, database:
            database.execute("UPDATE auth_user SET username = ?", (USERNAME,))
    expected = "Zo%C3%AB%20%F0%9F%98%80%0D%0AX-Auth-User:%20root"
    assert answer.seen("X-Auth-User") == [expected]


def test_without_the_database_nothing_gets_through_and_nothing_breaks(
    gateway, deployment, redeploy, tokens
):
    """403 while nobody can tell, no 500; 401 for what is bad in itself; then all is well."""
    redeploy(database="/nowhere/at/all.sqlite3")
    assert http.ask(gateway, tokens["access_token"]).status == 403
    assert http.ask(gateway, "garbage").status == 401
    assert http.ask(gateway).status == 401

    deployment.deploy()
    assert http.ask(gateway, tokens["access_token"]).status == 200


def test_the_question_cannot_be_asked_from_outside(nginx, tokens):
    """The locations of nginx that ask Django are no pages."""
    for path in ("/_check", "/_check/reports"):
        assert http.ask(f"{nginx}{path}", tokens["access_token"]).status == 404


# --- HAProxy, which asks nobody


@pytest.fixture
def haproxy(deployment, upstream, tmp_path):
    needs(find("haproxy"), "haproxy")
    listen = f"127.0.0.1:{free_port()}"
    variables = {"ISSUER": deployment.server.url, "AUDIENCE": AUDIENCE}
    variables |= {"LISTEN": listen, "SERVICE": upstream}
    for name in ("ES256", "RS256"):
        file = tmp_path / f"{name}.pem"
        export = ("-m", "django", "jwtauth_export_keys", "--format", "pem", "--kid", name)
        file.write_text(deployment.server.run(*export))
        variables[f"{name}_PEM"] = str(file)
    command = [find("haproxy"), "-db", "-f", HERE.parent / "verifiers" / "haproxy.cfg"]
    with started(command, f"http://{listen}", variables=variables) as url:
        yield url


def test_haproxy_alone_stops_a_revoked_token_when_it_expires(haproxy, nginx, deployment, redeploy):
    """Public keys do not tell who signed out: good until exp, which the gateway check is not."""
    redeploy(ACCESS_TOKEN_LIFETIME=SHORT)
    tokens = http.sign_in(deployment.server.url)
    raw = tokens["access_token"]
    assert http.ask(haproxy, raw).status == http.ask(nginx, raw).status == 200

    http.revoke(deployment.server.url, tokens["refresh_token"])

    assert http.ask(nginx, raw).status == 401
    assert http.ask(haproxy, raw).status == 200
    expires = claims_of(raw)["exp"]
    # HAProxy counts whole seconds.
    time.sleep(max(0, expires - time.time()) + 0.1)
    assert http.ask(haproxy, raw).status == 401


def test_an_api_token_is_for_those_who_ask(haproxy, nginx, caddy, deployment):
    """HAProxy alone refuses it, as it could not see it revoked; the others stop it when it is."""
    server = deployment.server.url
    owner = http.sign_in(server)["access_token"]
    made = http.ask(f"{server}/api/api-tokens/", owner, body={"name": "script"}).json
    raw = made["token"]
    assert [http.ask(url, raw).status for url in (nginx, caddy, haproxy)] == [200, 200, 401]

    url = f"{server}/api/api-tokens/{made['id']}/"
    assert http.ask(url, owner, method="DELETE").status == 204
    assert [http.ask(url, raw).status for url in (nginx, caddy, haproxy)] == [401, 401, 401]
