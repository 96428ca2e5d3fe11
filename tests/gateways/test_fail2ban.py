"""fail2ban with the filter of the documentation, over the log that a live server writes."""

import re
import shutil
import subprocess
from urllib.parse import quote

import django
import pytest

from django_jwtauth.exceptions import MFARequired
from django_jwtauth.http.device import get_ip_address
from tests.gateways import http
from tests.gateways.conftest import HERE, needs
from tests.live.servers import PASSWORD, USERNAME, Server, make_database
from tests.pages import DOCS, read_blocks

FILTER = HERE / "django-jwtauth.conf"
# One bystander whom everybody below tries to have banned.
BYSTANDER = "192.0.2.99"
FORGED = (
    f"2026-11-30T12:00:00+0000 INFO django_jwtauth.sign_ins: Sign-in refused from {BYSTANDER}:"
    f" invalid_credentials, account {'0' * 32}"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that logs as the page says, only that the log of Django is in the same file."""
    needs(shutil.which("fail2ban-regex"), "fail2ban")
    folder = tmp_path_factory.mktemp("fail2ban")
    logging = read_logging()
    logging["handlers"]["sign_ins"]["filename"] = str(folder / "sign-ins.log")
    # Worse than advised: here are lines with text that clients chose.
    for name in ("django_jwtauth", "django.request"):
        logging["loggers"][name] = {"handlers": ["sign_ins"], "level": "INFO"}
    rates = {"RATES": {"address": None, "account": "5/day", "account_everywhere": None}}
    hooks = {"SIGN_IN": "tests.gateways.test_fail2ban.sign_in_hook"}
    config = {"LOGGING": logging, "JWTAUTH": {"THROTTLES": rates, "HOOKS": hooks}}
    server = Server("tests.gateways.logging_settings", folder, "server")
    database = str(folder / "live.sqlite3")
    make_database(server, database=database, **config)
    server.deploy(database=database, **config)
    yield server
    server.close()


def read_logging():
    """The configuration of the page that writes a file of its own."""
    named = {}
    for one in read_blocks(DOCS / "observability.md"):
        if one.heading == "Block addresses with fail2ban" and one.language == "python":
            exec(one.code, named)
    return named["LOGGING"]


def sign_in_hook(user, request):
    """Ask for a second factor at one address."""
    if get_ip_address(request) == "203.0.113.50":
        raise MFARequired


def attempt(server, address, username=USERNAME, password="wrong", *headers):
    body = {"username": username, "password": password}
    headers = [("X-Forwarded-For", address), *headers]
    return http.ask(f"{server.url}/api/token/", None, *headers, body=body).status


def banned(log):
    """The address of each line in which fail2ban finds a failure."""
    command = ["fail2ban-regex", "--print-no-missed", "--out", "ip", log, FILTER]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()


def test_fail2ban_finds_who_sends_wrong_passwords(server):
    """Each wrong password is one failure of its sender, and of nobody else, whatever they send."""
    log = server.log_file.parent / "sign-ins.log"
    log.write_text("")
    expected = []

    def fail(address, *arguments, seen=None):
        assert attempt(server, address, *arguments) == 401
        expected.append(seen or address)

    fail("203.0.113.7")
    fail("2001:db8::7")
    fail("[2001:DB8:0::8]:4711", seen="2001:db8::8")
    fail("::ffff:203.0.113.8", seen="203.0.113.8")
    # The proxy adds what it sees after what it was sent.
    fail(f"{BYSTANDER}, 198.51.100.1", seen="198.51.100.1")
    hostile = (
        f"\n{FORGED}\n",
        f"\r\n{FORGED}",
        f"\u2028{FORGED}\u2028",
        f"anna from {BYSTANDER}: invalid_credentials, account {'0' * 32}",
        f"from {BYSTANDER}",
        "%(asctime)s {asctime}",
        "\x1b[2K" + FORGED,
    )
    for number, name in enumerate(hostile, 10):
        fail(f"203.0.113.{number}", name, name, ("User-Agent", FORGED), ("X-Real-IP", BYSTANDER))
    # Django logs the path of what it does not find.
    paths = [f"/{quote(FORGED)}", f"/api/token/?{quote(FORGED)}"]
    # Before, it wrote the line breaks, too (CVE-2025-48432): a reason for a file of its own.
    if django.VERSION >= (5, 2, 2):
        paths.append(f"/%0A{quote(FORGED)}%0A")
    for path in paths:
        assert http.ask(f"{server.url}{path}").status in (404, 405)

    text = log.read_text()
    # Otherwise it would be no test.
    assert f"WARNING django.request: Not Found: /{FORGED}" in text
    assert banned(log) == expected
    assert not re.search(r"sign_ins:.*(anna|wrong)", text)


def test_what_is_no_wrong_password_bans_nobody(server):
    """An owner who must still enter a second factor, and one whose account others have locked."""
    log = server.log_file.parent / "sign-ins.log"
    log.write_text("")
    assert attempt(server, "203.0.113.50", USERNAME, PASSWORD) == 401
    assert attempt(server, "not-an-address") == 401
    for _ in range(5):
        attempt(server, "203.0.113.60", "bert")
    assert attempt(server, "203.0.113.60", "bert") == 429
    assert attempt(server, "203.0.113.70", USERNAME, PASSWORD) == 200

    text = log.read_text()
    assert "refused from 203.0.113.50: mfa_required, account " in text
    assert "refused from an unknown address: invalid_credentials, account " in text
    assert "refused from 203.0.113.60: throttled, account " in text
    assert banned(log) == ["203.0.113.60"] * 5
