"""Claims to signed string and back. No database, no DRF.

PyJWT's algorithms make and check the signature. The form of a token is read here,
because some PyJWT from 2.10 to 2.15 accepts what RFC 8725 refuses: padding, UTF-16,
duplicate members, ``crit``, unbounded size.
"""

import functools
import json
import re
import time
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import jwt
from django.utils.translation import gettext_lazy as _

from . import keys
from .conf import Settings, get_settings
from .exceptions import (
    BadSignature,
    ExpiredToken,
    MalformedToken,
    NoSubject,
    TokenNotYetValid,
    WrongAudience,
    WrongIssuer,
    WrongTokenType,
)
from .keymaterial import Key
from .remote_keys import RemoteKeys, get_remote_keys
from .verified import Verified, VerifiedTokens

TokenType = Literal["access", "refresh", "one_time"]
KeySource = keys.KeyRing | RemoteKeys
Claims = dict[str, Any]

ACCESS: TokenType = "access"
REFRESH: TokenType = "refresh"
ONE_TIME: TokenType = "one_time"

#: The ``token_use`` of an access token that stands for a script, not for a person signed in.
API_USE = "api"

#: The longest token issued or read, in bytes.
MAX_TOKEN_LENGTH = 8192
# Fits every column that holds one.
MAX_IDENTIFIER_LENGTH = 255
# The last midnight of year 9999 in UTC: later ones fit no datetime in some time zone.
MAX_NUMERIC_DATE = 253402214400
MAX_GENERATION = 2**31 - 1

# Of the tokens that are nobody else's to verify: each has its own typ and its own secret.
_OWN_TYPS: dict[str | None, TokenType] = {"rt+jwt": REFRESH, "ot+jwt": ONE_TIME}
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# RFC 4648, 3.5: where a last character has spare bits, they are zero.
_LAST_CHARACTERS = {2: "AQgw", 3: "AEIMQUYcgkosw048"}
_STANDARD = bytes.maketrans(b"-_", b"+/")
_SID = re.compile(r"[0-9a-f]{32}")
_verified = VerifiedTokens()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


_json = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def encode(token_type: TokenType, claims: Claims) -> str:
    """Return the compact, signed form of ``claims``.

    Raises ``ValueError`` when the claims are not JSON or make a token over 8 KB,
    ``ImproperlyConfigured`` when no key can sign.
    """
    key = _rings(token_type)().signer()
    own = {kind: typ for typ, kind in _OWN_TYPS.items()}
    typ = own.get(token_type, get_settings().ACCESS_TOKEN_TYP)
    header = {"alg": key.algorithm, "typ": typ, **({"kid": key.kid} if key.kid else {})}
    try:
        payload = _encode_object({"token_type": token_type, **claims})
    except TypeError as error:
        raise ValueError(f"A claim of the {token_type} token is not JSON: {error}") from None
    signed = f"{_encode_object(header)}.{payload}"
    signature = jwt.get_algorithm_by_name(key.algorithm).sign(signed.encode(), key.signing)
    raw = f"{signed}.{_encode_segment(signature)}"
    if len(raw) > MAX_TOKEN_LENGTH:
        raise ValueError(
            f"The {token_type} token has {len(raw)} bytes, {MAX_TOKEN_LENGTH} at most: "
            "put less into CLAIMS_HOOK or claims=."
        )
    return raw


def decode(
    raw: str, *allowed: TokenType, allow_expired: bool = False, foreign: bool = False
) -> Claims:
    """Return the verified claims of ``raw``, of one of the ``allowed`` types.

    With ``foreign``, also of ``TRUSTED_ISSUERS``: never where ``sub`` or ``sid`` is looked
    up here, as theirs are not ours. Raises a ``TokenError``, and ``Unavailable`` while
    keys that must be fetched cannot be. The first reason in this order is reported: form,
    signature, type, ``exp``, ``nbf``, ``iss``, ``aud``, the other claims.
    """
    if not isinstance(raw, str) or len(raw) > MAX_TOKEN_LENGTH:
        raise MalformedToken
    claims = _recall(raw, foreign) if ACCESS in allowed else None
    if claims is not None:
        _check_times(claims, allow_expired)
        return claims
    encoded_header, payload = _split(raw)
    header = _read_header(encoded_header)
    typ = _normalize_typ(header["typ"])
    token_type = _OWN_TYPS.get(typ, ACCESS)
    get_keys = _find_keys(payload, foreign) if token_type == ACCESS else _rings(token_type)
    context = _context(get_keys)
    _verify(raw, get_keys().candidates(header["alg"], header["kid"]))
    claims = _read_object(payload)
    _check_type(claims, token_type, allowed, token_type != ACCESS or typ in _access_typs())
    _check_times(claims, allow_expired)
    _check_parties(claims, token_type, foreign)
    _check_identifiers(claims, token_type)
    if token_type == ACCESS:
        _remember(raw, foreign, Verified(get_keys, context, payload, claims))
    return claims


def read_foreign(raw: str, find_keys: Callable[[dict[str, Any]], list[Key]]) -> Claims:
    """Return the claims of a token of any kind that one of the keys signed; checks none of them.

    ``find_keys`` gets the header and returns the keys that may have signed. Raises a
    ``TokenError``.
    """
    if len(raw) > MAX_TOKEN_LENGTH:
        raise MalformedToken
    header, payload = _split(raw)
    _verify(raw, find_keys(_read_header(header)))
    return _read_object(payload)


def _rings(token_type: TokenType) -> Callable[[], keys.KeyRing]:
    rings = {REFRESH: keys.get_refresh_ring, ONE_TIME: keys.get_one_time_ring}
    return rings.get(token_type, keys.get_access_ring)


def sign_in_time(claims: Claims) -> float:
    """Return when the user last proved who they are: ``auth_time``, or the sign-in's start.

    Seconds since the epoch; 0 when it is not known. A ``sid`` of ours is a time-ordered
    UUID (RFC 9562, 5.7), one made for a predecessor's token is not.
    """
    given, sid = claims.get("auth_time"), claims["sid"]
    if isinstance(given, (int, float)):
        return given
    return int(sid[:12], 16) / 1000 if sid and sid[12] == "7" else 0


def _context(get_keys: Callable[[], KeySource]) -> tuple[Settings, keys.KeyRing]:
    """What a verification depends on, besides the time."""
    return get_settings(), get_keys().current()


def _recall(raw: str, foreign: bool) -> Claims | None:
    known = _verified.get((raw, foreign))
    if known is None or known.context != _context(known.get_keys):
        return None
    return _read_object(known.payload) if known.claims is None else known.claims.copy()


def _remember(raw: str, foreign: bool, verified: Verified) -> None:
    claims = verified.claims or {}
    flat = not any(isinstance(value, (dict, list)) for value in claims.values())
    verified = verified._replace(claims=claims.copy() if flat else None)
    _verified.put((raw, foreign), verified, get_settings().TOKEN_CACHE_SIZE)


def _split(raw: str) -> tuple[bytes, bytes]:
    """Return header and payload, decoded; the signature stays out of local variables."""
    if not _FORM.fullmatch(raw):
        raise MalformedToken
    header, payload, _signature = [_decode_segment(segment) for segment in raw.split(".")]
    return header, payload


@functools.lru_cache(maxsize=64)
def _read_header(encoded: bytes) -> dict[str, Any]:
    """Return the header. Most tokens have one of few, so it is kept: not to be changed."""
    header = _read_object(encoded)
    # RFC 7515, 4.1.11: what must be understood is refused, nothing is (b64: RFC 7797).
    if "crit" in header or "b64" in header or not isinstance(header.get("alg"), str):
        raise MalformedToken
    # Not every PyJWT refuses null.
    if not all(isinstance(header.get(name, ""), str) for name in ("typ", "kid")):
        raise MalformedToken
    return {"typ": None, "kid": None, **header}


def _find_keys(payload: bytes, foreign: bool) -> Callable[[], KeySource]:
    """Each issuer's tokens verify with its own keys only (RFC 8725, 3.8)."""
    urls = get_settings().key_urls(foreign=foreign)
    if urls:
        # Not verified yet: it picks a ring, nothing more.
        issuer = _read_object(payload).get("iss")
        if isinstance(issuer, str) and issuer in urls:
            return partial(get_remote_keys, urls[issuer])
    return keys.get_access_ring


def _decode_segment(segment: str) -> bytes:
    """Decode base64url, canonical only: one token must have one spelling."""
    spare = len(segment) % 4
    if spare == 1 or (spare and segment[-1] not in _LAST_CHARACTERS[spare]):
        raise MalformedToken
    return a2b_base64(segment.encode().translate(_STANDARD) + b"=" * (-spare % 4))


def _encode_segment(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _encode_object(value: dict[str, Any]) -> str:
    return _encode_segment(json.dumps(value, separators=(",", ":"), allow_nan=False).encode())


def _read_object(encoded: bytes) -> dict[str, Any]:
    try:
        value = _json.decode(encoded.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedToken from None
    if not isinstance(value, dict):
        raise MalformedToken
    return value


def _verify(raw: str, candidates: list[Key]) -> None:
    """Raise ``BadSignature`` unless one of the keys made the signature."""
    signed = raw.rpartition(".")[0].encode()
    for key in candidates:
        algorithm = jwt.get_algorithm_by_name(key.algorithm)
        try:
            if algorithm.verify(signed, key.verifying, _decode_segment(raw.rpartition(".")[2])):
                return
        # PyJWT lets more than its own exceptions through on hostile input.
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
            continue
    raise BadSignature


def _normalize_typ(typ: str | None) -> str | None:
    """RFC 8725, 3.11: a media type, compared without case, "application/" optional."""
    return typ.lower().removeprefix("application/") if typ else None


def _access_typs() -> set[str]:
    # at+jwt stays good while ACCESS_TOKEN_TYP is being changed to "JWT".
    return {"at+jwt", get_settings().ACCESS_TOKEN_TYP.lower()}


def _check_type(
    claims: Claims, token_type: TokenType, allowed: tuple[TokenType, ...], typ_known: bool
) -> None:
    if "token_type" not in claims and typ_known:
        raise WrongTokenType(_("Token has no type"))
    if not typ_known or claims["token_type"] != token_type or token_type not in allowed:
        raise WrongTokenType


def _check_times(claims: Claims, allow_expired: bool) -> None:
    now = time.time()
    leeway = get_settings().LEEWAY.total_seconds()
    if "exp" not in claims:
        raise MalformedToken(_("Token has no 'exp' claim"))
    exp, iat, nbf = claims["exp"], claims.get("iat"), claims.get("nbf", 0)
    if type(exp) is not int or not 0 <= exp <= MAX_NUMERIC_DATE:
        raise MalformedToken
    # iat is not compared with the clock: nodes differ.
    if type(iat) not in (int, float) or type(nbf) not in (int, float):
        raise MalformedToken
    if exp + leeway <= now and not allow_expired:
        raise ExpiredToken
    if nbf > now + leeway:
        raise TokenNotYetValid


def _check_parties(claims: Claims, token_type: TokenType, foreign: bool) -> None:
    settings = get_settings()
    issuers = {settings.ISSUER, *(settings.TRUSTED_ISSUERS if foreign else ())}
    if settings.ISSUER is not None and claims.get("iss") not in [*issuers]:
        raise WrongIssuer
    if token_type != ACCESS or (not settings.AUDIENCE and "aud" not in claims):
        return
    # RFC 7519, 4.1.3: a token for somebody is not for whoever has no name.
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not any(name in settings.AUDIENCE for name in named):
        raise WrongAudience


def _check_identifiers(claims: Claims, token_type: TokenType) -> None:
    if "sub" not in claims:
        raise NoSubject
    if "jti" not in claims:
        raise MalformedToken(_("Token has no id"))
    sid = claims.get("sid")
    if not is_identifier(claims["sub"]) or not is_identifier(claims["jti"]):
        raise MalformedToken
    if not isinstance(sid, str) or not _SID.fullmatch(sid):
        raise MalformedToken
    if token_type == REFRESH:
        generation = claims.get("gen")
        if type(generation) is not int or not 0 <= generation <= MAX_GENERATION:
            raise MalformedToken


def is_identifier(value: Any) -> bool:
    """Return whether ``value`` is text that may stand for a user or a token."""
    # isprintable() is false for control characters, NUL and lone surrogates.
    return (
        isinstance(value, str) and 0 < len(value) <= MAX_IDENTIFIER_LENGTH and value.isprintable()
    )
