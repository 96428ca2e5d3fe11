"""The endpoints of a developer portal: API tokens and one-time tokens."""

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

#: Creating a credential that outlives the sign-in requires a recent sign-in.
RECENT = SignedInWithin(minutes=15)


class MakingView(PersonView):
    """Base of the endpoints that create a token."""

    @property
    def inherited(self) -> frozenset[str] | None:
        """The scopes that may be passed on, as a narrow token must not create a wider one.

        None if there are no scopes at all.
        """
        if get_settings().HOOKS.SCOPES or scopes.is_limited(self.claims):
            return scopes.of(self.claims)
        return None

    def confirm(self, sid: str) -> None:
        """End the new token and raise, if the caller's own token has become invalid meanwhile.

        The caller's token was checked before the body was read, which a client may send slowly.
        """
        try:
            # From force_authenticate() in a test, where there is no token to check again.
            if "jti" not in self.claims:
                raise MalformedToken
            rules.load_user(self.claims)
        except TokenError:
            sessions.end(sid, via=Via.API)
            raise


class ApiTokenListView(MakingView):
    """The caller's live API tokens, newest first; POST creates one and shows it once."""

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
        # Of a hook, a ValueError is the project's mistake, and no client's business.
        except api_tokens.ScopesTooLong as error:
            raise serializers.ValidationError({"scope": [str(error)]}) from None
        self.confirm(new.session.sid)
        body = {**ApiTokenSerializer(new.session).data, "token": new.raw}
        return Response(body, status.HTTP_201_CREATED)


class ApiTokenDetailView(PersonView):
    """One of the caller's API tokens: DELETE revokes it (also if it was already revoked)."""

    def delete(self, request: Request, sid: str) -> Response:
        return self.end_own(sid, Kind.API_TOKEN)


class OneTimeView(MakingView):
    """Create a one-time token for the caller, for a purpose in ``ONE_TIME["PURPOSES"]``.

    It has the scopes of the caller's access token, and nothing that the caller sends: all other
    claims of such tokens come from the project.
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
    """Use up a one-time token of any purpose but signing in, and return whose it was.

    Whoever has the token may do so, as that is its purpose. The answer contains only what they
    could read in the token.
    """

    serializer_class = ConsumeSerializer

    def post(self, request: Request) -> Response:
        data = self.validated(request)
        if data["purpose"] == one_time.SIGN_IN:
            # This would use it up without signing in.
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
    """Sign in with a one-time token, such as the one in a magic link."""

    serializer_class = OneTimeSerializer

    def post(self, request: Request) -> Response:
        data = self.validated(request)
        self.remember = data.get("remember", True)
        user, claims = one_time.consume(data["token"], one_time.SIGN_IN)
        asked = None
        if get_settings().HOOKS.SCOPES and scopes.is_limited(claims):
            # The scopes in the token are requested, and it gets no others.
            asked = scopes.text_of(claims)
            del claims["scope"]
        admitted = credentials.admit(user, request._request, asked)
        return self.start(user, {**claims, **admitted})
