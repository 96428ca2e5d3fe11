"""Limits on guessing passwords, counted before anything is hashed, and on what a user writes.

A failed attempt increases four counters: two by address, one by account from one address, and
one by account from everywhere. The last does not lock out networks from which the account has
signed in before, and none locks out a browser that has, so strangers cannot lock out the owner.
There is one counter for each user and kind of row. Counts are in Django's cache: exact across
processes with Redis and Memcached, per process with local memory.
"""

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.db import connections

from ..conf import Rate, get_settings
from ..exceptions import Throttled
from ..http.device import get_ip_address, get_network
from ..models import Kind
from ..store import database, identity
from . import device_cookies, refused, spellings
from .accounts import digest

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.base_user import AbstractBaseUser
    from django.core.cache.backends.base import BaseCache
    from django.http import HttpRequest, HttpResponse

logger = logging.getLogger("django_jwtauth")

_NAME = "jwtauth_name"
# The owner's networks are taken from this many of the latest sign-ins.
_SIGN_INS = 100


class Attempt(NamedTuple):
    """One attempt, already counted; it is subtracted if it was not a guess."""

    counters: list[str]

    def forgive(self) -> None:
        """Subtract the attempt: the password was right, or could not be checked."""
        for counter in self.counters:
            try:
                _cache().decr(counter)
            except ValueError:
                # There is no such key: its interval has ended, and the counter with it.
                continue
            except Exception as error:
                _report(error)
                return


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
    counted = {"account_everywhere": account} if everywhere else {}
    # Attempts from an unknown address would be counted for everybody.
    if address is not None:
        network = digest(str(get_network(address)))
        # By address first, so that a client that has used up its attempts writes no counters
        # for other names, which would push others out of a small cache.
        by_address = {"address": network, "address_sustained": network}
        counted = {**by_address, "account": f"{account}.{network}", **counted}
    rates = get_settings().THROTTLES.RATES
    device: str | None = None
    counters: list[str] = []
    for scope, key in counted.items():
        rate = rates[scope]
        if rate is None:
            continue
        now = time.time()
        counter = _counter(scope, key, rate, now)
        count = _count(counter, rate, now)
        if count is None:
            continue
        if count > rate.limit and not (
            scope == "account_everywhere" and _is_known(username, address)
        ):
            device = device or (device_cookies.find(request, name) if everywhere else None)
            if device is None:
                raise _throttled(rate, now)
            counter = _counter(scope, f"device.{device}", rate, now)
            if (_count(counter, rate, now) or 0) > rate.limit:
                raise _throttled(rate, now)
        counters.append(counter)
    vars(request)[_NAME] = name
    return Attempt(counters)


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
    """Count a row that ``user`` writes; raises ``Throttled`` if there are too many.

    ``kind`` names the rate: ``"sign_in"``, ``"api_token"``, ``"one_time"``, ``"acting"``,
    ``"rename"`` or ``"blacklist"``.
    """
    rate = get_settings().THROTTLES.RATES[kind]
    if rate is None:
        return
    now = time.time()
    count = _count(_counter(kind, digest(str(user.pk)), rate, now), rate, now)
    if count is not None and count > rate.limit:
        raise _throttled(rate, now)


def _counter(scope: str, key: str, rate: Rate, now: float) -> str:
    """Return the key of a counter: one for each interval."""
    return f"jwtauth.throttle.{scope}.{key}.{int(now // rate.seconds)}"


def _throttled(rate: Rate, now: float) -> Throttled:
    return Throttled(retry_after=int(rate.seconds - now % rate.seconds) + 1)


def _count(counter: str, rate: Rate, now: float) -> int | None:
    """Return how many there were with this one, or None if nobody can tell."""
    try:
        cache = _cache()
        # Kept no longer than it is needed, to leave room for others in a small cache.
        first = cache.add(counter, 1, timeout=int(rate.seconds - now % rate.seconds) + 1)
        return 1 if first else int(cache.incr(counter))
    # A cache client may raise anything, and a sign-in must not depend on it.
    except Exception as error:
        _report(error)
        return None


def _cache() -> "BaseCache":
    return caches[get_settings().THROTTLES.CACHE]


def _report(error: Exception) -> None:
    name = type(error).__name__
    logger.error(
        "The cache cannot count attempts: %s",
        name,
        extra={"event": "cache_unavailable", "error": name},
    )


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
