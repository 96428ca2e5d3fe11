"""New rows of the two tables: a sign-in, API token or one-time token; a blacklisted token."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError

from .. import signals
from ..conf import get_settings, moments
from ..exceptions import SessionEnded, UserInactive, UserNotFound
from ..http.device import get_device, get_network
from ..models import BlacklistedToken, Cause, Kind, LoginSession
from ..store import database, identity, writing
from .rules import auth_hash, is_active

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest


def make_session(
    user: "AbstractBaseUser", request: "HttpRequest | None", lifetime: timedelta, **columns: Any
) -> LoginSession:
    """Return a row for ``user`` that begins now, unsaved, with further ``columns``.

    Raises ``UserInactive`` and what ``identity.identify`` raises.
    """
    key, subject = identity.identify(user)
    if not is_active(user):
        raise UserInactive
    now = moments.now()
    device = get_device(request)
    return LoginSession(
        user_id=key,
        subject=subject,
        auth_hash=auth_hash(user),
        created_at=moments.stored(now),
        refreshed_at=moments.stored(now),
        expires_at=moments.stored(now + lifetime),
        ip_address=device.ip_address,
        user_agent=device.user_agent,
        refreshed_ip=device.ip_address,
        refreshed_agent=device.user_agent,
        networks=get_network(device.ip_address) or "",
        **columns,
    )


def insert(session: LoginSession) -> None:
    """Write the row; raises ``UserNotFound`` if its user was deleted meanwhile."""
    with _written():
        writing.insert(session, database.alias())


def insert_with_login(session: LoginSession, user: "AbstractBaseUser") -> None:
    """Write the row of a sign-in, and ``last_login`` of its user; raises what insert() raises."""
    using = database.alias()
    if writing.can_join(user, using):
        with _written():
            writing.insert_with_login(session, user, using)
        return
    insert(session)
    with database.reporting_unavailable():
        writing.record_login(user)


@contextmanager
def _written() -> Iterator[None]:
    with database.reporting_unavailable():
        try:
            yield
        except IntegrityError:
            raise UserNotFound from None


def extend(sid: str, end: int) -> int:
    """Extend a sign-in for a token that expires at ``end`` (numeric date); return its new end.

    An operator who ends all live sign-ins must find the sign-in of the token. A sign-in ends
    after ``SESSION_LIFETIME``, so a later time is cut to that. Raises ``ValueError`` for a time
    that no sign-in could have, or for an API token or one-time token, and ``SessionEnded``.
    """
    longest = get_settings().SESSION_LIFETIME
    if end - moments.now().timestamp() > longest.total_seconds():
        raise ValueError("No token of a sign-in is valid for longer than SESSION_LIFETIME.")
    rows = database.sign_ins().of_kind(Kind.SIGN_IN)
    with database.reporting_unavailable():
        session = rows.filter(pk=sid).first()
        if session is None:
            raise ValueError("Only a token of a sign-in can be extended.")
        if session.ended_at is not None:
            raise SessionEnded
        latest = min(
            moments.aware(moments.to_datetime(end)), moments.aware(session.created_at) + longest
        )
        if latest > moments.aware(session.expires_at):
            rows.filter(pk=sid, ended_at=None).update(expires_at=moments.stored(latest))
    return int(latest.timestamp())


def add_blacklisted(
    jti: str,
    token_type: str,
    session: LoginSession | None,
    cause: Cause,
    *,
    user_id: Any,
    subject: str,
    expires_at: datetime,
) -> None:
    """Write a row of the blacklist, unless the ``jti`` has one, and send ``token_blacklisted``."""
    row = BlacklistedToken(
        jti=jti,
        token_type=token_type,
        user_id=user_id,
        subject=subject,
        session=session,
        expires_at=expires_at,
        **cause.blacklist_columns(),
    )
    using = database.alias()
    if not writing.insert(row, using, ignore_conflicts=True):
        return
    signals.token_blacklisted.announce(
        BlacklistedToken,
        using=using,
        jti=jti,
        token_type=token_type,
        **cause.signal_arguments(),
    )
