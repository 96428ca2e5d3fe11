"""How long a sign-in lasts: as the settings say, or shorter if it was started so.

What was chosen when it started is in its refresh token, in the claim ``lifetimes``, so a refresh
needs no column and no query to know it. The settings stay the maxima: one that is shortened
applies to the next refresh of every sign-in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..claims import LIFETIMES, Claims
from ..conf import call_hook, get_settings
from ..conf.durations import SECOND
from ..conf.moments import aware
from ..conf.values import duration
from ..models import LoginSession

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

#: What may be chosen, in seconds or as a ``timedelta``.
NAMES = ("session", "refresh", "access")
_REMEMBERED = "remembered"

_parse = duration(least=SECOND)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a sign-in lasts, how long it may stay idle, and how long its access tokens last.

    ``chosen`` is the claim: seconds by name, without those that nobody chose.
    """

    session: timedelta
    refresh: timedelta
    access: timedelta
    chosen: Mapping[str, int]

    @property
    def remembered(self) -> bool:
        """Whether the sign-in outlasts the browser's session."""
        return bool(self.chosen.get(_REMEMBERED, True))

    def latest_end(self, session: LoginSession) -> datetime:
        """Return the time, aware, after which no token of the sign-in is valid."""
        return aware(session.created_at) + self.session

    def refresh_end(self, session: LoginSession, at: datetime) -> datetime:
        """Return when a refresh token that is issued ``at`` an aware time expires."""
        return min(at + self.refresh, self.latest_end(session))

    def is_over(self, session: LoginSession, at: datetime) -> bool:
        """Return whether the sign-in has lasted that long; ``at`` is aware."""
        return at >= self.latest_end(session) + get_settings().LEEWAY


def choose(
    user: "AbstractBaseUser",
    request: "HttpRequest | None",
    given: Mapping[str, Any] | None,
    *,
    remember: bool,
) -> Lifetimes:
    """Return the lifetimes of a sign-in that starts now: for each, the shortest that applies.

    These are the settings, what ``HOOKS["LIFETIMES"]`` returns, what the caller has ``given``,
    and ``SESSION_LIFETIME_NOT_REMEMBERED`` unless ``remember``. Raises what the hook raises, and
    ``ValueError`` for lifetimes that are not understood.
    """
    conf = get_settings()
    hook = call_hook(conf.HOOKS.LIFETIMES, user, request)
    chosen = _shortest(_read(hook, 'HOOKS["LIFETIMES"]'), _read(given, "lifetimes="))
    limit = conf.SESSION_LIFETIME_NOT_REMEMBERED
    if limit is not None and not remember:
        chosen = _shortest(chosen, {"session": int(limit.total_seconds())})
        chosen[_REMEMBERED] = False
    return _limited(chosen)


def of(claims: Claims) -> Lifetimes:
    """Return the lifetimes that apply now to the sign-in of a verified refresh token."""
    # What another package has written there means something else.
    return _limited({} if "legacy" in claims else claims.get(LIFETIMES, {}))


def _limited(chosen: Mapping[str, int]) -> Lifetimes:
    conf = get_settings()
    session, refresh, access = (
        conf.SESSION_LIFETIME,
        conf.REFRESH_TOKEN_LIFETIME,
        conf.ACCESS_TOKEN_LIFETIME,
    )
    if chosen:
        if not chosen.get(_REMEMBERED, True):
            session = min(session, conf.SESSION_LIFETIME_NOT_REMEMBERED or session)
        session, refresh, access = (
            min(most, timedelta(seconds=chosen[name])) if name in chosen else most
            for name, most in zip(NAMES, (session, refresh, access), strict=True)
        )
    return Lifetimes(session, refresh, access, chosen)


def _read(given: Any, source: str) -> dict[str, int]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not given.keys() <= {*NAMES}:
        raise ValueError(f"{source} must be a dict with some of {', '.join(NAMES)}, or None.")
    try:
        return {name: int(_parse(value).total_seconds()) for name, value in given.items()}
    except ValueError as error:
        raise ValueError(f"{source} has a wrong lifetime, which {error}") from None


def _shortest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, Any]:
    found = {**one, **other}
    return {name: min(one.get(name, value), value) for name, value in found.items()}
