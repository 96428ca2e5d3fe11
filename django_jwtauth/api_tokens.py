"""API tokens: named, long-lived access tokens for scripts, created by their owner, shown once.

Each is a row of ``LoginSession``, so it is revoked, listed and audited like any sign-in.
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
#: The shortest time between two writes of when a token was last used.
USE_INTERVAL = timedelta(minutes=5)
# The number of tokens whose last write this process remembers.
_MAX_REMEMBERED = 10_000


class ScopesTooLong(ValueError):
    """The scopes of a token have more characters than the column holds."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just created. Its text cannot be obtained later."""

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
    """Create an API token for ``user``.

    ``scope``: scopes, separated by spaces; None for all that are allowed, "" for none. Allowed
    are those that ``HOOKS["SCOPES"]`` returns for the user and, if given, that are ``within``.
    With ``exact``, raises ``InsufficientScope`` if one of ``scope`` is not allowed; otherwise
    it is left out.
    ``lifetime``: ``API_TOKENS["MAX_LIFETIME"]`` by default and at most. Raises
    ``TooManyTokens``, ``Unavailable``, ``ValueError`` if the name, the scopes or the lifetime
    are too long or the lifetime is under a second, and whatever ``sessions.start`` raises for
    the user.
    """
    with one_tenancy():
        longest = get_settings().API_TOKENS.MAX_LIFETIME
        lifetime = longest if lifetime is None else lifetime
        durations.check(lifetime, longest, "An API token")
        if len(name) > MAX_NAME_LENGTH:
            raise ValueError(f"The name is longer than {MAX_NAME_LENGTH} characters.")
        session = rows.make_session(user, request, lifetime, kind=Kind.API_TOKEN, name=name)
        if get_settings().KEYS:
            # A configured key signs it, so it stays valid if SECRET_KEY is replaced.
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
        raise ScopesTooLong(text.format(limit=MAX_SCOPE_LENGTH))
    return granted


def _respect_limit(session: LoginSession) -> None:
    """End the new token if there are too many, counted after the insert as others insert, too.

    Tokens in a transaction that is not committed are not seen.
    """
    limit = get_settings().API_TOKENS.MAX_PER_USER
    tokens = database.sign_ins().filter(user=session.user_id)
    if limit is not None and tokens.of_kind(Kind.API_TOKEN).live().count() > limit:
        endings.end_one(session.pk, endings.TOO_MANY)
        raise TooManyTokens


# When this process last wrote the use of a token: most requests need to know no more.
_written: OrderedDict[str, float] = OrderedDict()


def record_use(sid: str, request: "HttpRequest | None") -> None:
    """Write when and from where a token was used, at most once in ``USE_INTERVAL``.

    Writes after the caller's transaction has committed, so that it does not hold the row's
    lock. A database that cannot be written to is logged; the request is not refused.
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


acreate = sync_to_async(create)
