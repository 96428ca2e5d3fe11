"""Arguments and output that several commands share."""

import getpass
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, OutputWrapper

from ..operations.periods import Period, read_moment
from ..operations.searching import MAX_LENGTH, Search, read_network
from ..store import identity, users
from ..store.networks import Network

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def batch_size(text: str) -> int:
    """Read the number of rows in a batch."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("must be a whole number of at least 1")
    return int(text)


def find_user(argument: str, username: str, among: Any = None) -> "AbstractBaseUser":
    """Return the user with this user name, by default even one whom a manager hides.

    ``among``: the users to choose from. Raises ``CommandError`` without exactly one.
    """
    rows = users.everybody() if among is None else among
    found = list(identity.having(rows, get_user_model().USERNAME_FIELD, username)[:2])
    if len(found) != 1:
        many = "more than one user" if found else "no user"
        raise CommandError(f"{argument}: there is {many} with this name. Nothing was done.")
    user: AbstractBaseUser = found[0]
    return user


def system_user() -> str:
    try:
        return getpass.getuser()
    # A container may run as a user id without a name.
    except (KeyError, OSError, ImportError):
        return ""


def confirm(question: str, phrase: str, otherwise: str) -> None:
    """Ask to type the phrase; raises ``CommandError`` that says ``otherwise`` if it is not."""
    try:
        answer = input(question)
    except EOFError:
        raise CommandError("Not a terminal: pass --no-input.") from None
    if answer.strip() != phrase:
        raise CommandError(f"Not confirmed. {otherwise}")


def moment(text: str, *, ends: bool = False) -> datetime:
    """Read a time, aware; with ``ends``, a day means its end."""
    try:
        return read_moment(text, ends=ends)
    except ValueError:
        raise ArgumentTypeError(
            'must be a time like "14:00", "yesterday", "24h" or "2026-11-24T14:00+01:00"'
        ) from None


def end_of(text: str) -> datetime:
    """Read a time, aware; a day means its end."""
    return moment(text, ends=True)


def network(text: str) -> Network:
    """Read an address or a network."""
    try:
        return read_network(text)
    except ValueError:
        raise ArgumentTypeError(
            'must be an address or a network, like "203.0.113.7" or "2001:db8::/32"'
        ) from None


def agent(text: str) -> str:
    """Read a part of a user agent."""
    if not 0 < len(text.strip()) <= MAX_LENGTH or not identity.is_storable(text):
        raise ArgumentTypeError("must be a part of a user agent")
    return text


def add_search(parser: ArgumentParser) -> None:
    """Add the options that choose sign-ins by where and when."""
    parser.add_argument(
        "--ip",
        metavar="ADDRESS",
        type=network,
        nargs="+",
        help="Only sign-ins that started, were last refreshed or last used at one of these "
        'addresses or networks, like "203.0.113.0/24", or of which a superseded token came back '
        "from there.",
    )
    parser.add_argument(
        "--agent",
        metavar="TEXT",
        type=agent,
        help="Only sign-ins with this text in the user agent.",
    )
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=moment,
        help='Only sign-ins that started at this time or later: "yesterday", "24h" ago, "14:00" '
        'today, or "2026-11-24T14:00+01:00". Without an offset, in TIME_ZONE.',
    )
    parser.add_argument(
        "--until",
        metavar="TIME",
        type=end_of,
        help="Only sign-ins that started before this time; a day is included.",
    )


def search_of(options: dict[str, Any], search: Search | None = None) -> Search:
    """Return the search with what the options of add_search() add to it."""
    search = search or Search()
    period = Period(
        options["since"] or search.period.since, options["until"] or search.period.until
    )
    agents = (*search.agents, options["agent"]) if options["agent"] else search.agents
    networks = (*search.networks, *(options["ip"] or ()))
    return replace(search, networks=networks, agents=agents, period=period)


def overwrite(out: OutputWrapper, text: str) -> None:
    """Replace the line of the terminal that the cursor is in."""
    out.write(f"\r\033[K{text}", style_func=str, ending="")
    out.flush()


def swept(number: int) -> str:
    """Describe in a sentence what a sweep did."""
    noun = "sign-in" if number == 1 else "sign-ins"
    return f"Ended {number:,} {noun} that no request could use."
