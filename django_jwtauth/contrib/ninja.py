"""django-ninja: authentication, and the answers to refused requests."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ninja.errors import AuthenticationError, HttpError
from ninja.security import HttpBearer
from ninja.security.base import SecuritySchema

from ..conf import one_tenancy
from ..exceptions import (
    AuthError,
    BadAuthorizationHeader,
    InsufficientScope,
    NotAuthenticated,
    TokenError,
    Unavailable,
)
from ..http.refusals import refusal_response, vary
from ..http.transport import get_header_token, header_name, set_user
from ..redacted import redact
from ..scopes import check_names, require
from ..sessions import authenticate_request

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from ninja import NinjaAPI

    from ..claims import Claims


class Refused(HttpError):
    """The token of a request is refused, for the reason in ``error``.

    Without answer_refusals(), an API answers with only the status and the sentence.
    """

    def __init__(self, error: AuthError) -> None:
        super().__init__(error.status_code, str(error.sentence))
        self.error = error


class JWTAuth(HttpBearer):
    """``auth=JWTAuth(scopes=["reports:read"])``: an access token that has all of ``scopes``.

    Sets ``request.user``, ``request.auser`` and ``request.auth`` (the claims, a dict). One
    query. It serves sync and async operations; for the latter, ninja calls it in a thread.

    In a list of ``auth``, a request without a token goes on to the next entry. A request whose
    token is refused does not.
    """

    openapi_bearerFormat = "JWT"
    _schema: SecuritySchema | None = None

    def __init__(self, scopes: Iterable[str] = ()) -> None:
        super().__init__()
        self.scopes = check_names(scopes)

    @property
    def openapi_security_schema(self) -> SecuritySchema | None:
        """How tokens are sent, as the settings are when the schema is made."""
        name = header_name()
        if name == "Authorization":
            return self._schema
        return SecuritySchema(type="apiKey", **{"in": "header", "name": name})

    @openapi_security_schema.setter
    def openapi_security_schema(self, schema: SecuritySchema) -> None:
        # HttpBearer takes this property for a part of it.
        schema.pop("security_schema", None)
        self._schema = schema

    def __call__(self, request: "HttpRequest") -> "Claims | None":
        # Not ninja's own parsing, which accepts one word and prints the header in DEBUG.
        try:
            with one_tenancy(type(self)):
                raw = get_header_token(request)
                return None if raw is None else self.authenticate(request, raw)
        except AuthError as error:
            raise Refused(error) from None

    def authenticate(self, request: "HttpRequest", token: str) -> "Claims":
        token = redact(token)
        user, claims = authenticate_request(token, request)
        require(claims, self.scopes)
        set_user(request, user, claims)
        return claims


def answer_refusals(api: "NinjaAPI") -> None:
    """Make ``api`` answer refusals as our endpoints do: ``code``, ``reason``, ``WWW-Authenticate``.

    This covers exceptions from this package that an operation does not catch, and operations
    for which no ``auth`` found a user. ``Vary`` names the header for tokens in these answers.
    """

    def answer(request: "HttpRequest", error: Any) -> "HttpResponse":
        return refusal_response(error)

    def answer_refused(request: "HttpRequest", error: Any) -> "HttpResponse":
        return refusal_response(error.error)

    def answer_stranger(request: "HttpRequest", error: Any) -> "HttpResponse":
        return refusal_response(NotAuthenticated())

    for kind in (TokenError, BadAuthorizationHeader, InsufficientScope, Unavailable):
        api.add_exception_handler(kind, answer)
    api.add_exception_handler(Refused, answer_refused)
    api.add_exception_handler(AuthenticationError, answer_stranger)
    # Each operation begins its answer with this.
    begin = api.create_temporal_response
    api.create_temporal_response = lambda request: vary(begin(request))
