"""A project that issues tokens, in a process of its own; LIVE_CONFIG names its configuration."""

import json
import os
from pathlib import Path

from tests.settings import *  # noqa: F403

CONFIG = json.loads(Path(os.environ["LIVE_CONFIG"]).read_text())

ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.live.auth_urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": CONFIG["database"],
        # As Django's documentation advises where several processes write.
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
JWTAUTH = CONFIG["JWTAUTH"]
