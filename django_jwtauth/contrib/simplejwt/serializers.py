"""The serializers that sign in, refresh, verify and sign out when they validate, like simplejwt's.

A subclass may override ``validate()``, ``get_token()``, ``username_field``, ``token_class``
and the error messages.
"""

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.functional import classproperty
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.fields import CharField, empty

from ... import credentials, serializers, sessions
from ...claims import REFRESH
from ...exceptions import InvalidCredentials, UserInactive, UserNotFound
from ...models import Via
from ...redacted import redact_body
from ...tokens import TokenPair
from .authentication import default_user_authentication_rule
from .exceptions import as_theirs, refuse_name
from .issuing import SigningIn, signing_in
from .models import TokenUser as TokenUser
from .settings import api_settings
from .token_blacklist.models import BlacklistedToken as BlacklistedToken
from .tokens import AuthUser as AuthUser
from .tokens import RefreshToken, Token, UntypedToken

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


class NoActiveAccount(exceptions.AuthenticationFailed, InvalidCredentials):
    """DRF's exception, as simplejwt raises it; our views also answer a ``reason``."""

    # DRF sets it to what the view returns.
    auth_header: Any = None

    def __init__(self, sentence: Any, reason: str = InvalidCredentials.reason) -> None:
        exceptions.APIException.__init__(self, sentence, InvalidCredentials.code)
        self.sentence, self.told = sentence, reason

    def __str__(self) -> str:
        return str(self.sentence)

    def body(self) -> dict[str, Any]:
        return {**super().body(), "reason": self.told}


class PasswordField(CharField):
    """A password, which is not shown again."""

    def __init__(self, **kwargs: Any) -> None:
        style = {**kwargs.pop("style", {}), "input_type": "password"}
        super().__init__(**{**kwargs, "style": style, "write_only": True})


def get_request(serializer: Any) -> HttpRequest | None:
    """Return Django's request of a serializer's context, or None without one."""
    request = serializer.context.get("request")
    plain: HttpRequest | None = getattr(request, "_request", request)
    return plain


class TokenObtainSerializer(serializers.ActingSerializer, serializers.TokenObtainPairSerializer):
    """Checks name and password; ``validate()`` sets ``user`` and returns an empty dict.

    The check is that of ``django_jwtauth.credentials``: back ends, hooks, throttles. A sign-in that
    starts while it validates ends if it refuses in the end.
    """

    token_class: ClassVar[Any] = None
    default_error_messages: ClassVar[dict[str, Any]] = {
        "no_active_account": InvalidCredentials.default_detail
    }

    user: "AbstractBaseUser"
    _under_way: SigningIn | None = None

    @classproperty
    def username_field(cls) -> str:
        return get_user_model().USERNAME_FIELD

    @property
    def pair(self) -> "TokenPair | None":  # type: ignore[override]
        """The first tokens of the sign-in, once it has started."""
        return self._under_way.pair if self._under_way else None

    def run_validation(self, data: Any = empty) -> Any:
        with signing_in(get_request(self)) as self._under_way:
            return super().run_validation(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        request = get_request(self) or HttpRequest()
        credentials.keep_sent(request, redact_body(self.initial_data))
        field = self.username_field
        try:
            self.user, claims = credentials.check(
                request, attrs[field], attrs["password"], attrs.get("scope"), field=field
            )
        except InvalidCredentials:
            raise NoActiveAccount(self.error_messages["no_active_account"]) from None
        check_rule(self.user, self.error_messages["no_active_account"])
        remember = attrs.get("remember", True)
        (self._under_way or SigningIn()).admit(self.user, claims, remember=remember)
        return {}

    @classmethod
    def get_token(cls, user: "AbstractBaseUser") -> Any:
        """Return a token of the sign-in, which starts now. Claims added to it are kept."""
        return cls.token_class.for_user(user)


def check_rule(user: "AbstractBaseUser", sentence: Any) -> None:
    """Check the project's ``USER_AUTHENTICATION_RULE``; raises ``NoActiveAccount``."""
    if not api_settings.USER_AUTHENTICATION_RULE(user):
        raise NoActiveAccount(sentence)


class TokenObtainPairSerializer(TokenObtainSerializer):
    """Signs in: ``validate()`` returns ``refresh`` and ``access``."""

    token_class: ClassVar[Any] = RefreshToken

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        data = super().validate(attrs)
        refresh = self.get_token(self.user)
        return {**data, "refresh": str(refresh), "access": str(refresh.access_token)}


class TokenRefreshSerializer(serializers.ActingSerializer, serializers.TokenRefreshSerializer):
    """Exchanges a refresh token: ``validate()`` returns ``access``, and ``refresh`` if rotated."""

    access = CharField(read_only=True)
    token_class: ClassVar[type[RefreshToken]] = RefreshToken
    default_error_messages: ClassVar[dict[str, Any]] = {
        "no_active_account": _("No active account found for the given token.")
    }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            with as_theirs():
                return self._exchange(attrs["refresh"])
        except (UserInactive, UserNotFound) as error:
            sentence = self.error_messages["no_active_account"]
            raise NoActiveAccount(sentence, error.reason) from None

    def _exchange(self, raw: str) -> dict[str, Any]:
        rule = api_settings.USER_AUTHENTICATION_RULE
        plain = self.token_class is RefreshToken
        if plain and rule is default_user_authentication_rule:
            self.pair = sessions.refresh(raw, get_request(self))
            rotated = {} if self.pair.refresh is None else {"refresh": self.pair.refresh}
            return {"access": self.pair.access, **rotated}
        token = self.token_class(raw)
        check_rule(token.loaded_user, self.error_messages["no_active_account"])
        token._request = get_request(self)
        if api_settings.ROTATE_REFRESH_TOKENS:
            token.set_jti()
            token.set_exp()
            token.set_iat()
            return {"access": str(token.access_token), "refresh": str(token)}
        return {"access": str(token.access_token)}


class TokenVerifySerializer(serializers.ActingSerializer, serializers.TokenVerifySerializer):
    """``validate()`` raises a ``TokenError`` for a token that would be refused now."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        UntypedToken(attrs["token"])
        return {}


class TokenBlacklistSerializer(serializers.ActingSerializer):
    """``validate()`` ends the sign-in of the refresh token."""

    refresh = serializers.TokenField()
    token_class: ClassVar[type[Token]] = RefreshToken

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.token_class is RefreshToken:
            with as_theirs():
                sessions.blacklist(attrs["refresh"], REFRESH, via=Via.API)
        else:
            self.token_class(attrs["refresh"]).blacklist()
        return {}


def __getattr__(name: str) -> NoReturn:
    refuse_name(__name__, name)
