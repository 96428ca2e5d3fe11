from django.contrib.auth.views import PasswordResetView
from django.urls import include, path

from tests.urls import urlpatterns as usual

urlpatterns = [
    *usual,
    path("notices/", include("django_jwtauth.contrib.notices.urls")),
    path("forgotten/", PasswordResetView.as_view(), name="password_reset"),
]
