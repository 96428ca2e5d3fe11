"""Cookies by the settings in ``REST_AUTH``, and the authentication class that reads them.

Must not import ``rest_framework.views``, as ``django_jwtauth.authentication`` must not.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dj_rest_auth.app_settings import api_settings

from ...authentication import enforce_csrf
from ...redacted import Redacted
from ..simplejwt.authentication import JWTAuthentication
from ..simplejwt.settings import api_settings as jwt_settings

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from rest_framework.request import Request


def set_jwt_access_cookie(response: "HttpResponse", access_token: Any) -> None:
    """Set the cookie that ``JWT_AUTH_COOKIE`` names, if it names one."""
    name = api_settings.JWT_AUTH_COOKIE
    _set(response, name, access_token, jwt_settings.ACCESS_TOKEN_LIFETIME, "/")


def set_jwt_refresh_cookie(response: "HttpResponse", refresh_token: Any) -> None:
    """Set the cookie that ``JWT_AUTH_REFRESH_COOKIE`` names, if it names one."""
    name, path = api_settings.JWT_AUTH_REFRESH_COOKIE, api_settings.JWT_AUTH_REFRESH_COOKIE_PATH
    _set(response, name, refresh_token, jwt_settings.REFRESH_TOKEN_LIFETIME, path)


def set_jwt_cookies(response: "HttpResponse", access_token: Any, refresh_token: Any) -> None:
    """Set both cookies, as far as ``REST_AUTH`` names them."""
    set_jwt_access_cookie(response, access_token)
    set_jwt_refresh_cookie(response, refresh_token)


def unset_jwt_cookies(response: "HttpResponse") -> None:
    """Clear both cookies."""
    for name, path in (
        (api_settings.JWT_AUTH_COOKIE, "/"),
        (api_settings.JWT_AUTH_REFRESH_COOKIE, api_settings.JWT_AUTH_REFRESH_COOKIE_PATH),
    ):
        if name:
            response.delete_cookie(
                name,
                path=path,
                samesite=api_settings.JWT_AUTH_SAMESITE,
                domain=api_settings.JWT_AUTH_COOKIE_DOMAIN,
            )


def get_cookie(request: "Request | HttpRequest", name: str | None) -> str | None:
    """Return a token of the request's cookies, or None without one."""
    return Redacted(request.COOKIES.get(name, "")) or None if name else None


def _set(
    response: "HttpResponse", name: str | None, token: Any, lifetime: timedelta, path: str
) -> None:
    if name:
        response.set_cookie(
            name,
            str(token),
            max_age=lifetime,
            path=path,
            secure=api_settings.JWT_AUTH_SECURE,
            httponly=api_settings.JWT_AUTH_HTTPONLY,
            samesite=api_settings.JWT_AUTH_SAMESITE,
            domain=api_settings.JWT_AUTH_COOKIE_DOMAIN,
        )


class JWTCookieAuthentication(JWTAuthentication):
    """Reads the header, or without one the cookie that ``JWT_AUTH_COOKIE`` names.

    Django's CSRF check is run for the cookie as ``JWT_AUTH_COOKIE_USE_CSRF`` and
    ``JWT_AUTH_COOKIE_ENFORCE_CSRF_ON_UNAUTHENTICATED`` say; it raises ``CSRFFailed``.
    """

    @property
    def varies_on(self) -> str:
        return f"{super().varies_on}, Cookie"

    def find_token(self, request: "Request | HttpRequest") -> str | bytes | None:
        if self.get_header(request) is not None:
            return super().find_token(request)
        return get_cookie(request, api_settings.JWT_AUTH_COOKIE)

    def authenticate(self, request: "Request | HttpRequest") -> tuple[Any, Any] | None:
        if api_settings.JWT_AUTH_COOKIE and self.get_header(request) is None:
            sent = get_cookie(request, api_settings.JWT_AUTH_COOKIE) is not None
            if api_settings.JWT_AUTH_COOKIE_ENFORCE_CSRF_ON_UNAUTHENTICATED or (
                sent and api_settings.JWT_AUTH_COOKIE_USE_CSRF
            ):
                enforce_csrf(request)
        return super().authenticate(request)
