from django.urls import include, path

urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
]
