"""Refresh: check the sign-in and move it on, or end it if the refusal shows that it is over."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connections

from .. import scopes, signals
from ..claims import RESERVED_CLAIMS, Claims
from ..conf import get_settings
from ..exceptions import RefreshTokenReused, TokenError
from ..http.device import get_device
from ..models import LoginSession
from ..store import database
from ..tokens import TokenPair
from . import endings, legacy, lifetimes, rotation, rules
from .issuing import issue

if TYPE_CHECKING:
    from django.http import HttpRequest


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
                session,
                live.user,
                carried,
                lifetimes.of(claims),
                rotated=rotated,
                scope=narrowed,
                max_length=max_length,
            )

        pair = rotation.exchange(live, claims, arrival, sign, retry=not in_transaction, keep=keep)
    except RefreshTokenReused as error:
        # Raised by exchange() alone, so the sign-in is known.
        if endings.because(error, claims, **rotation.replay_fields(arrival)):
            rotation.report_reuse(live.session, claims["gen"], arrival)
        raise
    except TokenError as error:
        endings.because(error, claims)
        raise
    signals.session_refreshed.announce(
        LoginSession,
        using=database.alias(),
        session_id=live.session.id,
        user=live.user,
    )
    return pair
