"""The scopes of this example."""

from django.contrib.auth.models import User
from django.http import HttpRequest

from django_jwtauth.scopes import MANAGE

MEANINGS = {
    "reports:read": "Read reports",
    "reports:write": "File reports",
    "users:read": "Read about users",
}


def allow(user: User, request: HttpRequest | None) -> list[str]:
    """Return the scopes that a user may have; a token has these, or fewer if it asks for fewer."""
    names = [name for name in MEANINGS if user.is_staff or name != "users:read"]
    # Users end their sign-ins here and create API tokens.
    return [*names, MANAGE]
