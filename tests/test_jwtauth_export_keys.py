"""``jwtauth_export_keys``: the public keys, for software that fetches none."""

import json

import jwt
import pytest
from django.core.management import CommandError

from django_jwtauth import tokens
from tests.calls import run_command
from tests.forge import claims_of
from tests.keypairs import make_pem, make_public_pem, needs_cryptography

SECRET = "a shared secret, with enough of everything: 0123456789"


@pytest.fixture
def ring(settings):
    """Two key pairs, a public key and a secret; the second signs."""
    settings.JWTAUTH = {
        "KEYS": [
            {"algorithm": "RS256", "public_key": make_public_pem("RS256"), "kid": "retired"},
            {"algorithm": "ES256", "private_key": make_pem("ES256"), "kid": "current"},
            {"algorithm": "HS256", "secret": SECRET, "kid": "shared"},
        ]
    }


@needs_cryptography
def test_jwks_is_what_is_served(ring):
    """The default format is the key set that gateways would fetch, the signing key first."""
    from django_jwtauth.tokens.keyrings import get_access_ring
    from django_jwtauth.views.well_known import key_set

    exported = json.loads(run_command("jwtauth_export_keys"))
    assert exported == key_set(get_access_ring())
    assert [jwk["kid"] for jwk in exported["keys"]] == ["current", "retired"]


@needs_cryptography
def test_pem_verifies_our_tokens(ring):
    """The PEM of one key is good for a verifier, with the line above it that names the key."""
    output = run_command("jwtauth_export_keys", "--format", "pem", "--kid", "current")
    first, _, pem = output.partition("\n")
    raw = tokens.encode("access", {"sub": "1"})

    assert first == "ES256 current"
    assert pem.startswith("-----BEGIN PUBLIC KEY-----")
    assert jwt.decode(raw, output, ["ES256"]) == claims_of(raw)


@needs_cryptography
def test_pem_lists_all_public_keys(ring):
    """Without --kid every public key comes, and nothing that is private or secret."""
    output = run_command("jwtauth_export_keys", "--format", "pem")
    assert output.count("-----BEGIN PUBLIC KEY-----") == 2
    assert [line for line in output.splitlines() if line.endswith(("current", "retired"))] == [
        "ES256 current",
        "RS256 retired",
    ]
    assert "PRIVATE" not in output
    assert SECRET not in output


@needs_cryptography
@pytest.mark.parametrize("format", ["jwks", "pem"])
def test_one_key_can_be_chosen(ring, format):
    """--kid leaves the others out."""
    output = run_command("jwtauth_export_keys", "--format", format, "--kid", "retired")
    assert "retired" in output
    assert "current" not in output


@needs_cryptography
@pytest.mark.parametrize("kid", ["unknown", "shared"])
def test_a_kid_without_a_public_key_is_told(ring, kid):
    """An unknown kid, or that of a secret, is an error rather than an empty file."""
    with pytest.raises(CommandError, match=f"no public key with the kid '{kid}'"):
        run_command("jwtauth_export_keys", "--kid", kid)


@pytest.mark.parametrize("configured", [[], [{"algorithm": "HS256", "secret": SECRET}]])
def test_without_public_keys_there_is_nothing_to_export(settings, configured):
    """The message leads to the command that makes a key, and shows no secret."""
    settings.JWTAUTH = {"KEYS": configured}
    with pytest.raises(CommandError, match="jwtauth_generate_key") as told:
        run_command("jwtauth_export_keys")
    assert SECRET not in str(told.value)


def test_a_bad_key_is_told_in_one_line(settings):
    """Settings that cannot be used are a message, not a traceback."""
    settings.JWTAUTH = {"KEYS": [{"algorithm": "HS256", "secret": "short"}]}
    with pytest.raises(CommandError, match="entry 0"):
        run_command("jwtauth_export_keys")


def test_exporting_without_cryptography_says_what_to_install(settings, no_cryptography):
    """The settings name a key that cannot be read here: the message says why."""
    settings.JWTAUTH = {"KEYS": [{"algorithm": "ES256", "public_key": "..."}]}
    with pytest.raises(CommandError, match=r"pip install django-jwtauth\[crypto\]"):
        run_command("jwtauth_export_keys")
