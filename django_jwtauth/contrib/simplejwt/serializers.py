"""``TokenObtainPairSerializer``, for projects that subclassed simplejwt's."""

from typing import TYPE_CHECKING, Any

from ... import credentials, serializers
from ...redacted import redact_body
from .tokens import RefreshToken

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from ...tokens import TokenPair


class TokenObtainPairSerializer(serializers.TokenObtainPairSerializer):
    """Signs in when it validates, so that subclasses can do what they did in simplejwt.

    ``get_token()`` adds claims; they are carried through every refresh. ``validate()``
    adds to the answer, and ``self.user`` is the user once it has been called.
    """

    user: "AbstractBaseUser"
    pair: "TokenPair"

    @classmethod
    def get_token(cls, user: "AbstractBaseUser") -> RefreshToken:
        """Return the refresh token of a sign-in that has not started yet."""
        return RefreshToken.for_user(user)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        request = self.context["request"]._request
        credentials.keep_sent(request, redact_body(self.initial_data))
        self.user, claims = credentials.check(
            request,
            attrs[self.username_field],
            attrs["password"],
            attrs.get("scope"),
            field=self.username_field,
        )
        token = self.get_token(self.user)
        self.pair = token.complete(request, claims)
        return {"refresh": str(token), "access": str(token.access_token)}
