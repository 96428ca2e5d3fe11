"""The project of ``tests.settings`` with the app that counts refreshes and refusals."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_jwtauth.contrib.activity"]
