from django.contrib.auth.models import User
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class HelloView(APIView):
    """For whoever is signed in: the project's default permission says so."""

    def get(self, request: Request) -> Response:
        return Response({"hello": request.user.get_username()})


class StaffView(APIView):
    """For staff: permissions work as everywhere in Django REST framework."""

    permission_classes = (IsAdminUser,)

    def get(self, request: Request) -> Response:
        return Response({"users": User.objects.count()})
