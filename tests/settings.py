"""A small project that uses the app the way the quick start says."""

import os
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

ENGINES = {
    "sqlite": "django.db.backends.sqlite3",
    "postgres": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
}

# A file, not memory: threads must see the same database. The process id lets two runs coexist.
SQLITE_TEST_FILE = Path(tempfile.gettempdir(), f"test_jwtauth_{os.getpid()}.sqlite3")


def parse_database_url(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    name = parts.path.removeprefix("/")
    return {
        "ENGINE": ENGINES[parts.scheme],
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "TEST": {"NAME": SQLITE_TEST_FILE if parts.scheme == "sqlite" else name_for_tests(name)},
    }


def name_for_tests(name: str) -> str | None:
    """Return the name of a server's test database, None for the usual one.

    The tests that tests/subproject.py starts need another: whoever started them has that one.
    """
    return f"test_{name}_{os.getpid()}" if os.environ.get("JWTAUTH_TEST_SUBPROJECT") else None


DATABASES = {
    "default": parse_database_url(os.environ.get("DATABASE_URL") or "sqlite:///:memory:"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_jwtauth",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
USE_TZ = True

SECRET_KEY = "only-for-the-tests-of-django-jwtauth-and-long-enough-for-hs256"
# The real hashers are slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["django_jwtauth.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
