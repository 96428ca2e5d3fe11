"""A cookie for browsers that have signed in, so that others cannot lock their owner out.

It follows OWASP's "Device cookies" and is not a credential. Once strangers have used up the
attempts of an address or an account, attempts with this cookie and the same name are counted
separately.
"""

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.signing import BadSignature, TimestampSigner
from django.utils.crypto import constant_time_compare
from django.utils.encoding import escape_uri_path

from ..conf import get_settings
from ..http import cookies
from ..models import Kind, Reason
from ..redacted import Redacted
from ..signins.rules import auth_hash, is_active
from ..store import database

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

#: How long a browser is known after the last sign-in with a password.
LIFETIME = timedelta(days=60)
# An id, a time and a signature are shorter.
_LENGTH = 200
# After any other reason, the device is not trusted. "" means that it has not ended.
HARMLESS = ("", Reason.SIGNED_OUT, Reason.SESSION_LIMIT)


def cookie_name() -> str:
    """Return the name of the cookie, with a prefix that a page over plain http cannot set."""
    # __Host- would forbid the path, and send it with every request.
    return get_settings().cookie_name("device", "__Secure-")


def set_cookie(
    request: "HttpRequest", response: "HttpResponse", name: str, session_id: UUID
) -> None:
    """Set the cookie, which the browser sends back to this URL only."""
    cookies.set_cookie(
        response,
        cookie_name(),
        Redacted(_signer(name).sign(session_id.hex)),
        max_age=LIFETIME,
        path=escape_uri_path(request.path),
        samesite=cookies.strictest(),
    )


def find(request: "HttpRequest", name: str) -> str | None:
    """Return the ``sid`` of the sign-in by which the browser is known under this name, None if not.

    One query, and none without the cookie. The browser becomes unknown if the password changes,
    the user is deactivated or the sign-in is ended as stolen. Raises ``Unavailable``.
    """
    sid = read(request, name)
    if sid is None:
        return None
    rows = database.sign_ins().select_related("user")
    with database.reporting_unavailable():
        row = rows.filter(pk=sid, kind=Kind.SIGN_IN, end_reason__in=HARMLESS).first()
    if row is None or row.user is None or not is_active(row.user):
        return None
    return sid if constant_time_compare(auth_hash(row.user), row.auth_hash) else None


def read(request: "HttpRequest", name: str) -> str | None:
    """Return the ``sid`` in the cookie for this name, None without one. No query."""
    value = Redacted(request.COOKIES.get(cookie_name(), ""))
    if not value or len(value) > _LENGTH:
        return None
    try:
        return _signer(name).unsign(value, max_age=LIFETIME)
    except BadSignature:
        return None


def _signer(name: str) -> TimestampSigner:
    # A cookie for another name has another signature.
    return TimestampSigner(salt=f"django_jwtauth.device.{name}")
