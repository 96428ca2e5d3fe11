"""What is told of a refused sign-in: a line of log and a signal, without the name."""

import logging

import pytest
from django.db import OperationalError
from django.http import HttpRequest

from django_jwtauth import credentials, signals
from django_jwtauth.exceptions import InvalidCredentials, SignInRefused
from django_jwtauth.models import LoginSession
from django_jwtauth.throttling import refused
from django_jwtauth.throttling.accounts import digests_of
from tests.conftest import PASSWORD

HOSTILE = "anna\r\nSign-in refused from 192.0.2.99: \x1b[2K %s {0}"


@pytest.fixture
def heard():
    """What the signal told, in order."""
    told = []

    def hear(signal, sender, **arguments):
        assert sender is LoginSession
        told.append(arguments)

    signals.sign_in_refused.connect(hear)
    yield told
    signals.sign_in_refused.disconnect(hear)


@pytest.fixture
def lines(caplog):
    """The package's records, as they come."""
    caplog.set_level(logging.INFO, "django_jwtauth.sign_ins")
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = logging.getLogger("django_jwtauth")
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


def test_a_wrong_password_is_told(api, user, heard, lines):
    """Address, reason and the account by its digest, in the log and in the signal."""
    api.obtain(password="wrong", REMOTE_ADDR="203.0.113.7")

    [account] = digests_of("anna")
    expected = {"reason": "invalid_credentials", "ip_address": "203.0.113.7", "account": account}
    [told], [record] = heard, lines
    request = told.pop("request")
    assert told == expected
    assert isinstance(request, HttpRequest)
    assert request.path == "/api/token/"
    assert record.getMessage() == (
        f"Sign-in refused from 203.0.113.7: invalid_credentials, account {account}"
    )
    assert (record.levelname, record.event) == ("INFO", "sign_in_refused")
    assert {name: getattr(record, name) for name in expected} == expected


@pytest.mark.parametrize("name", [HOSTILE, "x" * 1000, "anna\u2028", "\u202egpj.anna"])
def test_nothing_that_a_client_chose_is_in_the_line(api, user, lines, name):
    """Neither name nor password, nor user agent, nor more than a line."""
    api.obtain(name, "s3cret of anna", HTTP_USER_AGENT=HOSTILE, HTTP_X_FORWARDED_FOR=HOSTILE)

    [record] = lines
    said = record.getMessage() + "".join(
        str(value) for key, value in vars(record).items() if key in ("args", "account", "reason")
    )
    assert not any(part in said for part in ("anna", "192.0.2.99", "xxx", "s3cret", "\n", "\x1b"))
    assert len(record.getMessage()) < 150


def test_a_user_who_does_not_exist_looks_the_same(api, user, lines):
    """Whoever reads the log learns from it no more about accounts than whoever guesses."""
    for name in ("anna", "nobody"):
        api.obtain(name, "wrong")

    first, second = (record.getMessage()[:-32] for record in lines)
    assert first == second


def test_each_way_to_be_refused_has_its_reason(api, user, limits, lines, settings):
    """A filter counts wrong passwords only: others are no guesses, or not their sender's fault."""
    limits(account=1)
    api.obtain(password="wrong")
    api.obtain(password="wrong")
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.hooks.refuse"}}
    assert api.obtain(password=PASSWORD).status_code == 401

    assert [record.reason for record in lines] == [
        "invalid_credentials",
        "throttled",
        "sign_in_refused",
    ]


def test_a_database_that_is_down_is_no_attempt(api, user, heard, lines, monkeypatch):
    """It has a line of its own; the signal counts it."""

    def fail(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr("django.contrib.auth.backends.ModelBackend.authenticate", fail)
    assert api.obtain().status_code == 503

    assert [told["reason"] for told in heard] == ["unavailable"]
    assert [record.event for record in lines] == ["database_unavailable"]


def test_an_unknown_address_is_said_to_be_one(rf, heard, lines):
    """Behind a proxy that the project has not told us of, nobody's address is blamed."""
    request = rf.post("/", HTTP_X_FORWARDED_FOR="203.0.113.7")
    refused.report(request, InvalidCredentials())

    assert "from an unknown address: invalid_credentials, account " in lines[0].getMessage()
    assert (heard[0]["ip_address"], heard[0]["account"]) == (None, "")


def test_a_good_sign_in_is_not_told(api, user, heard, lines):
    """Nothing was refused."""
    assert api.obtain().status_code == 200

    assert (heard, lines) == ([], [])


def test_a_receiver_that_fails_changes_nothing(rf, user, settings):
    """The refusal is raised as it would be."""
    settings.JWTAUTH = {"HOOKS": {"SIGN_IN": "tests.hooks.refuse"}}

    def fail(**kwargs):
        raise ZeroDivisionError

    signals.sign_in_refused.connect(fail)
    try:
        with pytest.raises(SignInRefused):
            credentials.check(rf.post("/"), "anna", PASSWORD)
    finally:
        signals.sign_in_refused.disconnect(fail)
