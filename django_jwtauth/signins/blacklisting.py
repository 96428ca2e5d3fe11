"""Blacklist a token with known claims, and end the sign-in that it belongs to."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast
from uuid import UUID

from ..claims import ACCESS, REFRESH, Claims, is_acting, is_api_token
from ..conf import get_settings, moments
from ..models import Cause, LoginSession, Via
from ..store import database, identity, lookup
from . import endings, legacy, rows, rules

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def ends_row(claims: Claims) -> bool:
    """Return whether the row of the token ends with it: unless there is a refresh token, too."""
    return claims["token_type"] != ACCESS or is_api_token(claims) or is_acting(claims)


def blacklist(
    claims: Claims, cause: Cause, may_record: Callable[[LoginSession], bool]
) -> LoginSession | None:
    """Blacklist the token, and end the row that ends with it; return a row that this call ended.

    ``may_record``: whether another row may be written for a token that a client sends to the
    API. Writes no row for a token of an unknown sign-in. Raises ``Unavailable``.
    """
    with database.reporting_unavailable():
        session, recorded = _find_session(claims)
        session = session or _adopt(claims)
        # A token of an unknown sign-in is refused anyway; a legacy access token may have none.
        if session is None and not ("legacy" in claims and claims["token_type"] == ACCESS):
            return None
        if session and cause.by is None and cause.via == Via.API:
            cause = replace(cause, by=session.actor_name if is_acting(claims) else session.user)
        ended = bool(session and ends_row(claims) and endings.end_one(session.id, cause))
        if session and cause.via == Via.API and (recorded or not may_record(session)):
            # The token must be refused. If it gets no row, the whole sign-in must end.
            if not recorded and claims["exp"] + get_settings().LEEWAY.total_seconds() > time.time():
                ended = endings.end_one(session.id, cause) or ended
            return session if ended else None
        rows.add_blacklisted(
            claims["jti"],
            claims["token_type"],
            session,
            cause,
            # A legacy token may have no sign-in, but its user was just found.
            user_id=session.user_id if session else lookup.find_key(claims),
            subject=claims["sub"],
            expires_at=moments.to_datetime(claims["exp"]),
        )
        return session if ended else None


def _find_session(claims: Claims) -> tuple[LoginSession | None, bool]:
    """Return the sign-in, and whether the token is known to be blacklisted.

    The sign-in has its user, even one whom the manager hides; None if the user was deleted.
    """
    found = lookup.find_session(claims, lock=False)
    if found and isinstance(found.session, LoginSession):
        return found.session, found.blacklisted
    session = database.sign_ins().select_related("user").filter(pk=claims["sid"]).first()
    named = session and {session.subject, *identity.texts_of(session.user)}
    return (session if named and claims["sub"] in named else None), False


def _adopt(claims: Claims) -> LoginSession | None:
    """Write the sign-in of a legacy refresh token, so that a refresh meanwhile finds it ended."""
    found = lookup.find_session(claims, lock=False) if "legacy" in claims else None
    if found is None or claims["token_type"] != REFRESH or claims["exp"] <= time.time():
        return None
    current = rules.auth_hash(found.user)
    session = rules.make_legacy_session(UUID(claims["sid"]), found.user, claims["exp"], current)
    session.user = cast("User", found.user)
    legacy.adopt(session)
    return session
