from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from . import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", include("django_jwtauth.urls")),
    path("api/", include("django_jwtauth.urls.acting")),
    path("api/", include("django_jwtauth.urls.portal")),
    path("api/hello/", views.HelloView.as_view()),
    path("api/staff/", views.StaffView.as_view()),
    path("api/reports/", views.ReportsView.as_view(), name="reports"),
    path("auth/", include("django_jwtauth.urls.browser")),
    path("devices/", include("devices.urls")),
    path("docs/", SpectacularSwaggerView.as_view(), name="docs"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("", include("portal.urls")),
]
