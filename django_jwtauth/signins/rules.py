"""The rules that every token of a sign-in must meet, at every door."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.crypto import constant_time_compare

from ..claims import ACCESS, API_USE, Claims, began_at, is_acting, is_api_token, operator_of
from ..conf import get_settings, moments
from ..exceptions import (
    ActingEnded,
    CredentialsChanged,
    ExpiredToken,
    SessionEnded,
    TokenBlacklisted,
    TokenError,
    UserInactive,
    UserNotFound,
)
from ..models import Kind, LoginSession
from ..store import database, identity, lookup


@dataclass(slots=True)
class Live:
    """A user and a sign-in that passed every check; ``auth_hash`` is the user's current one.

    The sign-in of a legacy refresh token that was never exchanged is not saved yet.
    """

    user: AbstractBaseUser
    session: LoginSession
    auth_hash: str


def load_user(claims: Claims) -> AbstractBaseUser:
    """Return the user of verified claims, if their sign-in is live. One query.

    Raises a ``TokenError`` for the first rule of check() that is not met, ``ExpiredToken``
    for an access token of a sign-in that has reached ``SESSION_LIFETIME``, ``ActingEnded`` if the
    sign-in of a user who acts for another is over (one more query), and ``Unavailable``.
    """
    with database.reporting_unavailable():
        user = check(lookup.find(claims), claims).user
        if is_acting(claims) and "legacy" not in claims:
            check_operator(*operator_of(claims), user)
    if claims.get("token_type") == ACCESS and not is_api_token(claims):
        # Its exp says the same, unless SESSION_LIFETIME was longer when it was issued. That of a
        # legacy token is the other package's word.
        began = began_at(claims["sid"])
        if began and time.time() - began >= get_settings().max_session_age.total_seconds():
            raise ExpiredToken
    return user


def load(claims: Claims, *, lock: bool = False) -> Live:
    """Return the user and the sign-in; see load_user() and ``lookup.find_session``."""
    with database.reporting_unavailable():
        found = check(lookup.find_session(claims, lock=lock), claims)
        user, current = found.user, auth_hash(found.user)
        session = cast("LoginSession | None", found.session)
        if session is None:
            session = make_legacy_session(UUID(claims["sid"]), user, claims["exp"], current)
        return Live(user, session, current)


def make_legacy_session(
    sid: UUID, user: AbstractBaseUser, end: float, current: str
) -> LoginSession:
    """Return the sign-in of a legacy token that is accepted until ``end``, unsaved.

    ``end``: seconds since the epoch. ``current``: what ``auth_hash(user)`` returns.
    """
    now = moments.now()
    left = timedelta(seconds=max(0, end - now.timestamp()))
    return LoginSession(
        id=sid,
        user_id=user.pk,
        subject=identity.subject_of(user),
        auth_hash=current,
        created_at=moments.stored(now),
        refreshed_at=moments.stored(now),
        expires_at=moments.stored(now + min(left, get_settings().SESSION_LIFETIME)),
    )


def check(found: lookup.Found | None, claims: Claims | None = None) -> lookup.Found:
    """Return what was found, if a token of it is accepted; otherwise raises the ``TokenError``.

    The reason why the user's sign-ins ended is reported before the fact that they ended. Two
    kinds of ``claims`` need less: a legacy token may have no sign-in yet, and an API token may
    outlive the password with which it was created.
    """
    claims = claims or {}
    if found is None:
        raise UserNotFound
    session = found.session
    if session is None and "legacy" not in claims:
        raise SessionEnded
    if not is_active(found.user):
        raise UserInactive
    if session is not None:
        if not _outlives_password(claims) and not _credentials_match(found.user, session.auth_hash):
            raise CredentialsChanged
        if session.ended_at is not None:
            raise SessionEnded
    if claims.get("legacy") is False:
        raise SessionEnded
    if found.blacklisted:
        raise TokenBlacklisted
    return found


def find_user(claims: Claims) -> AbstractBaseUser:
    """Return the user of verified claims as stored now, whatever became of the sign-in.

    Raises ``UserNotFound``, ``UserInactive`` and ``TokenBlacklisted``.
    """
    found = lookup.find(claims)
    if found is None:
        raise UserNotFound
    if not is_active(found.user):
        raise UserInactive
    if found.blacklisted:
        raise TokenBlacklisted
    return found.user


def check_row(session: LoginSession) -> None:
    """Raise a ``TokenError`` if every token of the row is refused."""
    found = lookup.Found(session.user, session, blacklisted=False) if session.user else None
    check(found, {"token_use": API_USE} if session.kind == Kind.API_TOKEN else None)
    if session.kind == Kind.ACTING and session.actor_session:
        check_operator(session.actor_subject, session.actor_session.hex, session.user)


def check_operator(
    subject: str | None, sid: str | None, user: AbstractBaseUser | None = None
) -> None:
    """Raise ``ActingEnded`` unless the sign-in from which somebody acts for another is accepted.

    So does it if ``user``, for whom they act, has become a superuser, or staff whom only staff
    may act for: that costs no query, and a promotion must not promote whoever acts.

    This is asked at each request, so it needs no UPDATE where sign-ins end, by whatever way, and
    a token that is issued while that sign-in ends is refused, too.
    """
    if subject is None or sid is None:
        raise ActingEnded
    try:
        operator = check(lookup.find({"sub": subject, "sid": sid, "jti": ""})).user
    except TokenError:
        # Not the reason, which is none of the user's.
        raise ActingEnded from None
    if user is not None and _outranks(user, operator):
        raise ActingEnded


def _outranks(user: AbstractBaseUser, operator: AbstractBaseUser) -> bool:
    if getattr(user, "is_superuser", False):
        return True
    is_staff = getattr(operator, "is_superuser", False) or getattr(operator, "is_staff", False)
    return getattr(user, "is_staff", False) and not is_staff


def _outlives_password(claims: Claims) -> bool:
    return is_api_token(claims) and get_settings().API_TOKENS.SURVIVE_PASSWORD_CHANGE


def _credentials_match(user: AbstractBaseUser, stored: str) -> bool:
    """Return whether the user still has the password that the sign-in started with."""
    # Not any(), whose generator costs more than all the rest here.
    for known in find_hashes(user):  # noqa: SIM110
        if constant_time_compare(known, stored):
            return True
    return False


def find_hashes(user: AbstractBaseUser) -> Iterator[str]:
    """Yield every ``auth_hash`` that a sign-in with the user's current password may have."""
    yield auth_hash(user)
    yield lasting_hash(user)
    yield from _fallback_hashes(user)


def is_active(user: AbstractBaseUser) -> bool:
    """Return whether the user may sign in; users without ``is_active`` always may."""
    return bool(getattr(user, "is_active", True))


def auth_hash(user: AbstractBaseUser) -> str:
    """Return Django's session auth hash, which changes with the user's password."""
    # A user model that is not based on AbstractBaseUser may have none.
    method = getattr(user, "get_session_auth_hash", None)
    return str(method()) if method else ""


def lasting_hash(user: AbstractBaseUser) -> str:
    """Return the same without ``SECRET_KEY``, for an API token that does not depend on the key.

    For a model that overrides ``get_session_auth_hash()``, that is used, because only the
    project knows what should end a sign-in. What is hashed is a salted hash, not the password.
    """
    if any(getattr(type(user), name, None) is not method for name, method in _DJANGOS.items()):
        return auth_hash(user)
    text = f"django_jwtauth.rules.lasting_hash:{user.password}"
    return f"lasting:{hashlib.sha256(text.encode()).hexdigest()}"


def needs_fallback(session: LoginSession) -> bool:
    """Return whether the row matches its user only through ``SECRET_KEY_FALLBACKS``."""
    user, stored = cast(AbstractBaseUser, session.user), session.auth_hash
    return stored != auth_hash(user) and stored in _fallback_hashes(user)


_DJANGOS = {
    name: getattr(AbstractBaseUser, name)
    for name in ("get_session_auth_hash", "get_session_auth_fallback_hash")
}


def _fallback_hashes(user: AbstractBaseUser) -> Iterator[str]:
    """Yield ``auth_hash(user)`` under each of ``SECRET_KEY_FALLBACKS``."""
    method = getattr(user, "get_session_auth_fallback_hash", None)
    yield from method() if method else ()
