"""Issue the tokens of a sign-in: an access token, and the refresh token of its generation."""

import time
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .. import scopes
from ..claims import (
    ACCESS,
    API_USE,
    LIFETIMES,
    ONE_TIME,
    REFRESH,
    RESERVED_CLAIMS,
    SIGN_IN_CLAIMS,
    Claims,
    access_jti,
    generation_jti,
)
from ..conf import call_hook, get_settings
from ..conf.moments import aware
from ..models import LoginSession
from ..tokens import MAX_LENGTH, TokenPair, encode
from .lifetimes import Lifetimes

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def issue(
    session: LoginSession,
    user: "AbstractBaseUser",
    carried: Claims,
    lifetimes: Lifetimes,
    *,
    rotated: bool,
    scope: str | None = None,
    max_length: int = MAX_LENGTH,
) -> TokenPair:
    """Sign the pair for the generation in ``session``.

    ``scope`` narrows the access token; the refresh token keeps the claims in ``carried``.

    The refresh token depends only on the row, ``carried`` and what was chosen of ``lifetimes``, so
    that issuing a generation again gives the same bytes. Raises ``ValueError`` for claims that
    cannot be issued.
    """
    now = int(time.time())
    narrowed = carried if scope is None else {**carried, "scope": scope}
    access = _access_claims(session, user, narrowed, lifetimes, now)
    refresh_exp = _seconds(session.expires_at)
    return TokenPair(
        access=encode(ACCESS, access, max_length),
        refresh=(
            encode(REFRESH, _refresh_claims(session, carried, lifetimes), max_length)
            if rotated
            else None
        ),
        # Within LEEWAY after the end, no time is left.
        expires_in=max(0, access["exp"] - now),
        refresh_expires_in=max(0, refresh_exp - now),
        session_id=session.id,
        scope=scopes.text_of(access),
        remembered=lifetimes.remembered,
    )


def issue_api_token(session: LoginSession, carried: Claims) -> str:
    """Sign the one token of an API token's row.

    It has no claims of ``HOOKS["CLAIMS"]``, which would become outdated in a token that is valid
    for months. ``token_use`` comes first, so that the payload of every API token begins with the
    same characters, which secret scanners look for.
    """
    iat, exp = _seconds(session.created_at), _seconds(session.expires_at)
    claims = {"token_use": API_USE, **carried, **_registered_claims(session, iat, exp)}
    return encode(ACCESS, claims)


def issue_acting(session: LoginSession, user: "AbstractBaseUser", carried: Claims) -> str:
    """Sign the one token of a row from which somebody acts for ``user`` (RFC 8693, 4.1)."""
    iat, exp = _seconds(session.created_at), _seconds(session.expires_at)
    actor: Claims = {
        "act": {"sub": session.actor_subject},
        "parent_sid": session.actor_session and session.actor_session.hex,
    }
    claims = {**_hook_claims(session, user), **carried, **_registered_claims(session, iat, exp)}
    return encode(ACCESS, {**claims, **actor})


def issue_one_time(session: LoginSession, carried: Claims) -> str:
    """Sign the one token of a one-time token's row."""
    return encode(ONE_TIME, {**carried, "purpose": session.purpose, **_own_claims(session)})


def carried_claims(given: Mapping[str, Any]) -> Claims:
    """Return ``given`` as claims for a sign-in; raises ``ValueError`` for a reserved one."""
    _refuse(given, RESERVED_CLAIMS, "claims=")
    return dict(given)


def _access_claims(
    session: LoginSession,
    user: "AbstractBaseUser",
    carried: Claims,
    lifetimes: Lifetimes,
    now: int,
) -> Claims:
    latest = _seconds(lifetimes.latest_end(session))
    exp = min(now + int(lifetimes.access.total_seconds()), latest)
    return {
        **_hook_claims(session, user),
        **carried,
        **_registered_claims(session, now, exp),
    }


def _hook_claims(session: LoginSession, user: "AbstractBaseUser") -> Mapping[str, Any]:
    hook = call_hook(get_settings().HOOKS.CLAIMS, user, session) or {}
    _refuse(hook, RESERVED_CLAIMS | SIGN_IN_CLAIMS, 'HOOKS["CLAIMS"]')
    return hook


def _registered_claims(session: LoginSession, iat: int, exp: int) -> Claims:
    """Return the claims of every access token (RFC 9068, 2.2)."""
    conf = get_settings()
    claims: Claims = {
        "sub": session.subject,
        "iat": iat,
        "exp": exp,
        "sid": session.sid,
        "jti": access_jti(session.sid),
    }
    if conf.USER_ID_CLAIM:
        claims[conf.USER_ID_CLAIM] = session.subject
    if conf.ISSUER:
        claims["iss"] = conf.ISSUER
    if conf.AUDIENCE:
        # Some verifiers cannot read a list with one audience.
        claims["aud"] = conf.AUDIENCE[0] if len(conf.AUDIENCE) == 1 else list(conf.AUDIENCE)
    if conf.ISSUER and conf.AUDIENCE:
        # RFC 9068, 2.2: the client is our own front end, which is named after its API.
        claims["client_id"] = conf.AUDIENCE[0]
    return claims


def _refresh_claims(session: LoginSession, carried: Claims, lifetimes: Lifetimes) -> Claims:
    chosen = {LIFETIMES: lifetimes.chosen} if lifetimes.chosen else {}
    return {**carried, **chosen, **_own_claims(session), "gen": session.generation}


def _own_claims(session: LoginSession) -> Claims:
    """Return the claims of a token that only this deployment verifies, derived from the row."""
    conf = get_settings()
    claims: Claims = {
        "sub": session.subject,
        "sid": session.sid,
        "jti": generation_jti(session.sid, session.generation),
        "iat": _seconds(session.refreshed_at),
        "exp": _seconds(session.expires_at),
    }
    if conf.ISSUER:
        claims["iss"] = conf.ISSUER
    return claims


def _refuse(claims: Mapping[str, Any], names: Collection[str], source: str) -> None:
    taken = sorted(names & claims.keys())
    if taken:
        raise ValueError(f"{source} may not set the claim {taken[0]!r}.")


def _seconds(moment: datetime) -> int:
    return int(aware(moment).timestamp())
