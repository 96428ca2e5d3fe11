"""The browser endpoints: ``path("auth/", include("django_jwtauth.urls.browser"))``."""

from django.urls import path, re_path

from .. import views
from ..authentication import JWTCookieAuthentication
from ..claims import SID_PATTERN
from ..views import browser

app_name = "jwtauth_browser"

_cookies = {"authentication_classes": [JWTCookieAuthentication]}

urlpatterns = [
    path("csrf/", browser.CSRFView.as_view(), name="csrf"),
    path("token/", browser.SignInView.as_view(), name="token_obtain_pair"),
    path("token/refresh/", browser.RefreshView.as_view(), name="token_refresh"),
    path("token/blacklist/", browser.SignOutView.as_view(), name="token_blacklist"),
    path("me/", views.MeView.as_view(**_cookies), name="jwtauth_me"),
    path("sessions/", views.SessionListView.as_view(**_cookies), name="jwtauth_session_list"),
    re_path(
        rf"^sessions/(?P<sid>{SID_PATTERN})/\Z",
        views.SessionDetailView.as_view(**_cookies),
        name="jwtauth_session_detail",
    ),
]
