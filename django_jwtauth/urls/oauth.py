"""The OAuth endpoints: ``path("oauth/", include("django_jwtauth.urls.oauth"))``."""

from django.urls import path

from ..views import oauth

urlpatterns = [
    path("token/", oauth.token, name="jwtauth_oauth_token"),
    path("revoke/", oauth.revoke, name="jwtauth_oauth_revoke"),
    path("introspect/", oauth.introspect, name="jwtauth_oauth_introspect"),
    path("check/", oauth.check, name="jwtauth_check"),
]
