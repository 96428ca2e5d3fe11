"""The hook for ``LEGACY["DECODER"]``: a token of simplejwt's, in our words.

An access token is good until it expires. A refresh token is generation 0 of a sign-in
whose id follows from its ``jti``: refreshing it is a refresh like any other, so single
use, the grace period, reuse detection and signing out hold for it, too.
"""

import functools
import hashlib
import math
import time
from typing import Any
from uuid import UUID, uuid5

import jwt
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.crypto import constant_time_compare

from ....claims import (
    ACCESS,
    MAX_NUMERIC_DATE,
    REFRESH,
    RESERVED_CLAIMS,
    Claims,
    TokenType,
    is_identifier,
    parse_jti,
)
from ....conf import get_settings
from ....exceptions import (
    CredentialsChanged,
    ExpiredToken,
    TokenBlacklisted,
    TokenError,
    UserNotFound,
    WrongTokenType,
)
from ....redacted import redact
from ....store import database, identity, users
from ....tokens.jws import read_foreign
from ....tokens.keymaterial import Key
from ....tokens.remote_keys import get_remote_keys
from . import tables
from .configuration import get, get_claim_name, get_leeway, uses_sliding_tokens

_NAMESPACE = UUID("5f0f8d0c-8f4a-5d6e-9c37-0f6a1c7be2d4")

# Settings whose claims say something about the token, not about the user.
_THEIR_CLAIMS = (
    "USER_ID_CLAIM",
    "TOKEN_TYPE_CLAIM",
    "JTI_CLAIM",
    "REVOKE_TOKEN_CLAIM",
    "SLIDING_TOKEN_REFRESH_EXP_CLAIM",
)


def decode(raw: str, allowed: tuple[TokenType, ...], allow_expired: bool) -> Claims | None:
    """Return the claims of a simplejwt token in our words, or None if it is not one.

    With ``allow_expired``, to sign out, it does not matter what else would refuse the token.
    Writes nothing. Raises a ``TokenError``.
    """
    raw = redact(raw)
    legacy = _read(raw)
    if legacy is None:
        return None
    kind = legacy.get(get_claim_name("TOKEN_TYPE_CLAIM"))
    token_type = _get_type(kind, allowed)
    end = _get_end(legacy, kind, token_type)
    if end <= time.time() and not allow_expired:
        raise ExpiredToken
    jti = legacy[get_claim_name("JTI_CLAIM")]
    with database.reporting_unavailable():
        user = find_user(legacy.get(get_claim_name("USER_ID_CLAIM")))
        if not allow_expired:
            _check_revoked(jti, user, legacy)
    claims: Claims = {
        **_get_carried(legacy),
        "token_type": token_type,
        "sub": identity.subject_of(user),
        "jti": jti,
        # A token that does not say when it was issued may be of any time.
        "iat": legacy.get("iat", 0),
        # When it stops being accepted here.
        "exp": end,
        # Of an access token nothing says which sign-in it belongs to.
        "sid": None if kind == ACCESS else session_id(jti).hex,
    }
    if token_type == REFRESH:
        return {**claims, "gen": 0}
    user_id_claim = get_settings().USER_ID_CLAIM
    return {**claims, user_id_claim: claims["sub"]} if user_id_claim else claims


def session_id(jti: str) -> UUID:
    """Return the id of the sign-in that a legacy token stands for (RFC 9562, 5.5)."""
    return uuid5(_NAMESPACE, jti)


# --- what the token says


def _read(raw: str) -> dict[str, Any] | None:
    """Return the claims of a token that simplejwt would take, but for its type and ``exp``."""
    try:
        legacy = read_foreign(raw, _find_keys)
    except TokenError:
        return None
    jti, exp = legacy.get(get_claim_name("JTI_CLAIM")), legacy.get("exp")
    good = (
        is_identifier(jti)
        and type(exp) is int
        and 0 <= exp <= MAX_NUMERIC_DATE
        and _has_begun(legacy)
        and _is_for_us(legacy)
        # Our own token under the same key, refused already, must not get a second chance.
        and parse_jti(str(jti)) is None
    )
    return legacy if good else None


def _find_keys(header: dict[str, Any]) -> list[Key]:
    algorithm = get("ALGORITHM")
    # Ours say at+jwt or rt+jwt: a refusal of theirs costs nothing more.
    if header["typ"] != "JWT" or header["alg"] != algorithm:
        return []
    if get("JWK_URL") and not algorithm.startswith("HS"):
        return get_remote_keys(get("JWK_URL")).candidates(algorithm, header["kid"])
    return _get_keys()


@functools.cache
def _get_keys() -> list[Key]:
    algorithm = get("ALGORITHM")
    name = "SIGNING_KEY" if algorithm.startswith("HS") else "VERIFYING_KEY"
    material = get(name)
    # A key that is empty is known to everybody.
    if not material:
        return []
    try:
        return [Key(algorithm, None, jwt.get_algorithm_by_name(algorithm).prepare_key(material))]
    except (jwt.PyJWTError, NotImplementedError, ValueError, TypeError) as error:
        message = f"SIMPLE_JWT[{name!r}] is not a key for ALGORITHM: {type(error).__name__}"
        raise ImproperlyConfigured(message) from None


def _has_begun(legacy: dict[str, Any]) -> bool:
    nbf = legacy.get("nbf", 0)
    return type(nbf) in (int, float) and nbf <= time.time() + get_leeway()


def _is_for_us(legacy: dict[str, Any]) -> bool:
    issuer, audience = get("ISSUER"), get("AUDIENCE")
    if issuer is not None:
        accepted = [issuer] if isinstance(issuer, str) else issuer
        if legacy.get("iss") not in accepted:
            return False
    if audience is None:
        return True
    accepted = [audience] if isinstance(audience, str) else audience
    named = legacy.get("aud")
    named = [named] if isinstance(named, str) else named
    return isinstance(named, list) and any(name in accepted for name in named)


def _get_type(kind: Any, allowed: tuple[TokenType, ...]) -> TokenType:
    """Return what the token is taken for; a sliding token is whichever is asked for."""
    token_type = kind
    if kind == "sliding" and uses_sliding_tokens():
        token_type = ACCESS if ACCESS in allowed else REFRESH
    if token_type not in (ACCESS, REFRESH) or token_type not in allowed:
        raise WrongTokenType
    return ACCESS if token_type == ACCESS else REFRESH


def _get_end(legacy: dict[str, Any], kind: Any, token_type: TokenType) -> int:
    """Return when the token stops being accepted, in seconds since the epoch."""
    exp: int = legacy["exp"]
    if kind == "sliding" and token_type == REFRESH:
        refresh_exp = legacy.get(get_claim_name("SLIDING_TOKEN_REFRESH_EXP_CLAIM"))
        exp = min(exp, refresh_exp) if type(refresh_exp) is int else 0
    return min(math.ceil(exp + get_leeway()), MAX_NUMERIC_DATE)


def find_user(subject: Any) -> Any:
    """Return the one user that ``USER_ID_FIELD`` means; whether active is not asked here."""
    field = get("USER_ID_FIELD")
    # A number before simplejwt 5.5. True is a number, too, and user 1's.
    if type(subject) is int:
        subject = str(subject)
    if not is_identifier(subject):
        raise UserNotFound
    found = list(identity.having(users.visible(), field, subject)[:2])
    # The field need not be unique, and a database may compare text loosely.
    if len(found) != 1 or str(getattr(found[0], field)) != subject:
        raise UserNotFound
    return found[0]


def _check_revoked(jti: str, user: Any, legacy: dict[str, Any]) -> None:
    ours = database.blacklisted_tokens().filter(jti=jti)
    if ours.exists() or tables.is_blacklisted(jti):
        raise TokenBlacklisted
    if get("CHECK_REVOKE_TOKEN"):
        claimed = legacy.get(get_claim_name("REVOKE_TOKEN_CLAIM"))
        digest = hashlib.md5(user.password.encode(), usedforsecurity=False).hexdigest()
        if not constant_time_compare(str(claimed), digest.upper()):
            raise CredentialsChanged


def _get_carried(legacy: dict[str, Any]) -> Claims:
    """Return the project's own claims, which its front end may read."""
    dropped = RESERVED_CLAIMS | {get_claim_name(setting) for setting in _THEIR_CLAIMS}
    return {name: value for name, value in legacy.items() if name not in dropped}


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("SECRET_KEY", "SIMPLE_JWT"):
        _get_keys.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_jwtauth.contrib.simplejwt.move.decoder")
