"""Two databases: what is written goes to ``primary``, what is read comes from ``default``.

Nothing is ever replicated, so ``default`` is as stale as a replica can be.
"""

import tempfile
from pathlib import Path

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, SQLITE_TEST_FILE

primary = DATABASES["default"]
replica = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": ":memory:",
    "TEST": {"NAME": Path(tempfile.gettempdir(), f"replica_of_{SQLITE_TEST_FILE.name}")},
}
DATABASES = {
    "default": {**replica, "ATOMIC_REQUESTS": True},
    "primary": {**primary, "ATOMIC_REQUESTS": True},
}
DATABASE_ROUTERS = ["tests.replica.settings.Router"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "django_jwtauth",
]
MIDDLEWARE = []
ROOT_URLCONF = "tests.users.urls"
# Tables of others need no history here; ours is migrated as everywhere.
MIGRATION_MODULES = {"auth": None, "contenttypes": None}


class Router:
    def db_for_read(self, model, **hints):
        return "default"

    def db_for_write(self, model, **hints):
        return "primary"

    def allow_relation(self, *objects, **hints):
        return True
