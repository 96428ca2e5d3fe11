"""Read a time or a period: "yesterday", "2026-11-24 14:00", "from 9:00 to 10:00", "last 7 days".

A time without an offset is in Django's current time zone, which in the admin is the operator's.
A day lasts from one local midnight to the next, also when clocks go back or forward.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from datetime import timezone as tz
from typing import Any

from django.conf import settings
from django.utils import timezone

from ..conf import moments

_DAY = r"(?:today|yesterday|\d{4}-\d\d-\d\d)"
_MINUTE = r"\d\d?:\d\d"
_SECOND = r"\d\d?:\d\d:\d\d(?:[.,]\d{1,6})?"
_OFFSET = r"(?:Z|[+-]\d\d(?::?\d\d)?)"
# An offset belongs to its time, even if what follows could begin a period.
_MAYBE_OFFSET = rf"(?:{_OFFSET}(?![\d:-])|(?!{_OFFSET}(?![\d:-])))"
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = r"\d{1,5}[mhdw]"
# In a text, "2026-11-24 9:00-10:00" is a period; as one time, or with "T" or seconds, an offset.
_TIME = (
    rf"(?:{_DAY}(?:T(?:{_SECOND}|{_MINUTE}){_MAYBE_OFFSET}|\s(?:{_SECOND}{_MAYBE_OFFSET}"
    rf"|{_MINUTE}(?:Z|\+\d\d(?::?\d\d)?)?))?|{_SECOND}|{_MINUTE})"
)
_ANY = rf"(?:{_TIME}|{_AGO}|now)"
_PERIOD = re.compile(
    r"(?<![\w:./@+-])(?:"
    rf"(?:from\s|between\s)?(?P<first>{_ANY})\s?(?:to|until|and|\.\.|[-\u2013\u2014])\s?(?P<last>{_ANY})"
    rf"|(?:since|from|after)\s(?P<since>{_ANY})"
    rf"|(?:until|till)\s(?P<until>{_ANY})"
    rf"|before\s(?P<before>{_ANY})"
    r"|(?:last|past)\s(?P<number>\d{1,5})?\s?(?P<unit>minute|hour|day|week|[mhdw])s?"
    rf"|(?P<at>{_TIME})"
    r")(?![\w:./@+-])",
    re.IGNORECASE,
)
_MOMENT = re.compile(
    rf"(?P<ago>{_AGO})|now|(?P<day>{_DAY})"
    rf"(?:[T\s](?P<clock>{_SECOND}|{_MINUTE})(?P<offset>{_OFFSET})?)?|(?P<alone>{_SECOND}|{_MINUTE})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Period:
    """From ``since``, inclusive, to ``until``, exclusive; both aware, or None without a limit."""

    since: datetime | None = None
    until: datetime | None = None


def read_moment(text: str, *, ends: bool = False, day: date | None = None) -> datetime:
    """Return the time, aware; that of a day is its start or, with ``ends``, its end.

    ``24h`` means 24 hours ago. A time of day is one of ``day``, by default of today. Raises
    ``ValueError`` for anything else, and for years before 1971 or after 9998.
    """
    return _read(text, day)[1 if ends else 0]


def find_period(text: str) -> tuple[Period | None, str]:
    """Return the first period in ``text``, or None, and the rest of the text, in linear time."""
    text = " ".join(text.split())
    for match in _PERIOD.finditer(text):
        try:
            period = _period(match)
        except ValueError:
            continue
        return period, f"{text[: match.start()]} {text[match.end() :]}"
    return None, text


def _period(match: re.Match[str]) -> Period:
    found = match.groupdict()
    if found["first"]:
        return _between(found["first"], found["last"])
    if found["since"]:
        return Period(since=read_moment(found["since"]))
    if found["until"]:
        return Period(until=read_moment(found["until"], ends=True))
    if found["before"]:
        return Period(until=read_moment(found["before"]))
    if found["unit"]:
        return Period(since=read_moment(f"{found['number'] or 1}{found['unit'][0]}"))
    return Period(*_read(found["at"]))


def _between(first: str, last: str) -> Period:
    """Return the period; "yesterday 23:00 to 1:00" ends on the next day."""
    start, end = _MOMENT.fullmatch(first), _MOMENT.fullmatch(last)
    since = read_moment(first)
    day = _day(start["day"]) if start and start["day"] else None
    is_clock = end is not None and end["alone"] is not None
    ends = end is not None and end["day"] is not None and end["clock"] is None
    until = read_moment(last, ends=ends, day=day)
    if is_clock and until <= since:
        until = read_moment(last, day=(day or _today()) + timedelta(days=1))
    return Period(since, until)


def _read(text: str, day: date | None = None) -> tuple[datetime, datetime]:
    """Return the first moment that the text means, and the first one after it."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise ValueError('must be a time like "14:00", "yesterday" or "2026-11-24T14:00+01:00"')
    found = match.groupdict()
    try:
        if found["day"] and not found["clock"]:
            start = _day(found["day"])
            return _local(start, time.min), _local(start + timedelta(days=1), time.min)
        if found["day"] or found["alone"]:
            clock = found["clock"] or found["alone"]
            start = _day(found["day"]) if found["day"] else day or _today()
            moment = _local(start, _clock(clock), found["offset"])
            return moment, moment + timedelta(minutes=1 if clock.count(":") == 1 else 1 / 60)
        number, unit = (found["ago"] or "0m")[:-1], (found["ago"] or "0m")[-1].lower()
        moment = _checked(moments.now() - timedelta(**{_UNITS[unit]: int(number)}))
        return moment, moment
    except OverflowError as error:
        raise ValueError("must not be so far away") from error


def _today() -> date:
    return _in_zone(moments.now()).date()


def _in_zone(moment: datetime) -> datetime:
    return timezone.localtime(moment) if settings.USE_TZ else moment.astimezone()


def _day(text: str) -> date:
    text = text.lower()
    if text in ("today", "yesterday"):
        return _today() - timedelta(days=text == "yesterday")
    return date.fromisoformat(text)


def _clock(text: str) -> time:
    hour, minute, *second = text.replace(",", ".").split(":")
    whole, _dot, fraction = (second or ["0"])[0].partition(".")
    return time(int(hour), int(minute), int(whole), int(fraction.ljust(6, "0") or 0))


def _local(day: date, clock: time, offset: str | None = None) -> datetime:
    """Return the moment at which a clock in the current zone, or with the offset, shows this."""
    local = datetime.combine(day, clock)
    if offset:
        offset = offset.upper().replace("Z", "+00:00")
        sign, digits = offset[0], offset[1:].replace(":", "").ljust(4, "0")
        away = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        zone: Any = timezone.get_fixed_timezone(away if sign == "+" else -away)
        return _checked(local.replace(tzinfo=zone))
    if settings.USE_TZ:
        return _checked(local.replace(tzinfo=timezone.get_current_timezone()))
    return _checked(moments.aware(local))


def _checked(moment: datetime) -> datetime:
    # Not every column, and not every system, has room for others.
    if not 1970 < moment.year < 9999:
        raise ValueError("must be a year from 1971 to 9998")
    # Between two moments in the same zone, Python ignores that its clocks change.
    return moment.astimezone(tz.utc)
