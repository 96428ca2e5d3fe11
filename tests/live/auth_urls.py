from django.urls import include, path

from django_jwtauth.views import well_known
from tests import views

# Minutes are seconds here, so that a test can wait for them.
well_known.MAX_AGE = 1

urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path(".well-known/", include("django_jwtauth.urls.well_known")),
    path("protected/", views.ProtectedView.as_view()),
]
