"""What a call answers: the reason of a refusal, what a command prints."""

from io import StringIO

import pytest
from django.core.management import call_command

from django_jwtauth.exceptions import AuthError


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
