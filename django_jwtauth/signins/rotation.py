"""Rotate: a compare-and-swap on the generation of one row.

Sixteen refreshes of one token give one successor, and a client whose answer was lost can ask for
it again for a short time. The pair is signed before the row is written, so that nothing can fail
afterwards, and no lock is held meanwhile.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import OperationalError, transaction

from .. import signals
from ..claims import Claims
from ..conf import get_settings
from ..conf.moments import aware, stored
from ..exceptions import (
    ExpiredToken,
    GenerationUnknown,
    RefreshTokenReused,
    SessionEnded,
    Unavailable,
)
from ..http.device import Device, get_network
from ..models import LoginSession
from ..store import database, lookup, writing
from ..tokens import TokenPair
from . import lifetimes
from .rules import Live

logger = logging.getLogger("django_jwtauth")

#: The number of networks, the latest ones, that a sign-in remembers.
MAX_NETWORKS = 8
#: A replay later than this after the refresh is neither a second tab nor a quick retry.
PROMPT = timedelta(seconds=10)
# The row may be unchanged, changed by a parallel request, or in conflict and then changed.
_ATTEMPTS = 3


class Arrival(NamedTuple):
    """When a refresh token was presented, and from which device."""

    at: datetime
    device: Device


def exchange(
    live: Live,
    claims: Claims,
    arrival: Arrival,
    sign: Callable[[LoginSession], TokenPair],
    *,
    retry: bool,
    keep: bool = False,
) -> TokenPair:
    """Return the next pair for the presented token, and move its row on.

    With ``keep``, the row does not change if the token is the current one.

    ``sign`` creates the pair for the row as it will be. It may raise anything; then nothing has
    been written. If a parallel request was faster, the row is read again with a lock; with
    ``retry``, also if the database reports a conflict. Raises a ``TokenError`` if the token is
    refused; then nothing has been written, either.
    """
    found_current = live.session.generation == claims["gen"]
    for attempt in range(_ATTEMPTS):
        if attempt:
            live.session = _read_again(claims)
        session = live.session
        as_read = {
            "id": session.id,
            "generation": session.generation,
            "replayed_generation": session.replayed_generation,
            "ended_at": None,
        }
        changes = _decide(live, claims, arrival, found_current=found_current, keep=keep)
        for name, value in changes.items():
            setattr(session, name, value)
        pair = sign(session)
        if not changes:
            return pair
        with database.reporting_unavailable():
            if _write(changes, as_read, retry=retry and attempt + 1 < _ATTEMPTS):
                if "replayed_at" in changes:
                    _report_replay(session, arrival)
                return pair
    raise Unavailable


def superseded(session: LoginSession, claims: Claims, at: datetime) -> bool:
    """Return whether the generation in ``claims`` was just superseded; False if it is current.

    Raises the ``TokenError`` of a token that is neither.
    """
    conf, presented = get_settings(), claims["gen"]
    if session.ended_at is not None:
        raise SessionEnded
    if lifetimes.of(claims).is_over(session, at):
        raise ExpiredToken
    if session.generation < presented:
        logger.warning(
            "Sign-in %s is at generation %d, token has %d: was a backup restored?",
            session.sid,
            session.generation,
            presented,
            extra={"event": "generation_unknown", "sid": session.sid},
        )
        raise GenerationUnknown
    if session.generation == presented:
        return False
    grace = conf.REFRESH_GRACE_PERIOD + conf.LEEWAY
    # Without rotation, refreshed_at changes at each refresh and says nothing about older tokens.
    recent = conf.ROTATE_REFRESH_TOKENS and at - aware(session.refreshed_at) <= grace
    if session.generation == presented + 1 and recent:
        return True
    raise RefreshTokenReused


def _decide(
    live: Live, claims: Claims, arrival: Arrival, *, found_current: bool, keep: bool
) -> dict[str, Any]:
    """Return the columns that a refresh changes; raises a ``TokenError`` if it is refused."""
    session, presented = live.session, claims["gen"]
    try:
        if not superseded(session, claims, arrival.at):
            return {} if keep else _next_generation(live, claims, arrival)
    except RefreshTokenReused:
        # A parallel request, however long its commit took, as this one found the token current.
        if not found_current or session.generation != presented + 1:
            raise
    return _replay(session, arrival)


def _next_generation(live: Live, claims: Claims, arrival: Arrival) -> dict[str, Any]:
    conf = get_settings()
    session, device = live.session, arrival.device
    changes: dict[str, Any] = {
        "refreshed_at": stored(arrival.at),
        "refreshed_ip": device.ip_address,
        "refreshed_agent": device.user_agent,
    }
    if conf.ROTATE_REFRESH_TOKENS:
        changes["generation"] = session.generation + 1
        changes["expires_at"] = stored(lifetimes.of(claims).refresh_end(session, arrival.at))
    network, known = get_network(device.ip_address), session.networks.split()
    if network and network not in known:
        changes["networks"] = " ".join([network, *known][:MAX_NETWORKS])
    if session.auth_hash != live.auth_hash:
        # It matched through a fallback of SECRET_KEY, which will be removed some day.
        changes["auth_hash"] = live.auth_hash
    if conf.SUBJECT_FIELD:
        # A sign-in that started before the setting has the primary key in its row.
        changes["subject"] = session.subject
    return changes


def _replay(session: LoginSession, arrival: Arrival) -> dict[str, Any]:
    """Return the columns that a replay in the grace period changes; none if it is the client's own.

    It may come from a thief who keeps step with the owner. From a network from which this
    sign-in was never refreshed, a replay is accepted at one generation only. From a known
    network, where the address proves nothing, a late replay is not accepted at two generations in
    a row: a client loses an answer now and then, but the thief needs every one. Without an
    address, the network counts as known.
    """
    known, network = session.networks.split(), get_network(arrival.device.ip_address)
    if network and known and network not in known:
        return _replay_from_elsewhere(session, network, arrival)
    late = arrival.at - aware(session.refreshed_at) > PROMPT
    if not late or session.replayed_generation == session.generation:
        return {}
    if session.replayed_generation == session.generation - 1:
        raise RefreshTokenReused
    return {"replayed_generation": session.generation}


def _replay_from_elsewhere(session: LoginSession, network: str, arrival: Arrival) -> dict[str, Any]:
    if session.replayed_at is None:
        return {"replayed_generation": session.generation, **replay_fields(arrival)}
    # Whoever got that answer may have lost it, too.
    at_this_generation = aware(session.replayed_at) >= aware(session.refreshed_at)
    if at_this_generation and network == get_network(session.replayed_ip):
        return {}
    raise RefreshTokenReused


def replay_fields(arrival: Arrival) -> dict[str, Any]:
    """Return the column values that record where a superseded token came from."""
    return {
        "replayed_at": stored(arrival.at),
        "replayed_ip": arrival.device.ip_address,
        "replayed_agent": arrival.device.user_agent,
    }


def report_reuse(session: LoginSession, presented: int, arrival: Arrival) -> None:
    """Log and signal that a superseded token has ended the sign-in, with both sides.

    Which of the two is the owner, nobody can tell: a thief may have refreshed first.
    """
    logger.warning(
        "Superseded refresh token for sign-in %s: sign-in ended",
        session.sid,
        extra={
            "event": "refresh_token_reused",
            "sid": session.sid,
            "ip_address": arrival.device.ip_address,
            "user_agent": arrival.device.user_agent,
            "refreshed_at": aware(session.refreshed_at).isoformat(),
            "refreshed_ip": session.refreshed_ip,
            "refreshed_agent": session.refreshed_agent,
        },
    )
    signals.refresh_token_reused.announce(
        LoginSession, using=database.alias(), presented=presented, **_both_sides(session, arrival)
    )


def _report_replay(session: LoginSession, arrival: Arrival) -> None:
    logger.warning(
        "Superseded refresh token for sign-in %s from another network: served once",
        session.sid,
        extra={
            "event": "refresh_token_replayed",
            "sid": session.sid,
            "ip_address": arrival.device.ip_address,
            "user_agent": arrival.device.user_agent,
            "refreshed_at": aware(session.refreshed_at).isoformat(),
            "refreshed_ip": session.refreshed_ip,
            "refreshed_agent": session.refreshed_agent,
        },
    )
    signals.refresh_token_replayed.announce(
        LoginSession, using=database.alias(), **_both_sides(session, arrival)
    )


def _both_sides(session: LoginSession, arrival: Arrival) -> dict[str, Any]:
    return {
        "session_id": UUID(session.sid),
        "subject": session.subject,
        "ip_address": arrival.device.ip_address,
        "user_agent": arrival.device.user_agent,
        "refreshed_at": aware(session.refreshed_at),
        "refreshed_ip": session.refreshed_ip,
        "refreshed_agent": session.refreshed_agent,
    }


def _write(changes: dict[str, Any], as_read: dict[str, Any], *, retry: bool) -> bool:
    """Change the row if it is still as it was read; return whether it was."""
    try:
        return bool(writing.update(LoginSession, database.alias(), changes, as_read))
    except OperationalError:
        if not retry:
            raise
        return False


def _read_again(claims: Claims) -> LoginSession:
    # What was read before is outdated, and at some isolation levels stays so: lock the row.
    with database.reporting_unavailable(), transaction.atomic(using=database.alias()):
        session = lookup.lock_session(claims)
    if session is None:
        raise SessionEnded
    return session
