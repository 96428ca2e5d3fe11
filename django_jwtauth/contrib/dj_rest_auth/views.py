"""dj-rest-auth's views for login, logout and refresh, which import simplejwt in their own code."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from dj_rest_auth import views
from dj_rest_auth.app_settings import api_settings
from django.contrib.auth import logout
from django.core.exceptions import ObjectDoesNotExist
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ...authentication import enforce_csrf
from ...conf import moments
from ...serializers import ActingSerializer, BodySerializer, TokenField
from ...views.browser import end_presented
from ..simplejwt.backends import read_text
from ..simplejwt.issuing import signing_in
from ..simplejwt.serializers import TokenRefreshSerializer
from ..simplejwt.utils import datetime_from_epoch
from ..simplejwt.views import TokenRefreshView
from .jwt_auth import (
    JWTCookieAuthentication,
    get_cookie,
    set_jwt_access_cookie,
    set_jwt_cookies,
    set_jwt_refresh_cookie,
    unset_jwt_cookies,
)


class LoginView(views.LoginView):
    """Starts a sign-in, which ends again if the answer fails.

    For social sign-ins: ``class GoogleLogin(LoginView, SocialLoginView)``.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with signing_in(request._request):
            response: Response = super().post(request, *args, **kwargs)
            return response

    def get_response(self) -> Response:
        access, refresh = self.access_token, self.refresh_token
        told = {"user": self.user, "access": access, "refresh": refresh}
        if api_settings.JWT_AUTH_HTTPONLY:
            told["refresh"] = ""
        if api_settings.JWT_AUTH_RETURN_EXPIRATION:
            told["access_expiration"] = datetime_from_epoch(access["exp"])
            told["refresh_expiration"] = datetime_from_epoch(refresh["exp"])
        kind = self.get_response_serializer()
        response = Response(kind(instance=told, context=self.get_serializer_context()).data)
        set_jwt_cookies(response, access, refresh)
        return response


class _Presented(BodySerializer):
    """A refresh token in the body, which may be in a cookie instead."""

    refresh = TokenField(required=False, allow_blank=True, allow_null=True)


class LogoutView(views.LogoutView):
    """Ends the sign-in of every token that is sent, and clears the cookies.

    A refresh token in the body or the cookie, an access token in the header or the cookie.
    Signing out twice, or with a token that has expired, is fine.
    """

    def perform_authentication(self, request: Request) -> None:
        with suppress(AuthenticationFailed):
            super().perform_authentication(request)

    def logout(self, request: Request) -> Response:
        presented = _Presented(data=request.data)
        presented.is_valid(raise_exception=True)
        in_cookie = get_cookie(request, api_settings.JWT_AUTH_REFRESH_COOKIE)
        has_header = JWTCookieAuthentication().get_header(request) is not None
        if in_cookie and api_settings.JWT_AUTH_COOKIE_USE_CSRF and not has_header:
            # The access cookie, for which this was checked, expires long before this one. The page
            # of another site can send no header.
            enforce_csrf(request)
        access = None
        with suppress(AuthenticationFailed):
            access = read_text(JWTCookieAuthentication().find_token(request))
        # Django's logout() below sends the signal, too.
        announced = None if api_settings.SESSION_LOGIN else request._request
        end_presented(presented.validated_data.get("refresh") or in_cookie, access, announced)
        # The token of DRF, if a project has these, too.
        with suppress(AttributeError, ObjectDoesNotExist):
            user: Any = request.user
            user.auth_token.delete()
        if api_settings.SESSION_LOGIN:
            logout(request._request)
        response = Response({"detail": _("Successfully logged out.")})
        unset_jwt_cookies(response)
        return response


class CookieTokenRefreshSerializer(TokenRefreshSerializer):
    """Exchanges the refresh token of the body, or without one that of the cookie."""

    refresh = TokenField(required=False, allow_blank=True, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        name = api_settings.JWT_AUTH_REFRESH_COOKIE
        raw = attrs.get("refresh") or get_cookie(self.context["request"], name)
        if not raw:
            raise NotAuthenticated
        return super().validate({"refresh": raw})


class RefreshView(TokenRefreshView):
    """Sets the cookies; with ``JWT_AUTH_HTTPONLY`` the refresh token is nowhere else."""

    serializer_class = CookieTokenRefreshSerializer  # type: ignore[misc]

    def answer(self, serializer: ActingSerializer) -> Response:
        response = super().answer(serializer)
        body, now = response.data, moments.now()
        set_jwt_access_cookie(response, body["access"])
        ends = now + timedelta(seconds=body["expires_in"])
        body["access_expiration"] = moments.stored(ends)
        if "refresh" in body:
            set_jwt_refresh_cookie(response, body["refresh"])
            if api_settings.JWT_AUTH_HTTPONLY:
                del body["refresh"]
            else:
                ends = now + timedelta(seconds=body["refresh_expires_in"])
                body["refresh_expiration"] = moments.stored(ends)
        return response
