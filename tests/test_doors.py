"""Every kind of token at every door, in every state: what is answered, and what ends.

Each table below is read by the tests. A column is a kind of token, a line a door. A cell
says whether the door accepts the token, and what becomes of things:

    +   accepted (2xx, or active)       x   the token's own sign-in or record has ended
    -   refused                         o   the owner's other sign-in has ended
                                        b   the token is on the blacklist
"""

import uuid
from datetime import datetime, timedelta, timezone

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.test import Client as Browser
from django.urls import include, path

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.models import BlacklistedToken, LoginSession
from tests import forge
from tests.conftest import PASSWORD
from tests.legacy import legacy
from tests.urls import urlpatterns as project

CLIENT_SECRET = "for-the-tests-only"

urlpatterns = [
    *project,
    path("api/", include("django_jwtauth.urls.portal")),
    path("auth/", include("django_jwtauth.urls.browser")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


# --- kinds of token


def narrowed(user):
    pair = sessions.start(user, claims={"scope": "reports:read jwtauth:manage"})
    return sessions.refresh(pair.refresh, scope="reports:read").access


def superseded(user):
    raw = sessions.start(user).refresh
    sessions.refresh(raw)
    return raw


def replaced(user):
    """A refresh token whose successor has been used, too."""
    raw = sessions.start(user).refresh
    sessions.refresh(sessions.refresh(raw).refresh)
    return raw


def made_by_http(user):
    parent = sessions.authenticate(sessions.start(user).access)[1]
    return one_time.create(user, "download", parent=parent)


KINDS = {
    "acc": lambda user: sessions.start(user).access,
    "narr": narrowed,
    "api": lambda user: api_tokens.create(user, "deploy").raw,
    "ref": lambda user: sessions.start(user).refresh,
    "grace": superseded,
    "older": replaced,
    "link": lambda user: one_time.create(user, one_time.SIGN_IN),
    "once": made_by_http,
    "l.a.": lambda user: legacy(user),
    "l.r.": lambda user: legacy(user, "refresh"),
    "junk": lambda user: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
}


# --- doors


def by_header(method, url, **body):
    def knock(raw):
        client = Browser(headers={"authorization": f"Bearer {raw}"})
        return getattr(client, method)(url, body, content_type="application/json").status_code

    return knock


def in_body(url, name, **body):
    def knock(raw):
        return Browser().post(url, {name: raw, **body}, "application/json").status_code

    return knock


def in_form(url, name, **body):
    def knock(raw):
        form = {name: raw, "client_id": "gateway", "client_secret": CLIENT_SECRET, **body}
        answer = Browser().post(url, form)
        active = answer.status_code == 200 and answer.content and answer.json().get("active", True)
        return answer.status_code if active or not answer.content else 401

    return knock


def by_cookie(method, url, name="__Host-jwtauth_access", **body):
    def knock(raw):
        client = Browser()
        client.cookies[name] = raw
        return getattr(client, method)(url, body, content_type="application/json").status_code

    return knock


REFRESH_COOKIE = "__Secure-jwtauth_refresh"
SIGN_IN = {"username": "anna", "password": PASSWORD}
DOORS = {
    "a view of the project": by_header("get", "/protected/"),
    "me/": by_header("get", "/api/me/"),
    "sessions/, list": by_header("get", "/api/sessions/"),
    "sessions/, end others": by_header("delete", "/api/sessions/"),
    "api-tokens/, make": by_header("post", "/api/api-tokens/", name="x"),
    "one-time-tokens/, make": by_header("post", "/api/one-time-tokens/", purpose="download"),
    "token/refresh/": in_body("/api/token/refresh/", "refresh"),
    "token/verify/": in_body("/api/token/verify/", "token"),
    "token/blacklist/, token": in_body("/api/token/blacklist/", "token"),
    "token/blacklist/, refresh": in_body("/api/token/blacklist/", "refresh"),
    "token/one-time/": in_body("/api/token/one-time/", "token"),
    "one-time-tokens/consume/": in_body(
        "/api/one-time-tokens/consume/", "token", purpose="download"
    ),
    "oauth/token/": in_form("/oauth/token/", "refresh_token", grant_type="refresh_token"),
    "oauth/revoke/": in_form("/oauth/revoke/", "token"),
    "oauth/introspect/": in_form("/oauth/introspect/", "token", token_type_hint="refresh_token"),
    "oauth/check/": by_header("get", "/oauth/check/"),
    "auth/me/, cookie": by_cookie("get", "/auth/me/"),
    "auth/sessions/, end others": by_cookie("delete", "/auth/sessions/"),
    "auth/token/refresh/": by_cookie("post", "/auth/token/refresh/", REFRESH_COOKIE),
    "sign out, refresh cookie": by_cookie("post", "/auth/token/blacklist/", REFRESH_COOKIE),
    "sign out, access cookie": by_cookie("post", "/auth/token/blacklist/"),
    "sign in, refresh cookie": by_cookie("post", "/auth/token/", REFRESH_COOKIE, **SIGN_IN),
    "sign in, access cookie": by_cookie("post", "/auth/token/", **SIGN_IN),
    "the admin": by_header("get", "/admin/"),
}


# --- states


def expire(raw, user):
    if raw.count(".") == 2 and "exp" in forge.claims_of(raw):
        if forge.header_of(raw).get("typ") == "JWT":
            claims = {**forge.claims_of(raw), "exp": 1}
            return forge.sign(forge.header_of(raw), claims, django_settings.SECRET_KEY.encode())
        return forge.altered(raw, exp=1)
    return raw


def end(raw, user):
    sid = find_sid(raw)
    LoginSession.objects.filter(pk=sid).end()
    return raw


def deactivate(raw, user):
    user.is_active = False
    user.save()
    return raw


def change_password(raw, user):
    user.set_password("another")
    user.save()
    return raw


STATES = {
    "live": lambda raw, user: raw,
    "expired": expire,
    "ended": end,
    "deactivated user": deactivate,
    "changed password": change_password,
}


def find_sid(raw):
    return forge.claims_of(raw).get("sid") or uuid.UUID(int=0)


@pytest.fixture
def owner(settings, user):
    until = datetime.now(timezone.utc) + timedelta(days=1)
    settings.SIMPLE_JWT = {}
    settings.JWTAUTH = {
        "ONE_TIME": {"PURPOSES": ["download"]},
        "CLIENTS": {"gateway": make_password(CLIENT_SECRET)},
        "LEGACY": {"DECODER": "django_jwtauth.contrib.simplejwt.decode", "UNTIL": until},
        "THROTTLES": {"RATES": dict.fromkeys(("address", "account", "account_everywhere"))},
    }
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django_jwtauth.middleware.JWTAuthenticationMiddleware",
    ]
    user.is_staff = user.is_superuser = True
    user.save()
    return user


def meet(owner, kind, door, state):
    """Return the cell: what happens when a token of this kind comes to the door."""
    other = sessions.start(owner).session_id
    raw = STATES[state](KINDS[kind](owner), owner)
    rows = LoginSession.objects.filter(ended_at=None)
    sid, jti = find_sid(raw), forge.claims_of(raw).get("jti", "")
    before = set(rows.values_list("pk", flat=True))

    status = DOORS[door](raw)

    ended = before - set(rows.values_list("pk", flat=True))
    assert status < 500
    return "".join(
        (
            "+" if status < 300 else "-",
            "x" if uuid.UUID(str(sid)) in ended else "",
            "o" if other in ended else "",
            "b" if BlacklistedToken.objects.filter(jti=jti).exists() else "",
        )
    )


# --- the tables

TABLES = {
    "live": """
                            acc   narr  api   ref   grace older link  once  l.a.  l.r.  junk
a view of the project       +     +     +     -     -     -     -     -     +     -     -
me/                         +     +     +     -     -     -     -     -     +     -     -
sessions/, list             +     +     -     -     -     -     -     -     +     -     -
sessions/, end others       +o    -     -     -     -     -     -     -     +o    -     -
api-tokens/, make           +     -     -     -     -     -     -     -     -     -     -
one-time-tokens/, make      +     -     -     -     -     -     -     -     +     -     -
token/refresh/              -     -     -     +     +     -x    -     -     -     +     -
token/verify/               +     +     +     +     +     -     -     -     +     +     -
token/blacklist/, token     +b    +b    +xb   +xb   +xb   +xb   +xb   +xb   +b    +b    -
token/blacklist/, refresh   -     -     -     +xb   +xb   +xb   -     -     -     +b    -
token/one-time/             -     -     -     -     -     -     +x    -     -     -     -
one-time-tokens/consume/    -     -     -     -     -     -     -     +x    -     -     -
oauth/token/                -     -     -     +     +     -x    -     -     -     +     -
oauth/revoke/               +b    +b    +xb   +xb   +xb   +xb   +xb   +xb   +b    +b    +
oauth/introspect/           +     +     +     +     +     -     -     -     +     +     -
oauth/check/                +     +     +     -     -     -     -     -     +     -     -
auth/me/, cookie            +     +     +     -     -     -     -     -     +     -     -
auth/sessions/, end others  +o    -     -     -     -     -     -     -     -     -     -
auth/token/refresh/         -     -     -     +     +     -x    -     -     -     +     -
sign out, refresh cookie    +     +     +     +xb   +xb   +xb   +     +     +     +b    +
sign out, access cookie     +x    +     +     +     +     +     +     +     +     +     +
sign in, refresh cookie     +     +     +     +xb   +xb   +xb   +     +     +     +b    +
sign in, access cookie      +x    +     +     +     +     +     +     +     +     +     +
the admin                   -     -     -     -     -     -     -     -     -     -     -
""",
    "expired": """
                            acc   narr  api   ref   grace older link  once  l.a.  l.r.  junk
a view of the project       -     -     -     -     -     -     -     -     -     -     -
me/                         -     -     -     -     -     -     -     -     -     -     -
sessions/, list             -     -     -     -     -     -     -     -     -     -     -
sessions/, end others       -     -     -     -     -     -     -     -     -     -     -
api-tokens/, make           -     -     -     -     -     -     -     -     -     -     -
one-time-tokens/, make      -     -     -     -     -     -     -     -     -     -     -
token/refresh/              -     -     -     -     -     -     -     -     -     -     -
token/verify/               -     -     -     -     -     -     -     -     -     -     -
token/blacklist/, token     +b    +b    +xb   +xb   +xb   +xb   +xb   +xb   +b    +     -
token/blacklist/, refresh   -     -     -     +xb   +xb   +xb   -     -     -     +     -
token/one-time/             -     -     -     -     -     -     -     -     -     -     -
one-time-tokens/consume/    -     -     -     -     -     -     -     -     -     -     -
oauth/token/                -     -     -     -     -     -     -     -     -     -     -
oauth/revoke/               +b    +b    +xb   +xb   +xb   +xb   +xb   +xb   +b    +     +
oauth/introspect/           -     -     -     -     -     -     -     -     -     -     -
oauth/check/                -     -     -     -     -     -     -     -     -     -     -
auth/me/, cookie            -     -     -     -     -     -     -     -     -     -     -
auth/sessions/, end others  -     -     -     -     -     -     -     -     -     -     -
auth/token/refresh/         -     -     -     -     -     -     -     -     -     -     -
sign out, refresh cookie    +     +     +     +xb   +xb   +xb   +     +     +     +     +
sign out, access cookie     +     +     +     +     +     +     +     +     +     +     +
sign in, refresh cookie     +     +     +     +xb   +xb   +xb   +     +     +     +     +
sign in, access cookie      +     +     +     +     +     +     +     +     +     +     +
the admin                   -     -     -     -     -     -     -     -     -     -     -
""",
    "ended": """
                            acc   narr  api   ref   grace older link  once  l.a.  l.r.  junk
a view of the project       -     -     -     -     -     -     -     -     +     -     -
me/                         -     -     -     -     -     -     -     -     +     -     -
sessions/, list             -     -     -     -     -     -     -     -     +     -     -
sessions/, end others       -     -     -     -     -     -     -     -     +o    -     -
api-tokens/, make           -     -     -     -     -     -     -     -     -     -     -
one-time-tokens/, make      -     -     -     -     -     -     -     -     +     -     -
token/refresh/              -     -     -     -     -     -     -     -     -     +     -
token/verify/               -     -     -     -     -     -     -     -     +     +     -
token/blacklist/, token     +b    +b    +b    +b    +b    +b    +b    +b    +b    +b    -
token/blacklist/, refresh   -     -     -     +b    +b    +b    -     -     -     +b    -
token/one-time/             -     -     -     -     -     -     -     -     -     -     -
one-time-tokens/consume/    -     -     -     -     -     -     -     -     -     -     -
oauth/token/                -     -     -     -     -     -     -     -     -     +     -
oauth/revoke/               +b    +b    +b    +b    +b    +b    +b    +b    +b    +b    +
oauth/introspect/           -     -     -     -     -     -     -     -     +     +     -
oauth/check/                -     -     -     -     -     -     -     -     +     -     -
auth/me/, cookie            -     -     -     -     -     -     -     -     +     -     -
auth/sessions/, end others  -     -     -     -     -     -     -     -     -     -     -
auth/token/refresh/         -     -     -     -     -     -     -     -     -     +     -
sign out, refresh cookie    +     +     +     +b    +b    +b    +     +     +     +b    +
sign out, access cookie     +     +     +     +     +     +     +     +     +     +     +
sign in, refresh cookie     +     +     +     +b    +b    +b    +     +     +     +b    +
sign in, access cookie      +     +     +     +     +     +     +     +     +     +     +
the admin                   -     -     -     -     -     -     -     -     -     -     -
""",
    "deactivated user": """
                            acc   narr  api   ref   grace older link  once  l.a.  l.r.  junk
a view of the project       -     -     -     -     -     -     -     -     -     -     -
me/                         -     -     -     -     -     -     -     -     -     -     -
sessions/, list             -     -     -     -     -     -     -     -     -     -     -
sessions/, end others       -     -     -     -     -     -     -     -     -     -     -
api-tokens/, make           -     -     -     -     -     -     -     -     -     -     -
one-time-tokens/, make      -     -     -     -     -     -     -     -     -     -     -
token/refresh/              -     -     -     -     -     -     -     -     -     -     -
token/verify/               -     -     -     -     -     -     -     -     -     -     -
token/blacklist/, token     +b    +b    +b    +b    +b    +b    +b    +b    +b    +b    -
token/blacklist/, refresh   -     -     -     +b    +b    +b    -     -     -     +b    -
token/one-time/             -     -     -     -     -     -     -     -     -     -     -
one-time-tokens/consume/    -     -     -     -     -     -     -     -     -     -     -
oauth/token/                -     -     -     -     -     -     -     -     -     -     -
oauth/revoke/               +b    +b    +b    +b    +b    +b    +b    +b    +b    +b    +
oauth/introspect/           -     -     -     -     -     -     -     -     -     -     -
oauth/check/                -     -     -     -     -     -     -     -     -     -     -
auth/me/, cookie            -     -     -     -     -     -     -     -     -     -     -
auth/sessions/, end others  -     -     -     -     -     -     -     -     -     -     -
auth/token/refresh/         -     -     -     -     -     -     -     -     -     -     -
sign out, refresh cookie    +     +     +     +b    +b    +b    +     +     +     +b    +
sign out, access cookie     +     +     +     +     +     +     +     +     +     +     +
sign in, refresh cookie     -     -     -     -     -     -     -     -     -     -     -
sign in, access cookie      -     -     -     -     -     -     -     -     -     -     -
the admin                   -     -     -     -     -     -     -     -     -     -     -
""",
    "changed password": """
                            acc   narr  api   ref   grace older link  once  l.a.  l.r.  junk
a view of the project       -     -     -     -     -     -     -     -     -     -     -
me/                         -     -     -     -     -     -     -     -     -     -     -
sessions/, list             -     -     -     -     -     -     -     -     -     -     -
sessions/, end others       -     -     -     -     -     -     -     -     -     -     -
api-tokens/, make           -     -     -     -     -     -     -     -     -     -     -
one-time-tokens/, make      -     -     -     -     -     -     -     -     -     -     -
token/refresh/              -     -     -     -     -     -     -     -     -     -     -
token/verify/               -     -     -     -     -     -     -     -     -     -     -
token/blacklist/, token     +b    +b    +b    +b    +b    +b    +b    +b    +b    +b    -
token/blacklist/, refresh   -     -     -     +b    +b    +b    -     -     -     +b    -
token/one-time/             -     -     -     -     -     -     -     -     -     -     -
one-time-tokens/consume/    -     -     -     -     -     -     -     -     -     -     -
oauth/token/                -     -     -     -     -     -     -     -     -     -     -
oauth/revoke/               +b    +b    +b    +b    +b    +b    +b    +b    +b    +b    +
oauth/introspect/           -     -     -     -     -     -     -     -     -     -     -
oauth/check/                -     -     -     -     -     -     -     -     -     -     -
auth/me/, cookie            -     -     -     -     -     -     -     -     -     -     -
auth/sessions/, end others  -     -     -     -     -     -     -     -     -     -     -
auth/token/refresh/         -     -     -     -     -     -     -     -     -     -     -
sign out, refresh cookie    +     +     +     +b    +b    +b    +     +     +     +b    +
sign out, access cookie     +     +     +     +     +     +     +     +     +     +     +
sign in, refresh cookie     -     -     -     -     -     -     -     -     -     -     -
sign in, access cookie      -     -     -     -     -     -     -     -     -     -     -
the admin                   -     -     -     -     -     -     -     -     -     -     -
""",
}


def read(table):
    """Yield door, kind and cell of each place in a table."""
    first, *rows = table.strip("\n").splitlines()
    for row in rows:
        door, *cells = (part.strip() for part in (row[:WIDTH], *row[WIDTH:].split()))
        yield from ((door, kind, cell) for kind, cell in zip(first.split(), cells, strict=True))


WIDTH = 28
CELLS = {(state, *place[:2]): place[2] for state in TABLES for place in read(TABLES[state])}


def test_the_tables_are_complete():
    """Each kind of token meets each door in each state."""
    assert set(CELLS) == {(s, d, k) for s in STATES for d in DOORS for k in KINDS}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("state", STATES)
def test_each_token_at_each_door(owner, state, door):
    """The line of the table, from real requests."""
    met = {}
    for kind in KINDS:
        with transaction.atomic():
            owner.refresh_from_db()
            met[kind] = meet(owner, kind, door, state)
            transaction.set_rollback(True)

    assert met == {kind: CELLS[state, door, kind] for kind in KINDS}
