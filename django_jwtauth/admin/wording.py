"""Codes, numbers and durations in words, the same in every page and record."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import TextChoices
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import Reason


def label(choices: type[TextChoices], code: str) -> str:
    """Return the words for a stored code; project code may store one of its own."""
    return str(dict(choices.choices).get(code, code))


def in_words(duration: timedelta) -> str:
    """Return "5 minutes", "1 day": rounded up, as it tells how long something still works."""
    minutes = -(-duration // timedelta(minutes=1))
    start = datetime(2000, 1, 1)
    return timesince(start, start + timedelta(minutes=minutes))


def moment(value: datetime) -> str:
    """Return a date and time that fit a narrow column: the admin's own take one line."""
    local = localtime(value) if is_aware(value) else value
    date, time = date_format(local, "DATE_FORMAT"), date_format(local, "TIME_FORMAT")
    return " ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in (date, time))


def ended_text(count: int, before: int) -> str:
    """Say how many sign-ins were ended, and how many had ended before."""
    text = ngettext("%(count)d sign-in ended.", "%(count)d sign-ins ended.", count)
    if before:
        text += " " + ngettext(
            "%(before)d had ended before.", "%(before)d had ended before.", before
        )
    return text % {"count": count, "before": before}


def log_text(data: Mapping[str, Any]) -> str:
    """Return the admin's log message for a revocation with this reason and note."""
    return _("Revoked: {reason}. {note}").format(
        reason=label(Reason, data["reason"]), note=data["note"]
    )
