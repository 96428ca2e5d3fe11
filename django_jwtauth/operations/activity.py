"""How many sign-ins, API tokens and one-time tokens started and ended, hour by hour or day by day.

A count stops at ``LIMIT`` rows an hour or day, so that the time it takes is bounded, however
large the table. What leaves no row, such as a refusal, is not counted here: see ``sources``.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from itertools import pairwise
from typing import Any

from django.db import connections
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import moments
from ..models import Kind, Reason
from ..store import database

#: The most rows of one hour or day that are counted.
LIMIT = 20_000

STARTED = {
    Kind.SIGN_IN: gettext_lazy("Sign-ins started"),
    Kind.API_TOKEN: gettext_lazy("API tokens created"),
    Kind.ONE_TIME: gettext_lazy("One-time tokens created"),
}


@dataclass(frozen=True, slots=True)
class Interval:
    """An hour, a day or several: from ``since`` to before ``until``, both aware."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Series:
    """What one plot shows: a number for each period."""

    name: str
    counts: list[int]
    #: The time and the column in ``LoginSession`` by which the counted rows are found, if they are.
    time: str = ""
    having: tuple[str, str] = ("", "")


#: Called with the periods: each may add more. For an app that counts what leaves no row.
sources: list[Callable[[list[Interval]], list[Series]]] = []


def last_hours(number: int = 24) -> list[Interval]:
    """Return this hour and those before it, the oldest first."""
    full = moments.now().astimezone(get_current_timezone()).replace(minute=0, second=0)
    first = full.replace(microsecond=0).astimezone(timezone.utc) - timedelta(hours=number - 1)
    return _between(first + timedelta(hours=past) for past in range(number + 1))


def last_days(number: int = 30) -> list[Interval]:
    """Return today and the days before it, the oldest first; midnights of Django's time zone."""
    zone = get_current_timezone()
    today = moments.now().astimezone(zone).date()
    days = (today + timedelta(days=past) for past in range(1 - number, 2))
    return _between(datetime.combine(day, time(), zone).astimezone(timezone.utc) for day in days)


def _between(edges: Iterable[datetime]) -> list[Interval]:
    return [Interval(*pair) for pair in pairwise(edges)]


def read(periods: list[Interval]) -> list[Series]:
    """Return what started and ended in the periods. Two queries, and those of ``sources``."""
    kinds = _count(periods, "created_at", "kind")
    reasons = _count(periods, "ended_at", "end_reason")
    found = [
        Series(str(name), kinds[kind], "created_at", ("kind", kind))
        for kind, name in STARTED.items()
        if kind in kinds or kind == Kind.SIGN_IN
    ]
    # A theft is worth a line even when there is none.
    for reason in sorted({*reasons, Reason.REUSED}):
        name = _("Ended: %(reason)s") % {"reason": dict(Reason.choices).get(reason, reason)}
        found.append(Series(name, reasons[reason], "ended_at", ("end_reason", reason)))
    return [*found, *(series for source in sources for series in source(periods))]


def _count(periods: list[Interval], time: str, by: str) -> "defaultdict[str, list[int]]":
    """Return how many rows there are in each period, for each value of the column ``by``."""
    rows = database.sign_ins().order_by()
    connection = connections[rows.db]
    name = connection.ops.quote_name(by)
    selects: list[str] = []
    values: list[Any] = []
    for number, period in enumerate(periods):
        since, until = moments.stored(period.since), moments.stored(period.until)
        inside = rows.filter(**{f"{time}__gte": since, f"{time}__lt": until})
        some = inside.values_list(by)[: LIMIT + 1].query
        sql, parameters = some.get_compiler(connection=connection).as_sql()
        # Only numbers and the names of columns are put in.
        selects.append(f"SELECT {number}, {name}, COUNT(*) FROM ({sql}) counted GROUP BY {name}")  # noqa: S608
        values += parameters
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0] * len(periods))
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(selects), values)
        for number, value, count in cursor.fetchall():
            counts[value][number] = count
    return counts
