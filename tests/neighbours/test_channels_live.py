"""A WebSocket on a real server is open as long as its token is good, and no longer."""

import json
import subprocess
import sys
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests import forge
from tests.live.servers import PASSWORD, USERNAME, Server, call, make_database, obtain
from tests.pages import DOCS, read_blocks
from tests.shell import ROOT, environment, running

SETTINGS = "tests.neighbours.socket_settings"
COMMANDS = {
    "daphne": ["daphne", "-b", "127.0.0.1", "asgi:application", "-p"],
    "uvicorn": ["uvicorn", "--host", "127.0.0.1", "asgi:application", "--port"],
}
CHECK_INTERVAL = 1
DEADLINE = 20


class SocketServer(Server):
    """The project of docs/channels.md behind an ASGI server."""

    def __init__(self, folder, name):
        super().__init__(SETTINGS, folder, name)
        self.command = COMMANDS[name]
        self.folder = folder
        self.database = folder / "live.sqlite3"
        # The server under test listens by itself.
        self.socket.close()
        write_project(folder)
        make_database(self, database=str(self.database), JWTAUTH={})

    def environment(self):
        return environment(
            DJANGO_SETTINGS_MODULE=SETTINGS,
            LIVE_CONFIG=str(self.config_file),
            PYTHONPATH=f"{self.folder}:{ROOT}",
            PYTHONUNBUFFERED="1",
        )

    def socket_to(self, path, *subprotocols, **headers):
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            subprotocols=subprotocols or None,
            additional_headers=headers,
            proxy=None,
            open_timeout=DEADLINE,
            close_timeout=DEADLINE,
        )


def write_project(folder):
    """Write what the page shows, with a shorter interval and a way to the second consumer."""
    asgi, *consumers = [
        block.code
        for block in read_blocks(DOCS / "channels.md")
        if block.language == "python" and block.code.startswith("# ")
    ]
    assert "check_interval=60" in asgi
    asgi = asgi.replace("check_interval=60", f"check_interval={CHECK_INTERVAL}")
    asgi = asgi.replace("import NewsConsumer", "import LiveConsumer, NewsConsumer")
    asgi = asgi.replace("URLRouter([", 'URLRouter([path("ws/live/", LiveConsumer.as_asgi()), ')
    (folder / "asgi.py").write_text(asgi)
    (folder / "mysite").mkdir()
    (folder / "mysite" / "consumers.py").write_text("\n".join(consumers))


@pytest.fixture(scope="module", params=COMMANDS)
def server(request, tmp_path_factory):
    server = SocketServer(tmp_path_factory.mktemp(request.param), request.param)
    with server.log_file.open("w") as log:
        options = {"cwd": server.folder, "env": server.environment(), "stdout": log}
        command = [sys.executable, "-m", *server.command, str(server.port)]
        with running(command, stderr=subprocess.STDOUT, **options) as process:
            wait_for(server, process)
            yield server


def wait_for(server, process):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.poll() is None:
        try:
            assert call("GET", f"{server.url}/is-it-up/")[0] == 404
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(server.log_file.read_text())


@pytest.fixture
def pair(server):
    return obtain(server)


def closed_with(socket):
    """Return code and reason with which the server closes, whatever it says before."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(DEADLINE)
    return closed.value.rcvd.code, closed.value.rcvd.reason


def says(server, reason):
    # daphne drops it.
    return "" if "daphne" in server.command else reason


def test_a_browser_gets_in(server, pair):
    """The token as a subprotocol: the answer is the word alone, and the consumer has the user."""
    with server.socket_to("/ws/news/", "bearer", pair["access"]) as socket:
        assert socket.response.headers.get_all("Sec-WebSocket-Protocol") == ["bearer"]
        hello = json.loads(socket.recv(DEADLINE))
        socket.send('"hi"')
        answer = json.loads(socket.recv(DEADLINE))

    assert hello == {"hello": USERNAME, "sign_in": forge.claims_of(pair["access"])["sid"]}
    assert answer == {"you_said": "hi"}


def test_another_client_gets_in(server, pair):
    """The header does, too."""
    headers = {"Authorization": f"Bearer {pair['access']}"}

    with server.socket_to("/ws/news/", **headers) as socket:
        assert socket.subprotocol is None
        assert json.loads(socket.recv(DEADLINE))["hello"] == USERNAME


def test_a_socket_outlives_its_checks(server, pair):
    """Nothing happens to a socket whose token stays good."""
    with server.socket_to("/ws/news/", "bearer", pair["access"]) as socket:
        socket.recv(DEADLINE)
        time.sleep(2.5 * CHECK_INTERVAL)
        socket.send('"hi"')

        assert json.loads(socket.recv(DEADLINE)) == {"you_said": "hi"}


# What is offered in place of a good token, and why it is refused.
BAD = {
    "nothing": (lambda raw: [], "not_authenticated"),
    "no token": (lambda raw: ["bearer"], "bad_header"),
    "token first": (lambda raw: [raw, "bearer"], "bad_header"),
    "no JWT": (lambda raw: ["bearer", "nonsense"], "malformed"),
    "cut": (lambda raw: ["bearer", raw[:-3]], "bad_signature"),
    "old": (lambda raw: ["bearer", forge.altered(raw, exp=1)], "expired"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token(server, pair, name):
    """4401, of which a browser hears because the handshake succeeds."""
    offer, reason = BAD[name]
    offered = offer(pair["access"])

    with server.socket_to("/ws/news/", *offered) as socket:
        assert socket.subprotocol == ("bearer" if offered else None)
        assert closed_with(socket) == (4401, says(server, reason))


def test_two_tokens(server, pair):
    """Header and subprotocol together are refused, though they agree."""
    headers = {"Authorization": f"Bearer {pair['access']}"}

    with server.socket_to("/ws/news/", "bearer", pair["access"], **headers) as socket:
        assert closed_with(socket) == (4401, says(server, "bad_header"))


def test_expiry(server, pair):
    """An open socket is closed when its token expires."""
    expires_at = int(time.time()) + 2
    raw = forge.altered(pair["access"], exp=expires_at)

    with server.socket_to("/ws/news/", "bearer", raw) as socket:
        assert closed_with(socket) == (4401, says(server, "expired"))

    assert expires_at <= time.time() < expires_at + 2


def test_revocation(server, pair):
    """Signing out closes an open socket at the next check."""
    with server.socket_to("/ws/news/", "bearer", pair["access"]) as socket:
        socket.recv(DEADLINE)
        call("POST", f"{server.url}/api/token/blacklist/", {"refresh": pair["refresh"]})
        start = time.monotonic()

        assert closed_with(socket) == (4401, says(server, "session_ended"))

    assert time.monotonic() - start < CHECK_INTERVAL + 1


def test_a_user_is_deactivated(server, pair):
    """So does whatever else makes the token bad."""
    change = "import django; django.setup(); from django.contrib.auth.models import User; "
    with server.socket_to("/ws/news/", "bearer", pair["access"]) as socket:
        socket.recv(DEADLINE)
        try:
            server.run("-c", f"{change} User.objects.update(is_active=False)")

            assert closed_with(socket) == (4401, says(server, "user_inactive"))
        finally:
            server.run("-c", f"{change} User.objects.update(is_active=True)")


def test_a_sign_out_that_closes_at_once(server, pair):
    """With the page's receiver, sockets of the sign-in do not wait for a check."""
    with (
        server.socket_to("/ws/live/", "bearer", pair["access"]) as socket,
        server.socket_to("/ws/live/", "bearer", obtain(server)["access"]) as other,
    ):
        time.sleep(0.2)
        call("POST", f"{server.url}/api/token/blacklist/", {"token": pair["access"]})

        # The consumer's own close has no reason.
        assert closed_with(socket) == (4401, "")
        with pytest.raises(TimeoutError):
            other.recv(0.2)


def test_a_database_that_is_down(server, pair):
    """4503: for a socket that is opened, and for one that is open."""
    away = server.database.with_suffix(".away")
    with server.socket_to("/ws/news/", "bearer", pair["access"]) as socket:
        socket.recv(DEADLINE)
        server.database.rename(away)
        try:
            assert closed_with(socket) == (4503, says(server, "unavailable"))
            with server.socket_to("/ws/news/", "bearer", pair["access"]) as late:
                assert closed_with(late) == (4503, says(server, "unavailable"))
            with server.socket_to(
                "/ws/news/", "bearer", forge.altered(pair["access"], exp=1)
            ) as bad:
                assert closed_with(bad)[0] == 4401
        finally:
            # What SQLite has made in the meantime is empty.
            away.replace(server.database)

    assert obtain(server)


def test_the_log_has_no_token(server, pair):
    """Nothing of what the tests before have sent is in the server's log, and no traceback."""
    with server.socket_to("/ws/news/", "bearer", pair["access"]) as socket:
        socket.recv(DEADLINE)
    log = server.log_file.read_text()

    assert "/ws/news/" in log
    assert "eyJ" not in log
    assert PASSWORD not in log
    assert "Traceback" not in log
