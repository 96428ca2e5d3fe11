"""The endpoint by which an operator acts for another user."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from .. import acting, sessions, throttling
from ..claims import is_acting
from ..conf import get_settings, moments
from ..exceptions import ActingRefused, NotAuthenticated
from ..models import Kind, Via
from ..serializers import ImpersonateSerializer
from ..store import identity, users
from .portal import MakingView


class ImpersonateView(MakingView):
    """POST starts acting for a user; DELETE, with the token that it answered, stops."""

    serializer_class = ImpersonateSerializer

    def get_permissions(self) -> list[Any]:
        if self.request.method == "DELETE":
            return [IsAuthenticated()]
        return list(super().get_permissions())

    def post(self, request: Request) -> Response:
        if not self.user.has_perm(acting.PERMISSION):  # type: ignore[attr-defined]
            raise ActingRefused
        if self.sid is None:
            raise NotAuthenticated
        self.require_recent()
        data = self.validated(request)
        throttling.count_made("acting", self.user)
        name = identity.subject_name(get_user_model())
        user = identity.having(users.visible(), name, data["user"]).first()
        if user is None:
            raise serializers.ValidationError({"user": [_("There is no such user.")]})
        new = acting.start(
            self.user,
            user,
            data["reason"],
            sid=self.sid,
            within=self.inherited,
            lifetime=timedelta(minutes=data["minutes"]),
            request=request._request,
        )
        left = moments.aware(new.session.expires_at) - moments.now()
        body = {
            "access": new.raw,
            "token_type": get_settings().AUTH_HEADER_TYPES[0],
            "expires_in": max(0, int(left.total_seconds())),
            "session_id": new.session.sid,
            "user_id": new.session.subject,
            "username": str(user.get_username()),
        }
        return Response(body, status.HTTP_201_CREATED)

    def delete(self, request: Request) -> Response:
        if not is_acting(self.claims) or self.sid is None:
            raise Http404
        rows = self.own_rows(Kind.ACTING).filter(pk=self.sid)
        sessions.end(self.sid, via=Via.API, by=rows.values_list("actor_name", flat=True).first())
        return Response(status=status.HTTP_204_NO_CONTENT)
