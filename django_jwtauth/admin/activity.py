"""The page that plots what started and ended over time; each number leads to the rows behind it."""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext as _

from ..operations.activity import LIMIT, Interval, Series, last_days, last_hours, read
from .wording import amount, zone_name

if TYPE_CHECKING:
    from .records import RecordAdmin

# A plot is drawn in these units, and grows with the page.
WIDTH = 240
HEIGHT = 60


def activity_view(request: HttpRequest, model_admin: "RecordAdmin") -> HttpResponse:
    """Show the last day by the hour, and the last month by the day."""
    model_admin.require_permission(request)
    context = {
        "title": _("Activity"),
        "zone": zone_name(),
        "limit": amount(LIMIT),
        "width": WIDTH,
        "height": HEIGHT,
        "spans": [
            _describe(_("Last 24 hours, by the hour"), last_hours(), "TIME_FORMAT", model_admin),
            _describe(_("Last 30 days, by the day"), last_days(), "DATE_FORMAT", model_admin),
        ],
    }
    return model_admin.render_page(request, "admin/django_jwtauth/activity.html", context)


def _describe(
    title: str, periods: list[Interval], format: str, model_admin: "RecordAdmin"
) -> dict[str, Any]:
    """Return the plots of some periods, and the same numbers as the rows of a table."""
    zone = get_current_timezone()
    names = [date_format(period.since.astimezone(zone), format) for period in periods]
    plots = [_plot(series, periods, names, model_admin) for series in read(periods)]
    rows = zip(names, *(plot["bars"] for plot in plots), strict=True)
    return {
        "title": title,
        "plots": plots,
        # The latest is what one looks for.
        "rows": [{"name": name, "cells": cells} for name, *cells in reversed([*rows])],
    }


def _plot(
    series: Series, periods: list[Interval], names: list[str], model_admin: "RecordAdmin"
) -> dict[str, Any]:
    highest = max(*series.counts, 1)
    step = WIDTH / len(periods)
    bars = []
    for number, (period, name, count) in enumerate(zip(periods, names, series.counts, strict=True)):
        # What is not zero must be seen.
        height = max(2, round(HEIGHT * count / highest)) if count else 0
        bars.append(
            {
                "name": name,
                "amount": amount(count, LIMIT) if series.time else amount(count),
                "url": _rows_url(series, period, model_admin) if count else "",
                "x": round(number * step, 1),
                "y": HEIGHT - height,
                "width": round(step * 0.8, 1),
                "height": height,
            }
        )
    total = sum(min(count, LIMIT) if series.time else count for count in series.counts)
    cut = bool(series.time) and highest > LIMIT
    return {
        "name": series.name,
        "total": f"{amount(total)}{'+' if cut else ''}",
        "url": _rows_url(series, Interval(periods[0].since, periods[-1].until), model_admin),
        "bars": bars,
    }


def _rows_url(series: Series, period: Interval, model_admin: "RecordAdmin") -> str:
    """Return the URL of the list of exactly the rows that were counted."""
    if not series.time:
        return ""
    column, value = series.having
    query = {
        f"{series.time}__gte": period.since.isoformat(),
        f"{series.time}__lt": period.until.isoformat(),
        column: value,
    }
    return model_admin.page_url("loginsession_changelist", **query)
