"""The purpose, answer and refusals of each endpoint: one row for each view and method."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ... import exceptions, views
from ...exceptions import AuthError
from ...serializers import (
    ApiTokenSerializer,
    ConsumeSerializer,
    ImpersonateSerializer,
    LoginSessionSerializer,
    MeSerializer,
    NewApiTokenSerializer,
    NewOneTimeSerializer,
    OneTimeSerializer,
    TokenBlacklistSerializer,
    TokenObtainPairSerializer,
    TokenPairSerializer,
    TokenRefreshSerializer,
    TokenVerifySerializer,
)
from ...views import acting, browser, portal
from .refusals import OF_ACCESS, OF_POLICY, OF_TOKENS


class CookiesSetSerializer(serializers.Serializer[Any]):
    """The lifetimes of the cookies that were just set."""

    expires_in = serializers.IntegerField(help_text=_("seconds"))
    refresh_expires_in = serializers.IntegerField(help_text=_("seconds"))


class CSRFTokenSerializer(serializers.Serializer[Any]):
    csrf_token = serializers.CharField()


class IssuedApiTokenSerializer(ApiTokenSerializer):
    """With the token, which is not shown again."""

    token = serializers.CharField(read_only=True)

    class Meta(ApiTokenSerializer.Meta):
        fields = (*ApiTokenSerializer.Meta.fields, "token")  # type: ignore[assignment]


class ActingSerializer(serializers.Serializer[Any]):
    """The token with which the operator acts, and for whom."""

    access = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text=_("seconds"))
    session_id = serializers.CharField(help_text=_("32 hex digits"))
    user_id = serializers.CharField()
    username = serializers.CharField()


class IssuedOneTimeSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()
    purpose = serializers.CharField()
    expires_in = serializers.IntegerField(help_text=_("seconds"))


class ConsumedSerializer(serializers.Serializer[Any]):
    """The token's user and claims."""

    user_id = serializers.CharField()
    username = serializers.CharField()
    purpose = serializers.CharField()
    claims = serializers.DictField()


#: The answer ``{}``.
NOTHING: dict[str, Any] = {"type": "object", "maxProperties": 0}


@dataclass(frozen=True)
class Operation:
    """``answer``: a serializer, a schema, or None; ``refuses``: what the view itself raises."""

    name: str
    summary: Promise
    answer: Any = None
    status: int = 200
    refuses: tuple[type[AuthError], ...] = ()
    tag: str = "auth"


SIGN_IN: tuple[type[AuthError], ...] = (
    exceptions.InvalidCredentials,
    *OF_POLICY,
    exceptions.Throttled,
)
# The database is not queried, and an expired token may sign out.
OF_SIGNATURES = (
    exceptions.MalformedToken,
    exceptions.BadSignature,
    exceptions.WrongTokenType,
    exceptions.TokenNotYetValid,
    exceptions.WrongIssuer,
    exceptions.WrongAudience,
)
OPERATIONS: dict[tuple[type[views.JWTView], str], Operation] = {
    (views.TokenObtainPairView, "POST"): Operation(
        "token_obtain", _("Sign in"), TokenPairSerializer, refuses=SIGN_IN
    ),
    (views.TokenRefreshView, "POST"): Operation(
        "token_refresh", _("Get the next pair"), TokenPairSerializer, refuses=OF_TOKENS
    ),
    (views.TokenVerifyView, "POST"): Operation(
        "token_verify", _("Ask whether a token would be accepted"), NOTHING, refuses=OF_TOKENS
    ),
    (views.TokenBlacklistView, "POST"): Operation(
        "token_blacklist", _("Sign out"), NOTHING, refuses=OF_SIGNATURES
    ),
    (views.MeView, "GET"): Operation("me", _("Ask who the token says you are"), MeSerializer),
    (views.SessionListView, "GET"): Operation(
        "session_list", _("List your sign-ins"), LoginSessionSerializer(many=True)
    ),
    (views.SessionListView, "DELETE"): Operation(
        "session_end_others", _("End all your other sign-ins"), status=204
    ),
    (views.SessionDetailView, "PATCH"): Operation(
        "session_rename", _("Rename one of your sign-ins"), LoginSessionSerializer
    ),
    (views.SessionDetailView, "DELETE"): Operation(
        "session_end", _("End one of your sign-ins"), status=204
    ),
    (browser.CSRFView, "GET"): Operation(
        "csrf", _("Get the CSRF cookie and its token"), CSRFTokenSerializer
    ),
    (browser.SignInView, "POST"): Operation(
        "token_obtain", _("Sign in"), CookiesSetSerializer, refuses=SIGN_IN
    ),
    (browser.RefreshView, "POST"): Operation(
        "token_refresh", _("Get the next pair"), CookiesSetSerializer, refuses=OF_TOKENS
    ),
    (browser.SignOutView, "POST"): Operation("token_blacklist", _("Sign out"), NOTHING),
    (acting.ImpersonateView, "POST"): Operation(
        "impersonate",
        _("Act for another user"),
        ActingSerializer,
        status=201,
        refuses=(exceptions.ActingRefused, exceptions.SessionEnded, exceptions.Throttled),
    ),
    (acting.ImpersonateView, "DELETE"): Operation(
        "impersonate_stop", _("Stop acting for another user"), status=204
    ),
    (portal.ApiTokenListView, "GET"): Operation(
        "api_token_list",
        _("List your API tokens"),
        ApiTokenSerializer(many=True),
        tag="api-tokens",
    ),
    (portal.ApiTokenListView, "POST"): Operation(
        "api_token_create",
        _("Create an API token"),
        IssuedApiTokenSerializer,
        status=201,
        refuses=(exceptions.TooManyTokens, exceptions.Throttled),
        tag="api-tokens",
    ),
    (portal.ApiTokenDetailView, "DELETE"): Operation(
        "api_token_revoke", _("Revoke an API token"), status=204, tag="api-tokens"
    ),
    (portal.OneTimeView, "POST"): Operation(
        "one_time_create",
        _("Create a one-time token"),
        IssuedOneTimeSerializer,
        status=201,
        refuses=(exceptions.Throttled,),
        tag="one-time-tokens",
    ),
    (portal.OneTimeConsumeView, "POST"): Operation(
        "one_time_consume",
        _("Use up a one-time token"),
        ConsumedSerializer,
        refuses=OF_ACCESS,
        tag="one-time-tokens",
    ),
    (portal.OneTimeSignInView, "POST"): Operation(
        "token_one_time",
        _("Sign in with a one-time token"),
        TokenPairSerializer,
        refuses=OF_ACCESS + OF_POLICY,
    ),
}


def find_operation(view: type[Any], method: str) -> Operation | None:
    """Return the operation of a view's method; for a subclass, that of our view."""
    found = (OPERATIONS.get((cls, method)) for cls in view.__mro__)
    return next(filter(None, found), None)


_ID = "01a20dccc3dd7526acb628b4195a1526"
_RAW = "eyJ…"
_LIFETIMES = {"expires_in": 300, "refresh_expires_in": 604800}
_API_TOKEN: dict[str, Any] = {
    "id": _ID,
    "name": "deploy",
    "scopes": [],
    "created_at": "2026-11-24T14:32:47.159911Z",
    "expires_at": "2026-12-24T14:32:47.159911Z",
    "last_used_at": None,
    "last_used_ip": None,
}

# By serializer; a subclass, which may have more fields, has no example.
_REQUESTS: dict[type[Any], Callable[[], dict[str, Any]]] = {
    TokenObtainPairSerializer: lambda: {
        get_user_model().USERNAME_FIELD: "alice",
        "password": "wonderland-42",
    },
    TokenRefreshSerializer: lambda: {"refresh": _RAW},
    TokenVerifySerializer: lambda: {"token": _RAW},
    TokenBlacklistSerializer: lambda: {"refresh": _RAW},
    LoginSessionSerializer: lambda: {"name": "Phone"},
    NewApiTokenSerializer: lambda: {"name": "deploy", "expires_in": 2592000},
    NewOneTimeSerializer: lambda: {"purpose": "download"},
    ImpersonateSerializer: lambda: {"user": "2", "reason": "Ticket 4711", "minutes": 30},
    ConsumeSerializer: lambda: {"token": _RAW, "purpose": "download"},
    OneTimeSerializer: lambda: {"token": _RAW},
}
_ANSWERS: dict[type[Any], Any] = {
    TokenPairSerializer: {
        "access": _RAW,
        "refresh": _RAW,
        "token_type": "Bearer",
        **_LIFETIMES,
    },
    CookiesSetSerializer: _LIFETIMES,
    CSRFTokenSerializer: {"csrf_token": "7sOq…"},
    MeSerializer: {
        "user_id": "1",
        "username": "alice",
        "session_id": _ID,
        "scopes": [],
        "expires_at": "2026-11-24T13:49:13Z",
    },
    LoginSessionSerializer: {
        "id": _ID,
        "name": "Phone",
        "user_agent": "curl/8.14.1",
        "ip_address": "127.0.0.1",
        "created_at": "2026-11-24T13:44:13.661504Z",
        "refreshed_at": "2026-11-24T13:44:13.661504Z",
        "refreshed_ip": "127.0.0.1",
        "refreshed_agent": "curl/8.14.1",
        "expires_at": "2026-12-01T13:44:13.661504Z",
        "current": True,
        "actor": None,
    },
    ApiTokenSerializer: _API_TOKEN,
    IssuedApiTokenSerializer: {**_API_TOKEN, "token": _RAW},
    ActingSerializer: {
        "access": _RAW,
        "token_type": "Bearer",
        "expires_in": 1800,
        "session_id": _ID,
        "user_id": "2",
        "username": "bob",
    },
    IssuedOneTimeSerializer: {"token": _RAW, "purpose": "download", "expires_in": 900},
    ConsumedSerializer: {
        "user_id": "1",
        "username": "alice",
        "purpose": "download",
        "claims": {},
    },
}


def find_request(serializer: Any) -> Any:
    """Return an example of what the serializer reads, or None without one."""
    make = _REQUESTS.get(_class_of(serializer))
    return make and make()


def find_answer(serializer: Any) -> Any:
    """Return an example of what the serializer writes, or None without one."""
    return _ANSWERS.get(_class_of(serializer))


def _class_of(serializer: Any) -> type[Any]:
    one = getattr(serializer, "child", serializer)
    return one if isinstance(one, type) else type(one)
