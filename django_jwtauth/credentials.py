"""Name and password, checked by the project's authentication backends."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib.auth import authenticate, get_user_model
from django.core.exceptions import ValidationError
from django.db.models import CharField

from . import scopes, signals
from .conf import call_hook
from .exceptions import AuthError, InvalidCredentials, Throttled, Unavailable
from .lookup import reporting_unavailable
from .models import LoginSession
from .redacted import Redacted
from .rules import is_active
from .throttling import count_attempt, count_made
from .tokens import Claims

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest


# Longer ones are refused before they are hashed: a megabyte costs 0.4 seconds.
MAX_PASSWORD_LENGTH = 4096
MAX_USERNAME_LENGTH = 255
MAX_SCOPE_LENGTH = 4096
# django-axes does not tell how long its lock-out lasts.
LOCKED_OUT_RETRY = 60

_SENT = "jwtauth_sent"
_SURROGATE = re.compile("[\ud800-\udfff]")


def get_username_length() -> int:
    """Return the longest user name to look at, in characters."""
    model = get_user_model()
    field = model._meta.get_field(model.USERNAME_FIELD)
    # A UUID is longer in text than the column that holds it.
    length = field.max_length if isinstance(field, CharField) else None
    return length or MAX_USERNAME_LENGTH


def fits(username: str, password: str) -> bool:
    """Return whether name and password are worth hashing; forms check the same by field."""
    return (
        len(username) <= get_username_length()
        and len(password) <= MAX_PASSWORD_LENGTH
        and "\0" not in username + password
    )


def check(
    request: "HttpRequest", username: str, password: str, scope: str | None = None
) -> "tuple[AbstractBaseUser, Claims]":
    """Return the user, and what the sign-in carries: claims of ``SIGN_IN_HOOK``, scopes.

    ``request`` is Django's own, not DRF's wrapper: lock-out and MFA back ends leave
    their marks on it. Raises ``InvalidCredentials``, whatever was wrong,
    ``Throttled`` before anything is hashed, and what the hook raises (``SignInRefused``).
    """
    try:
        return _check(request, username, password, scope)
    except AuthError as error:
        signals.sign_in_refused.send_robust(LoginSession, reason=error.reason)
        raise


def _check(
    request: "HttpRequest", username: str, password: str, scope: str | None
) -> "tuple[AbstractBaseUser, Claims]":
    attempt = count_attempt(request, username)
    try:
        user = _authenticate(request, username, password)
        if user is None or not is_active(user):
            raise InvalidCredentials
        # What the hook refuses stays counted: a second factor can be guessed, too.
        claims = admit(user, request, scope)
    except Unavailable:
        attempt.forgive()
        raise
    attempt.forgive()
    return user, claims


def admit(user: "AbstractBaseUser", request: "HttpRequest", scope: str | None = None) -> Claims:
    """Return what a sign-in carries of a user who has shown who they are: hook and scopes.

    Raises what ``SIGN_IN_HOOK`` raises (``SignInRefused``), and ``Throttled`` when the user
    signs in more often than the rate ``sign_in`` allows.
    """
    with reporting_unavailable():
        claims = dict(call_hook("SIGN_IN_HOOK", user, request) or {})
        granted = scopes.grant(user, request, scope)
    count_made("sign_in", user)
    return claims if granted is None else {"scope": granted, **claims}


def keep_sent(request: "HttpRequest", body: Any) -> None:
    """Keep the body that the credentials came in for ``get_sent``: it can be read only once."""
    vars(request)[_SENT] = body


def get_sent(request: "HttpRequest", name: str) -> str | None:
    """Return what came with the credentials under this name, None without a text of use.

    For ``SIGN_IN_HOOK``, which finds a one-time password so, in JSON and in forms.
    """
    body = vars(request).get(_SENT, request.POST)
    value = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(value, str) or not value or len(value) > MAX_PASSWORD_LENGTH:
        return None
    # Not every database takes a null character, and none a lone surrogate.
    return Redacted(value) if "\0" not in value and not _SURROGATE.search(value) else None


def _authenticate(
    request: "HttpRequest", username: str, password: str
) -> "AbstractBaseUser | None":
    name = get_user_model().USERNAME_FIELD
    try:
        with reporting_unavailable():
            user = authenticate(request=request, **{name: username, "password": password})
    except (ValueError, ValidationError):
        if _is_possible(username):
            raise
        return None
    # The mark that django-axes leaves: nobody looked whether the password is right. Taken
    # away, so that its middleware does not put a page in place of our answer.
    if user is None and vars(request).pop("axes_locked_out", False):
        raise Throttled(LOCKED_OUT_RETRY)
    return user


def _is_possible(username: str) -> bool:
    """Return whether the field can hold the name: it may be one for numbers."""
    model = get_user_model()
    field: Any = model._meta.get_field(model.USERNAME_FIELD)
    try:
        field.to_python(username)
    except ValidationError:
        return False
    return True
