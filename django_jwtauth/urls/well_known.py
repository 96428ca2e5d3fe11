"""For the root URLconf: ``path(".well-known/", include("django_jwtauth.urls.well_known"))``."""

from django.urls import path

from ..views import well_known

urlpatterns = [
    path("jwks.json", well_known.jwks, name="jwtauth_jwks"),
    path("openid-configuration", well_known.metadata, name="jwtauth_openid_configuration"),
    path(
        "oauth-authorization-server",
        well_known.metadata,
        name="jwtauth_authorization_server",
    ),
]
