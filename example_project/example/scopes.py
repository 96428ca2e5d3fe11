"""What tokens can be good for in this example."""

from django.contrib.auth.models import User
from django.http import HttpRequest

MEANINGS = {
    "reports:read": "Read reports",
    "reports:write": "File reports",
    "users:read": "Read about users",
}


def allow(user: User, request: HttpRequest | None) -> list[str]:
    """Return the scopes that a user may have; a token has these, or those of them it asks for."""
    return [name for name in MEANINGS if user.is_staff or name != "users:read"]
