"""The project of ``tests.users`` with these models, too; JWTAUTH_TEST_APP names the app."""

import os

from tests.users.settings import *  # noqa: F403
from tests.users.settings import INSTALLED_APPS, USER_MODEL

AUTH_USER_MODEL = f"{os.environ['JWTAUTH_TEST_APP']}.{USER_MODEL}"
INSTALLED_APPS = [*INSTALLED_APPS, "tests.paths"]
