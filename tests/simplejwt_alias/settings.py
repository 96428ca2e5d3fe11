"""A project whose packages import simplejwt. ``APPS`` in the environment adds to its apps."""

import os
from importlib.machinery import PathFinder

from django_jwtauth.contrib.simplejwt import alias
from tests import settings as base

ALLOWED_HOSTS = ["localhost"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = base.DEFAULT_AUTO_FIELD
INSTALLED_APPS = [*base.INSTALLED_APPS, *os.environ.get("APPS", "").split()]
MIDDLEWARE = base.MIDDLEWARE
TEMPLATES = base.TEMPLATES
ROOT_URLCONF = base.ROOT_URLCONF
SECRET_KEY = base.SECRET_KEY
STATIC_URL = base.STATIC_URL
USE_TZ = True
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}


class WithoutSimplejwt(PathFinder):
    """Finds what is installed, but for simplejwt."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.startswith("rest_framework_simplejwt"):
            return None
        return super().find_spec(fullname, path, target)


if os.environ.get("SIMPLEJWT") == "missing":
    alias.PathFinder = WithoutSimplejwt
alias.install()
