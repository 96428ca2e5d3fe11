"""The project of ``tests.settings`` with mails to users about their sign-ins."""

import django

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_jwtauth.contrib.notices"]
ROOT_URLCONF = "tests.notices.urls"
JWTAUTH = {"NOTICES": {"BASE_URL": "https://shop.example"}, "COOKIES": {"SECURE": False}}

if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
