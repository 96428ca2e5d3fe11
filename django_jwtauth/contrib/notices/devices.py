"""Whether a sign-in comes from a device with which its user has signed in before."""

import re
from typing import TYPE_CHECKING, Any

from ... import throttling
from ...http.device import get_network
from ...http.user_agents import readable, recognise
from ...models import Kind, LoginSession
from ...store import database
from ...throttling.device_cookies import HARMLESS

if TYPE_CHECKING:
    from django.http import HttpRequest

#: How many of the latest sign-ins are compared.
COMPARED = 50

#: The most characters of a device or a name in a mail.
_LENGTH = 60

_COLUMNS = ("pk", "end_reason", "user_agent", "ip_address", "refreshed_ip", "networks")


def is_new(session: LoginSession, user: Any, request: "HttpRequest") -> bool:
    """Return whether the device of ``session``, of ``user``, is not known. One query.

    It is known if it has the cookie of an earlier sign-in, or if one of the latest sign-ins had
    the same kind of device in the same network. A sign-in that was ended as stolen makes nothing
    known. The first sign-in of a user is not new.
    """
    rows = database.sign_ins().filter(user=user, kind=Kind.SIGN_IN)
    earlier = rows.exclude(pk=session.pk).order_by("-created_at")
    found = list(earlier.values(*_COLUMNS)[:COMPARED])
    if not found:
        return False
    trusted = [row for row in found if row["end_reason"] in HARMLESS]
    sid = throttling.find_device(request)
    if sid and any(row["pk"].hex == sid for row in trusted):
        return False
    family, network = _family(session.user_agent), get_network(session.ip_address)
    return not any(
        _family(row["user_agent"]) == family and network in _networks(row) for row in trusted
    )


def in_words(user_agent: str) -> str:
    """Return the names of browser and system or of a client, "" if neither is recognised.

    Never the header itself: whoever signs in with a stolen password chooses it, and must not
    write to the owner in our name.
    """
    words = recognise(user_agent)
    return "" if "." in words or len(words) > _LENGTH else words


def as_line(text: str) -> str:
    """Return a name that a user has chosen as one short line, so that it passes for no more."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LENGTH else f"{line[: _LENGTH - 1]}…"


def _family(user_agent: str) -> str:
    # A browser that was updated is the same browser.
    return re.sub(r"[\d.]+", "", readable(user_agent))


def _networks(row: dict[str, Any]) -> set[str | None]:
    # A refresh from an unknown address does not make every unknown address known.
    refreshed = {get_network(row["refreshed_ip"])} - {None}
    return {get_network(row["ip_address"]), *refreshed, *row["networks"].split()}
