from django.urls import include, path

urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path(".well-known/", include("django_jwtauth.urls.well_known")),
]
