"""The authentication classes for DRF.

Must not import ``rest_framework.views``, ``.generics`` or ``.decorators``: the class body
of ``APIView`` imports this module.
"""

import functools
from typing import TYPE_CHECKING, Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpResponse
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, CSRFCheck

from . import sessions, signals, tokens
from .claims import ACCESS, Claims, is_acting, is_api_token
from .conf import one_tenancy
from .exceptions import (
    AuthError,
    BadAuthorizationHeader,
    CSRFFailed,
    ExpiredToken,
    TokenError,
    WrongTokenType,
    challenge,
)
from .http.refusals import request_refusal
from .http.transport import (
    get_cookie_token,
    get_header_token,
    header_key,
    header_name,
    parse_header,
)
from .models import LoginSession
from .redacted import Redacted, RedactedBytes, redact
from .sessions import authenticate_request
from .signins import rules
from .users import TokenUser

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request


class InvalidToken(exceptions.AuthenticationFailed):
    """401 with the body that clients of simplejwt expect, and ``reason``."""

    def __init__(self, error: AuthError) -> None:
        super().__init__(request_refusal(error), error.code)
        self.reason = error.reason


class ValidatedToken(dict[str, Any]):
    """The claims of an access token that was accepted, and its user."""

    def __init__(self, claims: Claims, user: Any) -> None:
        super().__init__(claims)
        self.user = user


class RawToken(RedactedBytes):
    """An encoded token, with Django's request that carried it."""

    request: "HttpRequest | None" = None

    @classmethod
    def of(cls, raw: str | bytes, request: "HttpRequest") -> "RawToken":
        token = cls(raw.encode(errors="replace") if isinstance(raw, str) else raw)
        token.request = request
        return token


class _answering:
    """Turn a refusal into the exception that DRF answers with."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, (TokenError, BadAuthorizationHeader)):
            raise InvalidToken(error) from None


def _vary_on(name: str, request: "Request | HttpRequest") -> None:
    """Keep a cache from serving one client's answer to another.

    This is needed without a token, too: an anonymous client's answer is not for others, either.
    """
    context = getattr(request, "parser_context", None) or {}
    headers = getattr(context.get("view"), "headers", None)
    if headers is not None and name not in (known := headers.get("Vary", "").split(", ")):
        headers["Vary"] = ", ".join(filter(None, [*known, name]))


class JWTAuthentication(BaseAuthentication):
    """Sets ``request.user`` to the user and ``request.auth`` to the claims (a dict).

    One query, which also checks that the sign-in has not ended and the token is not blacklisted.

    A subclass may override a step: ``find_token()``, or those that simplejwt has, too,
    ``get_header()``, ``get_raw_token()``, ``get_validated_token()`` and ``get_user()``. Each
    raises DRF's exceptions. The request may be DRF's or Django's own.
    """

    www_authenticate_realm = "api"

    @property
    def varies_on(self) -> str:
        """The header that tokens are read from, which is named in the answer's ``Vary``."""
        return header_name()

    def authenticate(self, request: "Request | HttpRequest") -> tuple[Any, Claims] | None:
        _vary_on(self.varies_on, request)
        with _answering(), one_tenancy(type(self)):
            found = self.find_token(request)
            if found is None:
                return None
            if not self._replaces("get_validated_token", "get_user"):
                return authenticate_request(_read(found), _get_plain(request))
            raw = RawToken.of(found, _get_plain(request))
            # While a subclass is called, it would be in this frame and not redacted.
            del found
            validated = self.get_validated_token(raw)
            return self.get_user(validated), validated

    @classmethod
    @functools.cache
    def _replaces(cls, *steps: str) -> bool:
        """Return whether a subclass overrides one of these steps.

        If none does, the token need not become bytes and text again between them.
        """
        return any(getattr(cls, step) is not getattr(JWTAuthentication, step) for step in steps)

    def find_token(self, request: "Request | HttpRequest") -> str | bytes | None:
        """Return the encoded token of the request, or None without one."""
        if self._replaces("get_header", "get_raw_token"):
            header = redact(self.get_header(request))
            return None if header is None else self.get_raw_token(header)
        return get_header_token(_get_plain(request))

    def get_header(self, request: "Request | HttpRequest") -> bytes | None:
        """Return the header for tokens, or None without one."""
        header = redact(request.META.get(header_key()))
        return None if header is None else header.encode("latin-1", "replace")

    def get_raw_token(self, header: bytes) -> bytes | None:
        """Return the encoded token of the header, or None if it has another scheme."""
        with _answering():
            raw = parse_header(redact(header).decode("latin-1"))
            return None if raw is None else RedactedBytes(raw.encode("latin-1"))

    def get_validated_token(self, raw_token: bytes) -> Claims:
        """Return the claims of the token, once it, its sign-in and its user are checked."""
        with _answering():
            request = getattr(raw_token, "request", None)
            raw = _read(raw_token)
            found = authenticate_request(raw, request) if request else sessions.authenticate(raw)
            user, claims = found
            return ValidatedToken(claims, user)

    def get_user(self, validated_token: Claims) -> Any:
        """Return the user of the claims, who is already loaded unless a subclass copied them."""
        if isinstance(validated_token, ValidatedToken):
            return validated_token.user
        with _answering():
            return rules.load_user(validated_token)

    def authenticate_header(self, request: "Request | HttpRequest") -> str:
        """Return what ``WWW-Authenticate`` says in a 401 (RFC 6750, 3)."""
        try:
            sent = self.find_token(request) is not None
        # A subclass may have refused the request there, and this is called for the answer.
        except Exception:
            sent = False
        return challenge(token_sent=sent, realm=self.www_authenticate_realm)


def _get_plain(request: Any) -> "HttpRequest":
    """Return Django's request, even from DRF's wrapper."""
    plain: HttpRequest = getattr(request, "_request", request)
    return plain


def _read(raw_token: str | bytes) -> str:
    raw = raw_token.decode(errors="replace") if isinstance(raw_token, bytes) else raw_token
    return Redacted(raw)


class JWTStatelessUserAuthentication(JWTAuthentication):
    """For services that hold only public keys: no query, and ``request.user`` is a ``TokenUser``.

    It cannot see that a token was revoked, so a token is accepted until ``exp``. An API token,
    which is valid for months, is therefore refused unless a subclass sets
    ``accepts_api_tokens``, and so is the token of somebody who acts for the user, unless it sets
    ``accepts_acting_tokens``.
    """

    accepts_api_tokens = False
    accepts_acting_tokens = False

    def get_validated_token(self, raw_token: bytes) -> Claims:
        """Return the claims of the token, once everything is checked that needs no database."""
        with _answering():
            try:
                claims = tokens.decode(_read(raw_token), ACCESS, foreign=True)
                if is_api_token(claims) and not self.accepts_api_tokens:
                    raise WrongTokenType
                if is_acting(claims) and not self.accepts_acting_tokens:
                    raise WrongTokenType
            except AuthError as error:
                signals.token_refused.announce(LoginSession, token_type=ACCESS, reason=error.reason)
                raise
            return claims

    def get_user(self, validated_token: Claims) -> Any:
        """Return a ``TokenUser`` of the claims."""
        return TokenUser(validated_token)


def _unused_view(request: "HttpRequest") -> HttpResponse:
    return HttpResponse()


def enforce_csrf(request: "Request | HttpRequest") -> None:
    """Run Django's CSRF check, which DRF's views are exempt from; raises ``CSRFFailed``."""
    plain = _get_plain(request)
    check = CSRFCheck(_unused_view)
    check.process_request(plain)
    try:
        reason = check.process_view(plain, _unused_view, (), {})
    except RequestDataTooBig:
        raise
    except (BadRequest, SuspiciousOperation, MultiPartParserError, LookupError, UnicodeError):
        # The form cannot be read, or its client names an unknown codec. Django's page for a
        # 400 would read it again and fail.
        raise exceptions.ParseError from None
    if reason:
        raise CSRFFailed(str(reason))


class JWTCookieAuthentication(JWTAuthentication):
    """The same from an HttpOnly cookie, with Django's CSRF check on unsafe requests.

    Reads no header. To accept both, list ``JWTAuthentication`` before it: a request with a
    header then never falls back to a cookie. A cookie whose token has expired counts as none.
    """

    varies_on = "Cookie"

    def find_token(self, request: "Request | HttpRequest") -> str | bytes | None:
        return get_cookie_token(_get_plain(request))

    def authenticate(self, request: "Request | HttpRequest") -> tuple[Any, Claims] | None:
        try:
            found = super().authenticate(request)
        except InvalidToken as refusal:
            if refusal.reason != ExpiredToken.reason:
                raise
            # The browser drops a cookie with its token, but not one that lasts as long as its
            # own session: a view that needs no user should answer the same.
            return None
        if found is not None:
            enforce_csrf(request)
        return found
