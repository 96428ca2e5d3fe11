"""The test project with what contrib works with beside it."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE, REST_FRAMEWORK

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.dummy",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
]
ROOT_URLCONF = "tests.neighbours.urls"

# django-allauth: docs/allauth.md
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "django_jwtauth.contrib.allauth.TokenStrategy"
HEADLESS_FRONTEND_URLS = {
    "account_confirm_email": "https://app.example.com/verify-email/{key}",
    "account_reset_password": "https://app.example.com/reset",
    "account_reset_password_from_key": "https://app.example.com/reset/{key}",
    "account_signup": "https://app.example.com/sign-up",
}
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
# What Django 6.1 wants of whoever sends mail; the test runner puts its outbox in place of it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

# drf-spectacular: docs/openapi.md
INSTALLED_APPS = [*INSTALLED_APPS, "drf_spectacular", "django_jwtauth.contrib.spectacular"]
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
