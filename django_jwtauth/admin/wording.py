"""Codes, numbers and durations in words, the same on every page and record."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import TextChoices
from django.utils.formats import date_format, number_format
from django.utils.timesince import TIME_STRINGS
from django.utils.timezone import get_current_timezone_name, is_aware, localtime
from django.utils.translation import ngettext

from ..conf import moments
from ..conf.durations import words


def label(choices: type[TextChoices], code: str) -> str:
    """Return the label of a stored code, or the code itself if the project defined it."""
    return str(dict(choices.choices).get(code, code))


def in_words(duration: timedelta) -> str:
    """Return "5 minutes" or "1 day", rounded up, as it says how long something still works."""
    minute = timedelta(minutes=1)
    rounded = max(1, -(-duration // minute)) * minute
    return words(rounded, lambda number, unit: TIME_STRINGS[unit] % {"num": number})


def moment(value: datetime) -> str:
    """Return a date and time that fit a narrow column, where the admin's own do not wrap.

    The time is that of logs, "15:37": "3:37 p.m." would end a sentence twice, and "noon" is no
    time to compare.
    """
    local = localtime(value) if is_aware(value) else value
    date = date_format(local, "DATE_FORMAT").replace(" ", "\N{NO-BREAK SPACE}")
    return f"{date} {local:%H:%M}"


def moment_to_the_second(value: datetime) -> str:
    """Return a date and time to be compared with others, and with lines of a log."""
    local = localtime(value) if is_aware(value) else value
    return f"{date_format(local, 'DATE_FORMAT')} {local:%H:%M:%S}"


def zone_name() -> str:
    """Return the operator's time zone, like "Europe/Berlin (UTC+01:00)"."""
    if not settings.USE_TZ:
        return settings.TIME_ZONE
    return f"{get_current_timezone_name()} (UTC{localtime(moments.now()).isoformat()[-6:]})"


def amount(number: int, limit: int | None = None) -> str:
    """Return a number like "1,200", or "10,000+" above the limit of the count."""
    if limit is not None and number > limit:
        return f"{number_format(limit, force_grouping=True)}+"
    return number_format(number, force_grouping=True)


def ended_text(count: int, before: int, limit: int | None = None) -> str:
    """Return how many sign-ins were ended, and how many had already ended, as a sentence."""
    text = ngettext("%(count)s sign-in ended.", "%(count)s sign-ins ended.", count)
    if before:
        text += " " + ngettext(
            "%(before)s had already ended.", "%(before)s had already ended.", before
        )
    return text % {"count": amount(count), "before": amount(before, limit)}
