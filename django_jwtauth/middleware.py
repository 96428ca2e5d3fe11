"""``request.user`` from the token for plain Django views, sync and async."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from . import sessions
from .exceptions import AuthError, TokenError, Unavailable
from .tokens import Claims
from .transport import challenge, get_header_token, request_refusal

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class JWTAuthenticationMiddleware:
    """Sets ``request.user``, ``request.auser`` and ``request.auth`` (the claims, a dict).

    Goes after ``AuthenticationMiddleware``. A request without a token passes as it is;
    one whose token is refused is answered here: 401, or 503 when nobody can tell.
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
        try:
            raw = get_header_token(request)
            if raw is not None:
                _sign_in(request, *sessions.authenticate(raw, request))
        except AuthError as error:
            return _refusal(error)
        response: HttpResponseBase = self.get_response(request)
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            raw = get_header_token(request)
            if raw is not None:
                _sign_in(request, *await sessions.aauthenticate(raw, request))
        except AuthError as error:
            return _refusal(error)
        response: HttpResponseBase = await self.get_response(request)
        return response


def _sign_in(request: Any, user: "AbstractBaseUser", claims: Claims) -> None:
    async def auser() -> "AbstractBaseUser":
        return user

    request.user, request.auser, request.auth = user, auser, claims


def _refusal(error: AuthError) -> HttpResponseBase:
    if isinstance(error, Unavailable):
        response = JsonResponse(error.body(), status=503)
        response["Retry-After"] = str(error.retry_after)
        return response
    response = JsonResponse(request_refusal(error), status=401)
    response["WWW-Authenticate"] = challenge(token_sent=isinstance(error, TokenError))
    return response
