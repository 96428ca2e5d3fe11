from django.urls import include, path

urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path("api/", include("django_jwtauth.urls.portal")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path(".well-known/", include("django_jwtauth.urls.well_known")),
]
