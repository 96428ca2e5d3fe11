"""Durations as people write them: "90d" on the command line, "2 days 12 hours" in a message."""

import re
from collections.abc import Callable
from datetime import timedelta

SECOND = timedelta(seconds=1)

_SECONDS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
_LETTERS = {"": 1, **{unit[0]: seconds for unit, seconds in _SECONDS.items()}}


def parse(text: str) -> timedelta:
    """Read a number of seconds, or of days, hours or minutes: "90d". Raises ``ValueError``."""
    match = re.fullmatch(r"([1-9][0-9]{0,9})([smhd]?)", text)
    try:
        if match:
            return timedelta(seconds=int(match[1]) * _LETTERS[match[2]])
    except OverflowError:
        pass
    raise ValueError('must be a number of seconds, or a time like "90d", "12h" or "30m"')


def _in_english(number: float, unit: str) -> str:
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def words(duration: timedelta, name: Callable[[float, str], str] = _in_english) -> str:
    """Return the whole duration in words, largest unit first: "1 minute 30 seconds".

    ``name`` formats a number and a unit: "day", "hour", "minute" or "second".
    """
    left = duration.total_seconds()
    found = []
    for unit, seconds in _SECONDS.items():
        number, left = (left, 0) if unit == "second" else divmod(left, seconds)
        if number:
            found.append(name(int(number) if unit != "second" else round(number, 6), unit))
    return " ".join(found) or name(0, "second")


def check(lifetime: timedelta, most: timedelta, what: str) -> None:
    """Raise ``ValueError`` unless the lifetime of a token is from a second to ``most``."""
    if lifetime < SECOND:
        raise ValueError(f"{what} must be valid for at least a second.")
    if lifetime > most:
        raise ValueError(f"{what} may be valid for at most {words(most)}, not {words(lifetime)}.")
