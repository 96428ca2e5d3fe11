"""djoser and dj-rest-auth, which import simplejwt. ``ALIAS`` in the environment leads them here."""

import os

from django_jwtauth.contrib.simplejwt import alias
from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

ALIAS = os.environ.get("ALIAS") == "1"
if ALIAS:
    alias.install()

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "djoser",
    "rest_framework.authtoken",
]
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
ROOT_URLCONF = "tests.neighbours.simplejwt_users.urls"
ACCOUNT_EMAIL_VERIFICATION = "none"
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

DJOSER = {
    "SOCIAL_AUTH_ALLOWED_REDIRECT_URIS": ["https://app.example.com/"],
    "SOCIAL_AUTH_TOKEN_STRATEGY": (
        "djoser.social.token.jwt.TokenStrategy"
        if ALIAS
        else "django_jwtauth.contrib.djoser.TokenStrategy"
    ),
    "TOKEN_MODEL": None,
}
