"""What the hooks of a project may do, by dotted path: ``tests.hooks.two_scopes``."""

from django_jwtauth.exceptions import SignInRefused


def two_scopes(user, request):
    return ["reports:read", "reports:write"]


def many_scopes(user, request):
    """More than fit the column of a row."""
    return [f"scope:{number:03}" for number in range(100)]


def refuse(user, request):
    raise SignInRefused
