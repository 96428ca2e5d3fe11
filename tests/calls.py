"""What is answered: to a request, to a call in Python, on a terminal."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from django_jwtauth.exceptions import AuthError


def call(url, raw=None, method="get", **headers):
    """Answer a request with the token, or without one, of a client that Django checks for CSRF."""
    if raw is not None:
        headers["authorization"] = f"Bearer {raw}"
    return getattr(Client(enforce_csrf_checks=True), method)(url, headers=headers)


def reason_of(call, *args, **kwargs):
    """The ``reason`` of the refusal that the call raises."""
    with pytest.raises(AuthError) as caught:
        call(*args, **kwargs)
    return caught.value.reason


def run_command(name, *args, **options):
    """Run the command and return what it prints, without colours; what it raises is raised."""
    out = StringIO()
    call_command(name, *args, stdout=out, stderr=StringIO(), no_color=True, **options)
    return out.getvalue()
