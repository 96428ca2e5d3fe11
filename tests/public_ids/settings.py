"""A project whose tokens name a public UUID, with simplejwt's endpoints and ours side by side."""

from datetime import timedelta

from tests.settings import *  # noqa: F403

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "tests.public_ids",
    "django_jwtauth",
]
MIDDLEWARE = []
AUTH_USER_MODEL = "public_ids.Account"
ROOT_URLCONF = "tests.public_ids.urls"
MIGRATION_MODULES = {"auth": None, "contenttypes": None}

SIMPLE_JWT = {
    "USER_ID_FIELD": "public_id",
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
}
