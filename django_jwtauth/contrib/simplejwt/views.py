"""simplejwt's views: one ``post()`` with a serializer, which a project or a setting may replace."""

from typing import Any

from django.utils.module_loading import import_string
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from ... import views
from ...exceptions import AuthError, challenge
from ...serializers import ActingSerializer
from .exceptions import InvalidToken, TokenError, refuse_name
from .serializers import NoActiveAccount
from .settings import api_settings


class _FromSettings:
    """The dotted path in a setting, read on access."""

    def __init__(self, setting: str) -> None:
        self.setting = setting

    def __get__(self, view: Any, owner: Any) -> str:
        path: str = getattr(api_settings, self.setting)
        return path


class TokenViewBase(views.GrantView, generics.GenericAPIView[Any]):
    """Validates the body, and answers what the serializer returns with the tokens' lifetimes."""

    serializer_class: Any = None  # type: ignore[misc]
    _serializer_class: Any = ""
    www_authenticate_realm = "api"

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Return ``serializer_class``, or the class with the path ``_serializer_class``."""
        found: type[BaseSerializer[Any]] = self.serializer_class or import_string(
            self._serializer_class
        )
        return found

    def get_kinds(self) -> list[type]:
        return [*super().get_kinds(), self.get_serializer_class()]

    def get_authenticate_header(self, request: Request) -> str:
        return challenge(realm=self.www_authenticate_realm)

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=self.read_body(request))
        try:
            serializer.is_valid(raise_exception=True)
        except TokenError as error:
            raise InvalidToken(error.body()) from None
        if isinstance(serializer, ActingSerializer):
            return self.answer(serializer)
        return Response(serializer.validated_data)

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if response.status_code == 401:
            response["WWW-Authenticate"] = self.get_authenticate_header(self.request)
        return response

    def reword(self, error: AuthError) -> AuthError:
        if isinstance(error, NoActiveAccount):
            error.detail = error.body()
        return error


class TokenObtainPairView(TokenViewBase, views.TokenObtainPairView):
    """Signs in with name and password."""

    _serializer_class = _FromSettings("TOKEN_OBTAIN_SERIALIZER")


class TokenRefreshView(TokenViewBase, views.TokenRefreshView):
    """Exchanges a refresh token."""

    _serializer_class = _FromSettings("TOKEN_REFRESH_SERIALIZER")


class TokenVerifyView(TokenViewBase, views.TokenVerifyView):
    """Tells whether a token would be accepted now."""

    _serializer_class = _FromSettings("TOKEN_VERIFY_SERIALIZER")


class TokenBlacklistView(TokenViewBase, views.TokenBlacklistView):
    """Signs out."""

    _serializer_class = _FromSettings("TOKEN_BLACKLIST_SERIALIZER")


token_obtain_pair = TokenObtainPairView.as_view()
token_refresh = TokenRefreshView.as_view()
token_verify = TokenVerifyView.as_view()
token_blacklist = TokenBlacklistView.as_view()


def __getattr__(name: str) -> Any:
    if name == "AUTH_HEADER_TYPES":
        return api_settings.AUTH_HEADER_TYPES
    refuse_name(__name__, name)
