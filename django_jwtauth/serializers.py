"""The bodies of requests and answers."""

import copy
import functools
from datetime import timedelta, timezone
from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.db import models
from django.forms import ModelChoiceField
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from . import acting, api_tokens, one_time
from .claims import MAX_IDENTIFIER_LENGTH
from .conf import get_settings
from .conf.values import MAX_PURPOSE_LENGTH
from .credentials import MAX_PASSWORD_LENGTH, MAX_SCOPE_LENGTH, MAX_USERNAME_LENGTH
from .models import Kind, LoginSession
from .redacted import Redacted, redact_body
from .tokens import TokenPair, jws


class TextField(serializers.CharField):
    """Text whose length is checked first, because DRF's validators look at every character."""

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if self.max_length is not None and len(text) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return text


class SecretField(TextField):
    """A token or a password, which no error report shows."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, **kwargs)

    def to_internal_value(self, data: Any) -> Redacted:
        return Redacted(super().to_internal_value(data))


class TokenField(SecretField):
    """A token. One that is too long is cut to a length that is still refused as too long."""

    def to_internal_value(self, data: Any) -> Redacted:
        return Redacted(super().to_internal_value(data)[: jws.MAX_LENGTH + 1])


class BodySerializer(serializers.Serializer[Any]):
    """Base of serializers that receive secrets: no error report shows their data."""

    def __init__(self, instance: Any = None, data: Any = serializers.empty, **kwargs: Any) -> None:
        data = redact_body(data)
        super().__init__(instance, data, **kwargs)

    def __repr__(self) -> str:
        # DRF's shows the data.
        return f"<{type(self).__name__}>"


class ActingSerializer(BodySerializer):
    """Base of those that do what is asked for as they validate: the answer is what they return.

    ``pair``: the tokens they issued, None if there are none.
    """

    pair: TokenPair | None = None


class SignInSerializer(BodySerializer):
    """Base of those for people who sign in: ``remember``, if the project offers the choice.

    As with a checkbox of a form, who does not send it does not want it.
    """

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        if get_settings().SESSION_LIFETIME_NOT_REMEMBERED is not None:
            fields["remember"] = serializers.BooleanField(write_only=True, default=False)
        return fields


class TokenObtainPairSerializer(SignInSerializer):
    """``USERNAME_FIELD`` of the user model, ``password``, and the ``scope`` asked for.

    With ``SESSION_LIFETIME_NOT_REMEMBERED``, also ``remember``. A subclass may rename the first
    field by setting ``username_field``.
    """

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        remember = {name: fields.pop(name) for name in ["remember"] if name in fields}
        own = {name: _copy(field) for name, field in _credentials(self.username_field).items()}
        return {**fields, **own, **remember}

    @property
    def username_field(self) -> str:
        return get_user_model().USERNAME_FIELD


@functools.lru_cache(maxsize=10)
def _credentials(username_field: str) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """Return the fields of name, password and scope, which are copied for each request."""
    # The password is used exactly as sent, spaces included.
    password = SecretField(
        max_length=MAX_PASSWORD_LENGTH,
        trim_whitespace=False,
        style={"input_type": "password"},
    )
    username = TextField(write_only=True, max_length=MAX_USERNAME_LENGTH)
    scope = TextField(write_only=True, max_length=MAX_SCOPE_LENGTH, required=False)
    return {username_field: username, "password": password, "scope": scope}


def _copy(field: Any) -> Any:
    """Return a field of a serializer's own; DRF's ``deepcopy()`` would build it from the start."""
    made = copy.copy(field)
    # Those that a subclass may add to.
    made.validators = [*field.validators]
    made.error_messages = {**field.error_messages}
    made.style = {**field.style}
    return made


class TokenRefreshSerializer(BodySerializer):
    refresh = TokenField()


class TokenVerifySerializer(BodySerializer):
    token = TokenField()


class TokenBlacklistSerializer(BodySerializer):
    """``refresh``, or ``token`` of any kind."""

    refresh = TokenField(required=False)
    token = TokenField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            required = self.fields["refresh"].error_messages["required"]
            raise serializers.ValidationError({"refresh": [required]})
        return attrs


class TokenPairSerializer(serializers.Serializer[Any]):
    """The answer of obtain and refresh; without ``refresh`` if refresh tokens do not rotate."""

    access = serializers.CharField()
    refresh = serializers.CharField(required=False)
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text=_("seconds"))
    refresh_expires_in = serializers.IntegerField(help_text=_("seconds"))


class MeSerializer(serializers.Serializer[Any]):
    """Who the token says you are."""

    user_id = serializers.CharField()
    username = serializers.CharField()
    session_id = serializers.CharField(allow_null=True, help_text=_("32 hex digits"))
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField(default_timezone=timezone.utc)
    act = serializers.DictField(
        required=False, help_text=_("who acts for the user: their id, as sub")
    )


class ImpersonateSerializer(BodySerializer):
    """``user``, as in ``me/``; ``reason``, for the record; and ``minutes``, 60 at most."""

    user = TextField(max_length=MAX_IDENTIFIER_LENGTH)
    reason = TextField(max_length=acting.MAX_REASON_LENGTH)
    minutes = serializers.IntegerField(
        min_value=1,
        max_value=int(acting.MAX_LIFETIME.total_seconds()) // 60,
        default=int(acting.LIFETIME.total_seconds()) // 60,
    )


class LoginSessionSerializer(serializers.ModelSerializer[LoginSession]):
    """A sign-in as its owner sees it; only ``name`` may be changed."""

    serializer_field_mapping: ClassVar[dict[Any, Any]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
    }

    id = serializers.CharField(source="sid", read_only=True, help_text=_("32 hex digits"))
    current = serializers.SerializerMethodField()
    actor = serializers.SerializerMethodField()

    class Meta:
        model = LoginSession
        fields = (
            "id",
            "name",
            "user_agent",
            "ip_address",
            "created_at",
            "refreshed_at",
            "refreshed_ip",
            "refreshed_agent",
            "expires_at",
            "current",
            "actor",
        )
        read_only_fields = tuple(name for name in fields if name != "name")

    def get_current(self, session: LoginSession) -> bool:
        return bool(session.sid == self.context["sid"])

    def get_actor(self, session: LoginSession) -> str | None:
        """The name of the operator who acts for the user; null for the user's own sign-ins."""
        return session.actor_name if session.kind == Kind.ACTING else None


class ApiTokenSerializer(serializers.ModelSerializer[LoginSession]):
    """An API token as its owner sees it; the token itself is shown once, when it is created."""

    id = serializers.CharField(source="sid", read_only=True, help_text=_("32 hex digits"))
    scopes = serializers.SerializerMethodField()

    class Meta:
        model = LoginSession
        fields = (
            "id",
            "name",
            "scopes",
            "created_at",
            "expires_at",
            "last_used_at",
            "last_used_ip",
        )
        read_only_fields = fields

    def get_scopes(self, session: LoginSession) -> list[str]:
        return session.scope.split()


class NewApiTokenSerializer(serializers.Serializer[Any]):
    """``name``, and optionally ``scope`` and ``expires_in`` (seconds)."""

    name = TextField(max_length=api_tokens.MAX_NAME_LENGTH)
    scope = TextField(max_length=api_tokens.MAX_SCOPE_LENGTH, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["expires_in"] = _expires_in(60, get_settings().API_TOKENS.MAX_LIFETIME)


def _expires_in(least: int, most: timedelta) -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=least, max_value=int(most.total_seconds()), required=False
    )


class NewOneTimeSerializer(serializers.Serializer[Any]):
    """``purpose``, one of ``ONE_TIME["PURPOSES"]``, and optionally ``expires_in`` (seconds)."""

    purpose = serializers.ChoiceField(choices=())
    expires_in = _expires_in(1, one_time.MAX_LIFETIME)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["purpose"] = serializers.ChoiceField(
            get_settings().ONE_TIME.PURPOSES,
            # Django's sentence, because DRF's repeats what was sent.
            error_messages={
                "invalid_choice": ModelChoiceField.default_error_messages["invalid_choice"]
            },
        )


class ConsumeSerializer(BodySerializer):
    """``token``, and the ``purpose`` that it must be for."""

    token = TokenField()
    purpose = TextField(max_length=MAX_PURPOSE_LENGTH)


class OneTimeSerializer(SignInSerializer):
    token = TokenField()
