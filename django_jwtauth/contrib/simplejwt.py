"""Accept the tokens of djangorestframework-simplejwt while a project moves here.

``JWTAUTH = {"LEGACY_DECODER": "django_jwtauth.contrib.simplejwt.decode", "LEGACY_UNTIL": ...}``.
Reads the project's ``SIMPLE_JWT``; the package itself need not be installed any more.

A legacy access token is good until it expires. A legacy refresh token is generation 0 of
a sign-in whose id follows from its ``jti``: refreshing it is a refresh like any other,
so single use, the grace period, reuse detection and sign-out hold for it too.
"""

import functools
import hashlib
import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.signals import setting_changed
from django.db import connections
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from .. import lookup
from ..conf import RESERVED_CLAIMS, get_settings
from ..exceptions import (
    CredentialsChanged,
    ExpiredToken,
    TokenBlacklisted,
    UserInactive,
    UserNotFound,
    WrongTokenType,
)
from ..models import LoginSession
from ..rules import auth_hash, is_active
from ..tokens import ACCESS, MAX_TOKEN_LENGTH, REFRESH, Claims, TokenType

BLACKLIST_TABLES = ("token_blacklist_outstandingtoken", "token_blacklist_blacklistedtoken")

DEFAULTS: Mapping[str, Any] = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": None,
    "VERIFYING_KEY": "",
    "AUDIENCE": None,
    "ISSUER": None,
    "JWK_URL": None,
    "LEEWAY": 0,
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "user_id",
    "TOKEN_TYPE_CLAIM": "token_type",
    "JTI_CLAIM": "jti",
    "CHECK_REVOKE_TOKEN": False,
    "REVOKE_TOKEN_CLAIM": "hash_password",
    "SLIDING_TOKEN_REFRESH_EXP_CLAIM": "refresh_exp",
}


def get_legacy_setting(name: str) -> Any:
    """Return a setting of ``SIMPLE_JWT``, or simplejwt's default for it."""
    return getattr(settings, "SIMPLE_JWT", {}).get(name, DEFAULTS[name])


def decode(raw: str, allowed: tuple[TokenType, ...], allow_expired: bool) -> Claims | None:
    """Return the claims of a simplejwt token in our words, None when it is not one.

    A refresh token's sign-in is made when it is first seen. Raises a ``TokenError``.
    """
    legacy = _verify(raw)
    if legacy is None:
        return None
    kind = str(legacy.get(get_legacy_setting("TOKEN_TYPE_CLAIM")))
    exp, token_type = _expiry(legacy, kind, allowed)
    if token_type not in allowed:
        raise WrongTokenType
    leeway = _leeway()
    if exp + leeway <= timezone.now().timestamp() and not allow_expired:
        raise ExpiredToken
    with lookup.reporting_unavailable():
        user = _get_user(legacy)
        jti = str(legacy[get_legacy_setting("JTI_CLAIM")])
        if kind != "access" and not allow_expired and is_blacklisted(jti):
            raise TokenBlacklisted
        claims = {"token_type": token_type, "sub": str(user.pk), "jti": jti, "exp": exp}
        claims["iat"] = legacy.get("iat", exp)
        if token_type == ACCESS:
            return {**_carried(legacy), **claims, "sid": None}
        session = make_session(jti, user, exp)
        LoginSession.objects.using(lookup.alias()).bulk_create([session], ignore_conflicts=True)
    return {**_carried(legacy), **claims, "sid": session.sid, "gen": 0}


def session_id(jti: str) -> UUID:
    """Return the id of the sign-in that a legacy refresh token stands for (RFC 9562, 5.8)."""
    digest = hashlib.sha256(f"django_jwtauth.simplejwt:{jti}".encode()).digest()
    return UUID(bytes=digest[:16], version=4)


def make_session(jti: str, user: Any, exp: int) -> LoginSession:
    """Return the sign-in of a legacy refresh token, unsaved."""
    now = timezone.now()
    return LoginSession(
        id=session_id(jti),
        user_id=user.pk,
        subject=str(user.pk),
        auth_hash=auth_hash(user),
        created_at=now,
        refreshed_at=now,
        expires_at=min(
            now + timedelta(seconds=max(0, exp - now.timestamp())),
            now + get_settings().SESSION_LIFETIME,
        ),
    )


def is_blacklisted(jti: str) -> bool:
    """Return whether simplejwt's own tables, if they are there, refuse the token."""
    using = lookup.alias()
    if not has_blacklist_tables(using):
        return False
    outstanding, blacklisted = BLACKLIST_TABLES
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {outstanding} o JOIN {blacklisted} b ON b.token_id = o.id "  # noqa: S608
            "WHERE o.jti = %s",
            [jti],
        )
        return cursor.fetchone() is not None


@functools.cache
def has_blacklist_tables(using: str) -> bool:
    """Return whether the tables of simplejwt's blacklist app are in this database."""
    tables = connections[using].introspection.table_names()
    return set(BLACKLIST_TABLES) <= set(tables)


def _verify(raw: str) -> dict[str, Any] | None:
    algorithm, audience = get_legacy_setting("ALGORITHM"), get_legacy_setting("AUDIENCE")
    if len(raw) > MAX_TOKEN_LENGTH:
        return None
    try:
        with warnings.catch_warnings():
            # Its keys may be short; they are what the tokens were signed with.
            warnings.simplefilter("ignore")
            claims: dict[str, Any] = jwt.decode(
                raw,
                _key(raw, algorithm),
                algorithms=[algorithm],
                audience=audience,
                issuer=get_legacy_setting("ISSUER"),
                leeway=_leeway(),
                options={"verify_aud": audience is not None, "verify_exp": False},
            )
    # PyJWT lets more than its own exceptions through on hostile input.
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    jti, exp = claims.get(get_legacy_setting("JTI_CLAIM")), claims.get("exp")
    named = isinstance(jti, str) and 0 < len(jti) <= 255 and jti.isprintable()
    return claims if named and type(exp) is int and 0 <= exp < 253402300800 else None


def _key(raw: str, algorithm: str) -> Any:
    if algorithm.startswith("HS"):
        return get_legacy_setting("SIGNING_KEY") or settings.SECRET_KEY
    if get_legacy_setting("JWK_URL"):
        return _jwk_client(get_legacy_setting("JWK_URL")).get_signing_key_from_jwt(raw).key
    return get_legacy_setting("VERIFYING_KEY")


@functools.cache
def _jwk_client(url: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(url, timeout=3)


def _leeway() -> float:
    leeway = get_legacy_setting("LEEWAY")
    return leeway.total_seconds() if isinstance(leeway, timedelta) else float(leeway)


def _expiry(
    legacy: dict[str, Any], kind: str, allowed: tuple[TokenType, ...]
) -> tuple[int, TokenType]:
    """Return when the token expires and as what; a sliding token is two in one."""
    if kind == "sliding" and ACCESS not in allowed:
        refresh_exp = legacy.get(get_legacy_setting("SLIDING_TOKEN_REFRESH_EXP_CLAIM"))
        return (refresh_exp if type(refresh_exp) is int else 0), REFRESH
    if kind in ("access", "sliding"):
        return legacy["exp"], ACCESS
    if kind == "refresh":
        return legacy["exp"], REFRESH
    raise WrongTokenType


def _get_user(legacy: dict[str, Any]) -> Any:
    users: Any = get_user_model()._default_manager.using(lookup.alias())
    subject = legacy.get(get_legacy_setting("USER_ID_CLAIM"))
    if not isinstance(subject, (str, int)):
        raise UserNotFound
    try:
        user = users.filter(**{get_legacy_setting("USER_ID_FIELD"): subject}).first()
    except (ValueError, TypeError, OverflowError, ValidationError):
        raise UserNotFound from None
    if user is None:
        raise UserNotFound
    if not is_active(user):
        raise UserInactive
    if get_legacy_setting("CHECK_REVOKE_TOKEN"):
        given = legacy.get(get_legacy_setting("REVOKE_TOKEN_CLAIM"))
        expected = hashlib.md5(user.password.encode(), usedforsecurity=False).hexdigest().upper()
        if not constant_time_compare(str(given), expected):
            raise CredentialsChanged
    return user


def _carried(legacy: dict[str, Any]) -> Claims:
    """Return the project's own claims, which its front end may read."""
    theirs = {
        get_legacy_setting(name)
        for name in (
            "USER_ID_CLAIM",
            "TOKEN_TYPE_CLAIM",
            "JTI_CLAIM",
            "REVOKE_TOKEN_CLAIM",
            "SLIDING_TOKEN_REFRESH_EXP_CLAIM",
        )
    }
    return {name: value for name, value in legacy.items() if name not in RESERVED_CLAIMS | theirs}


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("DATABASES", "INSTALLED_APPS", "SIMPLE_JWT"):
        has_blacklist_tables.cache_clear()
        _jwk_client.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_jwtauth.contrib.simplejwt")
