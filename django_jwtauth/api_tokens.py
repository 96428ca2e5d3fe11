"""API tokens: named, long-lived access tokens for scripts, made by their owner, shown once.

A row of the sign-ins like any other, so every way to revoke, list and audit holds.
"""

import time
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from . import scopes, signals
from .conf import durations, get_settings, moments, one_tenancy
from .exceptions import InsufficientScope, TooManyTokens
from .http import device
from .models import Kind, LoginSession
from .signins import endings, rows, rules
from .signins.issuing import issue_api_token
from .store import database

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

MAX_NAME_LENGTH = 100
MAX_SCOPE_LENGTH = 255
#: Between two writes of when one token was last used.
USE_INTERVAL = timedelta(minutes=5)
# Tokens whose last write this process remembers.
_MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made: the only time that its text can be had."""

    raw: str = field(repr=False)
    session: LoginSession


def create(
    user: "AbstractBaseUser",
    name: str,
    *,
    scope: str | None = None,
    within: Collection[str] | None = None,
    exact: bool = False,
    lifetime: timedelta | None = None,
    request: "HttpRequest | None" = None,
) -> NewToken:
    """Make an API token for ``user``.

    ``scope``: of those that ``HOOKS["SCOPES"]`` allows the user, and of those ``within``, if
    given; None for all of them, "" for none. With ``exact``, ``InsufficientScope`` is
    raised for what the token would lack.
    ``lifetime``: at most and by default ``API_TOKENS["MAX_LIFETIME"]``. Raises
    ``TooManyTokens``, ``Unavailable``, and ``ValueError`` for more scopes or a longer name
    than can be listed, and for a lifetime that is longer or under a second; for the user,
    what ``sessions.start`` raises.
    """
    with one_tenancy():
        longest = get_settings().API_TOKENS.MAX_LIFETIME
        lifetime = longest if lifetime is None else lifetime
        durations.check(lifetime, longest, "An API token")
        if len(name) > MAX_NAME_LENGTH:
            raise ValueError(f"The name is longer than {MAX_NAME_LENGTH} characters.")
        session = rows.make_session(user, request, lifetime, kind=Kind.API_TOKEN, name=name)
        if get_settings().KEYS:
            # No replaced SECRET_KEY makes it bad before its time: what signs it is not derived.
            session.auth_hash = rules.lasting_hash(user)
        granted = _grant(user, request, scope, within, exact)
        session.scope = granted or ""
        raw = issue_api_token(session, {} if granted is None else {"scope": granted})
        using = database.alias()
        rows.insert(session)
        with database.reporting_unavailable():
            _respect_limit(session)
        signals.session_started.announce(
            LoginSession, using=using, session=session, user=user, request=request
        )
        return NewToken(raw, session)


def _grant(
    user: "AbstractBaseUser",
    request: "HttpRequest | None",
    scope: str | None,
    within: Collection[str] | None,
    exact: bool,
) -> str | None:
    """Return the scopes that the token gets, None for no limit; see create()."""
    granted = scopes.grant(user, request, scope, within)
    if exact and (missing := set(scopes.parse(scope)).difference((granted or "").split())):
        raise InsufficientScope(sorted(missing))
    if granted is not None and len(granted) > MAX_SCOPE_LENGTH:
        text = _("The scopes are longer than {limit} characters: request fewer.")
        raise ValueError(text.format(limit=MAX_SCOPE_LENGTH))
    return granted


def _respect_limit(session: LoginSession) -> None:
    """End the new one again when it is too many; counted after the insert, as others insert too.

    Those in a transaction that is not committed are not seen.
    """
    limit = get_settings().API_TOKENS.MAX_PER_USER
    tokens = database.sign_ins().filter(user_id=session.subject)
    if limit is not None and tokens.of_kind(Kind.API_TOKEN).live().count() > limit:
        endings.end_one(session.pk, endings.TOO_MANY)
        raise TooManyTokens


# When a token's use was last written, by this process: most requests ask nothing more.
_written: OrderedDict[str, float] = OrderedDict()


def record_use(sid: str, request: "HttpRequest | None") -> None:
    """Write when and from where a token was used, at most once in ``USE_INTERVAL``.

    When the caller's transaction has committed, so that it does not hold the row's lock. A
    database that cannot be written to is logged and refuses nobody.
    """
    now = time.monotonic()
    if now - _written.get(sid, -USE_INTERVAL.total_seconds()) < USE_INTERVAL.total_seconds():
        return
    address = device.get_ip_address(request) if request else None

    def write() -> None:
        _write_use(sid, address, now)

    transaction.on_commit(write, using=database.alias(), robust=True)


def _write_use(sid: str, address: str | None, now: float) -> None:
    _written[sid] = now
    while len(_written) > _MAX_REMEMBERED:
        _written.popitem(last=False)
    moment = moments.now()
    due = Q(last_used_at=None) | Q(last_used_at__lte=moments.stored(moment - USE_INTERVAL))
    database.sign_ins().filter(due, pk=sid).update(
        last_used_at=moments.stored(moment), last_used_ip=address
    )


async def acreate(
    user: "AbstractBaseUser",
    name: str,
    *,
    scope: str | None = None,
    within: Collection[str] | None = None,
    exact: bool = False,
    lifetime: timedelta | None = None,
    request: "HttpRequest | None" = None,
) -> NewToken:
    """See create()."""
    return await sync_to_async(create)(
        user, name, scope=scope, within=within, exact=exact, lifetime=lifetime, request=request
    )
