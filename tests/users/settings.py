"""The project of ``tests.settings`` with another user model: the one JWTAUTH_TEST_USER names."""

import os

from tests.settings import *  # noqa: F403

USER_MODEL = os.environ["JWTAUTH_TEST_USER"]
AUTH_USER_MODEL = f"users.{USER_MODEL}"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "tests.users",
    "django_jwtauth",
]
MIDDLEWARE = []
ROOT_URLCONF = "tests.users.urls"
# Tables of others need no history here; ours is migrated as everywhere.
MIGRATION_MODULES = {"auth": None, "contenttypes": None}
