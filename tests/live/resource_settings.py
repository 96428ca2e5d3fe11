"""A service that only verifies: the settings are those of docs/stateless.md, word for word."""

import json
import os
from pathlib import Path

from tests.pages import block

CONFIG = json.loads(Path(os.environ["LIVE_CONFIG"]).read_text())

exec(block("stateless.md", "# orders/settings.py"))

SECRET_KEY = "the-service-has-a-secret-key-of-its-own-which-signs-nothing"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.live.resource_urls"
# The tests run on the first release of Django's series, too.
SILENCED_SYSTEM_CHECKS = ["jwtauth.W025"]
# Only where things are differs from the documentation.
JWTAUTH = {**JWTAUTH, **CONFIG["JWTAUTH"]}  # noqa: F821
