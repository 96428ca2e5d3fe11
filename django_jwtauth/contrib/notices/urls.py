"""The page that the links in mails lead to: ``path("notices/", include(...))``."""

from django.urls import path

from . import views

urlpatterns = [path("<str:value>/", views.notice, name="jwtauth_notice")]
