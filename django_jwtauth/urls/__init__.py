"""The JSON endpoints: ``path("api/", include("django_jwtauth.urls"))``."""

from django.urls import path

from .. import views
from . import sessions

urlpatterns = [
    path("token/", views.TokenObtainPairView.as_view(), name="token_obtain_pair"),
    path("token/refresh/", views.TokenRefreshView.as_view(), name="token_refresh"),
    *sessions.urlpatterns,
]
