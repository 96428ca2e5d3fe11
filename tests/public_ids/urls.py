from django.urls import include, path
from rest_framework_simplejwt.views import (
    TokenBlacklistView,
    TokenObtainPairView,
    TokenRefreshView,
)

from tests import views

urlpatterns = [
    path("old/token/", TokenObtainPairView.as_view()),
    path("old/token/refresh/", TokenRefreshView.as_view()),
    path("old/token/blacklist/", TokenBlacklistView.as_view()),
    path("api/", include("django_jwtauth.urls")),
    path("protected/", views.ProtectedView.as_view(), name="protected"),
]
