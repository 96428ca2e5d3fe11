"""One-time tokens: for one purpose, for a short time, to be used once, such as magic links."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async

from . import tokens
from .claims import ONE_TIME, RESERVED_CLAIMS, Claims
from .conf import durations, one_tenancy, values
from .exceptions import SessionEnded, WrongTokenType
from .models import Cause, Kind, Reason, Via
from .redacted import redact
from .signins import endings, rows, rules
from .signins.issuing import carried_claims, issue_one_time
from .store import database

__all__ = [
    "LIFETIME",
    "MAX_LIFETIME",
    "SIGN_IN",
    "aconsume",
    "acreate",
    "consume",
    "create",
    "verify",
]

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

# The sign-in that a token was created from.
_PARENT = "parent_sid"

#: The ``purpose`` of a token that signs its user in.
SIGN_IN = values.SIGN_IN
LIFETIME = timedelta(minutes=10)
MAX_LIFETIME = timedelta(days=1)


def create(
    user: "AbstractBaseUser",
    purpose: str,
    *,
    lifetime: timedelta = LIFETIME,
    claims: Mapping[str, Any] | None = None,
    parent: Claims | None = None,
    request: "HttpRequest | None" = None,
) -> str:
    """Return a token that ``consume`` accepts once, for this ``purpose``.

    ``lifetime``: from a second to a day. A password change or deactivation ends the token.
    ``claims``: JSON values, which ``consume`` returns.
    ``parent``: the claims of the access token that the user sent (``request.auth``); the new
    token is refused once that token's sign-in has ended.
    Raises ``Unavailable``, ``ValueError`` for another lifetime, a reserved claim, or a purpose
    that is empty or has more than 64 characters, and whatever ``sessions.start`` raises for the
    user.
    """
    durations.check(lifetime, MAX_LIFETIME, "A one-time token")
    if not 0 < len(purpose) <= values.MAX_PURPOSE_LENGTH:
        raise ValueError(f"purpose must have 1 to {values.MAX_PURPOSE_LENGTH} characters.")
    with one_tenancy():
        session = rows.make_session(user, request, lifetime, kind=Kind.ONE_TIME, purpose=purpose)
        carried = carried_claims(claims or {})
        sid = (parent or {}).get("sid")
        if sid is not None:
            carried[_PARENT] = sid
        raw = issue_one_time(session, carried)
        rows.insert(session)
        return raw


def consume(raw: str, purpose: str) -> "tuple[AbstractBaseUser, Claims]":
    """Use the token up; return its user and the claims it was created with.

    Of parallel calls one succeeds, the others raise ``SessionEnded``. Raises any other
    ``TokenError`` and ``Unavailable``. Do not roll this back: the token would be valid again.
    """
    raw = redact(raw)
    with one_tenancy():
        claims = tokens.decode(raw, ONE_TIME)
        if claims.get("purpose") != purpose:
            raise WrongTokenType
        user = endings.load_user(claims)
        _check_parent(claims)
        with database.reporting_unavailable():
            if not endings.end_one(claims["sid"], Cause(Reason.USED, Via.API, user)):
                raise SessionEnded
        extra = {name: claims[name] for name in claims.keys() - RESERVED_CLAIMS - {"purpose"}}
        return user, extra


def verify(raw: str) -> "tuple[AbstractBaseUser, Claims]":
    """Return the user and all claims of a token that ``consume`` would accept. Writes nothing.

    Raises what ``consume`` raises.
    """
    raw = redact(raw)
    with one_tenancy():
        claims = tokens.decode(raw, ONE_TIME)
        user = rules.load_user(claims)
        _check_parent(claims)
        return user, claims


def _check_parent(claims: Claims) -> None:
    if _PARENT in claims:
        parents = database.sign_ins().filter(pk=claims[_PARENT])
        with database.reporting_unavailable():
            if not parents.live().exists():
                raise SessionEnded


acreate = sync_to_async(create)
aconsume = sync_to_async(consume)

# What projects written before the first release call them.
issue, aissue = create, acreate
