"""The example's mailed links, who is sent one and what the answer tells; its API tokens."""

import re
from importlib import import_module

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_jwtauth import api_tokens
from django_jwtauth.models import Kind, LoginSession
from tests.shell import ROOT

EXAMPLE = ROOT / "example_project"
ASK = "/link/"
LOCAL = "django.core.mail.backends.locmem.EmailBackend"
ENTER = "/auth/token/link/"

# The thread that sends mail closes its connection, as here at the end of each request.
pytestmark = pytest.mark.django_db(transaction=True)


class Queue(list):
    """Keeps what is to be done after the answer, and does it when told."""

    def submit(self, function, *arguments):
        self.append((function, arguments))

    def work(self):
        while self:
            function, arguments = self.pop(0)
            function(*arguments)


@pytest.fixture(autouse=True)
def queue(settings, monkeypatch):
    """The example as this project, and its queue."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    example = import_module("example.settings")
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "devices", "portal"]
    settings.JWTAUTH = example.JWTAUTH
    settings.ROOT_URLCONF = "example.urls"
    if hasattr(example, "MAILERS"):
        settings.MAILERS = {"default": {"BACKEND": LOCAL}}
    queue = Queue()
    monkeypatch.setattr(import_module("portal.links"), "queue", queue)
    return queue


@pytest.fixture
def alice():
    return User.objects.create_user("alice", "alice@example.com", "alice-demo")


def ask(email, **extra):
    return Client().post(ASK, {"email": email}, **extra)


def link_in(message):
    return re.search(r"^http://testserver/link/enter/#(\S+)$", message.body, re.M)[1]


def enter(raw, client=None):
    return (client or Client()).post(ENTER, {"token": raw}, "application/json")


def test_the_answer_is_the_same_for_everybody(alice, queue):
    """Status, headers, body and what is asked of the database before it: it takes as long, too."""
    with CaptureQueriesContext(connection) as for_known:
        known = ask("alice@example.com")
    with CaptureQueriesContext(connection) as for_unknown:
        unknown = ask("nobody@example.com")
    # On MariaDB, the throttle asks for a user of this name.
    asked = [query["sql"].replace("nobody", "alice") for query in for_unknown]
    assert [query["sql"] for query in for_known] == asked

    assert known.status_code == unknown.status_code == 200
    assert known.headers.keys() == unknown.headers.keys()
    assert known.content == unknown.content.replace(b"nobody", b"alice")
    queue.work()
    assert [message.to for message in mail.outbox] == [["alice@example.com"]]


def test_a_link_signs_in_a_browser(alice, queue):
    """The token in the mail buys cookies, once, and none is in the body."""
    ask("alice@example.com")
    queue.work()
    raw = link_in(mail.outbox[0])
    browser = Client()

    answer = enter(raw, browser)
    assert answer.status_code == 200
    assert answer.json().keys() == {"expires_in", "refresh_expires_in"}
    assert {name for name in answer.cookies if "jwtauth" in name} == {
        "jwtauth_access",
        "jwtauth_refresh",
    }
    assert answer.cookies["jwtauth_refresh"]["path"] == "/auth/token/"
    assert b"alice" in browser.get("/devices/").content
    assert enter(raw).json()["reason"] == "session_ended"


@pytest.mark.parametrize("method", ["head", "get", "options"])
def test_looking_at_a_link_does_not_use_it_up(alice, queue, method):
    """Whatever opens the page, the token is good until it is posted."""
    ask("alice@example.com")
    queue.work()
    raw = link_in(mail.outbox[0])
    for path in ("/link/enter/", ENTER):
        getattr(Client(), method)(path, {"token": raw})

    assert enter(raw).status_code == 200


def test_another_site_cannot_sign_anybody_in(alice, queue):
    """Without a CSRF token the link is refused, and stays good."""
    ask("alice@example.com")
    queue.work()
    raw = link_in(mail.outbox[0])
    answer = enter(raw, Client(enforce_csrf_checks=True))

    assert answer.status_code == 403
    assert answer.json()["code"] == "csrf_failed"
    assert not answer.cookies
    assert enter(raw).status_code == 200


def test_who_may_not_sign_in_gets_no_mail(alice, queue):
    """A deactivated user is nobody."""
    alice.is_active = False
    alice.save()
    ask("alice@example.com")
    queue.work()

    assert mail.outbox == []
    assert not LoginSession.objects.exists()


def test_mail_goes_to_the_address_that_is_stored(alice, queue):
    """Upper case finds the account; what was typed is not what is written to."""
    ask("ALICE@EXAMPLE.COM")
    queue.work()

    assert [message.to for message in mail.outbox] == [["alice@example.com"]]


def test_everybody_with_the_address_gets_a_link(alice, queue):
    """Each mail names its account, and each link opens that one."""
    User.objects.create_user("alice.admin", "alice@example.com")
    ask("alice@example.com")
    queue.work()

    found = {re.match(r"Hello (.+),", each.body)[1]: link_in(each) for each in mail.outbox}
    assert found.keys() == {"alice", "alice.admin"}
    browser = Client()
    enter(found["alice.admin"], browser)
    assert b"<strong>alice.admin</strong>" in browser.get("/devices/").content


def test_nobody_can_fill_a_mailbox(alice, queue):
    """Three unused links of a user are enough; when one is used, there may be another."""
    for _ in range(5):
        ask("alice@example.com")
    queue.work()
    assert len(mail.outbox) == 3

    enter(link_in(mail.outbox[1]))
    ask("alice@example.com")
    queue.work()
    assert len(mail.outbox) == 4


def test_asking_is_throttled(alice, queue):
    """The same for an address that nobody has; the password still signs in."""
    answers = {}
    for email in ("alice@example.com", "nobody@example.com"):
        # Twice: a minute may end between two of them.
        answers[email] = [ask(email, REMOTE_ADDR=f"192.0.2.{len(answers)}") for _ in range(42)][-1]
    known, unknown = answers.values()

    assert known.status_code == unknown.status_code == 429
    assert int(known["Retry-After"]) > 0
    assert b"Too many links were requested." in known.content
    assert len(queue) < 84
    signed_in = Client().post(
        "/auth/token/", {"username": "alice", "password": "alice-demo"}, REMOTE_ADDR="192.0.2.0"
    )
    assert signed_in.status_code == 200


@pytest.mark.parametrize("email", ["", "alice", "alice@", "a@b.c\0", "x" * 300 + "@example.com"])
def test_what_is_no_address(queue, email):
    """It is said so, and nobody is looked for."""
    answer = ask(email)

    assert answer.status_code == 200
    assert b"Sign in by mail" in answer.content
    assert queue == []


def test_a_mail_server_that_is_down(alice, queue, monkeypatch, caplog):
    """It is logged without the link; the answer was given before."""

    def fail(*args):
        raise OSError(f"cannot send {args}")

    monkeypatch.setattr(import_module("portal.links"), "send_mail", fail)
    assert ask("alice@example.com").status_code == 200
    queue.work()

    assert "The link was not sent: OSError" in caplog.text
    assert "#" not in caplog.text
    assert LoginSession.objects.get().kind == Kind.ONE_TIME


# --- API tokens


def sign_in(**options):
    browser = Client(**options)
    fields = {"username": "alice", "password": "alice-demo"}
    token = browser.get("/auth/csrf/").json()["csrf_token"]
    browser.post("/auth/token/", fields, headers={"X-CSRFToken": token})
    return browser


def test_another_site_can_make_no_token(alice):
    """The cookie alone does not do: without a CSRF token nothing is made."""
    browser = sign_in(enforce_csrf_checks=True)

    answer = browser.post("/auth/api-tokens/", {"name": "evil"})
    assert answer.json()["code"] == "csrf_failed"
    assert not LoginSession.objects.of_kind(Kind.API_TOKEN).exists()


def test_the_page_shows_ones_own_tokens_without_their_text(alice):
    """A name is text whatever it is made of; of others nothing is shown."""
    browser, other = sign_in(), User.objects.create_user("bob")
    made = browser.post("/auth/api-tokens/", {"name": "<script>", "scope": "reports:read"}).json()
    api_tokens.create(other, "not for alice")
    page = browser.get("/tokens/").content.decode()

    assert "&lt;script&gt;" in page
    assert made["id"] in page
    assert "Never used" in page
    assert made["token"] not in page
    assert "not for alice" not in page
    # Scopes that alice does not have are not offered.
    assert "reports:write" in page
    assert "users:read" not in page
