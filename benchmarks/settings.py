"""One project in which every contender is installed, so that all run in one process.

``JWTAUTH_BENCH`` names the profile: ``HS256``, ``ES256`` (another key for the JWT
packages), ``manager`` (a user model whose default manager has a queryset of its own), or
``scale`` (with the admin).
"""

import os
import tempfile
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.settings import parse_database_url

PROFILE = os.environ.get("JWTAUTH_BENCH", "HS256")

# Signing must not be slowed by a disk, so a file in memory where the system has such.
SHARED_MEMORY = Path("/dev/shm")
DIRECTORY = os.environ.get("JWTAUTH_BENCH_DIRECTORY") or (
    SHARED_MEMORY if SHARED_MEMORY.is_dir() else tempfile.gettempdir()
)

DATABASES = {
    "default": parse_database_url(os.environ.get("DATABASE_URL") or "sqlite:///:memory:"),
}
# As in production: a connection outlives the request.
DATABASES["default"]["CONN_MAX_AGE"] = None
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": Path(DIRECTORY, f"jwtauth_bench_{os.getpid()}.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "rest_framework.authtoken",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "knox",
    "benchmarks",
    "django_jwtauth",
]
if PROFILE == "scale":
    INSTALLED_APPS += ["django.contrib.admin", "django.contrib.messages"]
    STATIC_URL = "static/"
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
if PROFILE == "manager":
    AUTH_USER_MODEL = "benchmarks.ManagedUser"
    # It has no migrations, and refers to tables that would be made by some, later.
    DATABASES["default"].setdefault("TEST", {})["MIGRATE"] = False
# The contender for Django's sessions adds what it needs, for itself.
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "benchmarks.urls"
USE_TZ = True

SECRET_KEY = "only-for-the-benchmarks-of-django-jwtauth-and-long-enough-for-hs256"
# Cheap, because the real ones would hide everything else.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

REST_FRAMEWORK = {"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]}

JWTAUTH: dict[str, object] = {"UPDATE_LAST_LOGIN": True}
SIMPLE_JWT = {
    "UPDATE_LAST_LOGIN": True,
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
}
if PROFILE == "ES256":
    _key = ec.generate_private_key(ec.SECP256R1())
    _private = _key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    _public = _key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    JWTAUTH["KEYS"] = [{"algorithm": "ES256", "private_key": _private}]
    SIMPLE_JWT |= {"ALGORITHM": "ES256", "SIGNING_KEY": _private, "VERIFYING_KEY": _public.decode()}
