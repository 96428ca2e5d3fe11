"""The ``JWTAUTH`` setting as one typed, frozen object, read lazily.

Every setting stands in :class:`Settings` with its type, its default and the rule
that a value must meet. :func:`get_settings` gives the values; :func:`find_problems`
gives what is wrong with them, for the system checks.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

# Claims that mean something to us: neither a hook nor ``claims=`` may set them.
RESERVED_CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "sid", "gen", "token_type"}
)
# Claims fixed when the user signs in: carried from refresh to refresh, never from a hook.
SIGN_IN_CLAIMS = frozenset({"scope", "amr", "auth_time"})

SECOND = timedelta(seconds=1)
MAX_GRACE_PERIOD = timedelta(minutes=5)
MAX_LEEWAY = timedelta(minutes=5)
# What is added to the present, or taken from it, must stay in the range of datetime.
MAX_DURATION = timedelta(days=36500)
# Fits every database's LIMIT.
MAX_COUNT = 2**31 - 1

_ON_HERE = "remove it, it is always so here."
_IN_KEYS = 'keys and their algorithms are listed in "KEYS".'
# Names of djangorestframework-simplejwt that resemble one of ours, or that need a word.
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

# RFC 9110, section 5.6.2: the word may reach a response header.
_HTTP_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_DOTTED_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


class Problem(NamedTuple):
    """One thing wrong with ``JWTAUTH``: the setting's name ("" for all), and what to change."""

    setting: str
    message: str

    def __str__(self) -> str:
        where = f"JWTAUTH[{self.setting!r}]" if self.setting else "JWTAUTH"
        return f"{where} {self.message}"


def _words(duration: timedelta) -> str:
    if duration >= timedelta(days=1):
        return f"{duration.days} days"
    return f"{duration.total_seconds():g} seconds"


def _duration(
    *, least: timedelta = timedelta(0), most: timedelta = MAX_DURATION
) -> Callable[[Any], timedelta]:
    def parse(value: Any) -> timedelta:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                value = timedelta(seconds=value)
            except (OverflowError, ValueError):
                raise ValueError("is out of range: give a timedelta.") from None
        if not isinstance(value, timedelta):
            raise ValueError("must be a timedelta, or a number of seconds.")
        if value < timedelta(0):
            raise ValueError("must not be negative.")
        if value < least:
            raise ValueError(f"must be at least {_words(least)}.")
        if value > most:
            raise ValueError(f"must be at most {_words(most)}.")
        return value

    return parse


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be True or False.")
    return value


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value and value.isprintable()):
        return value
    raise ValueError("must be a non-empty string, or None.")


def _texts(value: Any) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)) or not all(
        isinstance(item, str) and item and item.isprintable() for item in values
    ):
        raise ValueError("must be a string or a list of strings, none of them empty.")
    return tuple(values)


def _audience(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return _texts(value)


def _header_types(value: Any) -> tuple[str, ...]:
    values = _texts(value)
    if not values or not all(_HTTP_TOKEN.fullmatch(item) for item in values):
        raise ValueError('must list the words before the token, like ("Bearer",).')
    return values


def _access_typ(value: Any) -> str:
    if value not in ("at+jwt", "JWT"):
        raise ValueError('must be "at+jwt" (RFC 9068) or "JWT".')
    return str(value)


def _claim_name(value: Any) -> str | None:
    name = _text(value)
    if name in RESERVED_CLAIMS | SIGN_IN_CLAIMS:
        raise ValueError(f"must not be {name!r}: that claim has its own meaning.")
    return name


def _count(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_COUNT:
        return value
    raise ValueError("must be a whole number from 1, or None for no limit.")


def _size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
        return value
    raise ValueError("must be a whole number of entries, 0 for none.")


def _samesite(value: Any) -> str:
    if value not in ("Lax", "Strict"):
        raise ValueError('must be "Lax" or "Strict".')
    return str(value)


def _keys(value: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, Mapping) for v in value):
        raise ValueError("must be a list of dicts, one for each key.")
    return tuple(value)


def _hook(value: Any) -> str | None:
    if value is None:
        return None
    # What is no path is not quoted: it may be anything, a secret too.
    if not isinstance(value, str) or not _DOTTED_PATH.fullmatch(value):
        raise ValueError('must be a dotted path like "accounts.tokens.claims", or None.')
    try:
        hook = import_string(value)
    # Importing runs the project's code: it may raise anything.
    except Exception as error:
        raise ValueError(f"cannot be imported: {type(error).__name__}: {error}") from None
    if not callable(hook):
        raise ValueError(f"must name something that can be called; {value} cannot.")
    return value


def _url(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be an https URL, or None.")
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ValueError("must be an https URL, or None.") from None
    if not parts.hostname or parts.scheme not in ("https", "http"):
        raise ValueError("must be an https URL, or None.")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("must be https: whoever changes the answer makes the tokens.")
    return value


def _issuers(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(name, str) and name and url for name, url in value.items()
    ):
        raise ValueError("must be a dict from each issuer to the URL of its JWKS.")
    return {name: str(_url(url)) for name, url in value.items()}


def _setting(default: Any, parse: Callable[[Any], Any], *, shown: bool = True) -> Any:
    return field(default=default, repr=shown, metadata={"parse": parse})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values of ``JWTAUTH``, complete and normalised. Documented in ``docs/settings.md``."""

    ACCESS_TOKEN_LIFETIME: timedelta = _setting(timedelta(minutes=5), _duration(least=SECOND))
    REFRESH_TOKEN_LIFETIME: timedelta = _setting(timedelta(days=7), _duration(least=SECOND))
    SESSION_LIFETIME: timedelta = _setting(timedelta(days=30), _duration(least=SECOND))
    REFRESH_GRACE_PERIOD: timedelta = _setting(
        timedelta(seconds=30), _duration(most=MAX_GRACE_PERIOD)
    )
    ROTATE_REFRESH_TOKENS: bool = _setting(True, _flag)
    LEEWAY: timedelta = _setting(timedelta(0), _duration(most=MAX_LEEWAY))
    ISSUER: str | None = _setting(None, _text)
    AUDIENCE: tuple[str, ...] = _setting((), _audience)
    # Not in repr(): error reports show the values of local variables.
    KEYS: tuple[Mapping[str, Any], ...] = _setting((), _keys, shown=False)
    ACCESS_TOKEN_TYP: str = _setting("at+jwt", _access_typ)
    AUTH_HEADER_TYPES: tuple[str, ...] = _setting(("Bearer",), _header_types)
    COOKIE_SECURE: bool = _setting(True, _flag)
    COOKIE_SAMESITE: Literal["Lax", "Strict"] = _setting("Lax", _samesite)
    TOKEN_CACHE_SIZE: int = _setting(2048, _size)
    USER_ID_CLAIM: str | None = _setting(None, _claim_name)
    MAX_SESSIONS_PER_USER: int | None = _setting(None, _count)
    AUDIT_RETENTION: timedelta = _setting(timedelta(days=30), _duration())
    UPDATE_LAST_LOGIN: bool = _setting(True, _flag)
    CLAIMS_HOOK: str | None = _setting(None, _hook)
    SIGN_IN_HOOK: str | None = _setting(None, _hook)
    CLIENT_IP_HOOK: str | None = _setting(None, _hook)
    JWKS_URL: str | None = _setting(None, _url)
    # Not a MappingProxyType: Python 3.11 takes it for a mutable default.
    TRUSTED_ISSUERS: Mapping[str, str] = field(default_factory=dict, metadata={"parse": _issuers})
    GROUPS_CLAIM: str | None = _setting(None, _claim_name)
    PERMISSIONS_CLAIM: str | None = _setting(None, _claim_name)

    def key_urls(self, *, foreign: bool) -> Mapping[str, str]:
        """Return the issuers whose keys are fetched, with their URLs; ours alone, or all."""
        ours = {self.ISSUER: self.JWKS_URL} if self.ISSUER and self.JWKS_URL else {}
        return {**self.TRUSTED_ISSUERS, **ours} if foreign else ours


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


@functools.cache
def get_settings() -> Settings:
    """Return the current settings.

    Follows ``override_settings``. Raises ``ImproperlyConfigured`` naming the first
    setting that is wrong: a misconfigured project must not look like a bad token.
    """
    problems = find_problems()
    # Error reports show local variables, too: none of this frame holds a key.
    if problems:
        raise ImproperlyConfigured(str(problems[0]))
    return Settings(**_parse(getattr(settings, "JWTAUTH", {}))[0])


def call_hook(name: str, *args: Any) -> Any:
    """Call the hook that setting ``name`` points to; None when there is none."""
    path = getattr(get_settings(), name)
    return import_string(path)(*args) if path else None


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "JWTAUTH":
        get_settings.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_jwtauth.conf")
