"""Arguments and output that several commands share."""

import getpass
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, OutputWrapper

from ..store import database, identity

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def batch_size(text: str) -> int:
    """Read the number of rows in a batch."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("must be a whole number of at least 1")
    return int(text)


def find_user(argument: str, username: str, users: Any) -> "AbstractBaseUser":
    """Return the one of ``users`` with this user name; raises ``CommandError`` without one."""
    found = list(identity.having(users, get_user_model().USERNAME_FIELD, username)[:2])
    if len(found) != 1:
        many = "more than one user" if found else "no user"
        raise CommandError(f"{argument}: there is {many} with this name. Nothing was done.")
    user: AbstractBaseUser = found[0]
    return user


def known_users() -> Any:
    """Return the users to choose from, including those whom a manager hides."""
    return get_user_model()._base_manager.using(database.alias())


def system_user() -> str:
    try:
        return getpass.getuser()
    # A container may run as a user id without a name.
    except (KeyError, OSError, ImportError):
        return ""


def overwrite(out: OutputWrapper, text: str) -> None:
    """Replace the line of the terminal that the cursor is in."""
    out.write(f"\r\033[K{text}", style_func=str, ending="")
    out.flush()


def swept(number: int) -> str:
    """Describe in a sentence what a sweep did."""
    noun = "sign-in" if number == 1 else "sign-ins"
    return f"Ended {number:,} {noun} that no request could use."
