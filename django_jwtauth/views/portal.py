"""What a developer portal asks for, over HTTP: API tokens and one-time tokens."""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from .. import api_tokens, credentials, one_time, scopes, sessions, throttling, tokens
from ..claims import ONE_TIME
from ..conf import get_settings
from ..exceptions import MalformedToken, TokenError, WrongTokenType
from ..models import Kind, Via
from ..permissions import SignedInWithin
from ..serializers import (
    ApiTokenSerializer,
    ConsumeSerializer,
    NewApiTokenSerializer,
    NewOneTimeSerializer,
    OneTimeSerializer,
)
from ..signins import rules
from . import MAX_LISTED_SESSIONS, GrantView, JWTView, PersonView

#: Who makes a credential that outlives the sign-in must have shown the password lately.
RECENT = SignedInWithin(minutes=15)


class MakingView(PersonView):
    """Base of the endpoints that make a token."""

    @property
    def inherited(self) -> frozenset[str] | None:
        """The scopes that may be handed on: what is asked with a narrow token buys no wider one.

        None where there are no scopes at all.
        """
        if get_settings().HOOKS.SCOPES or scopes.is_limited(self.claims):
            return scopes.of(self.claims)
        return None

    def confirm(self, sid: str) -> None:
        """End what was just made and raise, if the caller's own token has become bad meanwhile.

        It was checked before the body was read, which a client may send slowly.
        """
        try:
            # Of force_authenticate() in a test: no token could be checked again.
            if "jti" not in self.claims:
                raise MalformedToken
            rules.load_user(self.claims)
        except TokenError:
            sessions.end(sid, via=Via.API)
            raise


class ApiTokenListView(MakingView):
    """The caller's live API tokens, newest first; POST makes one and shows it once."""

    serializer_class = NewApiTokenSerializer

    def get_permissions(self) -> list[Any]:
        recent = [RECENT] if self.request.method == "POST" else []
        return [*super().get_permissions(), *recent]

    def get(self, request: Request) -> Response:
        rows = self.own_rows(Kind.API_TOKEN).live().order_by("-created_at", "-id")
        return Response(ApiTokenSerializer(rows[:MAX_LISTED_SESSIONS], many=True).data)

    def post(self, request: Request) -> Response:
        data = self.validated(request)
        throttling.count_made("api_token", self.user)
        seconds = data.get("expires_in")
        try:
            new = api_tokens.create(
                self.user,
                data["name"],
                scope=data.get("scope"),
                within=self.inherited,
                lifetime=timedelta(seconds=seconds) if seconds else None,
                request=request._request,
            )
        except ValueError as error:
            raise serializers.ValidationError({"scope": [str(error)]}) from None
        self.confirm(new.session.sid)
        body = {**ApiTokenSerializer(new.session).data, "token": new.raw}
        return Response(body, status.HTTP_201_CREATED)


class ApiTokenDetailView(PersonView):
    """One of the caller's API tokens: DELETE revokes it (also when it was revoked)."""

    def delete(self, request: Request, sid: str) -> Response:
        return self.end_own(Kind.API_TOKEN, sid)


class OneTimeView(MakingView):
    """Make a one-time token for oneself, for a purpose in ``ONE_TIME["PURPOSES"]``.

    It carries the scopes that the caller's access token has, and nothing that the caller
    says: what else stands in such a token is the project's word.
    """

    serializer_class = NewOneTimeSerializer

    def post(self, request: Request) -> Response:
        data = self.validated(request)
        throttling.count_made("one_time", self.user)
        lifetime = timedelta(seconds=data.get("expires_in", one_time.LIFETIME.total_seconds()))
        try:
            raw = one_time.create(
                self.user,
                data["purpose"],
                lifetime=lifetime,
                claims=self._carried(),
                parent=self.claims,
                request=request._request,
            )
        except ValueError:
            # The scopes just fitted into an access token.
            text = _("With your scopes, the token would be too long.")
            raise serializers.ValidationError({"purpose": [text]}) from None
        self.confirm(tokens.decode(raw, ONE_TIME)["sid"])
        expires_in = int(lifetime.total_seconds())
        body = {"token": raw, "purpose": data["purpose"], "expires_in": expires_in}
        return Response(body, status.HTTP_201_CREATED)

    def _carried(self) -> dict[str, str]:
        scope = scopes.text_of(self.claims)
        return {} if scope is None else {"scope": scope}


class OneTimeConsumeView(JWTView):
    """Use up a one-time token of any purpose but signing in, and tell whose it was.

    Whoever has the token may, as it is what it is for; it says nothing that they could not
    read in it.
    """

    serializer_class = ConsumeSerializer

    def post(self, request: Request) -> Response:
        data = self.validated(request)
        if data["purpose"] == one_time.SIGN_IN:
            # Would use it up without signing in.
            raise WrongTokenType
        user, claims = one_time.consume(data["token"], data["purpose"])
        return Response(
            {
                "user_id": str(user.pk),
                "username": str(user.get_username()),
                "purpose": data["purpose"],
                "claims": claims,
            }
        )


class OneTimeSignInView(GrantView):
    """Sign in with a one-time token, such as a magic link carries."""

    serializer_class = OneTimeSerializer

    def post(self, request: Request) -> Response:
        user, claims = one_time.consume(self.validated(request)["token"], one_time.SIGN_IN)
        asked = None
        if get_settings().HOOKS.SCOPES and scopes.is_limited(claims):
            # Scopes that the token was issued with are what is asked for: it gets no others.
            asked = scopes.text_of(claims)
            del claims["scope"]
        admitted = credentials.admit(user, request._request, asked)
        return self.start(user, {**claims, **admitted})
