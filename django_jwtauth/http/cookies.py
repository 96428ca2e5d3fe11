"""Set and clear cookies with the attributes that the group ``COOKIES`` asks for."""

from http.cookies import Morsel
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.middleware.csrf import CsrfViewMiddleware

from ..conf import get_settings

if TYPE_CHECKING:
    from datetime import timedelta

    from django.http import HttpRequest, HttpResponseBase


class _PartitionedMorsel(Morsel[str]):
    """A cookie with ``Partitioned`` (CHIPS), which Python before 3.14 does not know.

    Browsers keep it apart for each site whose page contains ours, and so accept it there.
    """

    def OutputString(self, attrs: Any = None) -> str:
        return f"{super().OutputString(attrs)}; Partitioned"


def set_cookie(
    response: "HttpResponseBase",
    name: str,
    value: str,
    *,
    max_age: "int | timedelta | None",
    path: str,
    samesite: Any,
) -> None:
    """Set a cookie that no script can read; without ``max_age``, until the browser is closed."""
    conf = get_settings().COOKIES
    _partition(response, name)
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        path=path,
        domain=conf.DOMAIN,
        secure=conf.SECURE,
        httponly=True,
        samesite=samesite,
    )


def delete_cookie(response: "HttpResponseBase", name: str, *, path: str, samesite: Any) -> None:
    """Clear a cookie; the arguments must be those with which it was set."""
    _partition(response, name)
    response.delete_cookie(name, path=path, domain=get_settings().COOKIES.DOMAIN, samesite=samesite)


def strictest() -> str:
    """Return ``SameSite`` of a cookie that only our own endpoints need."""
    return "None" if _are_for_other_sites() else "Strict"


def partition_csrf_cookie(request: "HttpRequest", response: "HttpResponseBase") -> None:
    """Set Django's CSRF cookie now, if it is due, so that browsers keep it where they keep ours."""
    due = request.META.get("CSRF_COOKIE_NEEDS_UPDATE") and not settings.CSRF_USE_SESSIONS
    if due and _are_for_other_sites():
        _partition(response, settings.CSRF_COOKIE_NAME)
        middleware: Any = CsrfViewMiddleware(lambda request: response)
        middleware._set_csrf_cookie(request, response)


def _partition(response: "HttpResponseBase", name: str) -> None:
    """Make the cookie of this name, which is set next, ``Partitioned`` if it is for other sites."""
    if _are_for_other_sites():
        # Setting the value keeps the object that is there.
        dict.__setitem__(response.cookies, name, _PartitionedMorsel())


def _are_for_other_sites() -> bool:
    return get_settings().COOKIES.SAMESITE == "None"
