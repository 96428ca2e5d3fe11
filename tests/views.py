from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView


class ProtectedView(APIView):
    """Asks for nothing, so the project's default permission protects it."""

    def get(self, request):
        return Response({"user": request.user.get_username()})


class PublicView(APIView):
    permission_classes = [AllowAny]

    def get(self, request):
        return Response({"user": request.user.get_username()})
