"""The project behind one proxy, with the log that its configuration asks for."""

from tests.gateways.settings import *  # noqa: F403

LOGGING = CONFIG["LOGGING"]  # noqa: F405
REST_FRAMEWORK = {**REST_FRAMEWORK, "NUM_PROXIES": 1}  # noqa: F405
