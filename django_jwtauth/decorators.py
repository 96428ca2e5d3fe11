"""Decorators for plain Django views that accept tokens, sync and async."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, overload

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest

from .claims import Claims
from .exceptions import AuthError, NotAuthenticated
from .http.refusals import refusal_response, vary
from .http.transport import View, authenticating, set_user
from .scopes import check_names, require
from .sessions import aauthenticate_by_header, authenticate_by_header


@overload
def jwt_required(view: View) -> View: ...


@overload
def jwt_required(*, scopes: Iterable[str] = ()) -> Callable[[View], View]: ...


def jwt_required(view: Any = None, *, scopes: Iterable[str] = ()) -> Any:
    """Allow only requests with an access token that has all of ``scopes``.

    Sets ``request.user``, ``request.auser`` and ``request.auth`` (the claims). Refusals are
    JSON: 401 if the token is missing or refused, 403 if it lacks a scope, 503 if the database
    does not answer. Works without the middleware; with it, the token is verified once.

    The view is exempt from Django's CSRF check, as no browser sends the header by itself.
    """
    needed = check_names(scopes)

    def decorate(view: Any) -> Any:
        return _decorate(view, needed)

    return decorate if view is None else decorate(view)


def jwt_optional(view: View) -> View:
    """Allow requests with any valid access token, and requests without a token.

    A refused token gets the same answer as with ``jwt_required``. Without a token,
    ``request.user`` is the session's user and there is no ``request.auth``. The view is exempt
    from the CSRF check, so change nothing on behalf of a user without claims.
    """
    decorated: View = _decorate(view, None)
    return decorated


def _decorate(view: Any, needed: Iterable[str] | None) -> Any:
    """Return the view, which requires a token with the scopes ``needed``; None: it may have one."""
    if iscoroutinefunction(view):

        @wraps(view)
        async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                _admit(request, await aauthenticate_by_header(request), needed)
            except AuthError as error:
                return refusal_response(error)
            return vary(await view(request, *args, **kwargs))

    else:

        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            try:
                _admit(request, authenticate_by_header(request), needed)
            except AuthError as error:
                return refusal_response(error)
            return vary(view(request, *args, **kwargs))

    wrapper.csrf_exempt = True  # type: ignore[attr-defined]
    return authenticating(wrapper)


def _admit(
    request: HttpRequest, found: tuple[Any, Claims] | None, needed: Iterable[str] | None
) -> None:
    if found is not None:
        user, claims = found
        require(claims, needed or ())
        set_user(request, user, claims)
    elif needed is not None:
        raise NotAuthenticated
