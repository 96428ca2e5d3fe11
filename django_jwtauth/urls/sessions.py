"""Sign out, verify, who am I, my sign-ins: ``include("django_jwtauth.urls.sessions")``.

For projects whose own views sign users in and refresh: ``token/`` and ``token/refresh/`` would
bypass the rules of those views.
"""

from django.urls import path, re_path

from .. import views
from ..claims import SID_PATTERN

urlpatterns = [
    path("token/verify/", views.TokenVerifyView.as_view(), name="token_verify"),
    path("token/blacklist/", views.TokenBlacklistView.as_view(), name="token_blacklist"),
    path("me/", views.MeView.as_view(), name="jwtauth_me"),
    path("sessions/", views.SessionListView.as_view(), name="jwtauth_session_list"),
    # Django's uuid converter requires dashes.
    re_path(
        rf"^sessions/(?P<sid>{SID_PATTERN})/\Z",
        views.SessionDetailView.as_view(),
        name="jwtauth_session_detail",
    ),
]
