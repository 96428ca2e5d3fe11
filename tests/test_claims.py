"""What claims say: ids as tokens spell them, kinds of token, when somebody signed in."""

import uuid
from argparse import ArgumentTypeError
from pathlib import Path

import pytest
from django.core.exceptions import BadRequest
from django.urls import NoReverseMatch, reverse

import django_jwtauth
from django_jwtauth import api_tokens, claims, one_time, sessions
from django_jwtauth.admin import sessions as desk
from django_jwtauth.claims import (
    MAX_IDENTIFIER_LENGTH,
    RESERVED_CLAIMS,
    SIGN_IN_CLAIMS,
    find_sid,
    is_api_token,
    is_identifier,
    is_sid,
    sign_in_time,
)
from django_jwtauth.management.commands import jwtauth_revoke
from django_jwtauth.models import LoginSession
from tests import forge

# A UUID of version 7, (RFC 9562, 5.7), and one of version 4.
SID = "01886c1f8c7a7c4d8e5f60718293a4b5"
RANDOM = "5d05a5d9cf0a48cd92b8aca9b2cbeb13"


@pytest.mark.parametrize(
    "value",
    [SID[:-1], SID + "0", SID.upper(), f"{SID}\n", SID.replace("a", "g"), "", None, 7, [SID]],
)
def test_a_sid_is_32_lower_case_hex_digits(value):
    """No other spelling of the same id, and nothing around it."""
    assert is_sid(SID)
    assert not is_sid(value)


@pytest.mark.parametrize(
    "value", ["7", "anna", "zoë", "\u0646\u06cc\u200c\u06a9\u0627", "x" * MAX_IDENTIFIER_LENGTH]
)
def test_text_in_any_script_is_an_identifier(value):
    """Joiners included: names in Persian and Hindi need them."""
    assert is_identifier(value)


@pytest.mark.parametrize(
    "value",
    [
        *("", "x" * (MAX_IDENTIFIER_LENGTH + 1), 7, None, ["anna"], b"anna"),
        *("a\nb", "a\r", "\0", "\x1b[31m", "\x7f", "a\x85b", "a\u2028b", "\u2029", "\ud800"),
    ],
    ids=ascii,
)
def test_what_would_break_a_line_is_no_identifier(value):
    """Neither a log line nor a header nor a database meets it."""
    assert not is_identifier(value)


def test_only_token_use_makes_an_api_token():
    """A sign-in's token has no such claim."""
    assert is_api_token({"token_use": "api"})
    assert not is_api_token({"token_use": "API"})
    assert not is_api_token({})


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"auth_time": 1700000000, "sid": SID}, 1700000000),
        ({"sid": SID}, int(SID[:12], 16) / 1000),
        ({"auth_time": "yesterday", "sid": SID}, int(SID[:12], 16) / 1000),
        ({"sid": RANDOM}, 0),
        ({"sid": ""}, 0),
        ({}, 0),
    ],
)
def test_the_time_of_the_sign_in_is_auth_time_or_that_of_the_sid(said, seconds):
    """A ``sid`` without a time, as a legacy token's, is never recent."""
    assert sign_in_time(said) == seconds


def test_no_claim_is_reserved_and_carried_at_once():
    """Those of a sign-in may be set when it starts, the reserved ones by nobody."""
    assert not RESERVED_CLAIMS & SIGN_IN_CLAIMS


# --- one spelling

# What a person may type or paste for a sign-in's id, and whether it is one.
TYPED = {
    SID: True,
    SID.upper(): True,
    str(uuid.UUID(SID)): True,
    f"{SID[:8]}-{SID[8:]}": True,
    f"{{{uuid.UUID(SID)}}}": False,
    f"urn:uuid:{uuid.UUID(SID)}": False,
    SID[1:]: False,
    f"{SID}0": False,
    f"{SID}\n": False,
    "g" + SID[1:]: False,
    "": False,
}


def by_command(text):
    try:
        return jwtauth_revoke.sign_in_id(text)
    except ArgumentTypeError:
        return None


def by_admin(text):
    try:
        return desk._read_sids([text])[0]
    except BadRequest:
        return None


def test_ids_are_spelled_in_one_module():
    """A second pattern would be a second opinion on what an id is."""
    package = Path(django_jwtauth.__file__).parent
    spelling = [path.name for path in package.rglob("*.py") if "0-9a-f]" in path.read_text()]

    assert spelling == ["claims.py"]


@pytest.mark.parametrize("text", TYPED)
@pytest.mark.parametrize("read", [claims.parse_sid, by_command, by_admin])
def test_a_person_may_type_an_id_as_a_uuid_is_written(read, text):
    """In any case, with dashes or without; nothing around it."""
    assert read(text) == (uuid.UUID(SID) if TYPED[text] else None)


@pytest.mark.parametrize(
    "name",
    [
        "jwtauth_session_detail",
        "jwtauth_browser:jwtauth_session_detail",
        "jwtauth_api_token_detail",
    ],
)
@pytest.mark.parametrize("text", TYPED)
@pytest.mark.urls("tests.test_doors")
def test_a_program_spells_an_id_in_one_way(name, text):
    """Claims and paths know 32 small hex digits, so that equal texts are equal ids."""
    try:
        known = bool(reverse(name, args=[text]))
    except NoReverseMatch:
        known = False

    assert claims.is_sid(text) is known is (text == SID)


ISSUED = {
    "access": lambda user: sessions.start(user).access,
    "refresh": lambda user: sessions.start(user).refresh,
    "refreshed": lambda user: sessions.refresh(sessions.start(user).refresh).refresh,
    "API token": lambda user: api_tokens.create(user, "deploy").raw,
    "one-time": lambda user: one_time.create(user, "download"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("make", ISSUED.values(), ids=ISSUED)
def test_a_jti_leads_to_its_sign_in(user, make):
    """Alone, and within a line; it tells the kind of token."""
    said = forge.claims_of(make(user))
    jti, session = said["jti"], LoginSession.objects.get()

    assert claims.parse_jti(jti) == session.pk
    assert [*claims.find_jtis(f"refused {jti.upper()}, again")] == [(session.pk, jti)]
    assert claims.token_type_of(jti, session.kind) == said["token_type"]


@pytest.mark.parametrize(
    "text", [SID, f"{SID}.", f"{SID}:", f"{SID}.0123", f"{SID}:x", f"0{SID}:1", f"{SID}:1\n", ""]
)
def test_what_is_no_jti(text):
    """Nobody's token is blamed for what only looks like its id."""
    assert claims.parse_jti(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{SID}:3", True),
        (str(uuid.UUID(SID)), True),
        (f"{SID}0", False),
        (f"g{SID[1:]}", False),
        ("", False),
    ],
)
def test_an_id_in_a_text_is_no_part_of_more_digits(text, found):
    """A digest in a log line is not taken for a sign-in."""
    assert (find_sid(text) is not None) is found
