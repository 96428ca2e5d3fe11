"""djoser's routes under ``jwt/`` and its strategy for social sign-ins, with the tokens here.

For a project without ``contrib.simplejwt.alias``, with which djoser's own do the same.
"""

from typing import Any

from django.urls import re_path

from .simplejwt import views
from .simplejwt.tokens import RefreshToken

#: ``include("django_jwtauth.contrib.djoser")`` in place of ``include("djoser.urls.jwt")``.
urlpatterns = [
    re_path(r"^jwt/create/?$", views.TokenObtainPairView.as_view(), name="jwt-create"),
    re_path(r"^jwt/refresh/?$", views.TokenRefreshView.as_view(), name="jwt-refresh"),
    re_path(r"^jwt/verify/?$", views.TokenVerifyView.as_view(), name="jwt-verify"),
]


class TokenStrategy:
    """The value of ``DJOSER["SOCIAL_AUTH_TOKEN_STRATEGY"]``, by its dotted path."""

    @classmethod
    def obtain(cls, user: Any) -> dict[str, Any]:
        """Start a sign-in; return ``access``, ``refresh`` and the user.

        Raises a ``TokenError`` for an inactive user, which is answered with 401.
        """
        refresh = RefreshToken.for_user(user)
        return {"access": str(refresh.access_token), "refresh": str(refresh), "user": user}
