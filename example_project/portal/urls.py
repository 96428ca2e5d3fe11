from django.urls import path, re_path

from django_jwtauth.authentication import JWTCookieAuthentication
from django_jwtauth.views import portal

from . import views

app_name = "portal"
cookies = {"authentication_classes": [JWTCookieAuthentication]}

urlpatterns = [
    path("tokens/", views.tokens, name="tokens"),
    path("link/", views.ask, name="ask"),
    path("link/enter/", views.enter, name="enter"),
    # The endpoints of the package, for pages that are signed in by cookies
    path(
        "auth/api-tokens/",
        portal.ApiTokenListView.as_view(**cookies),
        name="api_token_list",
    ),
    re_path(
        r"^auth/api-tokens/(?P<sid>[0-9a-f]{32})/\Z",
        portal.ApiTokenDetailView.as_view(**cookies),
        name="api_token_detail",
    ),
    # Below auth/token/, where the browser sends its refresh cookie, so that its old sign-in ends.
    path("auth/token/link/", views.LinkSignInView.as_view(), name="token_link"),
]
