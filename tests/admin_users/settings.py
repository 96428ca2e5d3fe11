"""The project of ``tests.users.settings`` with the admin."""

from tests.settings import INSTALLED_APPS as USUAL_APPS
from tests.settings import MIDDLEWARE as USUAL_MIDDLEWARE
from tests.users.settings import *  # noqa: F403

INSTALLED_APPS = ["tests.users", *USUAL_APPS]
MIDDLEWARE = USUAL_MIDDLEWARE
ROOT_URLCONF = "tests.admin_users.urls"
MIGRATION_MODULES = {"admin": None, "auth": None, "contenttypes": None, "sessions": None}
