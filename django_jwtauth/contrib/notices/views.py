"""The page behind the link "This was not me"."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.urls import NoReverseMatch
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from ...conf import get_settings
from ...exceptions import Unavailable
from ...http.transport import authenticating
from ...models import Reason, Via
from ...store import database
from . import devices, links
from .links import Subject
from .models import is_first, was_done


@database.non_atomic
@authenticating
@never_cache
@sensitive_variables("value")
def notice(request: HttpRequest, value: str) -> HttpResponse:
    """Ask whether to end what the link names, and end it on POST.

    Not on GET, because programs that scan mails follow every link. Nobody has to sign in: whoever
    was locked out by a thief could not.
    """
    subject = links.read(value)
    if subject is None:
        return _page(request, {"state": "unknown"}, status=404)
    try:
        with database.reporting_unavailable():
            return _answer(request, value, subject)
    except Unavailable as error:
        response = _page(request, {"state": "unavailable"}, status=503)
        response["Retry-After"] = str(error.retry_after)
        return response


@sensitive_variables("value")
def _answer(request: HttpRequest, value: str, subject: Subject) -> HttpResponse:
    rows = links.find_rows(subject)
    first = rows.select_related("user").order_by("-created_at").first()
    if first is None:
        return _page(request, {"state": "unknown"}, status=404)
    context: dict[str, object] = {
        "session": first if subject.what == links.ROW else None,
        "device": devices.in_words(first.user_agent),
        "name": devices.as_line(first.name),
        "reset_url": _reset_url(),
    }
    if request.method == "POST":
        # Sign-ins after the first time are not what the mail was about. The link is used up only
        # when it has ended them, and works again if the database failed.
        ended = 0
        if not was_done("link", value):
            ended = rows.end(reason=Reason.STOLEN, via=Via.API, by=first.user)
            is_first("link", value)
        context["state"] = "ended" if ended else "over"
    else:
        context["state"] = "asked" if rows.filter(ended_at=None).exists() else "over"
    return _page(request, context)


def _page(request: HttpRequest, context: dict[str, object], status: int = 200) -> HttpResponse:
    response = render(request, "django_jwtauth/notices/page.html", context, status=status)
    # The URL is a key: it must not be sent to the page that comes next.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _reset_url() -> str:
    """Return the URL where a new password is chosen, "" without one."""
    try:
        return resolve_url(get_settings().NOTICES.PASSWORD_RESET_URL or "password_reset")
    except NoReverseMatch:
        return ""
