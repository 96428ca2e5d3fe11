"""The rules for values of settings: each returns the value normalised or raises ``ValueError``.

The message of the error follows the setting's name, says what to change, and quotes nothing that
may be a secret.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import identify_hasher, is_password_usable
from django.utils.dateparse import parse_datetime
from django.utils.module_loading import import_string

from ..claims import RESERVED_CLAIMS, SIGN_IN_CLAIMS
from ..redacted import RedactedDict, redact
from .durations import SECOND, words

MAX_GRACE_PERIOD = timedelta(minutes=5)
MAX_LEEWAY = timedelta(minutes=5)
# Adding it to the present, or subtracting it, must stay in the range of datetime.
MAX_DURATION = timedelta(days=36500)
# Fits every database's LIMIT.
MAX_COUNT = 2**31 - 1
MAX_COOKIE_NAME_LENGTH = 50

_RATE = re.compile(r"([1-9][0-9]{0,8})/(s|sec|second|m|min|minute|h|hour|d|day)")
_RATE_SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60}
_RATE_SECONDS |= {"h": 3600, "hour": 3600, "d": 86400, "day": 86400}

# RFC 9110, section 5.6.2: the word may reach a response header.
_HTTP_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HIDDEN_HEADER = re.compile("auth|token", re.IGNORECASE)
# At least two labels, the last one no number as in an address.
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_DOTTED_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


class Issuer(NamedTuple):
    """The URL of an issuer's keys and, for another issuer, what its tokens may do here."""

    jwks_url: str
    #: Whether the groups and permissions in its tokens are believed: the claims in ``CLAIMS``.
    claims: bool = False
    #: The longest time for which a token may be valid.
    max_lifetime: timedelta = timedelta(days=1)


class Rate(NamedTuple):
    """This many in this many seconds."""

    limit: int
    seconds: int


# The mails that contrib.notices can send.
NOTICES = ("new_device", "password_changed", "api_token_created", "api_token_expiring")

# Failed attempts to sign in: by address, by account and address, by account. Rows that one user
# may write: sign-ins and, over HTTP, API tokens, one-time tokens, names, blacklisted tokens. Mails
# about new devices to one user.
RATES: Mapping[str, Rate | None] = {
    "address": Rate(60, 60),
    "address_sustained": Rate(200, 3600),
    "account": Rate(20, 60),
    "account_everywhere": Rate(200, 3600),
    "sign_in": Rate(600, 3600),
    "api_token": Rate(30, 3600),
    "one_time": Rate(60, 3600),
    "acting": Rate(30, 3600),
    "rename": Rate(300, 3600),
    "blacklist": Rate(300, 3600),
    "notice": Rate(20, 86400),
}

#: The purpose of a one-time token that signs its user in, and the longest name of a purpose.
SIGN_IN = "sign_in"
MAX_PURPOSE_LENGTH = 64


def duration(
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
            raise ValueError(f"must be at least {words(least)}.")
        if value > most:
            raise ValueError(f"must be at most {words(most)}.")
        return value

    return parse


def optional(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a rule that also accepts None."""
    return lambda value: None if value is None else parse(value)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be True or False.")
    return value


def text(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value and value.isprintable()):
        return value
    raise ValueError("must be a non-empty string, or None.")


def texts(value: Any) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)) or not all(
        isinstance(item, str) and item and item.isprintable() for item in values
    ):
        raise ValueError("must be a string or a list of strings, none of them empty.")
    return tuple(values)


def audience(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return texts(value)


def purposes(value: Any) -> tuple[str, ...]:
    values = texts(value)
    if any(len(item) > MAX_PURPOSE_LENGTH for item in values):
        raise ValueError(f"must list purposes of at most {MAX_PURPOSE_LENGTH} characters.")
    if SIGN_IN in values:
        # Whoever steals an access token could turn it into a new sign-in.
        raise ValueError(f"must not list {SIGN_IN!r}: an access token must not start a sign-in.")
    return values


def header_types(value: Any) -> tuple[str, ...]:
    values = texts(value)
    if not values or not all(_HTTP_TOKEN.fullmatch(item) for item in values):
        raise ValueError('must list the words before the token, like ("Bearer",).')
    return values


def header_name(value: Any) -> str:
    """Return a header's name as people write it; simplejwt's "HTTP_X_AUTH" is accepted, too."""
    name = value if isinstance(value, str) else ""
    if name.startswith("HTTP_"):
        name = name.removeprefix("HTTP_").replace("_", "-")
    # Servers drop a header with "_" in its name, as it could pass for one with "-".
    if not _HTTP_TOKEN.fullmatch(name) or "_" in name:
        raise ValueError('must be the name of a header, like "X-Api-Authorization".')
    if name.lower().startswith(("proxy-", "sec-")) or not _HIDDEN_HEADER.search(name):
        # Django's error reports hide headers by these words.
        raise ValueError('must contain "auth" or "token", and not begin with "Proxy-" or "Sec-".')
    return "-".join(map(str.capitalize, name.split("-")))


def cookie_name(value: Any) -> str:
    # A browser keeps 4096 bytes of name and value.
    if not isinstance(value, str) or len(value) > MAX_COOKIE_NAME_LENGTH:
        raise ValueError(f"must be a string of at most {MAX_COOKIE_NAME_LENGTH} characters.")
    if not _HTTP_TOKEN.fullmatch(value) or value.startswith("__"):
        raise ValueError('must be letters, digits, "-" or "_", like "shop"; the prefix is added.')
    return value


def cookie_domain(value: Any) -> str | None:
    if value is None:
        return None
    domain = value.lower().removeprefix(".") if isinstance(value, str) else ""
    if not _DOMAIN.fullmatch(domain):
        raise ValueError('must be a domain like "example.com", or None for the host alone.')
    return domain


def access_typ(value: Any) -> str:
    if value not in ("at+jwt", "JWT"):
        raise ValueError('must be "at+jwt" (RFC 9068) or "JWT".')
    return str(value)


def claim_name(value: Any) -> str | None:
    name = text(value)
    if name in RESERVED_CLAIMS | SIGN_IN_CLAIMS:
        raise ValueError(f"must not be {name!r}: that claim has its own meaning.")
    return name


def field_name(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.isidentifier() and "__" not in value):
        return value
    raise ValueError("must be the name of a field of the user, or None for the primary key.")


def count(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_COUNT:
        return value
    raise ValueError("must be a whole number of at least 1, or None for no limit.")


def size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT:
        return value
    raise ValueError("must be a whole number of entries, 0 for none.")


def samesite(value: Any) -> str:
    if value not in ("Lax", "Strict", "None"):
        raise ValueError('must be "Lax" or "Strict", or "None" as text.')
    return str(value)


def keys(value: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, Mapping) for v in value):
        raise ValueError("must be a list of dicts, one for each key.")
    # Error reports show local variables.
    return tuple(RedactedDict({name: redact(item) for name, item in v.items()}) for v in value)


def cache_alias(value: Any) -> str:
    if not isinstance(value, str) or value not in settings.CACHES:
        raise ValueError("must be a name in CACHES.")
    return value


def hook(value: Any) -> str | None:
    if value is None:
        return None
    # Anything but a path is not quoted, because it may be a secret.
    if not isinstance(value, str) or not _DOTTED_PATH.fullmatch(value):
        raise ValueError('must be a dotted path like "accounts.tokens.claims", or None.')
    try:
        hook = import_string(value)
    # Importing runs the project's code, which may raise anything.
    except Exception as error:
        raise ValueError(f"cannot be imported: {type(error).__name__}: {error}") from None
    if not callable(hook):
        raise ValueError(f"must name a callable; {value} is not one.")
    return value


def base_url(value: Any) -> str | None:
    """The origin that links in mails lead to, not taken from a request, which may lie about it."""
    if value is None:
        return None
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError('must be a URL like "https://example.com".')
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError('must be an origin like "https://example.com", without a path.')
    return f"{parts.scheme}://{parts.netloc}"


def notices(value: Any) -> tuple[str, ...]:
    values = texts(value)
    if not set(values) <= set(NOTICES):
        raise ValueError(f"must list some of these kinds: {', '.join(NOTICES)}.")
    return values


def url(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be an https URL.")
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ValueError("must be an https URL.") from None
    if not parts.hostname or parts.scheme not in ("https", "http"):
        raise ValueError("must be an https URL.")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("must be https: whoever can change the answer can forge tokens.")
    return value


def issuers(value: Any) -> Mapping[str, Issuer]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) and name for name in value):
        raise ValueError("must be a dict from each issuer to the URL of its JWKS, or a dict.")
    return {name: _issuer(name, given) for name, given in value.items()}


def _issuer(name: str, given: Any) -> Issuer:
    known = given if isinstance(given, Mapping) else {"jwks_url": given}
    if not known.keys() <= {*Issuer._fields} or not known.get("jwks_url"):
        raise ValueError(
            f'must give {name!r} the URL of its JWKS, or a dict with "jwks_url" and optionally '
            '"claims" and "max_lifetime".'
        )
    parsers: dict[str, Callable[[Any], Any]] = {
        "jwks_url": url,
        "claims": flag,
        "max_lifetime": duration(least=SECOND),
    }
    try:
        return Issuer(**{part: parsers[part](item) for part, item in known.items()})
    except ValueError as error:
        raise ValueError(f"has a wrong entry: {name!r} {error}") from None


def moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        parsed = parse_datetime(value) if isinstance(value, str) else value
    except ValueError:
        parsed = None
    if not isinstance(parsed, datetime) or parsed.utcoffset() is None:
        raise ValueError('must be a time with a time zone, like "2026-11-01T00:00:00Z".')
    return parsed


def clients(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(name, str) and name and isinstance(secret, str) for name, secret in value.items()
    ):
        raise ValueError("must be a dict from each client's id to its hashed secret.")
    if not all(is_password_usable(secret) and _is_hashed(secret) for secret in value.values()):
        raise ValueError(
            "contains a secret that is not hashed: hash it with make_password() from "
            "django.contrib.auth.hashers."
        )
    return dict(value)


def _is_hashed(secret: str) -> bool:
    try:
        identify_hasher(secret)
    except ValueError:
        return False
    return True


#: How long ago the user may have signed in to end other sign-ins, by how the access token came.
RECENT_SIGN_IN: Mapping[str, timedelta | None] = {"cookie": timedelta(minutes=15), "header": None}


def recent_sign_in(value: Any) -> Mapping[str, timedelta | None]:
    if not isinstance(value, Mapping) or not value.keys() <= RECENT_SIGN_IN.keys():
        raise ValueError(f"must be a dict with some of {', '.join(RECENT_SIGN_IN)}.")
    parse = duration(least=SECOND)
    given = {name: None if one is None else parse(one) for name, one in value.items()}
    return {**RECENT_SIGN_IN, **given}


def rates(value: Any) -> Mapping[str, Rate | None]:
    if not isinstance(value, Mapping) or not value.keys() <= RATES.keys():
        raise ValueError(f"must be a dict with some of {', '.join(RATES)}.")
    return {**RATES, **{name: rate(name, text) for name, text in value.items()}}


def rate(name: str, value: Any) -> Rate | None:
    if value is None:
        return None
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f'must give {name!r} a rate like "20/min", or None for no limit.')
    return Rate(int(found[1]), _RATE_SECONDS[found[2]])
