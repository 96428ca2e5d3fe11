"""Back to the incident from the pages that were opened from it.

Such a page has the incident's query string in a parameter. It can lead nowhere else, because only
the query string is taken from the request.
"""

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.utils.timezone import localtime

from ...operations.finding import holds_token
from ...operations.revocation import OPERATOR_REASONS

if TYPE_CHECKING:
    from ..records import RecordAdmin

PARAMETER = "incident"


def back_url(request: HttpRequest, model_admin: "RecordAdmin") -> str | None:
    """Return the page of the incident that this page was opened from, if any."""
    query = keep(request).get(PARAMETER)
    return f"{model_admin.page_url('loginsession_incidents')}?{query}" if query else None


def chosen(request: HttpRequest) -> dict[str, Any]:
    """Return the initial values of a form: what the query string says of reason and time."""
    reason = request.GET.get("reason", "")
    initial: dict[str, Any] = {"reason": reason} if reason in OPERATOR_REASONS else {}
    # Not what is no time; in a URL, "+" is a space.
    with suppress(ValueError, OverflowError):
        before = datetime.fromisoformat(request.GET.get("before", "").replace(" ", "+"))
        initial["before"] = localtime(before) if settings.USE_TZ else before
    return initial


def keep(request: HttpRequest, **more: str) -> dict[str, str]:
    """Return the parameter for a link to the next page, with ``more`` in the incident's query."""
    given = request.GET.get(PARAMETER, "")
    if not given or holds_token(given):
        return {}
    query = QueryDict(given, mutable=True)
    for name, value in more.items():
        query[name] = value
    return {PARAMETER: query.urlencode()}
