"""My devices: one server-rendered page for people, signed in by cookies.

The page only reads; devices.js does the rest through the browser endpoints.
"""

import re
from datetime import datetime, timezone
from typing import Any, NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from django_jwtauth.claims import Claims
from django_jwtauth.models import Kind, LoginSession

from .pages import ago, for_people, show

MEANINGS = {
    "sub": "the user's id",
    "iat": "issued",
    "exp": "expires",
    "sid": "this sign-in",
    "jti": "this token",
    "token_type": "access or refresh",
    "iss": "who issued it",
    "aud": "who it is for",
    "scope": "what it may do",
    "amr": "how the user signed in",
}

BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome"}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
HANDHELDS = ("Android", "iPhone", "iPad")


class Claim(NamedTuple):
    name: str
    value: Any
    meaning: str
    time: datetime | None


class Device(NamedTuple):
    session: LoginSession
    name: str
    seen_as: str
    last_seen: str
    is_handheld: bool
    is_current: bool


@for_people
def devices(request: HttpRequest, user: AbstractBaseUser, claims: Claims) -> HttpResponse:
    """Show the claims of the token in the cookie, and where else its user is signed in."""
    live = LoginSession.objects.live()
    rows = live.filter(user_id=user.pk, kind__in=(Kind.SIGN_IN, Kind.ACTING))
    context = {
        "username": user.get_username(),
        "claims": [read_claim(claims, name) for name in claims],
        "expires": datetime.fromtimestamp(claims["exp"], timezone.utc),
        "devices": [
            describe(row, claims["sid"])
            for row in rows.order_by("-created_at")
            # Acting for a user ends with the operator's own sign-in.
            if row.kind == Kind.SIGN_IN
            or (row.actor_session and live.filter(pk=row.actor_session).exists())
        ],
    }
    return show(request, "devices/devices.html", context)


def read_claim(claims: Claims, name: str) -> Claim:
    """Return a claim with its meaning, and as a time if it is one."""
    value = claims[name]
    time = datetime.fromtimestamp(value, timezone.utc) if name in ("iat", "exp") else None
    return Claim(name, value, MEANINGS.get(name, ""), time)


def describe(session: LoginSession, current: str) -> Device:
    """Return a sign-in in words: "Firefox on Linux" instead of the user agent."""
    agent = session.user_agent
    system = _find(SYSTEMS, agent)
    # Every browser claims to be Mozilla; other programs begin with their name.
    product = re.match(r"(?!Mozilla)\w+", agent)
    browser = product[0] if product else _find(BROWSERS, agent) or "Browser"
    seen_as = f"{browser} on {system}" if system else browser
    return Device(
        session=session,
        name=f"{session.actor_name} acts for you"
        if session.actor_name
        else session.name or seen_as,
        seen_as=seen_as,
        last_seen=ago(session.refreshed_at),
        is_handheld=system in HANDHELDS,
        is_current=session.sid == current,
    )


def _find(names: dict[str, str], agent: str) -> str:
    return next((name for part, name in names.items() if part in agent), "")
