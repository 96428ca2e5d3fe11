"""Real servers in processes of their own, and a client that speaks HTTP with them."""

import json
import signal
import socket
import subprocess
import sys
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from tests.shell import ROOT, environment

USERNAME, PASSWORD = "anna", "correct horse battery staple"
# Patience with a busy machine, for what takes a second or less.
DEADLINE = 30

# The servers are on this machine, whatever the environment says of proxies.
_opener = build_opener(ProxyHandler({}))

MAKE_DATABASE = """
import django
django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
call_command("migrate", verbosity=0)
get_user_model().objects.create_user({username!r}, password={password!r})
"""


class Server:
    """A project behind gunicorn.

    The listening socket is the test's and outlives the process, as one of systemd or of a
    load balancer that waits: requests that come during a restart are answered after it.
    """

    def __init__(self, settings_module, folder, name):
        self.settings_module = settings_module
        self.config_file = folder / f"{name}.json"
        self.log_file = folder / f"{name}.log"
        self.port = 0
        self.process = None
        self.listen()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def listen(self):
        """Accept connections, again on the same port after close()."""
        self.socket = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self.socket.getsockname()[1]

    def environment(self):
        return environment(
            DJANGO_SETTINGS_MODULE=self.settings_module, LIVE_CONFIG=str(self.config_file)
        )

    def run(self, *arguments):
        """Run Python to its end with the settings of this server; return what it prints."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def deploy(self, **config):
        """Stop what runs, and start it with this configuration; return when it answers."""
        self.stop()
        self.config_file.write_text(json.dumps(config))
        descriptor = self.socket.fileno()
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()"),
                    *("--bind", f"fd://{descriptor}", "--worker-tmp-dir", self.log_file.parent),
                    *("--log-level", "warning", "--graceful-timeout", "5"),
                ],
                cwd=ROOT,
                env=self.environment(),
                pass_fds=[descriptor],
                stdout=log,
                stderr=log,
            )
        status, _ = call("GET", f"{self.url}/is-it-up/")
        assert status == 404, self.log_file.read_text()

    def stop(self):
        """Wait until the process has finished its requests and ended."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(DEADLINE)
            self.process = None

    def close(self):
        """Stop, and refuse connections from now on."""
        self.stop()
        self.socket.close()


def make_database(server, **config):
    """Make the database of ``server``, with one user."""
    server.config_file.write_text(json.dumps(config))
    server.run("-c", MAKE_DATABASE.format(username=USERNAME, password=PASSWORD))


def call(method, url, body=None, raw=None):
    """Return status and JSON of one request on a connection of its own."""
    headers = {"Content-Type": "application/json"}
    if raw is not None:
        headers["Authorization"] = f"Bearer {raw}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with _opener.open(Request(url, data, headers, method=method), timeout=DEADLINE) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            text = error.read()
        return error.code, json.loads(text) if text.startswith(b"{") else text.decode()


def obtain(server):
    status, pair = call(
        "POST", f"{server.url}/api/token/", {"username": USERNAME, "password": PASSWORD}
    )
    assert status == 200, pair
    return pair
