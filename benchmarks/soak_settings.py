"""The project that the soak serves: PostgreSQL, and signing keys from a file that changes."""

import json
import os
from pathlib import Path

FOLDER = Path(os.environ["SOAK_FOLDER"])

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": os.environ["SOAK_PORT"],
        # Kept, so that every worker finds its connection dead after the restart.
        "CONN_MAX_AGE": None,
    }
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "django_jwtauth",
]
ROOT_URLCONF = "benchmarks.soak_settings"
ALLOWED_HOSTS = ["127.0.0.1"]
SECRET_KEY = "only-for-the-soak-of-django-jwtauth-and-long-enough-for-hs256"
USE_TZ = True
# The real hashers are slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["django_jwtauth.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "UNAUTHENTICATED_USER": None,
}
JWTAUTH = {
    "KEYS": json.loads(Path(FOLDER, "keys.json").read_text()),
    "ISSUER": "https://soak.example",
    # The soak signs in from one address, with wrong passwords, too.
    "THROTTLES": {"RATES": {"address": None, "account": None, "account_everywhere": None}},
}


def __getattr__(name: str) -> object:
    """Give ROOT_URLCONF its patterns, which cannot be imported before the apps are."""
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.urls import include, path

    return [path("api/", include("django_jwtauth.urls"))]
