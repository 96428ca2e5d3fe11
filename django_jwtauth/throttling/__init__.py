"""Limits on guessing passwords, counted before anything is hashed, and on what a user writes.

A failed attempt increases four counters: two by address, one by account from one address, and
one by account from everywhere. The last does not lock out networks from which the account has
signed in before, and none locks out a browser that has, so strangers cannot lock out the owner.
There is one counter for each user and kind of row. Counts are in Django's cache: exact across
processes with Redis and Memcached, per process with local memory.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from django.contrib.auth import get_user_model
from django.db import connections

from ..conf import Rate, get_settings
from ..exceptions import Throttled
from ..http.device import get_ip_address, get_network
from ..models import Kind
from ..store import database, identity
from . import counters, device_cookies, refused, spellings
from .accounts import digest
from .counters import Counter

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest, HttpResponse

_T = TypeVar("_T")

logger = logging.getLogger("django_jwtauth")

_NAME = "jwtauth_name"
# The owner's networks are taken from this many of the latest sign-ins.
_SIGN_INS = 100


class Attempt(NamedTuple):
    """One attempt, already counted; it is subtracted if it was not a guess."""

    counters: list[Counter]

    def forgive(self) -> None:
        """Subtract the attempt: the password was right, or could not be checked."""
        if self.counters:
            _ask(counters.decrease, self.counters)


def count_attempt(request: "HttpRequest", username: str, *, everywhere: bool = True) -> Attempt:
    """Count one attempt to sign in as ``username``; raises ``Throttled`` if there are too many.

    Pass ``everywhere=False`` if ``username`` is not a user: attempts from other addresses then
    do not count. If the cache does not answer, this is logged and nothing is counted.
    """
    address = get_ip_address(request)
    # A browser is known by the exact spelling of the name. Otherwise, whoever has an account
    # with nearly the same name would get guesses at this one by signing in to their own.
    name = digest(username)
    account = digest(spellings.fold(username)) if everywhere else name
    refused.remember(request, account)
    keys = {"account_everywhere": account} if everywhere else {}
    # Attempts from an unknown address would be counted for everybody.
    if address is not None:
        network = digest(str(get_network(address)))
        by_address = {"address": network, "address_sustained": network}
        keys = {**by_address, "account": f"{account}.{network}", **keys}
    find_device = functools.cache(
        lambda: device_cookies.find(request, name) if everywhere else None
    )
    is_known = functools.cache(lambda: _is_known(username, address))
    attempt = _count(keys, find_device, is_known)
    vars(request)[_NAME] = name
    return attempt


def _count(
    keys: dict[str, str], find_device: Callable[[], str | None], is_known: Callable[[], bool]
) -> Attempt:
    """Count an attempt by ``keys``: for each scope, what identifies the client or the account.

    ``find_device`` and ``is_known`` are called only if a limit is reached.
    """
    now = time.time()
    rates = get_settings().THROTTLES.RATES
    limits = {scope: rate for scope in keys if (rate := rates[scope]) is not None}
    shared = {scope: _counter(scope, keys[scope], rate, now) for scope, rate in limits.items()}
    if not shared:
        return Attempt([])

    def spent(counts: Iterable[int]) -> list[str]:
        found = zip(limits.items(), counts, strict=True)
        over = [scope for (scope, rate), count in found if count > rate.limit]
        return [scope for scope in over if scope != "account_everywhere" or not is_known()]

    # Others may use up the last attempts between the two calls; if so, it is looked at again.
    for _ in range(2):
        # Read first, so that a client that has used up its attempts writes no counters for other
        # names, which would push others out of a small cache.
        counts = _ask(counters.read, [*shared.values()])
        if counts is None:
            return Attempt([])
        chosen = dict(shared)
        for scope in spent(count + 1 for count in counts):
            device = find_device()
            if device is None:
                raise _throttled(limits[scope], now)
            chosen[scope] = _counter(scope, f"device.{device}", limits[scope], now)
        attempt = Attempt([*chosen.values()])
        counts = _ask(counters.increase, attempt.counters)
        if counts is None:
            return Attempt([])
        over = spent(counts)
        if not over:
            return attempt
        attempt.forgive()
    raise _throttled(limits[over[0]], now)


def remember_device(request: "HttpRequest", response: "HttpResponse", session_id: "UUID") -> None:
    """Set the cookie by which the browser's next attempts with this name are counted separately.

    Call it after a sign-in with a name that count_attempt() has counted for this request.
    """
    name = vars(request).get(_NAME)
    if name is not None:
        device_cookies.set_cookie(request, response, name, session_id)


def find_device(request: "HttpRequest") -> str | None:
    """Return the ``sid`` of the sign-in by which the browser signed in before, None if it did not.

    Read from the cookie of ``remember_device``, and not looked up: the row may have ended.
    """
    name = vars(request).get(_NAME)
    return None if name is None else device_cookies.read(request, name)


def count_made(kind: str, user: "AbstractBaseUser") -> None:
    """Count a row that ``user`` writes, or a mail; raises ``Throttled`` if there are too many.

    ``kind`` names the rate: ``"sign_in"``, ``"api_token"``, ``"one_time"``, ``"acting"``,
    ``"rename"``, ``"blacklist"`` or ``"notice"``.
    """
    rate = get_settings().THROTTLES.RATES[kind]
    if rate is None:
        return
    now = time.time()
    counts = _ask(counters.increase, [_counter(kind, digest(str(user.pk)), rate, now)])
    if counts is not None and counts[0] > rate.limit:
        raise _throttled(rate, now)


def _counter(scope: str, key: str, rate: Rate, now: float) -> Counter:
    """Return a counter: there is one for each interval."""
    # Kept no longer than it is needed, to leave room for others in a small cache.
    return Counter(
        f"jwtauth.throttle.{scope}.{key}.{int(now // rate.seconds)}", _seconds_left(rate, now)
    )


def _throttled(rate: Rate, now: float) -> Throttled:
    return Throttled(retry_after=_seconds_left(rate, now))


def _seconds_left(rate: Rate, now: float) -> int:
    return int(rate.seconds - now % rate.seconds) + 1


def _ask(change: Callable[[Sequence[Counter]], _T], these: Sequence[Counter]) -> _T | None:
    """Return what ``change`` returns, or None if the cache does not answer."""
    try:
        return change(these)
    # A cache client may raise anything, and a sign-in must not depend on it.
    except Exception as error:
        name = type(error).__name__
        logger.error(
            "The cache cannot count attempts: %s",
            name,
            extra={"event": "cache_unavailable", "error": name},
        )
        return None


def _is_known(username: str, address: str | None) -> bool:
    """Return whether the account has signed in from this network; asked of any name alike."""
    if address is None:
        return False
    model, sessions = get_user_model(), database.sign_ins()
    name = identity.parse(identity.username_field(model), username, connections[sessions.db])
    if name is None:
        return False
    with database.reporting_unavailable():
        # Only sign-ins count, as anybody may have had a one-time token sent.
        own = sessions.filter(**{f"user__{model.USERNAME_FIELD}": name}, kind=Kind.SIGN_IN)
        latest = own.order_by("-created_at")
        addresses = latest.values_list("ip_address", flat=True)[:_SIGN_INS]
        # An IPv6 client changes its address within its network every day.
        return get_network(address) in {get_network(item) for item in addresses if item}
