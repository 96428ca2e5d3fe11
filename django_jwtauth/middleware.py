"""``request.user`` from the token for plain Django views, sync and async."""

import functools
from collections.abc import Awaitable, Callable
from functools import partial
from types import CellType, FunctionType
from typing import Any, NoReturn

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from .claims import Claims, is_acting, is_api_token
from .exceptions import AuthError, InsufficientScope
from .http.refusals import refusal_response, vary
from .http.transport import authenticates_itself, set_user
from .scopes import is_limited
from .sessions import aauthenticate_by_header, authenticate_by_header

# What set_user() sets.
_NAMES = ("user", "auser", "auth")
_STATE = "_jwtauth_middleware"
# The most decorators, and objects that these refer to, that are searched.
_MAX_LAYERS = 100


class JWTAuthenticationMiddleware:
    """Sets ``request.user``, ``request.auser`` and ``request.auth`` (the claims, a dict).

    Goes after ``AuthenticationMiddleware``. A request without a token passes unchanged. So does
    a request whose token is refused, unless its view reads one of the three: then the answer is
    401, or 503 if the database does not answer. It is 403 for an API token or a token with
    scopes, which are for views that ask for tokens. The admin accepts no token at all.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self.__acall__(request)
        state = _State(request)
        try:
            state.take(request, authenticate_by_header(request))
        except AuthError as error:
            state.refusal = error.with_traceback(None)
        return state.answer(request, self.get_response(request))

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        state = _State(request)
        try:
            state.take(request, await aauthenticate_by_header(request))
        except AuthError as error:
            state.refusal = error.with_traceback(None)
        return state.answer(request, await self.get_response(request))

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Prepare the request for its view, which is not known earlier.

        Until now, other middlewares see the session's user even if the token is refused: an
        audit log must not keep a client from refreshing it.
        """
        state: _State = vars(request)[_STATE]
        if _is_of_admin(request, view):
            state.restore(request)
        elif state.refusal is not None and not authenticates_itself(view):
            state.guard(request)


class _State:
    """What the middleware knows of one request."""

    def __init__(self, request: HttpRequest) -> None:
        # Read from vars(), as evaluating Django's lazy user would cost queries.
        self.before = {name: vars(request)[name] for name in _NAMES if name in vars(request)}
        self.request_class = type(request)
        #: Why a view does not get the token's user.
        self.refusal: AuthError | None = None
        #: Whether a view asked for the user all the same.
        self.asked = False
        vars(request)[_STATE] = self

    def take(self, request: HttpRequest, found: tuple[Any, Claims] | None) -> None:
        """Sign the request in, unless its token is only for views that ask for one."""
        if found is None:
            return
        user, claims = found
        if is_api_token(claims) or is_acting(claims) or is_limited(claims):
            raise InsufficientScope
        set_user(request, user, claims)

    def restore(self, request: HttpRequest) -> None:
        """Undo what take() or guard() did."""
        request.__class__ = self.request_class
        for name in _NAMES:
            vars(request).pop(name, None)
        vars(request).update(self.before)

    def guard(self, request: HttpRequest) -> None:
        """Refuse the request as soon as its view looks at the user."""
        request.__class__ = _guarded(self.request_class)  # type: ignore[arg-type]
        vars(request).pop("auth", None)
        # Lazy, because the context processor passes the user to templates of public pages, too.
        request.user = SimpleLazyObject(self.refuse)  # type: ignore[assignment]

        async def auser() -> NoReturn:
            self.refuse()

        request.auser = auser

    def refuse(self) -> NoReturn:
        """Leave the view; answer() replaces Django's own 403 by the real answer."""
        self.asked = True
        raise PermissionDenied

    def answer(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if self.refusal is None:
            return vary(response)
        # The answer is made, and middlewares further out may look at the user, too.
        self.restore(request)
        return refusal_response(self.refusal) if self.asked else vary(response)


class _GuardedClaims:
    """``request.auth`` of a refused token; a value that a view sets takes precedence."""

    def __get__(self, request: Any, owner: type | None = None) -> Any:
        if request is None:
            return self
        vars(request)[_STATE].refuse()


@functools.cache
def _guarded(request_class: type) -> type:
    return type(request_class.__name__, (request_class,), {"auth": _GuardedClaims()})


def _is_of_admin(request: HttpRequest, view: Any) -> bool:
    """Return whether the view belongs to an admin site, at any URL and in any module."""
    match = request.resolver_match
    return (match is not None and "admin" in match.app_names) or _is_wrapped_by_admin(view)


def _is_wrapped_by_admin(view: Any) -> bool:
    """Return whether ``admin_view()`` or ``staff_member_required`` is around the view."""
    # Neither marks the view, so look for their code in what the wrappers refer to.
    layers, looked_at = [view, getattr(getattr(view, "view_class", None), "dispatch", None)], 0
    while layers and looked_at < _MAX_LAYERS:
        layer = layers.pop()
        looked_at += 1
        if isinstance(layer, FunctionType):
            if f"{layer.__globals__.get('__name__')}.".startswith("django.contrib.admin."):
                return True
            layers += [_read(cell) for cell in layer.__closure__ or ()]
        elif isinstance(layer, partial):
            layers.append(layer.func)
        elif isinstance(layer, list):
            # Of method_decorator.
            layers += [one for one in layer[:_MAX_LAYERS] if isinstance(one, FunctionType)]
    return bool(layers)


def _read(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        # Not filled yet.
        return None
