"""The project in a process of its own, on the database of the test that runs."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from urllib.parse import quote

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from django_jwtauth.contrib.simplejwt.move import tables
from tests.conftest import PASSWORD
from tests.shell import ROOT, environment

INSTALLED = find_spec("rest_framework_simplejwt") is not None
SCHEMES = {"postgresql": "postgres", "mysql": "mysql", "sqlite": "sqlite"}


def require_simplejwt():
    """Skip the test where simplejwt is not installed, but not in CI."""
    if INSTALLED:
        return
    reason = "needs simplejwt: pip install --group simplejwt"
    if os.environ.get("JWTAUTH_SIMPLEJWT") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def database_url():
    """Return the database that the test is connected to."""
    given = connection.settings_dict
    login = f"{quote(given['USER'])}:{quote(given['PASSWORD'])}@" if given["USER"] else ""
    host = f"{given['HOST']}:{given['PORT']}" if given["PORT"] else given["HOST"]
    return f"{SCHEMES[connection.vendor]}://{login}{host}/{given['NAME']}"


def manage(*command, database=False, **extra):
    """Run a command in the project, with our app beside simplejwt's; return its output."""
    extra["ANOTHER_APP"] = "django_jwtauth"
    if database:
        extra["DATABASE_URL"] = database_url()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "django", *command],
        cwd=ROOT,
        env=environment(DJANGO_SETTINGS_MODULE="tests.simplejwt_project.settings", **extra),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class OldProject:
    """Speaks to the project; every call is a request to it."""

    def __init__(self, **settings):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.simplejwt_project"],
            cwd=ROOT,
            env=environment(DATABASE_URL=database_url(), SIMPLE_JWT=json.dumps(settings)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def send(self, method, path, body=None, authorization=None):
        request = {"method": method, "path": path, "authorization": authorization}
        return self.ask(request if body is None else {**request, "body": body})

    def obtain(self, username="anna", path="/api/token/"):
        answer = self.send("POST", path, {"username": username, "password": PASSWORD})
        assert answer["status"] == 200, answer
        return answer["body"]

    def refresh(self, raw):
        return self.send("POST", "/api/token/refresh/", {"refresh": raw})

    def blacklist(self, raw):
        return self.send("POST", "/api/token/blacklist/", {"refresh": raw})

    def protected(self, raw):
        return self.send("GET", "/protected/", authorization=f"Bearer {raw}")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=30)


@contextmanager
def running(**settings):
    """Run the project with its tables migrated; take them away again at the end."""
    project = OldProject(**settings)
    try:
        project.ask(["migrate", "token_blacklist"])
        tables.forget_alias()
        yield project
    finally:
        project.close()
        drop_tables()


def delete_user(username):
    """Delete a user as both projects do: simplejwt's rows, if there are any, forget them."""
    user = get_user_model().objects.get(username=username)
    if tables.find_alias():
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {tables.OUTSTANDING} SET user_id = NULL WHERE user_id = %s", [user.pk]
            )
    user.delete()


def drop_tables():
    """Drop what simplejwt's migrations made, as if they had never run."""
    with connection.cursor() as cursor:
        for table in reversed(tables.TABLES):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'token_blacklist'")
    tables.forget_alias()
