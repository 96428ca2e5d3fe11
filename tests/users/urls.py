from django.urls import include, path

from tests import views

urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path("protected/", views.ProtectedView.as_view(), name="protected"),
]
