"""``jwtauth_sweep``: ends what no request can use."""

from django.contrib.auth.models import User

from django_jwtauth.models import LoginSession
from tests.calls import run_command


def test_the_sweep_is_a_command_too(user, pair):
    """For those who want it more often."""
    User.objects.update(is_active=False)

    assert run_command("jwtauth_sweep") == "Ended 1 sign-in that no request could use.\n"

    row = LoginSession.objects.get()
    assert (row.end_reason, row.ended_via) == ("user_inactive", "deactivation")
