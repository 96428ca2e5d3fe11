"""No token, signature, password or key in a log, an error page, an error mail or a repr."""

import json
import logging
import pickle
from contextlib import nullcontext, suppress
from unittest.mock import patch

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import TestCase
from django.utils.log import AdminEmailHandler

from django_jwtauth import sessions
from django_jwtauth.conf import get_settings
from django_jwtauth.http import transport
from django_jwtauth.redacted import Redacted
from django_jwtauth.tokens import keyrings
from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY
from tests.conftest import PASSWORD
from tests.keypairs import make_pem
from tests.leaks import doors
from tests.leaks.doors import CALLS, DOORS, JWTAUTH, Secrets
from tests.leaks.project import Broken
from tests.leaks.reports import Watch, describe, find, reporting
from tests.refusals import REFUSALS

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.leaks.project")]


@pytest.fixture
def signing_key(settings):
    if not CRYPTOGRAPHY:
        settings.JWTAUTH = {"OAUTH_PASSWORD_GRANT": True}
        return None
    pem = make_pem()
    settings.JWTAUTH = {
        "KEYS": [{"algorithm": "ES256", "private_key": pem}],
        "OAUTH_PASSWORD_GRANT": True,
    }
    return pem


def mailer():
    handlers = logging.getLogger("django").handlers
    return next(item for item in handlers if isinstance(item, AdminEmailHandler))


@pytest.fixture(autouse=True)
def mails(monkeypatch):
    """What the handler of Django's default logging would have mailed to the admins."""
    sent = []

    def send(self, subject, message, *args, html_message=None, **kwargs):
        sent.append(f"{subject}{message}{html_message}")

    monkeypatch.setattr(AdminEmailHandler, "send_mail", send)
    return sent


def secrets_of(*tokens, pem=None):
    """What must not be shown anywhere, by name."""
    rings = [keyrings.get_access_ring(), keyrings.get_refresh_ring()]
    derived = [key.verifying for ring in rings for key in ring.keys if key.symmetric]
    found = {"password": PASSWORD, "SECRET_KEY": django_settings.SECRET_KEY}
    for number, token in enumerate(tokens):
        found[f"token {number}"] = token
        found[f"signature {number}"] = token.rpartition(".")[2]
    for number, secret in enumerate(derived):
        found[f"derived {number}"] = secret.hex()
        found[f"derived {number} as bytes"] = repr(bytes.fromhex(secret.hex()))[2:-1]
    if pem:
        found["private key"] = pem.splitlines()[1]
    return found


def assert_hidden(text, secrets):
    shown = [name for name, secret in secrets.items() if secret in text]
    assert shown == [], shown


@pytest.fixture
def secrets(settings):
    """Of a user and of a client, all that may come through a door."""
    settings.JWTAUTH = JWTAUTH
    users = get_user_model().objects
    users.create_superuser("olga")
    return Secrets(users.create_user("anna", password=doors.PASSWORD, is_staff=True))


@pytest.fixture
def send(api, secrets):
    """Send through a door what it takes, and roll back what that did."""
    api.raise_request_exception = False

    def send(door, context):
        api.logout()
        if door.startswith("admin"):
            api.force_login(get_user_model().objects.get(username="olga"))
        # Where the handler of errors breaks as well, it raises.
        answer = None
        with transaction.atomic(), TestCase.captureOnCommitCallbacks(execute=True):
            with context, suppress(Broken):
                answer = DOORS[door](api, secrets)
            transaction.set_rollback(True)
        return answer

    return send


@pytest.mark.parametrize("door", DOORS)
def test_no_local_variable_shows_one_at_any_line(send, secrets, door):
    """Whatever breaks, and wherever: no frame of the request would show a secret."""
    with Watch(secrets.shown()) as watch:
        send(door, nullcontext())

    assert sorted(watch.found) == []
    assert len(watch.lines) > 10


@pytest.mark.parametrize("call", CALLS)
def test_no_report_shows_one_when_foreign_code_breaks(send, secrets, call):
    """Each call of foreign code, broken behind each door: HTML, text, and the exceptions."""
    shown = secrets.shown()
    reached, found = [], {}
    for door in DOORS:
        with reporting() as reports:
            send(door, CALLS[call]())
        if reports:
            reached.append(door)
            found[door] = find("".join(reports), shown)

    assert {door: names for door, names in found.items() if names} == {}
    assert reached


@pytest.mark.parametrize("html", [True, False])
def test_an_error_page_and_an_error_mail_show_none(
    send, secrets, settings, mails, monkeypatch, html
):
    """As Django wires them: the yellow page of DEBUG, the mail with or without its HTML part."""
    settings.ADMINS = ["root@example.org"]
    settings.JWTAUTH = {**JWTAUTH, "HOOKS": {"TENANT": "tests.leaks.project.broken"}}
    monkeypatch.setattr(mailer(), "include_html", html)
    for settings.DEBUG in (False, True):
        text = send("me", nullcontext()).content.decode() + "".join(mails)
        mails.clear()
        assert "Broken" in text
        assert find(text, secrets.shown()) == []


def test_the_watch_sees_what_a_report_would(send, secrets):
    """A header that is split before anything is hidden is found, and so is a chained error."""
    with (
        patch.object(transport, "redact", lambda value: value),
        Watch(secrets.shown()) as watch,
    ):
        send("middleware", nullcontext())
    try:
        b"\xff secret".decode()
    except UnicodeDecodeError as error:
        chained = error

    assert any(name.startswith("access in header at ") for name in watch.found)
    assert "secret" in describe(chained)


def test_no_log_of_any_level_holds_one(api, user, settings, signing_key, caplog):
    """A whole story with every refusal, at level DEBUG, statements included."""
    caplog.set_level(logging.DEBUG)
    settings.DEBUG = True
    tokens = []
    for door in DOORS.values():
        taken = Secrets(user)
        tokens += [taken.access, taken.refresh, taken.api, taken.download, taken.link]
        answer = door(api, taken)
        api.cookies.clear()
        if answer.get("Content-Type") == "application/json":
            body = json.loads(answer.content or b"{}")
            tokens += [body[name] for name in ("access", "refresh") if body.get(name)]
    api.obtain(password=PASSWORD + "x")
    for refusal in REFUSALS.values():
        type(user).objects.all().delete()
        user = type(user).objects.create_user("anna", password=PASSWORD)
        pair = sessions.start(user)
        for call, raw in ((api.protected, pair.access), (api.refresh, pair.refresh)):
            bad = refusal.make(raw)
            call(bad)
            tokens += [item for item in (raw, bad) if "." in item]

    assert len(caplog.records) > 60
    assert len(tokens) > 60
    tokens = [token for token in tokens if len(token.rpartition(".")[2]) > 20]
    assert_hidden(caplog.text, secrets_of(*tokens, pem=signing_key))


def test_no_repr_shows_one(user, signing_key):
    """Pairs, keys, key rings, settings and errors are printed without what they hold."""
    pair = sessions.start(user)
    shown = [pair, get_settings(), keyrings.get_access_ring(), keyrings.get_refresh_ring()]
    shown += [key for ring in shown[2:] for key in ring.keys]
    shown += [Redacted(pair.access), [Redacted(PASSWORD)], {"password": Redacted(PASSWORD)}]

    text = "".join(f"{item!r} {item!s}" for item in shown if not isinstance(item, Redacted))

    assert_hidden(text + repr(Redacted(pair.access)), secrets_of(pair.access, pair.refresh))


def test_what_is_redacted_is_text_all_the_same():
    """Equality, hash, JSON, pickling, encoding and formatting are those of the text."""
    hidden = Redacted("abc.def")

    assert repr(hidden) == "<redacted>"
    assert (hidden, hash(hidden), str(hidden)) == ("abc.def", hash("abc.def"), "abc.def")
    assert json.dumps({"x": hidden}) == '{"x": "abc.def"}'
    assert pickle.loads(pickle.dumps(hidden)) == "abc.def"
    assert repr(pickle.loads(pickle.dumps(hidden))) == "<redacted>"
    assert f"{hidden}" == "abc.def"
    assert hidden.split(".") == ["abc", "def"]
    assert not Redacted("")


def test_a_request_gives_its_tokens_redacted(rf):
    """Header and cookies alike; a missing cookie is None."""
    request = rf.get("/", HTTP_AUTHORIZATION="Bearer abc")
    request.COOKIES["__Host-jwtauth_access"] = "abc"

    for raw in (transport.get_header_token(request), transport.get_cookie_token(request)):
        assert (raw, repr(raw)) == ("abc", "<redacted>")
    assert transport.get_refresh_cookie(request) is None
