"""djoser and dj-rest-auth, which import simplejwt. ``ALIAS`` in the environment leads them here."""

import os
import sys

from django_jwtauth.contrib.simplejwt import alias
from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE, REST_FRAMEWORK

ALIAS = os.environ.get("ALIAS") == "1"
if ALIAS:
    alias.install()
else:
    # contrib needs no simplejwt: importing it fails, whether it is installed or not.
    sys.modules["rest_framework_simplejwt"] = None

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "dj_rest_auth",
    "dj_rest_auth.registration",
    "djoser",
    "rest_framework.authtoken",
]
if ALIAS:
    # dj-rest-auth asks for it by name before it blacklists a token.
    INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework_simplejwt.token_blacklist"]
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

REST_AUTH = {
    "JWT_AUTH_COOKIE": "shop-access",
    "JWT_AUTH_COOKIE_USE_CSRF": True,
    "JWT_AUTH_HTTPONLY": True,
    "JWT_AUTH_REFRESH_COOKIE": "shop-refresh",
    "JWT_AUTH_REFRESH_COOKIE_PATH": "/auth/",
    "JWT_AUTH_RETURN_EXPIRATION": True,
    "JWT_AUTH_SAMESITE": "Strict",
    "JWT_AUTH_SECURE": True,
    "SESSION_LOGIN": False,
    "TOKEN_MODEL": None,
    "USE_JWT": True,
}
if not ALIAS:
    REST_AUTH["JWT_TOKEN_CLAIMS_SERIALIZER"] = (
        "django_jwtauth.contrib.simplejwt.serializers.TokenObtainPairSerializer"
    )
JWT_AUTH = "dj_rest_auth.jwt_auth" if ALIAS else "django_jwtauth.contrib.dj_rest_auth.jwt_auth"
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_AUTHENTICATION_CLASSES": [f"{JWT_AUTH}.JWTCookieAuthentication"],
}
