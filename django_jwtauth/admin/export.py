"""Export the filtered list as CSV for a spreadsheet, without secrets or formulas."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext as _

from ..conf import moments
from .wording import amount

LIMIT = 100_000

# Characters that begin a formula in a spreadsheet, in both widths, after those that it skips.
# The person who opens the file chooses the separator and the quotes: with ";", the text after
# one in a cell becomes a separate cell.
_FORMULA = re.compile(
    r"(?<![\s\"\0\u200b\u2060\ufeff,;|])([\s\"\0\u200b\u2060\ufeff,;|]*)"
    r"([=+\-@\uff1d\uff0b\uff0d\uff20])"
)
_SEPARATORS = frozenset(",;|\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")


class _Echo:
    """A file that returns what is written to it."""

    def write(self, value: str) -> str:
        return value


def export_view(request: HttpRequest, model_admin: Any) -> HttpResponseBase:
    """Stream the rows that the list shows for the same query string, at most ``LIMIT``."""
    model_admin.require_permission(request)
    # The list accepts only its own parameters.
    try:
        rows = model_admin.get_changelist_instance(request).get_queryset(request)
    except IncorrectLookupParameters as error:
        raise BadRequest("The list has no such filter.") from error
    name = f"{model_admin.opts.model_name}s-{moments.now():%Y%m%dT%H%M%SZ}.csv"
    return StreamingHttpResponse(
        _lines(model_admin.export_columns, rows),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


def _lines(columns: Iterable[str], rows: Any) -> Iterator[str]:
    columns = list(columns)
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for number, row in enumerate(rows[: LIMIT + 1].iterator(chunk_size=2000), start=1):
        if number > LIMIT:
            text = _("Only the first %(limit)s rows were exported.")
            yield writer.writerow([text % {"limit": amount(LIMIT)}])
            return
        yield writer.writerow([cell(_value(row, column)) for column in columns])


def _value(row: Any, column: str) -> Any:
    if column == "user":
        return row.user.get_username() if row.user else ""
    value = getattr(row, column)
    return value.isoformat() if isinstance(value, datetime) else value


def cell(value: Any) -> str:
    """Return the text of a cell, with a quote in front if a spreadsheet would calculate it."""
    return _FORMULA.sub(_quote, "" if value is None else str(value))


def _quote(match: re.Match[str]) -> str:
    before, sign = match.groups()
    begins = match.start() == 0 or not _SEPARATORS.isdisjoint(before)
    return f"{before}'{sign}" if begins else match.group()
