"""All of our endpoints that are in a schema, and the schema itself."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path("api/", include("django_jwtauth.urls.acting")),
    path("api/", include("django_jwtauth.urls.portal")),
    path("auth/", include("django_jwtauth.urls.browser")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
]
