"""The one query: a token's user, its sign-in, and whether the token is blacklisted."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import Error as DatabaseFailure
from django.db import connections, router
from django.db.models import Exists, F, FilteredRelation, Q

from .exceptions import Unavailable
from .models import BlacklistedToken, LoginSession

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("django_jwtauth")

_COLUMNS = (
    "id",
    "generation",
    "auth_hash",
    "created_at",
    "refreshed_at",
    "expires_at",
    "ended_at",
)
_PREFIX = "_jwtauth_"


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says of a token; ``session`` is None when it is not the user's."""

    user: "AbstractBaseUser"
    session: LoginSession | None
    blacklisted: bool


def alias() -> str:
    """Return the alias that sign-ins are written to, and so are read from.

    A replica that lags would let a revoked token pass.
    """
    return router.db_for_write(LoginSession)


def find(claims: dict[str, Any], *, lock: bool = False) -> Found | None:
    """Return what is known of a token with these claims, None when there is no such user.

    One query, through the user model's default manager, so that a user it hides stays
    hidden. Nothing about the sign-in is in WHERE: its absence must be told apart from
    the user's. With ``lock``, inside a transaction, the rows are read as they are now
    and kept so, whatever the isolation level.
    """
    using = alias()
    locked = lock_session(claims) if lock else None
    users = get_user_model()._default_manager.using(using)
    if lock:
        of = ("self",) if connections[using].features.has_select_for_update_of else ()
        users = users.select_for_update(of=of)
    try:
        users = users.filter(pk=claims["sub"])
    except (ValueError, TypeError, OverflowError, ValidationError):
        return None
    rows = (
        users.order_by()
        .annotate(
            jwtauth_session=FilteredRelation(
                "jwtauth_sessions", condition=Q(jwtauth_sessions__id=claims["sid"])
            ),
        )
        .annotate(
            **{_PREFIX + name: F(f"jwtauth_session__{name}") for name in _COLUMNS},
            **{_PREFIX + "blacklisted": Exists(BlacklistedToken.objects.filter(jti=claims["jti"]))},
        )
    )
    user = next(iter(rows), None)
    # A database may compare text loosely: "Anna" is not "anna", nor is "1" "01".
    if user is None or str(user.pk) != claims["sub"]:
        return None
    columns = {name: user.__dict__.pop(_PREFIX + name) for name in _COLUMNS}
    blacklisted = bool(user.__dict__.pop(_PREFIX + "blacklisted"))
    if columns["id"] is None:
        return Found(user, None, blacklisted)
    session = locked or LoginSession.from_db(using, list(columns), list(columns.values()))
    session.user = user
    session.subject = claims["sub"]
    return Found(user, session, blacklisted)


def lock_session(claims: dict[str, Any]) -> LoginSession | None:
    """Return the sign-in as it is now, locked until the transaction ends; None when unknown."""
    rows = LoginSession.objects.using(alias()).select_for_update()
    return rows.filter(pk=claims["sid"]).first()


@contextmanager
def reporting_unavailable() -> Iterator[None]:
    """Turn what a database raises into ``Unavailable``: it never means that a token is bad."""
    try:
        yield
    except DatabaseFailure as error:
        # Only the class: a driver's message may quote a parameter.
        logger.error("The database cannot answer for a token: %s", type(error).__name__)
        raise Unavailable from error
