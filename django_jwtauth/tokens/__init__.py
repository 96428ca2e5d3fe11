"""Turn claims into a signed token and back, and check them.

Uses no database. ``jws`` encodes and signs.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from ..claims import (
    ACCESS,
    MAX_GENERATION,
    MAX_NUMERIC_DATE,
    ONE_TIME,
    REFRESH,
    TokenType,
    is_identifier,
    is_sid,
)
from ..claims import Claims as Claims
from ..claims import is_api_token as is_api_token
from ..conf import Settings, Tenancy
from ..conf.values import MAX_LEEWAY
from ..exceptions import (
    ExpiredToken,
    MalformedToken,
    NoSubject,
    TokenNotYetValid,
    TooLongLived,
    WrongAudience,
    WrongIssuer,
    WrongTokenType,
)
from . import jws, keyrings
from .cache import Verified, VerifiedTokens

if TYPE_CHECKING:
    from .remote_keys import RemoteKeys

#: The longest token issued or read, in bytes.
MAX_LENGTH = jws.MAX_LENGTH

# Tokens that only this deployment verifies; each kind has its own typ and its own secret.
_OWN_TYPS: dict[str, TokenType] = {"rt+jwt": REFRESH, "ot+jwt": ONE_TIME}
_verified = VerifiedTokens()


@dataclass(frozen=True, slots=True)
class TokenPair:
    """The tokens of one answer; ``refresh`` is None if the old one stays in use.

    ``expires_in`` and ``refresh_expires_in`` are in seconds from now. ``remembered`` is False if
    the sign-in should end with the browser's session.
    """

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    expires_in: int
    refresh_expires_in: int
    session_id: UUID
    scope: str | None = None
    remembered: bool = True


def encode(token_type: TokenType, claims: Claims, max_length: int = MAX_LENGTH) -> str:
    """Return the compact, signed form of ``claims``.

    Raises ``ValueError`` if the claims are not JSON or the token has more than ``max_length``
    bytes, and ``ImproperlyConfigured`` if no key can sign.
    """
    tenancy = keyrings.get_token_tenancy()
    key = _rings(token_type)(tenancy).signer()
    own = {kind: typ for typ, kind in _OWN_TYPS.items()}
    typ = own.get(token_type, tenancy.settings.ACCESS_TOKEN_TYP)
    try:
        raw = jws.sign({"token_type": token_type, **claims}, key, typ)
    except TypeError as error:
        raise ValueError(f"A claim of the {token_type} token is not JSON: {error}") from None
    if len(raw) > max_length:
        raise ValueError(
            f"The {token_type} token has {len(raw)} bytes, but at most {max_length} are allowed: "
            'return less from HOOKS["CLAIMS"], or pass less in claims=.'
        )
    return raw


def decode(
    raw: str, *allowed: TokenType, allow_expired: bool = False, foreign: bool = False
) -> Claims:
    """Return the verified claims of ``raw``, of one of the ``allowed`` types.

    With ``foreign``, tokens of other ``ISSUERS`` are accepted, too. Never pass it where ``sub``
    or ``sid`` is looked up here, because theirs name other users. Raises a ``TokenError``, and
    ``Unavailable`` if the required keys cannot be fetched. The first reason in this order is
    reported: form, signature, type, ``exp``, ``nbf``, ``iss``, ``aud``, the other claims.
    """
    if not isinstance(raw, str) or len(raw) > jws.MAX_LENGTH:
        raise MalformedToken
    tenancy = keyrings.get_token_tenancy()
    conf = tenancy.settings
    claims = _recall(raw, foreign, tenancy) if ACCESS in allowed else None
    if claims is not None:
        _check_times(claims, conf, allow_expired)
        return claims
    encoded_header, payload = jws.split(raw)
    header = jws.read_header(encoded_header)
    typ = _normalize_typ(header["typ"])
    token_type = _OWN_TYPS.get(typ, ACCESS)
    url = _find_url(payload, foreign, conf) if token_type == ACCESS else None
    keys = _fetched_keys(url) if url else _rings(token_type)(tenancy)
    # A cached result depends on the ring, so the ring is read first.
    ring = keys.current()
    jws.verify(raw, keys.candidates(header["alg"], header["kid"]))
    claims = jws.read_object(payload)
    _check_type(claims, token_type, allowed, token_type != ACCESS or typ in _access_typs(conf))
    _check_times(claims, conf, allow_expired)
    _check_parties(claims, token_type, foreign, conf)
    _check_identifiers(claims, token_type)
    if token_type == ACCESS:
        _remember(raw, foreign, Verified(tenancy, url, ring, payload, claims))
    return claims


def _rings(token_type: TokenType) -> Callable[[Tenancy], keyrings.KeyRing]:
    rings = {REFRESH: keyrings.get_refresh_ring, ONE_TIME: keyrings.get_one_time_ring}
    return rings.get(token_type, keyrings.get_access_ring)


def _recall(raw: str, foreign: bool, tenancy: Tenancy) -> Claims | None:
    known = _verified.get((raw, foreign))
    # If a setting or a key changes, there is a new tenancy.
    if known is None or known.tenancy is not tenancy:
        return None
    if known.url and _fetched_keys(known.url).current() is not known.ring:
        return None
    return jws.read_object(known.payload) if known.claims is None else known.claims.copy()


def _remember(raw: str, foreign: bool, verified: Verified) -> None:
    claims = verified.claims or {}
    flat = not any(isinstance(value, (dict, list)) for value in claims.values())
    size = verified.tenancy.settings.TOKEN_CACHE_SIZE
    verified = verified._replace(claims=claims.copy() if flat else None)
    _verified.put((raw, foreign), verified, size)


def _find_url(payload: bytes, foreign: bool, conf: Settings) -> str | None:
    """Return the URL of the issuer's keys, or None for the keys in ``KEYS``.

    Each issuer's tokens verify only with its own keys (RFC 8725, 3.8).
    """
    urls = conf.key_urls(foreign=foreign)
    # The claim is not verified yet, and only selects a ring.
    issuer = jws.read_object(payload).get("iss") if urls else None
    return urls.get(issuer) if isinstance(issuer, str) else None


def _fetched_keys(url: str) -> "RemoteKeys":
    # Most projects fetch no keys.
    from .remote_keys import get_remote_keys

    return get_remote_keys(url)


def _normalize_typ(typ: str | None) -> str:
    """RFC 8725, 3.11: a media type, compared without case, "application/" optional."""
    return (typ or "").lower().removeprefix("application/")


def _access_typs(conf: Settings) -> set[str]:
    # at+jwt stays valid while ACCESS_TOKEN_TYP is being changed to "JWT".
    return {"at+jwt", conf.ACCESS_TOKEN_TYP.lower()}


def _check_type(
    claims: Claims, token_type: TokenType, allowed: tuple[TokenType, ...], typ_known: bool
) -> None:
    if "token_type" not in claims and typ_known:
        raise WrongTokenType(_("Token has no type"))
    if not typ_known or claims["token_type"] != token_type or token_type not in allowed:
        raise WrongTokenType


def _check_times(claims: Claims, conf: Settings, allow_expired: bool) -> None:
    now, leeway = time.time(), conf.LEEWAY.total_seconds()
    if "exp" not in claims:
        raise MalformedToken(_("Token has no 'exp' claim"))
    exp, iat, nbf = claims["exp"], claims.get("iat"), claims.get("nbf", 0)
    if type(exp) is not int or not 0 <= exp <= MAX_NUMERIC_DATE:
        raise MalformedToken
    # iat is not compared with the clock, because clocks of nodes differ.
    if type(iat) not in (int, float) or type(nbf) not in (int, float):
        raise MalformedToken
    if exp + leeway <= now and not allow_expired:
        raise ExpiredToken
    if nbf > now + leeway:
        raise TokenNotYetValid


def _check_parties(claims: Claims, token_type: TokenType, foreign: bool, conf: Settings) -> None:
    issuers = {conf.ISSUER, *(conf.ISSUERS if foreign else ())}
    if conf.ISSUER is not None and claims.get("iss") not in [*issuers]:
        raise WrongIssuer
    trusted = conf.find_trusted(claims.get("iss")) if foreign else None
    if trusted is not None:
        _check_lifetime(claims, trusted.max_lifetime)
    if token_type != ACCESS or (not conf.AUDIENCE and "aud" not in claims):
        return
    # RFC 7519, 4.1.3: a token with an audience is not for a deployment without AUDIENCE.
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise WrongAudience
    if not any(name in conf.AUDIENCE for name in named):
        raise WrongAudience


def _check_lifetime(claims: Claims, longest: timedelta) -> None:
    """Refuse another issuer's token that is valid for too long, as nothing here could end it."""
    # Measured by its own clock or by ours, whichever gives more; clocks may differ by minutes.
    began = min(claims["iat"], time.time())
    if claims["exp"] - began > (longest + MAX_LEEWAY).total_seconds():
        raise TooLongLived


def _check_identifiers(claims: Claims, token_type: TokenType) -> None:
    if "sub" not in claims:
        raise NoSubject
    if "jti" not in claims:
        raise MalformedToken(_("Token has no id"))
    sid = claims.get("sid")
    if not is_identifier(claims["sub"]) or not is_identifier(claims["jti"]):
        raise MalformedToken
    if not is_sid(sid):
        raise MalformedToken
    if token_type == REFRESH:
        generation = claims.get("gen")
        if type(generation) is not int or not 0 <= generation <= MAX_GENERATION:
            raise MalformedToken
