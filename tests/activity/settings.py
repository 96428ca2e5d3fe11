"""The project of ``tests.settings`` with the app that counts refreshes and refusals."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_jwtauth.contrib.activity"]

database = DATABASES["default"]
if not database["TEST"]["NAME"]:
    # The suite that started this one has a test database under the usual name.
    database["TEST"]["NAME"] = f"test_{database['NAME']}_{os.getpid()}"
