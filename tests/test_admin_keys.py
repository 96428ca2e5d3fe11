"""The page of the keys: their states, and no key."""

from datetime import timedelta

from django.utils import timezone

from tests.desk import (
    KEYS,
    text_of,
)
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
