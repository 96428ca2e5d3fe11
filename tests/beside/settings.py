"""The test project with django-axes in front of its sign-ins, and django-auditlog."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

INSTALLED_APPS = [*INSTALLED_APPS, "axes", "auditlog"]
MIDDLEWARE = [
    *MIDDLEWARE,
    "django_jwtauth.middleware.JWTAuthenticationMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 3
AXES_LOCKOUT_PARAMETERS = ["username"]
SILENCED_SYSTEM_CHECKS = ["axes.W006"]
JWTAUTH = {"OAUTH_PASSWORD_GRANT": True}
ROOT_URLCONF = "tests.beside.urls"
