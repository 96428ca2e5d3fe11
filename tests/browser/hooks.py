"""What the example's project might have, for one test."""

import time

from django.contrib.auth.models import User
from django.http import HttpRequest


def signed_in_long_ago(user: User, request: HttpRequest) -> dict[str, object]:
    """Make the user's first sign-in one of 1970, and those beside it new."""
    return {"auth_time": int(time.time()) if user.jwtauth_sessions.live().exists() else 0}
