"""The settings of `django-admin startproject`, shortened, with the quick start at the end."""

from datetime import timedelta
from pathlib import Path

import django

BASE_DIR = Path(__file__).resolve().parent.parent

# A real project reads its key from the environment.
SECRET_KEY = "insecure-and-public-so-only-for-the-example-of-django-jwtauth"
DEBUG = True

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "example.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"

# The quick start

INSTALLED_APPS += ["rest_framework", "django_jwtauth", "django_jwtauth.contrib.activity"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["django_jwtauth.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}

# The page "My devices": tokens in cookies, which need https in production

INSTALLED_APPS += ["devices"]

JWTAUTH = {
    "HOOKS": {"SCOPES": "example.scopes.allow"},
    "COOKIES": {"SECURE": not DEBUG},
    # Without the tick at "Remember me"
    "SESSION_LIFETIME_NOT_REMEMBERED": timedelta(hours=12),
}

# Scopes for API tokens, and sign-in links whose mails are printed

INSTALLED_APPS += ["portal"]

if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "example.mail.TerminalBackend"}}
else:
    EMAIL_BACKEND = "example.mail.TerminalBackend"

# The schema, and Swagger UI under /docs/ with its files from this server

INSTALLED_APPS += [
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_jwtauth.contrib.spectacular",
]

SPECTACULAR_SETTINGS = {
    "TITLE": "The example of django-jwtauth",
    "VERSION": "",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
