"""simplejwt with its blacklist app, rotation on.

``SIMPLE_JWT`` in the environment adds to that, ``ALIAS`` leads imports of simplejwt here.
"""

import json
import os
from datetime import timedelta

from django_jwtauth.contrib.simplejwt import alias
from tests.settings import DATABASES, DEFAULT_AUTO_FIELD, PASSWORD_HASHERS, SECRET_KEY, USE_TZ

__all__ = ["DATABASES", "DEFAULT_AUTO_FIELD", "PASSWORD_HASHERS", "SECRET_KEY", "USE_TZ"]

if os.environ.get("ALIAS"):
    alias.install()

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    *filter(None, [os.environ.get("ANOTHER_APP")]),
]
MIDDLEWARE = []
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.simplejwt_project.urls"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}


def from_json(name, value):
    return timedelta(seconds=value) if name.endswith("LIFETIME") else value


SIMPLE_JWT = {
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    **{
        name: from_json(name, value)
        for name, value in json.loads(os.environ.get("SIMPLE_JWT", "{}")).items()
    },
}
