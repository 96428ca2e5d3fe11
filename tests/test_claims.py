"""What claims say: ids as tokens spell them, kinds of token, when somebody signed in."""

import pytest

from django_jwtauth.claims import (
    MAX_IDENTIFIER_LENGTH,
    RESERVED_CLAIMS,
    SIGN_IN_CLAIMS,
    is_api_token,
    is_identifier,
    is_sid,
    sign_in_time,
)

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
    ("claims", "seconds"),
    [
        ({"auth_time": 1700000000, "sid": SID}, 1700000000),
        ({"sid": SID}, int(SID[:12], 16) / 1000),
        ({"auth_time": "yesterday", "sid": SID}, int(SID[:12], 16) / 1000),
        ({"sid": RANDOM}, 0),
        ({"sid": ""}, 0),
        ({}, 0),
    ],
)
def test_the_time_of_the_sign_in_is_auth_time_or_that_of_the_sid(claims, seconds):
    """A ``sid`` without a time, as a legacy token's, is never recent."""
    assert sign_in_time(claims) == seconds


def test_no_claim_is_reserved_and_carried_at_once():
    """Those of a sign-in may be set when it starts, the reserved ones by nobody."""
    assert not RESERVED_CLAIMS & SIGN_IN_CLAIMS
