"""The example project: what `make example` promises."""

import re
import shutil
import socket
import subprocess
import sys
import time
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from django.contrib.auth.models import User

from django_jwtauth import sessions
from django_jwtauth.models import LoginSession
from example_project import demo
from example_project.example.seed import PEOPLE, seed
from tests.shell import (
    DEADLINE,
    ROOT,
    environment,
    free_port,
    listens,
    needs_curl,
    run_script,
    running,
)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The address of the example, served from a fresh copy, and what it printed."""
    copy = tmp_path_factory.mktemp("clone") / "example_project"
    shutil.copytree(ROOT / "example_project", copy, ignore=shutil.ignore_patterns("*.sqlite3"))
    port = free_port()
    printed = copy.parent / "printed.txt"
    command = [sys.executable, str(copy / "demo.py")]
    options = {"env": environment(PORT=str(port)), "stderr": subprocess.STDOUT}
    with printed.open("w") as file, running(command, stdout=file, **options) as process:
        deadline = time.monotonic() + DEADLINE
        while not listens(port):
            assert process.poll() is None, printed.read_text()
            assert time.monotonic() < deadline, printed.read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", printed.read_text()


@needs_curl
def test_the_printed_requests_tell_the_story(example, tmp_path):
    """Pasted as they are, they answer 200, 200, 401: the last two with one access token."""
    _, printed = example
    story = re.search(r"^PAIR=.*?(?=\n\n)", printed, re.DOTALL | re.MULTILINE)[0]
    output = run_script(story, tmp_path)

    assert re.findall(r"^\d{3}$", output, re.MULTILINE) == ["200", "200", "401"]
    assert '"username":"alice"' in output
    assert '"reason":"session_ended"' in output


@needs_curl
def test_views_of_the_example(example, tmp_path):
    """Anybody signed in may call hello, staff alone the other; nobody without a token."""
    site, _ = example
    status = "curl -s -o answer -w '%{http_code}\\n'"
    script = ""
    for person in PEOPLE:
        script += f"""
            TOKEN=$(curl -s -d username={person.username} -d password={person.password} \\
                {site}/api/token/ | sed 's/.*"access":"\\([^"]*\\).*/\\1/')
            {status} -H "Authorization: Bearer $TOKEN" {site}/api/hello/
            {status} -H "Authorization: Bearer $TOKEN" {site}/api/staff/
            """
    script += f"{status} {site}/api/hello/"
    output = run_script(script, tmp_path)

    assert output.split() == ["200", "403", "200", "403", "200", "200", "401"]


@needs_curl
def test_an_api_token_does_what_its_scopes_say(example, tmp_path):
    """One to read reports reads them and nothing else, until it is revoked."""
    site, _ = example
    status = "curl -s -o answer -w '%{http_code}\\n'"
    output = run_script(
        f"""
        ACCESS=$(curl -s -d username=admin -d password=admin-demo {site}/api/token/ \
            | sed 's/.*"access":"\\([^"]*\\).*/\\1/')
        curl -s -H "Authorization: Bearer $ACCESS" -d name=export -d scope=reports:read \
            {site}/api/api-tokens/ >made
        TOKEN=$(sed 's/.*"token":"\\([^"]*\\).*/\\1/' made)
        ID=$(sed 's/.*"id":"\\([^"]*\\).*/\\1/' made)
        {status} -H "Authorization: Bearer $TOKEN" {site}/api/reports/
        {status} -H "Authorization: Bearer $TOKEN" -X POST {site}/api/reports/
        {status} -H "Authorization: Bearer $TOKEN" {site}/api/staff/
        {status} -H "Authorization: Bearer $TOKEN" {site}/api/api-tokens/
        {status} --cookie "jwtauth_access=$TOKEN" {site}/tokens/
        {status} -H "Authorization: Bearer $ACCESS" -X DELETE {site}/api/api-tokens/$ID/
        {status} -H "Authorization: Bearer $TOKEN" {site}/api/reports/
        """,
        tmp_path,
    )

    assert output.split() == ["200", "403", "403", "403", "401", "204", "401"]


def test_the_operator_finds_the_sign_ins(example):
    """The printed admin address, with the printed password, leads to bob's sign-ins."""
    site, printed = example
    admin = re.search(r"^admin +(\S+)", printed, re.MULTILINE)[1]
    address = re.search(r"^The operator's pages.*?(\S+)$", printed, re.MULTILINE)[1]
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with browser.open(address) as login:
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', login.read().decode())[1]
    form = {"csrfmiddlewaretoken": token, "username": "admin", "password": admin}
    with browser.open(login.url, urlencode(form).encode()) as overview:
        page = overview.read().decode()
    sign_ins = re.search(r'href="(/admin/django_jwtauth/loginsession/)"', page)[1]
    with browser.open(site + sign_ins) as listed:
        assert "bob" in listed.read().decode()


def test_the_requests_can_be_tried_in_a_browser(example):
    """Swagger UI comes with its files, none from another host, and the schema is there."""
    site, printed = example
    address = re.search(r"^Try all requests.*?(\S+)$", printed, re.MULTILINE)[1]
    browser = build_opener()
    with browser.open(address) as docs:
        page = docs.read().decode()
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    with browser.open(f"{site}/schema/?format=json") as schema:
        operations = re.findall(r'"operationId": "(\w+)"', schema.read().decode())

    assert address == f"{site}/docs/"
    assert len(files) > 3
    assert all(file.startswith("/static/") for file in files)
    for file in files:
        with browser.open(site + file) as served:
            assert served.status == 200
    assert {"jwtauth_token_obtain", "jwtauth_browser_me", "api_hello_retrieve"} <= set(operations)


@pytest.mark.django_db
def test_seeding_twice_changes_nothing():
    """The second run makes nobody again and ends no sign-in."""
    seed()
    pair = sessions.start(User.objects.get(username="alice"))
    seed()

    assert User.objects.count() == len(PEOPLE)
    assert User.objects.get(username="bob").jwtauth_sessions.count() == 2
    assert LoginSession.objects.live().count() == 3
    assert sessions.authenticate(pair.access)[0].username == "alice"


@pytest.mark.django_db
def test_seeding_brings_back_what_is_printed():
    """After any amount of playing, the printed passwords work and bob is signed in."""
    seed()
    bob = User.objects.get(username="bob")
    bob.set_password("forgotten")
    bob.is_active = False
    bob.save()
    bob.jwtauth_sessions.end()
    User.objects.get(username="admin").delete()
    seed()

    for person in PEOPLE:
        user = User.objects.get(username=person.username)
        assert user.check_password(person.password)
        assert user.is_active
        assert user.is_superuser == person.is_admin
    assert bob.jwtauth_sessions.live().count() == 2


def test_a_taken_port_is_said_plainly(monkeypatch):
    """The message names the port and how to choose another, before anything is done."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(SystemExit, match=rf"127\.0\.0\.1:{port}.*PORT=8001 make example"):
            demo.read_port()


@pytest.mark.parametrize("value", ["0", "65536", "-1", "http", "²"])
def test_a_port_that_is_none_is_said_plainly(monkeypatch, value):
    """PORT must be a number that a port can have."""
    monkeypatch.setenv("PORT", value)
    with pytest.raises(SystemExit, match="PORT must be a number"):
        demo.read_port()


@pytest.mark.parametrize("value", ["", None])
def test_the_port_is_8000(monkeypatch, value):
    """Without PORT, or with an empty one, it is 8000."""
    monkeypatch.setattr(socket.socket, "bind", lambda self, address: None)
    monkeypatch.delenv("PORT", raising=False)
    if value is not None:
        monkeypatch.setenv("PORT", value)

    assert demo.read_port() == 8000
