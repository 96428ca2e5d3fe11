"""Our tokens, verified by what other languages, gateways and libraries verify tokens with.

Each is asked with our public keys alone, from the JWKS of a live server or from the PEM that
jwtauth_export_keys prints. What is not installed is skipped, unless JWTAUTH_VERIFIERS is
"required". `.ci/install-verifiers` installs everything.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jwt
import pytest

pytest.importorskip("cryptography")

from tests.forge import claims_of, header_of, segment
from tests.keypairs import make_key, make_pem
from tests.live.servers import Server, call, make_database, obtain
from tests.shell import environment, free_port, running

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "gateways.md"
AUDIENCE = "https://orders.example.com"
ALGORITHMS = ("ES256", "RS256", "EdDSA")


def has_node_module(name):
    return shutil.which("node") and (HERE / "node_modules" / name).is_dir()


@cache
def has_ruby_jwt():
    return (
        shutil.which("ruby")
        and subprocess.run(["ruby", "-rjwt", "-e", ""], capture_output=True).returncode == 0
    )


def has_python_module(name):
    return importlib.util.find_spec(name) is not None


class Verifier(NamedTuple):
    """How a verifier is started, whether it is there, and what it takes from us."""

    command: tuple[str, ...]
    installed: bool
    algorithms: tuple[str, ...]


VERIFIERS = {
    "jose": Verifier(("node", "run.mjs", "./with_jose.mjs"), has_node_module("jose"), ALGORITHMS),
    "jsonwebtoken": Verifier(
        ("node", "run.mjs", "./with_jsonwebtoken.mjs"),
        has_node_module("jsonwebtoken") and has_node_module("jwks-rsa"),
        ("ES256", "RS256"),
    ),
    "oauth4webapi": Verifier(
        ("node", "run.mjs", "./with_oauth4webapi.mjs"),
        has_node_module("oauth4webapi"),
        ALGORITHMS,
    ),
    "ruby-jwt": Verifier(
        ("ruby", "run.rb", "with_ruby_jwt.rb"), has_ruby_jwt(), ("ES256", "RS256")
    ),
    "joserfc": Verifier(
        (sys.executable, "run.py", "with_joserfc"), has_python_module("joserfc"), ALGORITHMS
    ),
    "Authlib": Verifier(
        (sys.executable, "run.py", "with_authlib"),
        has_python_module("authlib"),
        ("ES256", "RS256"),
    ),
    "PyJWT": Verifier((sys.executable, "run.py", "with_pyjwt"), True, ALGORITHMS),
}


def needs(installed, name):
    """Skip what is not installed, or fail where everything must be."""
    if installed:
        return
    if os.environ.get("JWTAUTH_VERIFIERS") == "required":
        pytest.fail(f"{name} is not installed: run .ci/install-verifiers")
    pytest.skip(f"{name} is not installed, see .ci/install-verifiers")


class Issued(NamedTuple):
    """What a live deployment gave us: its server, its private keys and a real access token each."""

    server: Server
    keys: dict[str, object]
    good: dict[str, str]
    refresh: str


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    """A deployment with a key of each algorithm; each in turn signed a token at a sign-in."""
    server = Server("tests.live.auth_settings", tmp_path_factory.mktemp("issuer"), "issuer")
    database = str(server.config_file.with_suffix(".sqlite3"))
    make_database(server, database=database, JWTAUTH={})
    keys = {name: make_key(name) for name in ALGORITHMS}
    entries = {
        name: {"algorithm": name, "private_key": make_pem(key=key), "kid": f"our {name}"}
        for name, key in keys.items()
    }
    good = {}
    try:
        # ES256 last: it is the signing key of the JWKS that verifiers fetch.
        for name in reversed(ALGORITHMS):
            ring = [
                entries[name],
                *(other for other in entries.values() if other["kid"][4:] != name),
            ]
            settings = {"ISSUER": server.url, "AUDIENCE": AUDIENCE, "KEYS": ring}
            server.deploy(database=database, JWTAUTH=settings)
            pair = obtain(server)
            good[name] = pair["access"]
        yield Issued(server, keys, good, pair["refresh"])
    finally:
        server.close()


def make_tokens(issued, algorithm):
    """Return one good token and those that every verifier must refuse, by what is wrong."""
    good = issued.good[algorithm]
    header, claims = header_of(good), claims_of(good)
    head, _, signature = good.split(".")
    # Two RSA keys are made in a run, one for each algorithm.
    stranger = make_key({"RS256": "PS256"}.get(algorithm, algorithm))

    def signed(key=issued.keys[algorithm], **changes):
        return jwt.encode({**claims, **changes}, key, algorithm, header)

    assert header["kid"] == f"our {algorithm}"
    return {
        "good": good,
        "expired": signed(iat=int(time.time()) - 600, exp=int(time.time()) - 300),
        "tampered": f"{head}.{segment({**claims, 'sub': '999'})}.{signature}",
        "foreign": signed(key=stranger),
        "foreign, with a kid of its own": jwt.encode(
            claims, stranger, algorithm, {**header, "kid": "theirs"}
        ),
        "of another issuer": signed(iss="https://elsewhere.example.com"),
        "for another audience": signed(aud="https://elsewhere.example.com"),
        "a refresh token": issued.refresh,
        "unsigned": f"{segment({**header, 'alg': 'none'})}.{segment(claims)}.",
    }


def settings_of(issued):
    return {
        "ISSUER": issued.server.url,
        "AUDIENCE": AUDIENCE,
        "JWKS_URL": f"{issued.server.url}/.well-known/jwks.json",
    }


@cache
def verdicts_of(command, algorithm, tokens, settings):
    """Return what the verifier prints for each token."""
    done = subprocess.run(
        command,
        cwd=HERE,
        env=environment(**dict(settings)),
        input="".join(f"{token}\n" for token in tokens),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [(name, algorithm) for name, it in VERIFIERS.items() for algorithm in it.algorithms],
)
def test_it_accepts_the_good_token_and_no_other(issued, name, algorithm):
    """A token of a real sign-in verifies with our JWKS; all that is wrong with others is seen."""
    verifier = VERIFIERS[name]
    needs(verifier.installed, name)
    tokens = make_tokens(issued, algorithm)

    printed = verdicts_of(
        verifier.command, algorithm, tuple(tokens.values()), tuple(settings_of(issued).items())
    )

    subject = claims_of(tokens["good"])["sub"]
    verdicts = dict(zip(tokens, printed, strict=True))
    assert verdicts.pop("good") == f"accepted {subject}"
    accepted = {what: told for what, told in verdicts.items() if not told.startswith("refused ")}
    assert accepted == {}


@pytest.fixture
def haproxy(issued, tmp_path):
    """The URL of an HAProxy before the live server, with the configuration of the documentation."""
    needs(shutil.which("haproxy"), "haproxy")
    listen = f"127.0.0.1:{free_port()}"
    variables = {
        "ISSUER": issued.server.url,
        "AUDIENCE": AUDIENCE,
        "LISTEN": listen,
        "SERVICE": issued.server.url.removeprefix("http://"),
    }
    for name in ("ES256", "RS256"):
        file = tmp_path / f"{name}.pem"
        export = ("-m", "django", "jwtauth_export_keys", "--format", "pem")
        file.write_text(issued.server.run(*export, "--kid", f"our {name}"))
        variables[f"{name}_PEM"] = str(file)
    command = ["haproxy", "-db", "-f", HERE / "haproxy.cfg"]
    with running(command, env=environment(**variables)) as process:
        deadline = time.monotonic() + 10
        while True:
            assert process.poll() is None and time.monotonic() < deadline
            try:
                call("GET", f"http://{listen}")
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://{listen}"


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_haproxy_lets_the_good_token_through_and_no_other(issued, haproxy, algorithm):
    """With the exported PEM files, HAProxy answers 401 to all but good tokens."""

    def status(raw):
        return call("GET", f"{haproxy}/.well-known/jwks.json", raw=raw)[0]

    tokens = make_tokens(issued, algorithm)
    header = {**header_of(tokens["good"]), "typ": "logout+jwt"}
    tokens["of another type"] = jwt.encode(
        claims_of(tokens["good"]), issued.keys[algorithm], algorithm, header
    )
    statuses = {what: status(raw) for what, raw in tokens.items()}

    assert statuses.pop("good") == 200
    assert set(statuses.values()) == {401}, statuses
    assert status(None) == 401


ROWS = {
    "jose": "Node: `jose` 6",
    "jsonwebtoken": "Node: `jsonwebtoken` 9 with `jwks-rsa` 4",
    "oauth4webapi": "Node: `oauth4webapi` 3, strict RFC 9068",
    "ruby-jwt": "Ruby: `jwt` 2.5",
    "joserfc": "Python: `joserfc`, `PyJWT`",
    "PyJWT": "Python: `joserfc`, `PyJWT`",
    "Authlib": "Python: Authlib, strict RFC 9068",
}


@pytest.mark.parametrize("name", VERIFIERS)
def test_the_page_says_what_is_tested(name):
    """The table on the page about gateways has a "yes" for what is tested, and for no more."""
    row = re.search(rf"^\| {re.escape(ROWS[name])} \| .*$", PAGE.read_text(), re.M)[0]
    told = [cell.strip() for cell in row.strip("|").split("|")][2:]
    tested = VERIFIERS[name].algorithms
    assert told == ["yes" if algorithm in tested else "no" for algorithm in ALGORITHMS]


def test_the_documents_name_every_key(issued):
    """The discovery document that a verifier starts from leads to keys for all algorithms."""
    _, found = call("GET", f"{issued.server.url}/.well-known/openid-configuration")
    _, published = call("GET", found["jwks_uri"])
    assert found["issuer"] == issued.server.url
    assert [jwk["alg"] for jwk in published["keys"]] == list(ALGORITHMS)


def test_what_the_packages_are_is_committed():
    """The versions of the npm packages are locked, and the lock names no registry."""
    lock = json.loads((HERE / "package-lock.json").read_text())
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    assert wanted.keys() == {"jose", "jsonwebtoken", "jwks-rsa", "oauth4webapi"}
    assert not any("resolved" in package for package in lock["packages"].values())
    assert all("integrity" in it for name, it in lock["packages"].items() if name)
