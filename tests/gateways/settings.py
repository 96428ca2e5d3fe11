"""The project behind the gateways, in a process of its own; see tests/live/auth_settings.py."""

from tests.live.auth_settings import *  # noqa: F403

ROOT_URLCONF = "tests.gateways.urls"
# A transaction on a database that is down would be a 500 before any of our views runs.
DATABASES["default"]["ATOMIC_REQUESTS"] = True  # noqa: F405


def scopes_hook(user, request):
    return ["jwtauth:manage", "reports:read", "reports:write"]
