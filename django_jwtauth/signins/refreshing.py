"""Refresh: check the sign-in and move it on, or end it if the refusal shows that it is over."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import connections

from .. import scopes, signals
from ..claims import RESERVED_CLAIMS, Claims
from ..conf import get_settings
from ..exceptions import RefreshTokenReused, TokenError
from ..http.device import get_device
from ..models import LoginSession
from ..store import database
from ..tokens import TokenPair
from . import endings, legacy, rotation, rules
from .issuing import issue

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("django_jwtauth")


def refresh(
    claims: Claims,
    request: "HttpRequest | None",
    at: datetime,
    scope: str | None,
    max_length: int,
    *,
    keep: bool = False,
) -> TokenPair:
    """Return the next pair for the verified ``claims`` of a refresh token.

    See ``sessions.refresh``. ``at``: when the token arrived, aware. Ends the sign-in if the
    ``TokenError`` that is raised shows that it is over.
    """
    narrowed = scopes.narrow(claims, scope)
    carried = {name: value for name, value in claims.items() if name not in RESERVED_CLAIMS}
    arrival = rotation.Arrival(at, get_device(request))
    rotated = get_settings().ROTATE_REFRESH_TOKENS and not keep
    in_transaction = connections[database.alias()].in_atomic_block
    try:
        live = rules.load(claims, lock=in_transaction)
        if live.session._state.adding:
            legacy.adopt(live.session)

        def sign(session: LoginSession) -> TokenPair:
            return issue(
                session, live.user, carried, rotated=rotated, scope=narrowed, max_length=max_length
            )

        pair = rotation.exchange(live, claims, arrival, sign, retry=not in_transaction, keep=keep)
    except TokenError as error:
        _end_because(error, claims, arrival)
        raise
    signals.session_refreshed.announce(
        LoginSession,
        using=database.alias(),
        session_id=live.session.id,
        user=live.user,
    )
    return pair


def _end_because(error: TokenError, claims: Claims, arrival: rotation.Arrival) -> None:
    if not isinstance(error, RefreshTokenReused):
        endings.because(error, claims)
        return
    device = arrival.device
    if endings.because(error, claims, **rotation.replay_fields(arrival)):
        logger.warning(
            "Superseded refresh token for sign-in %s: sign-in ended",
            claims["sid"],
            extra={
                "event": "refresh_token_reused",
                "sid": claims["sid"],
                "ip_address": device.ip_address,
            },
        )
        signals.refresh_token_reused.announce(
            LoginSession,
            using=database.alias(),
            session_id=UUID(claims["sid"]),
            subject=claims["sub"],
            presented=claims["gen"],
            ip_address=device.ip_address,
            user_agent=device.user_agent,
        )
