"""Acting for another user: ``path("api/", include("django_jwtauth.urls.acting"))``."""

from django.urls import path

from ..views import acting

urlpatterns = [
    path("impersonate/", acting.ImpersonateView.as_view(), name="jwtauth_impersonate"),
]
