"""Name and password, checked by the project's authentication backends."""

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model, load_backend, user_login_failed
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import Error as DatabaseFailure
from django.db import connections

from . import scopes
from .claims import Claims
from .conf import call_hook, get_settings, one_tenancy, project_code
from .exceptions import AuthError, InvalidCredentials, Throttled, Unavailable
from .redacted import Redacted, redact, redact_body
from .signins.rules import is_active
from .store import identity
from .store.database import alias, is_unstorable, reporting_unavailable
from .throttling import count_attempt, count_made, refused, spellings

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest


logger = logging.getLogger("django_jwtauth")

# Longer passwords are refused before they are hashed: a megabyte takes 0.4 seconds.
MAX_PASSWORD_LENGTH = 4096
# Not that of the column, because a back end may know its users by another, longer name.
MAX_USERNAME_LENGTH = 1000
MAX_SCOPE_LENGTH = 4096
# django-axes does not say how long its lock-out lasts.
LOCKED_OUT_RETRY = 60

_SENT = "jwtauth_sent"


def fits(username: str, password: str) -> bool:
    """Return whether name and password are short enough; forms check the same by field."""
    return (
        len(username) <= MAX_USERNAME_LENGTH
        and len(password) <= MAX_PASSWORD_LENGTH
        and identity.is_storable(username + password)
    )


def check(
    request: "HttpRequest",
    username: str,
    password: str,
    scope: str | None = None,
    *,
    field: str | None = None,
) -> "tuple[AbstractBaseUser, Claims]":
    """Return the user and the claims of the sign-in: those of ``HOOKS["SIGN_IN"]``, and scopes.

    ``request`` is Django's own, not DRF's wrapper, because lock-out and MFA back ends set
    attributes on it. ``field``: the name under which the client sent ``username``, if that is
    not ``USERNAME_FIELD``. Raises ``InvalidCredentials``, whatever was wrong, ``Throttled``
    before anything is hashed, and what the hook raises (``SignInRefused``).
    """
    password = redact(password)
    with one_tenancy():
        try:
            return _check(request, spellings.normalize(username), password, scope, field)
        except AuthError as error:
            refused.report(request, error)
            raise


def _check(
    request: "HttpRequest", username: str, password: str, scope: str | None, field: str | None
) -> "tuple[AbstractBaseUser, Claims]":
    attempt = count_attempt(request, username)
    try:
        user = _authenticate(request, username, password, field)
        if user is None:
            raise InvalidCredentials
        # A refusal by the hook stays counted, as a second factor can be guessed, too.
        claims = admit(user, request, scope)
    except Unavailable:
        attempt.forgive()
        raise
    attempt.forgive()
    return user, claims


def admit(user: "AbstractBaseUser", request: "HttpRequest", scope: str | None = None) -> Claims:
    """Return the claims of a sign-in for a user whose credentials were right: hook and scopes.

    Raises what ``HOOKS["SIGN_IN"]`` raises (``SignInRefused``), ``Throttled`` if the user signs
    in more often than the rate ``sign_in`` allows, and ``InvalidCredentials`` for an inactive
    user, whom a back end may return so that the hook can say why it refuses them.
    """
    with one_tenancy(), reporting_unavailable():
        claims = dict(call_hook(get_settings().HOOKS.SIGN_IN, user, request) or {})
        if not is_active(user):
            raise InvalidCredentials
        granted = scopes.grant(user, request, scope)
    count_made("sign_in", user)
    return claims if granted is None else {"scope": granted, **claims}


def keep_sent(request: "HttpRequest", body: Any) -> None:
    """Keep the body of the credentials for ``get_sent``, as it can be read only once."""
    vars(request)[_SENT] = body


def get_sent(request: "HttpRequest", name: str) -> str | None:
    """Return the text that the client sent under this name, or None without a usable text.

    ``HOOKS["SIGN_IN"]`` reads a one-time password with it, from JSON and from forms.
    """
    body = redact_body(vars(request).get(_SENT, request.POST))
    value = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(value, str) or not value or len(value) > MAX_PASSWORD_LENGTH:
        return None
    return Redacted(value) if identity.is_storable(value) else None


def _authenticate(
    request: "HttpRequest", username: str, password: str, field: str | None
) -> "AbstractBaseUser | None":
    """Return the user of the first back end that knows them, as ``authenticate()`` does.

    ``authenticate()`` passes all back ends the same arguments, but they take different ones:
    ``username``, as in Django's form, or ``USERNAME_FIELD``, as in simplejwt.
    """
    words = dict.fromkeys(["username", get_user_model().USERNAME_FIELD, field or "username"])
    with reporting_unavailable(), project_code():
        for path in settings.AUTHENTICATION_BACKENDS:
            ask = load_backend(path).authenticate
            given = _choose(ask, {**dict.fromkeys(words, username), "password": password})
            try:
                user = ask(request, **given) if given else None
            except PermissionDenied:
                break
            except (ValueError, TypeError, ValidationError, DatabaseFailure) as error:
                # The column may be for numbers, or for other characters.
                if not is_unstorable(error) and _is_possible(username):
                    raise
                continue
            if isinstance(user, get_user_model()):
                user.backend = path
                return user
            if user is not None:
                _report_stranger(path)
        told = {**dict.fromkeys(words, username), "password": "*" * 20}
        user_login_failed.send("django.contrib.auth", credentials=told, request=request)
    # django-axes sets this: nobody has checked the password. It is removed so that its
    # middleware does not replace our answer by a page.
    if vars(request).pop("axes_locked_out", False):
        raise Throttled(LOCKED_OUT_RETRY)
    return None


def _choose(ask: Callable[..., Any], credentials: dict[str, str]) -> dict[str, str] | None:
    """Return the ``credentials`` that a back end takes, or None if it is not for passwords."""
    # There is another instance of the back end for each request, but one function.
    function, bound = getattr(ask, "__func__", ask), hasattr(ask, "__func__")
    names = _find_taken(function, bound, tuple(credentials))
    return {name: credentials[name] for name in names} if names else None


@functools.lru_cache(maxsize=100)
def _find_taken(
    function: Callable[..., Any], bound: bool, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Return which arguments of these names a back end takes, or () if not those of a password."""
    signature = inspect.signature(function)
    parameters = signature.parameters
    if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        names = tuple(name for name in names if name in parameters)
    # A back end that takes less than a name and a password believes whoever calls it.
    if "password" not in names or len(names) < 2:
        return ()
    try:
        # Of a method, self comes before the request.
        signature.bind(*[None] * bound, None, **dict.fromkeys(names))
    except TypeError:
        return ()
    return names


def _report_stranger(path: str) -> None:
    logger.error(
        "%s returned no instance of AUTH_USER_MODEL",
        path,
        extra={"event": "not_a_user", "backend": path},
    )


def _is_possible(username: str) -> bool:
    """Return whether the field can hold the name; it may be for numbers."""
    field = identity.username_field(get_user_model())
    return identity.parse(field, username, connections[alias()]) is not None
