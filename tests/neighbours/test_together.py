"""All neighbours at once, in one project."""

from django.core.management import call_command


def test_the_checks_are_silent():
    """No neighbour makes another complain."""
    call_command("check", fail_level="DEBUG")
