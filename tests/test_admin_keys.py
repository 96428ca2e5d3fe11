"""The page of the keys: their states, and no key."""

from datetime import datetime, timedelta
from datetime import timezone as dt_timezone

import pytest
import time_machine
from django.utils import timezone

from django_jwtauth import api_tokens
from django_jwtauth.admin.keys import _tell_of_earlier
from tests.desk import INCIDENTS, KEYS, text_of
from tests.keypairs import make_pem, needs_cryptography


@needs_cryptography
def test_the_keys_are_told_with_their_states(desk, settings):
    """Which one signs, which one will, and which only verify; derived ones by their setting."""
    settings.SECRET_KEY_FALLBACKS = ["x" * 50]
    soon = timezone.now() + timedelta(days=1)
    settings.JWTAUTH = {
        "KEYS": [
            {"algorithm": "ES256", "private_key": make_pem("ES256"), "kid": "now"},
            {
                "algorithm": "RS256",
                "private_key": make_pem("RS256"),
                "kid": "next",
                "active_from": soon,
            },
            {"algorithm": "HS256", "secret": "s3cret-and-long-enough-for-hs256-abcdefgh"},
        ]
    }
    rows = desk.get(KEYS).context["rows"]

    assert [(row["kid"], row["algorithm"], row["state"], row["origin"]) for row in rows] == [
        ("now", "ES256", "Signing", "KEYS"),
        ("next", "RS256", "Next: signs later, verifies now", "KEYS"),
        ("", "HS256", "Verifies only", "KEYS"),
        ("", "HS256", "Verifies only", "SECRET_KEY"),
        ("", "HS256", "Verifies only", "SECRET_KEY_FALLBACKS"),
        ("", "HS256", "Signing", "SECRET_KEY"),
        ("", "HS256", "Verifies only", "SECRET_KEY_FALLBACKS"),
    ]
    assert rows[1]["active_from"]
    assert [row["published"] for row in rows[:4]] == ["Yes", "Yes", *["No: it is secret"] * 2]


@needs_cryptography
def test_a_key_leads_to_the_incident_of_its_leak(desk, settings):
    """By its kid, which is no secret; the derived keys are another incident."""
    settings.JWTAUTH = {
        "KEYS": [{"algorithm": "ES256", "private_key": make_pem("ES256"), "kid": "2026/05"}]
    }
    answer = desk.get(KEYS)

    assert [row.get("leaked") for row in answer.context["rows"]] == [
        f"{INCIDENTS}?what=signing_key&kid=2026%2F05",
        None,
        None,
    ]
    assert "This key leaked" in text_of(desk.get(KEYS))
    page = desk.get(answer.context["rows"][0]["leaked"])
    assert page.context["plan"].steps[2].done is False


@pytest.mark.parametrize("use_tz", [True, False])
def test_tokens_of_earlier_keys_are_told_of(desk, settings, user, use_tz):
    """Until when access tokens are alive, and how many API tokens are older than the key."""
    settings.USE_TZ = use_tz
    settings.TIME_ZONE = "UTC"
    secret = {"algorithm": "HS256", "secret": "s3cret-and-long-enough-for-hs256-abcdefgh"}
    start = datetime(2026, 5, 1, 12, tzinfo=dt_timezone.utc)
    with time_machine.travel(start - timedelta(days=1), tick=False):
        api_tokens.create(user, "older", lifetime=timedelta(days=30))
        api_tokens.create(user, "over", lifetime=timedelta(hours=1))
    with time_machine.travel(start + timedelta(hours=1), tick=False):
        api_tokens.create(user, "newer")
        settings.JWTAUTH = {"KEYS": [{**secret, "active_from": start.isoformat()}]}
        dated = text_of(desk.get(KEYS))
        settings.JWTAUTH = {"KEYS": [secret]}
        undated = text_of(desk.get(KEYS))

    assert "signed earlier expire by May 1, 2026 12:05 at the latest." in dated
    assert "1 API token may be signed with an earlier key. It expires on May 30, 2026" in dated
    assert "The settings do not say since when the key signs." in undated
    assert "2 API tokens may be signed with an earlier key." in undated


def test_nothing_is_left_of_earlier_keys(desk, statements):
    """Without API tokens, an earlier key is needed for some minutes only. One statement for it."""
    with statements(1):
        told = list(_tell_of_earlier(None))

    assert told[1] == "No API token depends on an earlier key."


@needs_cryptography
def test_no_key_material_is_shown(desk, settings):
    """Neither of a secret nor of either half of a key pair."""
    secret = "s3cret-and-long-enough-for-hs256-abcdefgh"
    pem = make_pem("ES256")
    settings.JWTAUTH = {
        "KEYS": [
            {"algorithm": "HS256", "secret": secret},
            {"algorithm": "ES256", "private_key": pem, "kid": "a"},
        ]
    }
    page = desk.get(KEYS).content.decode()

    assert secret not in page
    assert settings.SECRET_KEY not in page
    assert not any(line in page for line in str(pem).splitlines() if len(line) > 20)


def test_keys_that_cannot_be_read_are_said_so(desk, settings):
    """The page tells what the check tells."""
    settings.JWTAUTH = {"KEYS": [{"algorithm": "HS256", "secret": "short"}]}
    answer = desk.get(KEYS)

    assert answer.status_code == 200
    assert "shorter than the 32 bytes" in text_of(answer)


def test_trusted_issuers_are_named(desk, settings):
    """Their keys are theirs, but that they are trusted is worth knowing."""
    settings.JWTAUTH = {
        "ISSUER": "https://api.example.org",
        "ISSUERS": {"https://sso.example.org": "https://sso.example.org/jwks.json"},
    }

    assert "https://sso.example.org" in text_of(desk.get(KEYS))
