"""The DRF authentication class: who is asking.

Must not import ``rest_framework.views``, ``.generics`` or ``.decorators``: the class body
of ``APIView`` imports this module.
"""

from typing import TYPE_CHECKING, Any

from rest_framework import exceptions, status
from rest_framework.authentication import BaseAuthentication

from . import sessions, tokens
from .exceptions import AuthError, BadAuthorizationHeader, TokenError, Unavailable
from .tokens import Claims
from .transport import challenge, get_header_token, request_refusal
from .users import TokenUser

if TYPE_CHECKING:
    from rest_framework.request import Request


class InvalidToken(exceptions.AuthenticationFailed):
    """401 with the body that clients of simplejwt expect, and ``reason``."""

    def __init__(self, error: AuthError) -> None:
        super().__init__(request_refusal(error), error.code)


class ServiceUnavailable(exceptions.APIException):
    """503 with ``Retry-After``: the token may well be good."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE

    def __init__(self, error: Unavailable) -> None:
        super().__init__(error.body(), error.code)
        self.wait = error.retry_after


class JWTAuthentication(BaseAuthentication):
    """Sets ``request.user`` to the user and ``request.auth`` to the claims (a dict).

    One query, which also tells whether the sign-in ended or the token was blacklisted.
    """

    def get_raw_token(self, request: "Request") -> str | None:
        """Return the encoded token of the request, None when it carries none of ours."""
        return get_header_token(request._request)

    def authenticate(self, request: "Request") -> tuple[Any, Claims] | None:
        try:
            raw = self.get_raw_token(request)
            return None if raw is None else self.get_user_and_claims(raw)
        except (TokenError, BadAuthorizationHeader) as error:
            raise InvalidToken(error) from None
        except Unavailable as error:
            raise ServiceUnavailable(error) from None

    def get_user_and_claims(self, raw: str) -> tuple[Any, Claims]:
        """Return what becomes ``request.user`` and ``request.auth``; raises ``TokenError``."""
        return sessions.authenticate(raw)

    def authenticate_header(self, request: "Request") -> str:
        try:
            sent = self.get_raw_token(request) is not None
        except BadAuthorizationHeader:
            sent = False
        return challenge(token_sent=sent)


class JWTStatelessUserAuthentication(JWTAuthentication):
    """For services that hold only public keys: no query, ``request.user`` a ``TokenUser``.

    Cannot see that a token was revoked: it stays good until ``exp``.
    """

    def get_user_and_claims(self, raw: str) -> tuple[Any, Claims]:
        claims = tokens.decode(raw, tokens.ACCESS, foreign=True)
        return TokenUser(claims), claims
