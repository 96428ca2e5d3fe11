from django.contrib import admin
from django.urls import include, path

from tests import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("django_jwtauth.urls")),
    path("protected/", views.ProtectedView.as_view(), name="protected"),
    path("public/", views.PublicView.as_view(), name="public"),
]
