"""The project of ``tests.settings`` with mails to users about their sign-ins."""

import os

import django

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_jwtauth.contrib.notices"]
ROOT_URLCONF = "tests.notices.urls"
JWTAUTH = {"NOTICES": {"BASE_URL": "https://shop.example"}, "COOKIES": {"SECURE": False}}

if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

database = DATABASES["default"]
if not database["TEST"]["NAME"]:
    # The suite that started this one has a test database under the usual name.
    database["TEST"]["NAME"] = f"test_{database['NAME']}_{os.getpid()}"
