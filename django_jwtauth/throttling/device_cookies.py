"""A cookie for the browser of whoever has signed in, so that others cannot lock them out of it.

As OWASP's "Device cookies": it opens nothing. An attempt under the same name that carries it
is counted by itself, once strangers have used up the attempts of an address or an account.
"""

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.signing import BadSignature, TimestampSigner
from django.utils.crypto import constant_time_compare
from django.utils.encoding import escape_uri_path

from ..conf import get_settings
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
# Whoever ended it so does not want its device to be trusted. "" is not ended.
_HARMLESS = ("", Reason.SIGNED_OUT, Reason.SESSION_LIMIT)


def cookie_name() -> str:
    """Return the name of the cookie; no plain-text page can set one so named."""
    # __Host- would forbid the path, and send it with every request.
    return get_settings().cookie_name("device", "__Secure-")


def set_cookie(
    request: "HttpRequest", response: "HttpResponse", name: str, session_id: UUID
) -> None:
    """Have the browser send back, to this address alone, the name that signed in from it."""
    response.set_cookie(
        cookie_name(),
        Redacted(_signer(name).sign(session_id.hex)),
        max_age=LIFETIME,
        path=escape_uri_path(request.path),
        secure=get_settings().COOKIES.SECURE,
        httponly=True,
        samesite="Strict",
    )


def find(request: "HttpRequest", name: str) -> str | None:
    """Return the ``sid`` of the sign-in by which the browser is known under this name, None if not.

    One query, and none without the cookie. A password change, a deactivation, and
    ending the sign-in as stolen make the browser unknown. Raises ``Unavailable``.
    """
    value = Redacted(request.COOKIES.get(cookie_name(), ""))
    if not value or len(value) > _LENGTH:
        return None
    try:
        sid = _signer(name).unsign(value, max_age=LIFETIME)
    except BadSignature:
        return None
    rows = database.sign_ins().select_related("user")
    with database.reporting_unavailable():
        row = rows.filter(pk=sid, kind=Kind.SIGN_IN, end_reason__in=_HARMLESS).first()
    if row is None or row.user is None or not is_active(row.user):
        return None
    return sid if constant_time_compare(auth_hash(row.user), row.auth_hash) else None


def _signer(name: str) -> TimestampSigner:
    # A cookie of another name has another signature.
    return TimestampSigner(salt=f"django_jwtauth.device.{name}")
