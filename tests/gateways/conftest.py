"""A live deployment, an API that knows nothing of tokens, and gateways in front of it."""

import json
import os
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from django.contrib.auth.hashers import make_password

from tests.gateways import http
from tests.live.servers import Server, make_database
from tests.shell import environment, free_port, running

HERE = Path(__file__).parent
CLIENT_ID, CLIENT_SECRET = "gateway", "s3cret-of-the-gateway"
AUDIENCE = "https://orders.example.com"
# Long enough to be asked with, short enough to be waited for.
SHORT = 3


def needs(installed, name):
    """Skip what is not installed, or fail where everything must be."""
    if installed:
        return
    if os.environ.get("JWTAUTH_GATEWAYS") == "required":
        pytest.fail(f"{name} is not installed: run .ci/install-gateways")
    pytest.skip(f"{name} is not installed, see .ci/install-gateways")


class Deployment(NamedTuple):
    """A server, and how to start it anew with other settings."""

    server: Server
    database: str
    settings: dict

    def deploy(self, database=None, **changes):
        config = {"database": database or self.database, "JWTAUTH": {**self.settings, **changes}}
        self.server.deploy(**config)


@pytest.fixture(scope="package")
def deployment(tmp_path_factory):
    """A project with one user and one client, whose tokens others can verify."""
    pytest.importorskip("cryptography")
    from tests.keypairs import make_pem

    folder = tmp_path_factory.mktemp("gateways")
    server = Server("tests.gateways.settings", folder, "server")
    database = str(folder / "live.sqlite3")
    make_database(server, database=database, JWTAUTH={})
    keys = [
        {"algorithm": name, "private_key": make_pem(name), "kid": name}
        for name in ("ES256", "RS256")
    ]
    settings = {
        "ISSUER": server.url,
        "AUDIENCE": AUDIENCE,
        "KEYS": keys,
        "CLIENTS": {CLIENT_ID: make_password(CLIENT_SECRET)},
        "OAUTH_PASSWORD_GRANT": True,
        "HOOKS": {"SCOPES": "tests.gateways.settings.scopes_hook"},
        "THROTTLES": {"RATES": dict.fromkeys(("address", "account", "account_everywhere"))},
    }
    made = Deployment(server, database, settings)
    made.deploy()
    yield made
    server.close()


@pytest.fixture
def redeploy(deployment):
    """``redeploy(database=..., NAME=value)``, undone after the test."""
    yield deployment.deploy
    deployment.deploy()


@pytest.fixture(scope="package")
def upstream():
    """The address of an API that answers with the headers it was sent, as they came."""

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length", 0))
            body = {"headers": self.headers.items(), "body": self.rfile.read(length).decode()}
            data = json.dumps({**body, "path": self.path}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def started(command, url, **options):
    """Run a gateway until it answers, and end it afterwards."""
    with running(command, env=environment(**options.pop("variables", {})), **options) as process:
        deadline = time.monotonic() + 30
        while True:
            assert process.poll() is None and time.monotonic() < deadline, command
            try:
                http.ask(url)
                break
            except OSError:
                time.sleep(0.05)
        yield url


def configuration(name, addresses):
    """The documented configuration, with the addresses of this run in place of its own."""
    text = (HERE / name).read_text()
    for documented, real in addresses.items():
        assert documented in text
        text = text.replace(documented, real)
    return text


@pytest.fixture(scope="package")
def addresses(deployment, upstream):
    """``addresses()``: by the addresses in the documentation, real ones; a new port each time."""

    def addresses():
        return {
            "127.0.0.1:8000": f"127.0.0.1:{deployment.server.port}",
            "127.0.0.1:9000": upstream,
            "127.0.0.1:8080": f"127.0.0.1:{free_port()}",
        }

    return addresses
