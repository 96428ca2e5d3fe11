"""``TokenObtainPairView`` for a serializer that subclassed simplejwt's."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from ... import views
from .serializers import TokenObtainPairSerializer


class TokenObtainPairView(views.TokenObtainPairView):
    """Answers what ``validate()`` of the serializer returns, and how long the tokens last."""

    serializer_class: ClassVar[type[TokenObtainPairSerializer]] = TokenObtainPairSerializer

    def post(self, request: Request) -> Response:
        serializer = self.serializer_class(
            data=self.read_body(request), context={"request": request}
        )
        serializer.is_valid(raise_exception=True)
        granted = self.grant(serializer.pair).data
        return Response({**granted, **serializer.validated_data})
