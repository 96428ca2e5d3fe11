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

from .claims import Claims, is_api_token
from .exceptions import AuthError, InsufficientScope
from .http.refusals import refusal_response, vary
from .http.transport import authenticates_itself, set_user
from .scopes import is_limited
from .sessions import aauthenticate_by_header, authenticate_by_header

# What set_user() sets.
_NAMES = ("user", "auser", "auth")
_STATE = "_jwtauth_middleware"
# Of decorators, and what they hold on to, that are looked through.
_MAX_LAYERS = 100


class JWTAuthenticationMiddleware:
    """Sets ``request.user``, ``request.auser`` and ``request.auth`` (the claims, a dict).

    Goes after ``AuthenticationMiddleware``. A request without a token passes as it is. So does
    one whose token is refused, unless its view looks at one of the three: then the answer is
    401, or 503 when nobody can tell. It is 403 for an API token and a token with scopes:
    those are for views that ask for tokens. The admin takes no token at all.
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
        """Prepare the request for its view, which is known only now.

        Until here, other middlewares see the session's user beside a refused token: an audit
        log must not keep a client from refreshing it.
        """
        state: _State = vars(request)[_STATE]
        if _is_of_admin(request, view):
            state.restore(request)
        elif state.refusal is not None and not authenticates_itself(view):
            state.guard(request)


class _State:
    """What the middleware knows of one request."""

    def __init__(self, request: HttpRequest) -> None:
        # Read past the laziness of Django's user, which costs queries.
        self.before = {name: vars(request)[name] for name in _NAMES if name in vars(request)}
        self.request_class = type(request)
        #: Why a view does not get the token's user.
        self.refusal: AuthError | None = None
        #: Whether a view asked for it all the same.
        self.asked = False
        vars(request)[_STATE] = self

    def take(self, request: HttpRequest, found: tuple[Any, Claims] | None) -> None:
        """Sign the request in, unless its token is only for views that ask for one."""
        if found is None:
            return
        user, claims = found
        if is_api_token(claims) or is_limited(claims):
            raise InsufficientScope
        set_user(request, user, claims)

    def restore(self, request: HttpRequest) -> None:
        """Take back what take() or guard() did."""
        request.__class__ = self.request_class
        for name in _NAMES:
            vars(request).pop(name, None)
        vars(request).update(self.before)

    def guard(self, request: HttpRequest) -> None:
        """Have the request refused as soon as its view looks at who made it."""
        request.__class__ = _guarded(self.request_class)  # type: ignore[arg-type]
        vars(request).pop("auth", None)
        # Lazy: the template's context processor passes the user on to pages for everybody.
        request.user = SimpleLazyObject(self.refuse)  # type: ignore[assignment]

        async def auser() -> NoReturn:
            self.refuse()

        request.auser = auser

    def refuse(self) -> NoReturn:
        """Leave the view; Django's own 403 makes place for the real answer in answer()."""
        self.asked = True
        raise PermissionDenied

    def answer(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if self.refusal is None:
            return vary(response)
        # Middlewares further out may look at the user, too, and the answer is made.
        self.restore(request)
        return refusal_response(self.refusal) if self.asked else vary(response)


class _GuardedClaims:
    """``request.auth`` where there is none to be had; what a view sets goes before it."""

    def __get__(self, request: Any, owner: type | None = None) -> Any:
        if request is None:
            return self
        vars(request)[_STATE].refuse()


@functools.cache
def _guarded(request_class: type) -> type:
    return type(request_class.__name__, (request_class,), {"auth": _GuardedClaims()})


def _is_of_admin(request: HttpRequest, view: Any) -> bool:
    """Return whether the view belongs to an admin site, wherever the site or the view is."""
    match = request.resolver_match
    return (match is not None and "admin" in match.app_names) or _is_wrapped_by_admin(view)


def _is_wrapped_by_admin(view: Any) -> bool:
    """Return whether ``admin_view()`` or ``staff_member_required`` is around the view."""
    # Neither leaves a mark on it: look for their code in what the wrappers hold on to.
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
