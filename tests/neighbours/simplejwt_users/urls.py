from django.conf import settings
from django.urls import include, path

from tests import views

urlpatterns = [
    path("protected/", views.ProtectedView.as_view(), name="protected"),
    path("djoser/", include("djoser.urls")),
    path(
        "djoser/",
        include("djoser.urls.jwt" if settings.ALIAS else "django_jwtauth.contrib.djoser"),
    ),
    path(
        "auth/",
        include(
            "dj_rest_auth.urls" if settings.ALIAS else "django_jwtauth.contrib.dj_rest_auth.urls"
        ),
    ),
    path("auth/registration/", include("dj_rest_auth.registration.urls")),
]
