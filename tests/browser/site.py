"""The example project behind a gate that counts requests, and loses or holds some."""

import http.client
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.shell import ROOT, environment, free_port, listens, running

# Patience with a busy machine, for what takes a second or less.
DEADLINE = 30

SETTINGS = """
from example.settings import *

# The real ones are slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STATICFILES_DIRS = [{modules!r}]
JWTAUTH["COOKIES"] = {{"SECURE": True}}
for name, value in {jwtauth!r}.items():
    JWTAUTH[name] = {{**JWTAUTH[name], **value}} if name in JWTAUTH else value
CSRF_TRUSTED_ORIGINS = {origins!r}
if JWTAUTH["COOKIES"].get("SAMESITE") == "None":
    CSRF_COOKIE_SAMESITE, CSRF_COOKIE_SECURE = "None", True

MIDDLEWARE.insert(0, "tests.browser.cors.allow_origins")
"""

COLUMNS = "id, generation, ended_at IS NOT NULL, name"


class Gate(BaseHTTPRequestHandler):
    """Passes requests on to the site, and closes the connection after each.

    On a connection that is kept open Chromium repeats a lost request by itself.
    """

    def pass_on(self):
        site, length = self.server.site, int(self.headers.get("Content-Length") or 0)
        request = f"{self.command} {self.path}"
        fault = site.take_fault(request)
        body = self.rfile.read(length)
        if fault == "unreachable":
            return
        if isinstance(fault, int):
            self.answer(fault, [("Content-Type", "application/json")], b"{}")
            return
        with closing(http.client.HTTPConnection("127.0.0.1", site.port)) as upstream:
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            body = answer.read()
        site.requests.append((request, answer.status))
        if fault == "lost":
            return
        if isinstance(fault, float):
            time.sleep(fault)
        self.answer(answer.status, answer.getheaders(), body)

    def answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PATCH = do_DELETE = do_OPTIONS = pass_on

    def log_message(self, *args):
        """Keep the output of the tests clean."""


@contextmanager
def serving(handler, **attributes):
    """Serve ``handler`` in threads of this process; yields the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    vars(server).update(attributes)
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Site:
    """A fresh copy of the example; ``url`` leads through the gate.

    Pages of ``origins`` may use it, with credentials.
    """

    def __init__(self, folder, *origins, **jwtauth):
        self.folder = folder / "example_project"
        self.port = free_port()
        self.requests, self.faults = [], []
        ignored = shutil.ignore_patterns("*.sqlite3", "__pycache__")
        shutil.copytree(ROOT / "example_project", self.folder, ignore=ignored)
        modules = str(ROOT / "tests" / "browser" / "node_modules" / "axios" / "dist" / "esm")
        text = SETTINGS.format(modules=modules, jwtauth=jwtauth, origins=list(origins))
        (self.folder / "browser_settings.py").write_text(text)

    @contextmanager
    def running(self):
        extra = {"PORT": str(self.port), "DJANGO_SETTINGS_MODULE": "browser_settings"}
        log = self.folder / "log.txt"
        command = [sys.executable, str(self.folder / "demo.py")]
        options = {"env": environment(**extra), "stderr": subprocess.STDOUT}
        with (
            log.open("w") as file,
            running(command, stdout=file, **options) as process,
            serving(Gate, site=self) as gate,
        ):
            deadline = time.monotonic() + DEADLINE
            while not listens(self.port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            # Not the address: cookies and origins are of a name here, and of another there.
            self.url = f"http://localhost:{gate}"
            yield self

    # --- what happens on the way

    def disturb(self, request, fault, times=1):
        """Do something to the next requests like "POST /auth/token/refresh/".

        ``"lost"``: it is carried out, its answer is not delivered. ``"unreachable"``: not
        even that. A float: the answer takes so many seconds more. A status: it is answered
        with that, not by the site.
        """
        self.faults.append([request, fault, times])

    def take_fault(self, request):
        for known in self.faults:
            if known[0] == request and known[2]:
                known[2] -= 1
                return known[1]
        return None

    @property
    def refreshes(self):
        """How many the server has carried out."""
        return self.requests.count(("POST /auth/token/refresh/", 200))

    # --- what the database knows

    def sign_ins(self, username):
        """Return id, generation, whether ended, and name of each, oldest first."""
        query = f"""
            SELECT {COLUMNS} FROM django_jwtauth_loginsession
            WHERE user_id = (SELECT id FROM auth_user WHERE username = ?) AND kind = 'sign_in'
            ORDER BY id
        """
        return self.query(query, username)

    def forget_api_tokens(self):
        self.query("DELETE FROM django_jwtauth_loginsession WHERE kind = 'api_token'")

    def query(self, sql, *values):
        connection = sqlite3.connect(self.folder / "db.sqlite3", timeout=DEADLINE)
        with closing(connection) as database, database:
            return database.execute(sql, values).fetchall()

    def last_sign_in(self, username):
        return self.sign_ins(username)[-1]
