"""Every setting: its type, its default, and the rule that a value must meet.

Settings that every project may need are in :class:`Settings` itself; those of one feature are in
a group. They are documented in ``docs/settings.md``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from . import moments
from . import values as rule
from .durations import SECOND


def _setting(default: Any, parse: Callable[[Any], Any], *, shown: bool = True) -> Any:
    return field(default=default, repr=shown, metadata={"parse": parse})


def _table(parse: Callable[[Any], Any], *, shown: bool = True) -> Any:
    """Return a setting whose names the project chooses or may leave out; {} by default."""
    # Not a MappingProxyType, which Python 3.11 treats as a mutable default.
    return field(default_factory=lambda: parse({}), repr=shown, metadata={"parse": parse})


def _group(kind: type) -> Any:
    return field(default_factory=kind, metadata={"group": kind})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """The project's functions that are called, by dotted path."""

    CLAIMS: str | None = _setting(None, rule.hook)
    SIGN_IN: str | None = _setting(None, rule.hook)
    LIFETIMES: str | None = _setting(None, rule.hook)
    SCOPES: str | None = _setting(None, rule.hook)
    CLIENT_IP: str | None = _setting(None, rule.hook)
    TENANT: str | None = _setting(None, rule.hook)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookies:
    """The cookies of browsers."""

    NAME: str = _setting("jwtauth", rule.cookie_name)
    DOMAIN: str | None = _setting(None, rule.cookie_domain)
    SAMESITE: Literal["Lax", "Strict", "None"] = _setting("Lax", rule.samesite)
    SECURE: bool = _setting(True, rule.flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttles:
    """Rate limits, and the cache that counts for them."""

    RATES: Mapping[str, rule.Rate | None] = _table(rule.rates)
    CACHE: str = _setting("default", rule.cache_alias)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTokens:
    """Long-lived tokens for scripts."""

    MAX_LIFETIME: timedelta = _setting(timedelta(days=365), rule.duration(least=SECOND))
    MAX_PER_USER: int | None = _setting(50, rule.count)
    SURVIVE_PASSWORD_CHANGE: bool = _setting(False, rule.flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTime:
    """Tokens that can be used once."""

    PURPOSES: tuple[str, ...] = _setting((), rule.purposes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimNames:
    """The claims from which a stateless service reads a user's groups and permissions."""

    GROUPS: str | None = _setting(None, rule.claim_name)
    PERMISSIONS: str | None = _setting(None, rule.claim_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """Mails to users about their sign-ins; sent by ``contrib.notices``."""

    BASE_URL: str | None = _setting(None, rule.base_url)
    PASSWORD_RESET_URL: str | None = _setting(None, rule.text)
    FROM_EMAIL: str | None = _setting(None, rule.text)
    LANGUAGE: str | None = _setting(None, rule.hook)
    KINDS: tuple[str, ...] = _setting(rule.NOTICES, rule.notices)
    WARN_BEFORE: timedelta = _setting(timedelta(days=7), rule.duration(least=SECOND))


@dataclass(frozen=True, slots=True, kw_only=True)
class Legacy:
    """Tokens that another package issued, accepted for a while."""

    DECODER: str | None = _setting(None, rule.hook)
    UNTIL: datetime | None = _setting(None, rule.moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values of ``JWTAUTH``, complete and normalised."""

    ACCESS_TOKEN_LIFETIME: timedelta = _setting(timedelta(minutes=5), rule.duration(least=SECOND))
    REFRESH_TOKEN_LIFETIME: timedelta = _setting(timedelta(days=7), rule.duration(least=SECOND))
    SESSION_LIFETIME: timedelta = _setting(timedelta(days=30), rule.duration(least=SECOND))
    SESSION_LIFETIME_NOT_REMEMBERED: timedelta | None = _setting(
        None, rule.optional(rule.duration(least=SECOND))
    )
    REFRESH_GRACE_PERIOD: timedelta = _setting(
        timedelta(seconds=30), rule.duration(most=rule.MAX_GRACE_PERIOD)
    )
    ROTATE_REFRESH_TOKENS: bool = _setting(True, rule.flag)
    LEEWAY: timedelta = _setting(timedelta(0), rule.duration(most=rule.MAX_LEEWAY))
    ISSUER: str | None = _setting(None, rule.text)
    AUDIENCE: tuple[str, ...] = _setting((), rule.audience)
    # Not in repr(): error reports show the values of local variables.
    KEYS: tuple[Mapping[str, Any], ...] = _setting((), rule.keys, shown=False)
    ACCESS_TOKEN_TYP: str = _setting("at+jwt", rule.access_typ)
    AUTH_HEADER_NAME: str = _setting("Authorization", rule.header_name)
    AUTH_HEADER_TYPES: tuple[str, ...] = _setting(("Bearer",), rule.header_types)
    SUBJECT_FIELD: str | None = _setting(None, rule.field_name)
    USER_ID_CLAIM: str | None = _setting(None, rule.claim_name)
    MAX_SESSIONS_PER_USER: int | None = _setting(None, rule.count)
    RECENT_SIGN_IN: Mapping[str, timedelta | None] = _table(rule.recent_sign_in)
    AUDIT_RETENTION: timedelta = _setting(timedelta(days=30), rule.duration())
    UPDATE_LAST_LOGIN: bool = _setting(True, rule.flag)
    TOKEN_CACHE_SIZE: int = _setting(2048, rule.size)
    OAUTH_PASSWORD_GRANT: bool = _setting(False, rule.flag)

    HOOKS: Hooks = _group(Hooks)
    COOKIES: Cookies = _group(Cookies)
    THROTTLES: Throttles = _group(Throttles)
    API_TOKENS: ApiTokens = _group(ApiTokens)
    ONE_TIME: OneTime = _group(OneTime)
    ISSUERS: Mapping[str, rule.Issuer] = _table(rule.issuers)
    CLIENTS: Mapping[str, str] = _table(rule.clients, shown=False)
    CLAIMS: ClaimNames = _group(ClaimNames)
    LEGACY: Legacy = _group(Legacy)
    NOTICES: Notices = _group(Notices)

    @property
    def max_session_age(self) -> timedelta:
        """How old a sign-in must be, by the clock that is most behind, to be over for good."""
        return self.SESSION_LIFETIME + self.LEEWAY

    def legacy_until(self) -> datetime | None:
        """Return the aware time until which legacy tokens are accepted, or None if none is now."""
        until = self.LEGACY.UNTIL if self.LEGACY.DECODER else None
        return until if until and moments.now() < until else None

    def cookie_name(self, what: str, prefix: str) -> str:
        """Return the name of a cookie, with a prefix that browsers enforce for secure ones.

        RFC 6265bis, 4.1.3: a page over plain http cannot set a cookie with such a name, and with
        ``__Host-`` neither can another host. That one is impossible for a cookie of a domain.
        """
        if self.COOKIES.DOMAIN:
            prefix = "__Secure-"
        return f"{prefix if self.COOKIES.SECURE else ''}{self.COOKIES.NAME}_{what}"

    def key_urls(self, *, foreign: bool) -> Mapping[str, str]:
        """Return the URLs of fetched keys by issuer: all, or only those of this issuer."""
        urls = {name: issuer.jwks_url for name, issuer in self.ISSUERS.items()}
        return urls if foreign else {name: url for name, url in urls.items() if name == self.ISSUER}

    def find_trusted(self, issuer: Any) -> rule.Issuer | None:
        """Return the entry of ``ISSUERS`` for another issuer, or None if there is none."""
        known = isinstance(issuer, str) and issuer != self.ISSUER
        return self.ISSUERS.get(issuer) if known else None


#: The settings that are groups, with the class of each.
GROUPS: Mapping[str, Any] = {
    item.name: item.metadata["group"] for item in fields(Settings) if "group" in item.metadata
}
