"""The OAuth doors and the gateway check: hostile forms, headers and tokens, failing hooks."""

import base64

import pytest
from django.contrib.auth.hashers import make_password
from django.db import InterfaceError, OperationalError
from django.urls import include, path, reverse

from django_jwtauth import sessions
from tests import forge, urls
from tests.conftest import PASSWORD
from tests.refusals import REFUSALS, UNVERIFIED

pytestmark = pytest.mark.urls(__name__)

urlpatterns = [*urls.urlpatterns, path("oauth/", include("django_jwtauth.urls.oauth"))]

SECRET = "gateway-secret"
BASIC = "Basic " + base64.b64encode(f"gateway:{SECRET}".encode()).decode()
DOORS = ["jwtauth_oauth_token", "jwtauth_oauth_revoke", "jwtauth_oauth_introspect"]


def broken_hook(user, request):
    raise OperationalError("server closed the connection")


@pytest.fixture(autouse=True)
def oauth_settings(settings):
    settings.JWTAUTH = {
        "CLIENTS": {"gateway": make_password(SECRET)},
        "OAUTH_PASSWORD_GRANT": True,
    }


def post(api, name, body, **extra):
    return api.post(reverse(name), body, format="multipart", HTTP_AUTHORIZATION=BASIC, **extra)


@pytest.mark.parametrize("hook", ["SIGN_IN", "SCOPES", "CLAIMS"])
def test_a_hook_that_finds_no_database_is_503(api, user, settings, hook):
    """What the project's own code raises of the database is 503 here, too, and no 500."""
    settings.JWTAUTH = {**settings.JWTAUTH, "HOOKS": {hook: f"{__name__}.broken_hook"}}
    body = {"grant_type": "password", "username": "anna", "password": PASSWORD}

    answer = post(api, "jwtauth_oauth_token", body)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert api.obtain().status_code == 503


def test_permissions_that_find_no_database_are_503(api, user, monkeypatch):
    """Staff may introspect; whether somebody is staff takes a database that answers."""
    type(user).objects.update(is_staff=True)
    pair = sessions.start(user)

    def fail(*args):
        raise InterfaceError

    monkeypatch.setattr(type(user), "has_perm", fail)
    answer = api.post(
        reverse("jwtauth_oauth_introspect"),
        {"token": pair.access},
        format="multipart",
        HTTP_AUTHORIZATION=f"Bearer {pair.access}",
    )

    assert answer.status_code == 503


FORMS = {
    "broken multipart": (
        b"--x\r\nContent-Disposition: form-data",
        "multipart/form-data; boundary=x",
    ),
    "no boundary": (b"token=x", "multipart/form-data"),
    "charset": (b"token=x", "application/x-www-form-urlencoded; charset=utf-7"),
    "unknown charset": (b"token=x", "application/x-www-form-urlencoded; charset=nonsense"),
    "too many fields": (b"&".join([b"a=b"] * 5000), "application/x-www-form-urlencoded"),
    "too long": (b"token=" + b"x" * 3_000_000, "application/x-www-form-urlencoded"),
    "not utf-8": (b"token=\xff\xfe&grant_type=\xff", "application/x-www-form-urlencoded"),
    "nul": (b"token=%00&grant_type=%00", "application/x-www-form-urlencoded"),
    "json": (b'{"token": "x"}', "application/json"),
    "nested": (b"[" * 100_000, "application/json"),
    "empty": (b"", "application/x-www-form-urlencoded"),
    "repeated": (b"token=x&token=y&grant_type=a&grant_type=b", "application/x-www-form-urlencoded"),
}


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("form", FORMS)
def test_no_form_is_an_error_of_the_server(api, db, settings, statements, form, name, debug):
    """Whatever is sent as a form: no 5xx, an answer in OAuth's words, no query."""
    settings.DEBUG = debug
    body, content_type = FORMS[form]

    with statements(0):
        answer = api.generic("POST", reverse(name), body, content_type, HTTP_AUTHORIZATION=BASIC)

    assert answer.status_code in (200, 400), answer.content[:500]
    assert answer["Cache-Control"] == "no-store"
    if answer.status_code == 400:
        assert answer.json()["error"] in ("invalid_request", "unsupported_grant_type")


@pytest.mark.parametrize("name", UNVERIFIED)
def test_what_cannot_be_verified_costs_no_query_at_any_door(api, pair, statements, name):
    """Refresh, revocation, introspection and gateway: refused without asking the database."""
    raw = UNVERIFIED[name].make
    expired = UNVERIFIED[name].reason == "expired"
    api.credentials(HTTP_AUTHORIZATION=BASIC)
    with statements(0):
        answer = post(
            api,
            "jwtauth_oauth_token",
            {"grant_type": "refresh_token", "refresh_token": raw(pair.refresh)},
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        answer = post(api, "jwtauth_oauth_introspect", {"token": raw(pair.access)})
        assert (answer.status_code, answer.json()) == (200, {"active": False})
        answer = api.get(reverse("jwtauth_check"), HTTP_AUTHORIZATION=f"Bearer {raw(pair.access)}")
        assert answer.status_code == 401
        if not expired:
            answer = post(api, "jwtauth_oauth_revoke", {"token": raw(pair.access)})
            assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("name", REFUSALS)
def test_introspection_says_nothing_but_that_it_is_not_active(api, pair, name):
    """Unknown, ended, of a deleted user or forged: one answer, to the byte."""
    answer = post(api, "jwtauth_oauth_introspect", {"token": REFUSALS[name].make(pair.access)})

    assert (answer.status_code, answer.content) == (200, b'{"active": false}')


def test_no_header_is_made_of_what_a_client_sent(api, user, settings):
    """User names and scopes are quoted on their way into the gateway's headers."""
    hostile = "a\r\nX-Admin: 1\u2028é%"
    type(user).objects.update(username=hostile)
    user.refresh_from_db()
    pair = sessions.start(user, claims={"scope": "read\r\nX-Admin:1"})

    answer = api.get(reverse("jwtauth_check"), HTTP_AUTHORIZATION=f"Bearer {pair.access}")

    assert answer.status_code == 204
    assert "X-Admin" not in answer.headers
    for value in answer.headers.values():
        assert value.isascii()
        assert value.isprintable()


@pytest.mark.parametrize(
    "authorization",
    ["Bearer {}\r\nX: 1", "Bearer \x00{}", "Bearer {},Bearer {}", "bearer\t{}", "Basic {}", "{}"],
)
def test_a_header_that_is_no_bearer_token_is_refused(api, pair, statements, authorization):
    """One scheme, one space, one token; whatever else is 401 and reaches no header."""
    value = authorization.format(pair.access, pair.access)
    with statements(0):
        for name in ("jwtauth_check", "jwtauth_me"):
            answer = api.get(reverse(name), HTTP_AUTHORIZATION=value)
            assert answer.status_code == 401
            assert pair.access not in str(answer.headers)
            assert pair.access.encode() not in answer.content


def test_an_equivalent_signature_of_a_revoked_token_is_revoked(api, pair):
    """Padding, other last characters and changed case open no door after the sign-out."""
    api.blacklist(token=pair.access)
    assert api.protected(pair.access).status_code == 401
    header, payload, signature = pair.access.split(".")
    spellings = [
        pair.access + "=",
        pair.access + "==",
        f"{header}=.{payload}=.{signature}=",
        f" {pair.access}",
        f"{pair.access[:-1]}{chr(ord(pair.access[-1]) ^ 1)}",
        pair.access + "\n",
        pair.access.replace("-", "+").replace("_", "/") + "=",
        forge.altered(pair.access, header={"typ": "AT+JWT"}),
        forge.altered(pair.access, header={"typ": "application/at+jwt", "x": 1}),
    ]
    for raw in spellings:
        assert api.protected(raw).status_code == 401, raw
        answer = api.get(reverse("jwtauth_check"), HTTP_AUTHORIZATION=f"Bearer {raw}")
        assert answer.status_code == 401
        body = post(api, "jwtauth_oauth_introspect", {"token": raw}).json()
        assert body == {"active": False}
