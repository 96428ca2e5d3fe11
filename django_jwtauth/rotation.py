"""Refreshing: a compare-and-swap on the generation of one row.

Sixteen refreshes of one token give one successor, a lost answer can be asked for again
for a short time, and no lock is held while a token is signed.
"""

import logging
from datetime import datetime
from typing import Any

from django.db import OperationalError, transaction

from . import lookup, moments, writing
from .conf import get_settings
from .exceptions import ExpiredToken, GenerationUnknown, RefreshTokenReused, SessionEnded
from .models import LoginSession
from .moments import aware, stored
from .rules import Live
from .tokens import Claims

logger = logging.getLogger("django_jwtauth")


def advance(live: Live, claims: Claims, *, retry: bool) -> None:
    """Bring the row to the generation that the presented token buys.

    Reads the row again, once and locked, when another was faster; with ``retry`` also
    when the database gave up on a conflict. Raises a ``TokenError`` when the token buys
    nothing, having written nothing.
    """
    try:
        if _step(live, claims):
            return
    except OperationalError:
        if not retry:
            raise
    # What the database said before is stale, at some isolation levels for good: lock it.
    with transaction.atomic(using=lookup.alias()):
        session = lookup.lock_session(claims)
        if session is None:
            raise SessionEnded
        live.session = session
        _step(live, claims)


def _step(live: Live, claims: Claims) -> bool:
    """Advance the row if ``claims`` is its current token; False if it moved meanwhile."""
    session, presented = live.session, claims["gen"]
    now = moments.now()
    conf = get_settings()
    if session.ended_at is not None:
        raise SessionEnded
    if now >= aware(session.created_at) + conf.SESSION_LIFETIME + conf.LEEWAY:
        raise ExpiredToken
    if session.generation == presented:
        return _swap(live, presented, now)
    if session.generation < presented:
        logger.warning(
            "Sign-in %s is at generation %d, token has %d: was a backup restored?",
            session.sid,
            session.generation,
            presented,
            extra={"event": "generation_unknown", "sid": session.sid},
        )
        raise GenerationUnknown
    grace = conf.REFRESH_GRACE_PERIOD + conf.LEEWAY
    if session.generation == presented + 1 and now - aware(session.refreshed_at) <= grace:
        return True
    raise RefreshTokenReused


def _swap(live: Live, presented: int, now: datetime) -> bool:
    conf = get_settings()
    session = live.session
    changes: dict[str, Any] = {"refreshed_at": stored(now)}
    if conf.ROTATE_REFRESH_TOKENS:
        changes["generation"] = presented + 1
        changes["expires_at"] = stored(
            min(
                now + conf.REFRESH_TOKEN_LIFETIME,
                aware(session.created_at) + conf.SESSION_LIFETIME,
            )
        )
    if session.auth_hash != live.auth_hash:
        # It matched through a fallback of SECRET_KEY, which will be dropped one day.
        changes["auth_hash"] = live.auth_hash
    current = {"id": session.id, "generation": presented, "ended_at": None}
    if not writing.update(LoginSession, lookup.alias(), changes, current):
        return False
    for name, value in changes.items():
        setattr(session, name, value)
    return True
