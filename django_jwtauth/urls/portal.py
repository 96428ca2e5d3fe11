"""The developer portal's endpoints: ``path("api/", include("django_jwtauth.urls.portal"))``."""

from django.urls import path, re_path

from ..claims import SID_PATTERN
from ..views import portal

urlpatterns = [
    path("api-tokens/", portal.ApiTokenListView.as_view(), name="jwtauth_api_token_list"),
    re_path(
        rf"^api-tokens/(?P<sid>{SID_PATTERN})/\Z",
        portal.ApiTokenDetailView.as_view(),
        name="jwtauth_api_token_detail",
    ),
    path("one-time-tokens/", portal.OneTimeView.as_view(), name="jwtauth_one_time"),
    path(
        "one-time-tokens/consume/",
        portal.OneTimeConsumeView.as_view(),
        name="jwtauth_one_time_consume",
    ),
    path("token/one-time/", portal.OneTimeSignInView.as_view(), name="token_one_time"),
]
