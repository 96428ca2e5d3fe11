from django.urls import include, path

from tests import urls

urlpatterns = [*urls.urlpatterns, path("oauth/", include("django_jwtauth.urls.oauth"))]
