"""Claims: their names, the kinds of token, and how ids are spelled.

Needs no key, no setting and no database.
"""

import re
import secrets
from collections.abc import Iterator
from typing import Any, Literal
from uuid import UUID

TokenType = Literal["access", "refresh", "one_time"]
#: What a verified token says: the names of its claims and their JSON values.
Claims = dict[str, Any]
ACCESS: TokenType = "access"
REFRESH: TokenType = "refresh"
ONE_TIME: TokenType = "one_time"

#: The ``token_use`` of an API token; see is_api_token().
API_USE = "api"
#: The claim of a refresh token with the lifetimes that were chosen for its sign-in.
LIFETIMES = "lifetimes"

# Fits every column that holds one.
MAX_IDENTIFIER_LENGTH = 255
# 30 December 9999 in UTC: in every time zone, a datetime has room for it and the next day.
MAX_NUMERIC_DATE = 253402128000
MAX_GENERATION = 2**31 - 1

# Control characters, line ends and lone surrogates must reach no log line, header or database.
# Joiners are part of names in Persian, Hindi and other languages.
_NOT_IN_A_LINE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# The id of a sign-in, and how people and databases may write it.
_SID = re.compile(r"[0-9a-f]{32}")
_SID_IN_TEXT = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}(?![0-9a-f])")
# "<sid>.<16 hex>" of an access token, "<sid>:<generation>" of a refresh or one-time token.
_JTI = re.compile(r"(?<![0-9a-f])([0-9a-f]{32})(?:\.[0-9a-f]{16}(?![0-9a-f])|:[0-9]{1,10})")

#: A ``sid``, for the paths of a URLconf.
SID_PATTERN = _SID.pattern

# Claims that have a meaning here, so neither a hook nor ``claims=`` may set them.
RESERVED_CLAIMS = frozenset(
    {
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "client_id",
        "sid",
        "gen",
        "token_type",
        "token_use",
        "parent_sid",
        "act",
        LIFETIMES,
        # Set by this package for a token that another package issued.
        "legacy",
    }
)
# Claims that are set when the user signs in and kept by every refresh, never by a hook.
SIGN_IN_CLAIMS = frozenset({"scope", "amr", "auth_time"})


def is_api_token(claims: Claims) -> bool:
    """Return whether an access token belongs to a script, not to a person who signed in."""
    return claims.get("token_use") == API_USE


def is_acting(claims: Claims) -> bool:
    """Return whether somebody else acts for the user of the token (RFC 8693, 4.1)."""
    return claims.get("act") is not None


def is_of_sign_in(claims: Claims) -> bool:
    """Return whether the token belongs to a sign-in: its user has it, and can sign out with it."""
    return claims["token_type"] != ONE_TIME and not (is_api_token(claims) or is_acting(claims))


def operator_of(claims: Claims) -> tuple[str | None, str | None]:
    """Return who acts with the token, as ``sub`` spells it, and the ``sid`` they act from."""
    act, sid = claims.get("act"), claims.get("parent_sid")
    subject = act.get("sub") if isinstance(act, dict) else None
    return subject if is_identifier(subject) else None, sid if is_sid(sid) else None


def sign_in_time(claims: Claims) -> float:
    """Return when the user last proved who they are: ``auth_time``, or the sign-in's start.

    Seconds since the epoch; 0 if unknown.
    """
    given = claims.get("auth_time")
    return given if isinstance(given, (int, float)) else began_at(claims.get("sid"))


def began_at(sid: str | None) -> float:
    """Return when a sign-in began: a ``sid`` is a time-ordered UUID (RFC 9562, 5.7).

    Seconds since the epoch; 0 without a sign-in, and for one that a legacy token began.
    """
    return int(sid[:12], 16) / 1000 if sid and sid[12:13] == "7" else 0


def is_sid(value: Any) -> bool:
    """Return whether ``value`` is the id of a sign-in as tokens spell it: 32 hex digits."""
    return isinstance(value, str) and _SID.fullmatch(value) is not None


def parse_sid(text: str) -> UUID | None:
    """Return the id of a sign-in that a person typed, in any case, with dashes or without."""
    match = _SID_IN_TEXT.fullmatch(text.lower())
    return UUID(match.group()) if match else None


def find_sids(text: str) -> Iterator[UUID]:
    """Yield the ids of sign-ins in ``text``, bare or within a ``jti``, in their order."""
    return (UUID(match.group()) for match in _SID_IN_TEXT.finditer(text.lower()))


def find_sid(text: str) -> UUID | None:
    """Return the first of find_sids(), or None without one."""
    return next(find_sids(text), None)


def access_jti(sid: str) -> str:
    """Return a ``jti`` for a new access token; found in a log, it leads to its sign-in."""
    return f"{sid}.{secrets.token_hex(8)}"


def generation_jti(sid: str, generation: int) -> str:
    """Return the ``jti`` of a refresh or one-time token, which is derived from the row."""
    return f"{sid}:{generation}"


def parse_jti(jti: str) -> UUID | None:
    """Return the id of the sign-in in a ``jti``, or None if it was not issued here."""
    match = _JTI.fullmatch(jti)
    return UUID(match[1]) if match else None


def find_jtis(text: str) -> Iterator[tuple[UUID, str]]:
    """Yield the sign-in's id and the whole of each ``jti`` in ``text``, in their order."""
    return ((UUID(match[1]), match[0]) for match in _JTI.finditer(text.lower()))


def token_type_of(jti: str, kind: str) -> TokenType:
    """Return the type of the token with this ``jti``, issued for a row of this kind."""
    if ":" not in jti:
        return ACCESS
    return ONE_TIME if kind == ONE_TIME else REFRESH


def is_identifier(value: Any) -> bool:
    """Return whether ``value`` is text that may stand for a user or a token."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_IDENTIFIER_LENGTH
        and not _NOT_IN_A_LINE.search(value)
    )
