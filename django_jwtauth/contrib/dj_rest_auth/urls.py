"""``include("django_jwtauth.contrib.dj_rest_auth.urls")`` in place of ``dj_rest_auth.urls``."""

from dj_rest_auth import views as theirs
from dj_rest_auth.app_settings import api_settings
from django.core.exceptions import ImproperlyConfigured
from django.urls import re_path

from ..simplejwt.serializers import TokenObtainSerializer
from ..simplejwt.views import TokenVerifyView
from . import views


def _issues_our_tokens() -> bool:
    try:
        serializer = api_settings.JWT_TOKEN_CLAIMS_SERIALIZER
    # The default is simplejwt's, which may not be installed.
    except ImportError:
        return False
    return bool(api_settings.USE_JWT) and issubclass(serializer, TokenObtainSerializer)


# Without this, login and registration would go on issuing other tokens.
if not _issues_our_tokens():
    raise ImproperlyConfigured(
        'REST_AUTH needs "USE_JWT": True and "JWT_TOKEN_CLAIMS_SERIALIZER": '
        f'"{TokenObtainSerializer.__module__}.TokenObtainPairSerializer", or a subclass of that.'
    )

urlpatterns = [
    re_path(r"^password/reset/?$", theirs.PasswordResetView.as_view(), name="rest_password_reset"),
    re_path(
        r"^password/reset/confirm/?$",
        theirs.PasswordResetConfirmView.as_view(),
        name="rest_password_reset_confirm",
    ),
    re_path(r"^login/?$", views.LoginView.as_view(), name="rest_login"),
    re_path(r"^logout/?$", views.LogoutView.as_view(), name="rest_logout"),
    re_path(r"^user/?$", theirs.UserDetailsView.as_view(), name="rest_user_details"),
    re_path(
        r"^password/change/?$", theirs.PasswordChangeView.as_view(), name="rest_password_change"
    ),
    re_path(r"^token/verify/?$", TokenVerifyView.as_view(), name="token_verify"),
    re_path(r"^token/refresh/?$", views.RefreshView.as_view(), name="token_refresh"),
]
