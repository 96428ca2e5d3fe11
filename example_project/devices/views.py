"""My devices: one server-rendered page for people, signed in by cookies.

The page only reads; devices.js does the rest through the browser endpoints.
"""

import re
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.timesince import timesince
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from django_jwtauth import sessions
from django_jwtauth.exceptions import TokenError
from django_jwtauth.models import Kind, LoginSession
from django_jwtauth.tokens import Claims
from django_jwtauth.transport import challenge, get_cookie_token

# Scripts and styles from files of ours alone. Django 6.0 and later can set it for a whole site:
# ContentSecurityPolicyMiddleware with SECURE_CSP.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

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


@require_safe
@never_cache
def devices(request: HttpRequest) -> HttpResponse:
    """Show whose token the cookie holds and what else that user has; without one, sign in."""
    raw = get_cookie_token(request)
    try:
        user, claims = sessions.authenticate(raw or "")
    except TokenError:
        response = render(request, "devices/sign_in.html", status=401)
        response["WWW-Authenticate"] = challenge(token_sent=raw is not None)
    else:
        rows = LoginSession.objects.live().of_kind(Kind.SIGN_IN).filter(user_id=user.pk)
        context = {
            "username": user.get_username(),
            "claims": [read_claim(claims, name) for name in claims],
            "expires": datetime.fromtimestamp(claims["exp"], timezone.utc),
            "devices": [describe(row, claims["sid"]) for row in rows.order_by("-created_at")],
        }
        response = render(request, "devices/devices.html", context)
    response["Content-Security-Policy"] = POLICY
    return response


def read_claim(claims: Claims, name: str) -> Claim:
    """Return a claim with what it means, and as a time if it is one."""
    value = claims[name]
    time = datetime.fromtimestamp(value, timezone.utc) if name in ("iat", "exp") else None
    return Claim(name, value, MEANINGS.get(name, ""), time)


def describe(session: LoginSession, current: str) -> Device:
    """Return a sign-in as people know it: "Firefox on Linux" instead of the user agent."""
    agent = session.user_agent
    system = _find(SYSTEMS, agent)
    # Every browser claims to be Mozilla; what does not, says what it is.
    product = re.match(r"(?!Mozilla)\w+", agent)
    browser = product[0] if product else _find(BROWSERS, agent) or "Browser"
    seen_as = f"{browser} on {system}" if system else browser
    is_recent = now() - session.refreshed_at < timedelta(minutes=1)
    return Device(
        session=session,
        name=session.name or seen_as,
        seen_as=seen_as,
        last_seen="just now" if is_recent else f"{timesince(session.refreshed_at)} ago",
        is_handheld=system in HANDHELDS,
        is_current=session.sid == current,
    )


def _find(names: dict[str, str], agent: str) -> str:
    return next((name for part, name in names.items() if part in agent), "")
