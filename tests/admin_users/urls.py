from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import include, path

from tests import views

admin.site.register(get_user_model())

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("django_jwtauth.urls")),
    path("protected/", views.ProtectedView.as_view(), name="protected"),
]
