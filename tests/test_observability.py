"""What is logged and what is signalled is what docs/observability.md says."""

import ast
import logging
import re
from pathlib import Path

import pytest
from django.core.cache import caches
from django.db import OperationalError, connection
from django.dispatch import Signal
from django.test import RequestFactory

import django_jwtauth
from django_jwtauth import credentials, sessions, signals
from django_jwtauth.exceptions import AuthError, RefreshTokenReused
from django_jwtauth.models import LoginSession
from tests.pages import read_section, read_table
from tests.shell import ROOT

PAGE = ROOT / "docs/observability.md"
PACKAGE = Path(django_jwtauth.__file__).parent
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def logged():
    """Yield level, event and fields of every call of a logger, read from the code."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "logger"
                and node.func.attr in LEVELS
            ):
                extra = {word.arg: word.value for word in node.keywords}["extra"]
                names = [key.value for key in extra.keys]
                values = dict(zip(names, extra.values, strict=True))
                level = node.func.attr.replace("exception", "error")
                yield level, values.pop("event").value, frozenset(values)


def test_the_page_lists_what_is_logged():
    """Each line of log has its event, with its level and its fields, and no other is told of."""
    rows = read_table(read_section(PAGE, "Logs"))
    documented = {
        (level, event.strip("`"), frozenset(re.findall(r"`(\w+)`", fields)))
        for level, event, fields, _ in rows
    }
    assert set(logged()) == documented


def test_there_is_one_logger():
    """Whoever configures `django_jwtauth` has configured all, also what is below it."""
    code = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    ours = set(re.findall(r'logging\.getLogger\(("[\w.]+"|__name__)\)', code))
    # The doctor keeps Django's own quiet.
    assert ours == {'"django_jwtauth"', '"django_jwtauth.sign_ins"', '"django.request"'}


def test_the_page_lists_the_signals():
    """Each signal is in the table, labelled by arguments that it has."""
    source = (PACKAGE / "signals.py").read_text()
    arguments = {
        name: set(re.findall(r"``(\w+)``", told))
        for told, name in re.findall(r"#: Arguments: ((?:.+\n)+?)(\w+) = _Signal\(\)", source)
    }
    rows = {
        row[0].split("`")[1]: re.findall(r"`([\w.]+)`", row[1])
        for row in read_table(read_section(PAGE, "What to count"))
    }
    assert rows.keys() == {name for name, it in vars(signals).items() if isinstance(it, Signal)}
    for name, labels in rows.items():
        assert {label.partition(".")[0] for label in labels} <= arguments[name]


# --- refusals


@pytest.fixture
def refused():
    """The arguments of every signal about a refusal, in order."""
    heard = []

    def hear(signal, sender, **arguments):
        assert sender is LoginSession
        heard.append(
            tuple(arguments[name] for name in ("token_type", "reason") if name in arguments)
        )

    for signal in (signals.token_refused, signals.sign_in_refused):
        signal.connect(hear)
    yield heard
    for signal in (signals.token_refused, signals.sign_in_refused):
        signal.disconnect(hear)


def test_every_refused_token_is_told_once(api, user, pair, refused):
    """By its type and the reason, through whichever door it came; a good one is not."""
    api.protected(pair.access)
    api.protected(pair.access[:-4] + "AAAA")
    api.refresh("a.b.c")
    api.refresh(pair.access)
    LoginSession.objects.end()
    api.protected(pair.access)
    api.refresh(pair.refresh)
    api.verify(pair.access)

    assert refused == [
        ("access", "bad_signature"),
        ("refresh", "malformed"),
        ("refresh", "wrong_type"),
        ("access", "session_ended"),
        ("refresh", "session_ended"),
    ]


def test_a_stateless_service_tells_it_too(user, refused, rf):
    """The door without a database, too."""
    from rest_framework.exceptions import AuthenticationFailed
    from rest_framework.request import Request

    from django_jwtauth.authentication import JWTStatelessUserAuthentication

    request = Request(rf.get("/", HTTP_AUTHORIZATION="Bearer a.b.c"))
    with pytest.raises(AuthenticationFailed):
        JWTStatelessUserAuthentication().authenticate(request)
    assert refused == [("access", "malformed")]


def test_a_refused_sign_in_is_told(api, user, settings, refused):
    """A wrong password, and one too many."""
    settings.JWTAUTH = {"THROTTLES": {"RATES": {"account": "1/day"}}}
    for _ in range(2):
        assert api.obtain(password="wrong").status_code in (401, 429)
    assert refused == [("invalid_credentials",), ("throttled",)]


def test_a_receiver_that_fails_changes_nothing(api, user, settings, caplog):
    """The refusal is answered as it would be."""

    def fail(**kwargs):
        raise ZeroDivisionError

    signals.token_refused.connect(fail)
    try:
        assert api.protected("a.b.c").status_code == 401
    finally:
        signals.token_refused.disconnect(fail)


# --- records


def test_records_have_their_fields(user, caplog, monkeypatch, rf):
    """What the table promises is on the record itself."""
    caplog.set_level(logging.INFO, "django_jwtauth")
    pair = sessions.start(user, rf.post("/", REMOTE_ADDR="203.0.113.7", HTTP_USER_AGENT="Firefox"))
    LoginSession.objects.update(generation=7)
    thief = rf.post("/", REMOTE_ADDR="198.51.100.66", HTTP_USER_AGENT="curl\r\nSet-Cookie: a")
    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh, thief)
    [record] = caplog.records
    assert (record.event, record.sid) == ("refresh_token_reused", pair.session_id.hex)
    assert (record.ip_address, record.user_agent) == ("198.51.100.66", "curlSet-Cookie: a")
    assert (record.refreshed_ip, record.refreshed_agent) == ("203.0.113.7", "Firefox")
    assert record.refreshed_at == LoginSession.objects.get().refreshed_at.isoformat()

    caplog.clear()
    with monkeypatch.context() as broken, pytest.raises(AuthError):
        broken.setattr(connection, "cursor", raising(OperationalError("s3cret")))
        sessions.authenticate(pair.access)
    [record] = caplog.records
    assert (record.event, record.error) == ("database_unavailable", "OperationalError")
    assert "s3cret" not in str(vars(record))


def test_a_cache_that_is_down_is_told(user, caplog, monkeypatch):
    """Once for each counter that could not be had."""
    monkeypatch.setattr(caches["default"], "add", raising(ConnectionError("s3cret")))
    credentials.count_attempt(RequestFactory().post("/"), "anna", everywhere=False)
    assert {(record.event, record.error) for record in caplog.records} == {
        ("cache_unavailable", "ConnectionError")
    }


def raising(error):
    def fail(*args, **kwargs):
        raise error

    return fail
