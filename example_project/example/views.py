from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_jwtauth.permissions import HasReadWriteScopes, HasScopes


class HelloView(APIView):
    """For every signed-in user, by the project's default permission."""

    @extend_schema(responses=dict[str, str])
    def get(self, request: Request) -> Response:
        return Response({"hello": request.user.get_username()})


class StaffView(APIView):
    """For staff: permissions work as everywhere in Django REST framework.

    It also requires a scope. Otherwise every API token of a staff member would be accepted,
    whatever it was created for.
    """

    permission_classes: Sequence[Any] = (IsAdminUser, HasScopes("users:read"))

    @extend_schema(responses=dict[str, int])
    def get(self, request: Request) -> Response:
        return Response({"users": User.objects.count()})


class ReportsView(APIView):
    """For tokens with a scope: one to read, another to write."""

    permission_classes: Sequence[Any] = (
        HasReadWriteScopes(read="reports:read", write="reports:write"),
    )

    @extend_schema(responses=dict[str, list[str]])
    def get(self, request: Request) -> Response:
        return Response({"reports": ["2026-10", "2026-11"]})

    @extend_schema(request=None, responses={201: dict[str, str]})
    def post(self, request: Request) -> Response:
        return Response({"filed_by": request.user.get_username()}, status.HTTP_201_CREATED)
