"""The DRF authentication class: who is asking.

Must not import ``rest_framework.views``, ``.generics`` or ``.decorators``: the class body
of ``APIView`` imports this module.
"""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, status
from rest_framework.authentication import BaseAuthentication, CSRFCheck

from . import sessions, signals, tokens
from .exceptions import (
    AuthError,
    BadAuthorizationHeader,
    TokenError,
    Unavailable,
    WrongTokenType,
)
from .models import LoginSession
from .tokens import Claims
from .transport import challenge, get_cookie_token, get_header_token, request_refusal
from .users import TokenUser

if TYPE_CHECKING:
    from django.http import HttpRequest
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
            return None if raw is None else self.get_user_and_claims(raw, request)
        except (TokenError, BadAuthorizationHeader) as error:
            raise InvalidToken(error) from None
        except Unavailable as error:
            raise ServiceUnavailable(error) from None

    def get_user_and_claims(self, raw: str, request: "Request") -> tuple[Any, Claims]:
        """Return what becomes ``request.user`` and ``request.auth``; raises ``TokenError``."""
        return sessions.authenticate(raw, request._request)

    def authenticate_header(self, request: "Request") -> str:
        try:
            sent = self.get_raw_token(request) is not None
        except BadAuthorizationHeader:
            sent = False
        return challenge(token_sent=sent)


class JWTStatelessUserAuthentication(JWTAuthentication):
    """For services that hold only public keys: no query, ``request.user`` a ``TokenUser``.

    Cannot see that a token was revoked: it stays good until ``exp``. An API token, which
    lives for months, is therefore refused, unless a subclass sets ``accepts_api_tokens``.
    """

    accepts_api_tokens = False

    def get_user_and_claims(self, raw: str, request: "Request") -> tuple[Any, Claims]:
        try:
            claims = tokens.decode(raw, tokens.ACCESS, foreign=True)
            if tokens.is_api_token(claims) and not self.accepts_api_tokens:
                raise WrongTokenType
        except AuthError as error:
            signals.send_refused(LoginSession, tokens.ACCESS, error)
            raise
        return TokenUser(claims), claims


class CSRFFailed(exceptions.PermissionDenied):
    """403: a request that a browser may have been tricked into; ``reason`` is Django's."""

    default_code = "csrf_failed"

    def __init__(self, reason: str) -> None:
        detail = _("CSRF check failed: {reason}").format(reason=reason)
        super().__init__({"detail": detail, "code": self.default_code}, self.default_code)


def _unused_view(request: "HttpRequest") -> HttpResponse:
    return HttpResponse()


def enforce_csrf(request: "Request") -> None:
    """Run Django's CSRF check, which DRF's views are exempt from; raises ``CSRFFailed``."""
    check = CSRFCheck(_unused_view)
    check.process_request(request._request)
    try:
        reason = check.process_view(request._request, _unused_view, (), {})
    except (BadRequest, MultiPartParserError, LookupError, UnicodeError):
        # A form that cannot be read, or by no codec that its client may name. Django's page
        # for a 400 reads it again, and fails.
        raise exceptions.ParseError from None
    if reason:
        raise CSRFFailed(str(reason))


def _vary_on_cookie(request: "Request") -> None:
    """Keep a cache from answering one browser with what was made for another."""
    headers = getattr((request.parser_context or {}).get("view"), "headers", None)
    if headers is not None:
        headers["Vary"] = ", ".join(filter(None, [headers.get("Vary"), "Cookie"]))


class JWTCookieAuthentication(JWTAuthentication):
    """The same from an HttpOnly cookie, with Django's CSRF check on unsafe requests.

    Reads no header: list ``JWTAuthentication`` before it to accept both, and a header
    that is sent decides alone.
    """

    def get_raw_token(self, request: "Request") -> str | None:
        return get_cookie_token(request._request)

    def authenticate(self, request: "Request") -> tuple[Any, Claims] | None:
        _vary_on_cookie(request)
        found = super().authenticate(request)
        if found is not None:
            enforce_csrf(request)
        return found
