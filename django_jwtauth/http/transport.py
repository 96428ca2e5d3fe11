"""How a request carries a token: a header, ``Authorization`` by default, or cookies."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.auth.decorators import login_not_required

from ..conf import get_settings, get_shared_settings
from ..conf.values import MAX_COOKIE_NAME_LENGTH
from ..exceptions import BadAuthorizationHeader
from ..redacted import Redacted, redact
from .cookies import delete_cookie, set_cookie, strictest

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest, HttpResponse

    from ..tokens import TokenPair

View = TypeVar("View", bound=Callable[..., Any])

# RFC 6265, 6.1: browsers keep at least this many bytes of name and value, and few keep more.
MAX_COOKIE_LENGTH = 4096
# Without the longest name.
MAX_COOKIE_TOKEN_LENGTH = MAX_COOKIE_LENGTH - len("__Secure-_refresh") - MAX_COOKIE_NAME_LENGTH


def header_name() -> str:
    """Return the name of the header for tokens."""
    return get_shared_settings().AUTH_HEADER_NAME


def header_key() -> str:
    """Return the key of that header in ``request.META``."""
    return _meta_key(get_shared_settings().AUTH_HEADER_NAME)


@functools.lru_cache(maxsize=8)
def _meta_key(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"


def has_header(request: "HttpRequest") -> bool:
    """Return whether there is a header for tokens, whatever it holds."""
    return bool(request.META.get(header_key()))


def get_header_token(request: "HttpRequest") -> str | None:
    """Return the token of the header for tokens, None without ours; see parse_header()."""
    header = redact(request.META.get(header_key(), ""))
    return parse_header(header) if header else None


def parse_header(header: str) -> str | None:
    """Return the token of such a header (RFC 6750, 2.1), or None without ours.

    The scheme is compared without case (RFC 9110, 11.1). Raises
    ``BadAuthorizationHeader`` unless our scheme is followed by exactly one token.
    """
    schemes = _lower(get_settings().AUTH_HEADER_TYPES)
    # Methods of str, not of Redacted, which would redact each part; the result is redacted.
    header = Redacted(str.strip(header, " "))
    end = str.find(header, " ")
    if Redacted(str.lower(str.__getitem__(header, slice(end if end > 0 else None)))) not in schemes:
        return None
    token = Redacted(str.strip(str.__getitem__(header, slice(end, None)), " "))
    if end < 0 or " " in token:
        raise BadAuthorizationHeader
    return token


@functools.lru_cache(maxsize=8)
def _lower(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.lower() for word in words)


def set_user(request: Any, user: "AbstractBaseUser", claims: dict[str, Any]) -> None:
    """Set ``request.user``, ``request.auser`` and ``request.auth`` of a Django request."""

    async def auser() -> "AbstractBaseUser":
        return user

    request.user, request.auser, request.auth = user, auser, claims


def authenticating(view: View) -> View:
    """Mark a view that authenticates requests itself, or needs no authentication.

    Django's ``LoginRequiredMiddleware`` and our middleware ignore it.
    """
    view._jwtauth_authenticates = True  # type: ignore[attr-defined]
    return login_not_required(view)


def authenticates_itself(view: Any) -> bool:
    """Return whether a view has this mark, or is a view of Django REST framework."""
    own = getattr(view, "_jwtauth_authenticates", False)
    return own or hasattr(getattr(view, "cls", None), "authentication_classes")


def get_cookie_token(request: "HttpRequest") -> str | None:
    """Return the access token of the request's cookies, or None without one."""
    return _read_cookie(request, access_cookie_name())


def get_refresh_cookie(request: "HttpRequest") -> str | None:
    """Return the refresh token of the request's cookies, or None without one."""
    return _read_cookie(request, refresh_cookie_name())


def _read_cookie(request: "HttpRequest", name: str) -> str | None:
    return Redacted(request.COOKIES.get(name, "")) or None


def set_token_cookies(response: "HttpResponse", pair: "TokenPair", path: str) -> None:
    """Set a pair as cookies; the refresh cookie is sent only to ``path``.

    Those of a sign-in that is not remembered end with the browser's session. Raises
    ``ValueError`` if a token is longer than browsers keep.
    """
    same_site = get_settings().COOKIES.SAMESITE
    lasts = pair.expires_in if pair.remembered else None
    _set_cookie(response, access_cookie_name(), pair.access, lasts, "/", same_site)
    if pair.refresh is not None:
        lasts = pair.refresh_expires_in if pair.remembered else None
        _set_cookie(response, refresh_cookie_name(), pair.refresh, lasts, path, strictest())


def delete_token_cookies(response: "HttpResponse", path: str) -> None:
    """Clear both cookies; the arguments must be those with which they were set."""
    same_site = get_settings().COOKIES.SAMESITE
    delete_cookie(response, access_cookie_name(), path="/", samesite=same_site)
    delete_cookie(response, refresh_cookie_name(), path=path, samesite=strictest())


def access_cookie_name() -> str:
    """Return the name of the cookie with the access token."""
    return get_settings().cookie_name("access", "__Host-")


def refresh_cookie_name() -> str:
    """Return the name of the cookie with the refresh token."""
    # __Host- would forbid the path.
    return get_settings().cookie_name("refresh", "__Secure-")


def _set_cookie(
    response: "HttpResponse", name: str, value: str, max_age: int | None, path: str, samesite: Any
) -> None:
    if len(name) + len(value) > MAX_COOKIE_LENGTH:
        raise ValueError(
            f"A token of {len(value)} bytes does not fit into a cookie: return less from "
            'HOOKS["CLAIMS"], or pass less in claims=.'
        )
    set_cookie(response, name, value, max_age=max_age, path=path, samesite=samesite)
