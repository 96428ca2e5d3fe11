"""``request.user`` from the token for plain Django views, sync and async."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase

from . import sessions
from .exceptions import AuthError
from .transport import get_header_token, refusal_response, set_user, vary


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
                set_user(request, *sessions.authenticate(raw, request))
        except AuthError as error:
            return refusal_response(error)
        response: HttpResponseBase = vary(self.get_response(request))
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            raw = get_header_token(request)
            if raw is not None:
                set_user(request, *await sessions.aauthenticate(raw, request))
        except AuthError as error:
            return refusal_response(error)
        response: HttpResponseBase = vary(await self.get_response(request))
        return response
