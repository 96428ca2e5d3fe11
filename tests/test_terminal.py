"""What several commands read and show in the same way."""

from argparse import ArgumentTypeError
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError
from django.core.management.base import OutputWrapper

from django_jwtauth.management import terminal


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "", "²"])
def test_a_batch_has_at_least_one_row(text):
    """Anything but a whole number of at least 1 is refused in argparse's own way."""
    assert terminal.batch_size("500") == 500
    with pytest.raises(ArgumentTypeError, match="must be a whole number of at least 1"):
        terminal.batch_size(text)


@pytest.mark.parametrize("name", ["carl", "", "nul\0"])
def test_a_user_who_is_not_there_is_told(user, name):
    """The argument is named, and that nothing was done."""
    assert terminal.find_user("--user", "anna", User.objects) == user
    with pytest.raises(CommandError, match=r"^--by: there is no user with this name\. Nothing was"):
        terminal.find_user("--by", name, User.objects)


def test_a_name_that_several_have_is_nobodys(user, other_user, monkeypatch):
    """A project's user name need not be unique: the command does not choose."""
    monkeypatch.setattr(User, "USERNAME_FIELD", "is_active")

    with pytest.raises(CommandError, match="more than one user"):
        terminal.find_user("--user", "True", User.objects)


def test_a_line_is_replaced():
    """Nothing of what stood there is left, and no colour is added."""
    out = StringIO()
    out.isatty = lambda: True
    wrapper = OutputWrapper(out)
    wrapper.style_func = str.upper
    terminal.overwrite(wrapper, "2 of 3 ended")

    assert out.getvalue() == "\r\033[K2 of 3 ended"


@pytest.mark.parametrize(("number", "noun"), [(0, "0 sign-ins"), (1, "1 sign-in"), (1234, "1,234")])
def test_a_sweep_is_told_in_a_sentence(number, noun):
    """In a noun that fits the number."""
    assert terminal.swept(number).startswith(f"Ended {noun}")
