"""The endpoints for browsers: tokens are in cookies that no script can read.

Every request that changes something must pass Django's CSRF check, including sign-in, refresh
and sign-out, with or without a cookie.
"""

from contextlib import suppress
from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token, rotate_token
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from .. import scopes, sessions, views
from ..authentication import enforce_csrf
from ..claims import ACCESS, REFRESH, is_api_token
from ..exceptions import NoTenant, TokenError
from ..http.cookies import partition_csrf_cookie
from ..http.transport import (
    MAX_COOKIE_TOKEN_LENGTH,
    delete_token_cookies,
    get_cookie_token,
    get_refresh_cookie,
    set_token_cookies,
)
from ..models import Via
from ..tokens import TokenPair


class BrowserView(views.JWTView):
    """Base: CSRF is checked before anything else."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        enforce_csrf(request)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        partition_csrf_cookie(request._request, response)
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def cookie_path(self) -> str:
        """The path of refresh and sign-out, and of nothing else."""
        match = self.request.resolver_match
        namespaces = match.namespaces if match else []
        return reverse(":".join([*namespaces, "token_obtain_pair"]))


class BrowserGrantView(BrowserView, views.GrantView):
    max_token_length = MAX_COOKIE_TOKEN_LENGTH

    def grant(self, pair: TokenPair) -> Response:
        """Return the answer with the pair in cookies, and no token in the body."""
        body = {"expires_in": pair.expires_in, "refresh_expires_in": pair.refresh_expires_in}
        response = Response(body)
        set_token_cookies(response, pair, self.cookie_path)
        return response


@method_decorator(ensure_csrf_cookie, name="dispatch")
class CSRFView(views.JWTView):
    """Set the CSRF cookie, and return its token for pages that cannot read the cookie."""

    def get(self, request: Request) -> Response:
        response = Response({"csrf_token": get_token(request._request)})
        partition_csrf_cookie(request._request, response)
        return response


class SignInView(BrowserGrantView, views.TokenObtainPairView):
    """Sign in with name and password, and end the sign-in that the browser still had."""

    def grant(self, pair: TokenPair) -> Response:
        # Django's login() announces no logout of whoever was signed in before, either.
        _end_cookies(self.request, announced=False)
        rotate_token(self.request._request)
        return super().grant(pair)


class RefreshView(BrowserGrantView, views.TokenRefreshView):
    """Exchange the refresh cookie for the next pair; clear cookies that no longer work."""

    def post(self, request: Request) -> Response:
        raw = get_refresh_cookie(request._request)
        if raw is None:
            raise NotAuthenticated
        return self.act({"refresh": raw})

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        # Outside every tenant the cookie was not read.
        if isinstance(exc, TokenError) and not isinstance(exc, NoTenant):
            delete_token_cookies(response, self.cookie_path)
        return response


class SignOutView(BrowserView):
    """End the browser's sign-in and clear its cookies; signing out twice is fine."""

    def post(self, request: Request) -> Response:
        _end_cookies(request)
        response = Response({})
        delete_token_cookies(response, self.cookie_path)
        return response


def _end_cookies(request: Request, *, announced: bool = True) -> None:
    """End the sign-in whose cookies were sent, if there is one."""
    http = request._request
    end_presented(get_refresh_cookie(http), get_cookie_token(http), http if announced else None)


def end_presented(refresh: str | None, access: str | None, request: HttpRequest | None) -> None:
    """End the sign-ins of the tokens that a client signs out with, whether valid or not.

    Without ``request``, Django's ``user_logged_out`` is not sent.
    """
    with suppress(TokenError):
        if refresh:
            sessions.blacklist(refresh, REFRESH, via=Via.API, request=request)
    # Also if the first cookie has ended a sign-in: a subdomain can plant the refresh cookie,
    # but not this one. And behind a proxy that changes the path, no refresh cookie comes.
    with suppress(TokenError):
        if access:
            _end_by_access_token(access, request)


def _end_by_access_token(raw: str, request: HttpRequest | None) -> None:
    user, claims = sessions.verify(raw)
    # A browser that signed in has no other token there: one that expired or was refused may
    # have leaked, and an API token or a narrowed token must not end a sign-in.
    if claims["token_type"] != ACCESS or is_api_token(claims) or not scopes.may_manage(claims):
        return
    sessions.end(claims["sid"], via=Via.API, by=user, request=request)
