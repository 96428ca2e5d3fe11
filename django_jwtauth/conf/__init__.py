"""The ``JWTAUTH`` setting as one typed, frozen object, read lazily.

Every setting stands in :class:`Settings` with its type, its default and the rule
that a value must meet. :func:`get_settings` gives the values; :func:`find_problems`
gives what is wrong with them, for the system checks.

With ``TENANT_HOOK``, each tenant has a :class:`Tenancy` of its own. The hook is asked every
time, so that the settings and the rows of a token are always those of the same tenant.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta, timezone
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..claims import RESERVED_CLAIMS, SIGN_IN_CLAIMS
from . import tenants
from . import values as rule
from .durations import SECOND
from .values import Rate

__all__ = [
    "RESERVED_CLAIMS",
    "SIGN_IN_CLAIMS",
    "Problem",
    "Rate",
    "Settings",
    "Tenancy",
    "call_hook",
    "find_problems",
    "find_tenant_problem",
    "get_settings",
    "get_tenancy",
]

_ON_HERE = "remove it, it is always so here."
_IN_KEYS = 'keys and their algorithms are listed in "KEYS".'
# Names of djangorestframework-simplejwt that resemble one of these, or that need a word.
_SIMPLEJWT = {
    "ALGORITHM": _IN_KEYS,
    "SIGNING_KEY": _IN_KEYS,
    "VERIFYING_KEY": _IN_KEYS,
    "BLACKLIST_AFTER_ROTATION": _ON_HERE,
    "CHECK_REVOKE_TOKEN": _ON_HERE,
    "CHECK_USER_IS_ACTIVE": _ON_HERE,
    "AUTH_HEADER_NAME": "remove it, tokens are read from Authorization.",
    "USER_ID_FIELD": "remove it, tokens name users by primary key.",
    "JTI_CLAIM": "remove it, the claim is always called jti.",
    "TOKEN_TYPE_CLAIM": "remove it, the claim is always called token_type.",
}
#: Tenants whose parsed settings and keys one process keeps.
MAX_TENANTS = 1000


class Problem(NamedTuple):
    """One thing wrong with ``JWTAUTH``: the setting's name ("" for all), and what to change."""

    setting: str
    message: str

    def __str__(self) -> str:
        where = f"JWTAUTH[{self.setting!r}]" if self.setting else "JWTAUTH"
        return f"{where} {self.message}"


def _setting(default: Any, parse: Callable[[Any], Any], *, shown: bool = True) -> Any:
    return field(default=default, repr=shown, metadata={"parse": parse})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values of ``JWTAUTH``, complete and normalised. Documented in ``docs/settings.md``."""

    ACCESS_TOKEN_LIFETIME: timedelta = _setting(timedelta(minutes=5), rule.duration(least=SECOND))
    REFRESH_TOKEN_LIFETIME: timedelta = _setting(timedelta(days=7), rule.duration(least=SECOND))
    SESSION_LIFETIME: timedelta = _setting(timedelta(days=30), rule.duration(least=SECOND))
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
    AUTH_HEADER_TYPES: tuple[str, ...] = _setting(("Bearer",), rule.header_types)
    COOKIE_NAME: str = _setting("jwtauth", rule.cookie_name)
    COOKIE_SECURE: bool = _setting(True, rule.flag)
    COOKIE_SAMESITE: Literal["Lax", "Strict"] = _setting("Lax", rule.samesite)
    THROTTLE_RATES: Mapping[str, rule.Rate | None] = field(
        default_factory=lambda: rule.rates({}), metadata={"parse": rule.rates}
    )
    THROTTLE_CACHE: str = _setting("default", rule.cache_alias)
    TOKEN_CACHE_SIZE: int = _setting(2048, rule.size)
    USER_ID_CLAIM: str | None = _setting(None, rule.claim_name)
    MAX_SESSIONS_PER_USER: int | None = _setting(None, rule.count)
    API_TOKEN_MAX_LIFETIME: timedelta = _setting(timedelta(days=365), rule.duration(least=SECOND))
    MAX_API_TOKENS_PER_USER: int | None = _setting(50, rule.count)
    API_TOKENS_SURVIVE_PASSWORD_CHANGE: bool = _setting(False, rule.flag)
    ONE_TIME_PURPOSES: tuple[str, ...] = _setting((), rule.purposes)
    RECENT_SIGN_IN: Mapping[str, timedelta | None] = field(
        default_factory=lambda: rule.recent_sign_in({}), metadata={"parse": rule.recent_sign_in}
    )
    AUDIT_RETENTION: timedelta = _setting(timedelta(days=30), rule.duration())
    UPDATE_LAST_LOGIN: bool = _setting(True, rule.flag)
    CLAIMS_HOOK: str | None = _setting(None, rule.hook)
    SIGN_IN_HOOK: str | None = _setting(None, rule.hook)
    SCOPES_HOOK: str | None = _setting(None, rule.hook)
    LEGACY_DECODER: str | None = _setting(None, rule.hook)
    LEGACY_UNTIL: datetime | None = _setting(None, rule.moment)
    CLIENT_IP_HOOK: str | None = _setting(None, rule.hook)
    TENANT_HOOK: str | None = _setting(None, rule.hook)
    CLIENTS: Mapping[str, str] = field(
        default_factory=dict, repr=False, metadata={"parse": rule.clients}
    )
    OAUTH_PASSWORD_GRANT: bool = _setting(False, rule.flag)
    JWKS_URL: str | None = _setting(None, rule.url)
    # Not a MappingProxyType: Python 3.11 takes it for a mutable default.
    TRUSTED_ISSUERS: Mapping[str, rule.TrustedIssuer] = field(
        default_factory=dict, metadata={"parse": rule.issuers}
    )
    GROUPS_CLAIM: str | None = _setting(None, rule.claim_name)
    PERMISSIONS_CLAIM: str | None = _setting(None, rule.claim_name)

    def accepts_legacy_tokens(self) -> bool:
        """Return whether legacy tokens are accepted now."""
        until = self.LEGACY_UNTIL
        return bool(self.LEGACY_DECODER and until and datetime.now(timezone.utc) < until)

    def cookie_name(self, what: str, prefix: str) -> str:
        """Return the name of a cookie, with a prefix that browsers honour for secure ones.

        RFC 6265bis, 4.1.3: no plain-text page can set a cookie so named, and with ``__Host-``
        no other host.
        """
        return f"{prefix if self.COOKIE_SECURE else ''}{self.COOKIE_NAME}_{what}"

    def key_urls(self, *, foreign: bool) -> Mapping[str, str]:
        """Return the issuers whose keys are fetched, with their URLs; ours alone, or all."""
        ours = {self.ISSUER: self.JWKS_URL} if self.ISSUER and self.JWKS_URL else {}
        trusted = {name: issuer.jwks_url for name, issuer in self.TRUSTED_ISSUERS.items()}
        return {**trusted, **ours} if foreign else ours

    def find_trusted(self, issuer: Any) -> rule.TrustedIssuer | None:
        """Return what ``TRUSTED_ISSUERS`` says of another issuer, None of our own and of none."""
        known = isinstance(issuer, str) and issuer != self.ISSUER
        return self.TRUSTED_ISSUERS.get(issuer) if known else None


_FIELDS = {item.name: item for item in fields(Settings)}


def _unknown(name: Any) -> Problem:
    return Problem(str(name), f"is not a setting: {_SIMPLEJWT.get(name) or _suggestion(name)}")


def _suggestion(name: Any) -> str:
    close = get_close_matches(str(name).strip().upper(), _FIELDS, n=1)
    return f"did you mean {close[0]!r}?" if close else "see the settings page for the names."


def _parse(given: Any) -> tuple[dict[str, Any], Sequence[Problem]]:
    if not isinstance(given, Mapping):
        return {}, [Problem("", "must be a dict.")]
    values: dict[str, Any] = {}
    problems = [_unknown(name) for name in given if name not in _FIELDS]
    for name in _FIELDS.keys() & given.keys():
        try:
            values[name] = _FIELDS[name].metadata["parse"](given[name])
        except ValueError as error:
            problems.append(Problem(name, str(error)))
    return values, problems


def find_problems() -> list[Problem]:
    """Return everything wrong with ``JWTAUTH``, sorted by setting; empty when it is sound."""
    return sorted(_parse(getattr(settings, "JWTAUTH", {}))[1])


class Tenancy:
    """The settings in force, and the key rings made from them: of all, or of one tenant.

    ``tenant`` is the tenant's issuer, "" where there are no tenants, None outside them all.
    """

    __slots__ = ("rings", "settings", "tenant")

    def __init__(self, settings: Settings, tenant: str | None) -> None:
        self.settings = settings
        self.tenant = tenant
        self.rings: dict[str, Any] = {}


# The tenancy of all while there is no TENANT_HOOK: what most requests have to look at.
_only: Tenancy | None = None


def get_settings() -> Settings:
    """Return the current settings, those of the current tenant if there is one.

    Follows ``override_settings``. Raises ``ImproperlyConfigured`` naming the first
    setting that is wrong: a misconfigured project must not look like a bad token.
    """
    return (_only or get_tenancy()).settings


def get_tenancy() -> Tenancy:
    """Return the tenancy of the current tenant, or of all; raises ``ImproperlyConfigured``."""
    global _only
    if _only is not None:
        return _only
    tenancy = _get_base_tenancy()
    if tenancy.settings.TENANT_HOOK is None:
        _only = tenancy
        return tenancy
    found = _find_tenant(tenancy)
    if isinstance(found, str):
        raise ImproperlyConfigured(found)
    return found


def find_tenant_problem() -> str | None:
    """Return what is wrong with what ``TENANT_HOOK`` returns now; None when it is sound."""
    tenancy = _get_base_tenancy()
    if tenancy.settings.TENANT_HOOK is None:
        return None
    try:
        found = _find_tenant(tenancy)
    # It is the project's code: it may raise anything.
    except Exception as error:
        return f"JWTAUTH['TENANT_HOOK'] raised {type(error).__name__}: {error}"
    return found if isinstance(found, str) else None


@functools.cache
def _get_base_tenancy() -> Tenancy:
    problems = find_problems()
    # Error reports show local variables, too: none of this frame holds a key.
    if problems:
        raise ImproperlyConfigured(str(problems[0]))
    found = Settings(**_parse(getattr(settings, "JWTAUTH", {}))[0])
    return Tenancy(found, None if found.TENANT_HOOK else "")


def _find_tenant(base: Tenancy) -> Tenancy | str:
    """Return the tenancy that ``TENANT_HOOK`` leads to, or what is wrong with its answer."""
    overrides = tenants.ask(str(base.settings.TENANT_HOOK))
    if overrides is None:
        return base
    return overrides if isinstance(overrides, str) else _make_tenant(overrides)


@functools.lru_cache(MAX_TENANTS)
def _make_tenant(overrides: tenants.Overrides) -> Tenancy | str:
    merged = tenants.merge(getattr(settings, "JWTAUTH", {}), overrides)
    if isinstance(merged, str):
        return merged
    values, problems = _parse(merged)
    if problems:
        return f"What JWTAUTH['TENANT_HOOK'] returned is refused: {min(problems)}"
    return Tenancy(Settings(**values), values["ISSUER"])


def call_hook(name: str, *args: Any) -> Any:
    """Call the hook that setting ``name`` points to; None when there is none."""
    path = getattr(get_settings(), name)
    return import_string(path)(*args) if path else None


def _forget(*, setting: str, **kwargs: Any) -> None:
    global _only
    # The key rings depend on the other two.
    if setting in ("JWTAUTH", "SECRET_KEY", "SECRET_KEY_FALLBACKS"):
        _only = None
        _get_base_tenancy.cache_clear()
        _make_tenant.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_jwtauth.conf")
