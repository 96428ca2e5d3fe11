"""A decorator for plain Django views that need a token, sync and async."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar, overload

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest

from . import sessions
from .exceptions import AuthError, NotAuthenticated
from .scopes import check_names, require
from .transport import get_header_token, known_claims, refusal_response, set_user, vary

View = TypeVar("View", bound=Callable[..., Any])


@overload
def jwt_required(view: View) -> View: ...


@overload
def jwt_required(*, scopes: Iterable[str] = ()) -> Callable[[View], View]: ...


def jwt_required(view: Any = None, *, scopes: Iterable[str] = ()) -> Any:
    """Let a view answer only requests with an access token that has all of ``scopes``.

    ``request.user``, ``request.auser`` and ``request.auth`` (the claims) are set. Every
    refusal is JSON: 401 with or without a token, 403 when a scope is missing, 503 when
    nobody can tell. Needs no middleware; with ours, the token is verified once.

    The view is exempt from Django's CSRF check: no browser sends the header by itself.
    """
    needed = check_names(scopes)

    def decorate(view: Any) -> Any:
        if iscoroutinefunction(view):

            @wraps(view)
            async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                try:
                    raw = _find_token(request)
                    if raw is not None:
                        set_user(request, *await sessions.aauthenticate(raw, request))
                    require(known_claims(request) or {}, needed)
                except AuthError as error:
                    return refusal_response(error)
                return vary(await view(request, *args, **kwargs))

        else:

            @wraps(view)
            def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                try:
                    raw = _find_token(request)
                    if raw is not None:
                        set_user(request, *sessions.authenticate(raw, request))
                    require(known_claims(request) or {}, needed)
                except AuthError as error:
                    return refusal_response(error)
                return vary(view(request, *args, **kwargs))

        wrapper.csrf_exempt = True  # type: ignore[attr-defined]
        return wrapper

    return decorate if view is None else decorate(view)


def _find_token(request: HttpRequest) -> str | None:
    """Return the token that is still to be verified, None when the middleware has done that."""
    if known_claims(request):
        return None
    raw = get_header_token(request)
    if raw is None:
        raise NotAuthenticated
    return raw
