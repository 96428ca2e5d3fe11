"""The browser endpoints and the cookie class: what a page sees, and what an attacker does not."""

from datetime import timedelta
from importlib import import_module
from urllib.parse import urlencode

import pytest
import time_machine
from django.core.cache import cache
from django.db import OperationalError, connection, connections
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import override_script_prefix
from django.urls import include, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_page
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_jwtauth import api_tokens, sessions
from django_jwtauth.authentication import JWTAuthentication, JWTCookieAuthentication
from django_jwtauth.http import transport
from django_jwtauth.models import LoginSession
from django_jwtauth.tokens import TokenPair
from django_jwtauth.views import browser
from tests import forge
from tests.changes import change_password, deactivate
from tests.conftest import PASSWORD, Client


class BothView(APIView):
    """A project's view that takes a header or a cookie."""

    authentication_classes = [JWTAuthentication, JWTCookieAuthentication]

    def get(self, request):
        return Response({"user": request.user.get_username()})

    def post(self, request):
        return Response({"user": request.user.get_username()})


class CookieFirstView(BothView):
    authentication_classes = [JWTCookieAuthentication, JWTAuthentication]


class OpenView(BothView):
    permission_classes = [AllowAny]


@method_decorator(cache_page(60), name="dispatch")
class CachedView(BothView):
    authentication_classes = [JWTCookieAuthentication]


by_hand = [
    path("token/", browser.SignInView.as_view(), name="token_obtain_pair"),
    path("token/again/", browser.RefreshView.as_view(), name="token_refresh"),
]
urlpatterns = [
    path("auth/", include("django_jwtauth.urls.browser")),
    path("header/", include("django_jwtauth.urls")),
    path("both/", BothView.as_view(), name="both"),
    path("cookie-first/", CookieFirstView.as_view(), name="cookie-first"),
    path("open/", OpenView.as_view(), name="open"),
    path("cached/", CachedView.as_view(), name="cached"),
    path("shop/", include(([path("in/", include("django_jwtauth.urls.browser"))], "shop"))),
    path("two/", include("django_jwtauth.urls.browser", namespace="two")),
    path("own/", include((by_hand, "own"))),
    path("bare/", include(by_hand)),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

ACCESS = "__Host-jwtauth_access"
REFRESH = "__Secure-jwtauth_refresh"
OTHER_SITE = "https://evil.example"


def url(name, *args, namespace="jwtauth_browser"):
    return reverse(":".join(filter(None, [namespace, name])), args=args)


class Browser(Client):
    """A client with CSRF checks, whose cookie jar holds what the answers set."""

    def __init__(self, **kwargs):
        super().__init__(enforce_csrf_checks=True, **kwargs)

    def csrf(self):
        return self.get(url("csrf")).json()["csrf_token"]

    def send(self, method, address, body=None, **extra):
        """Send what our pages send: a request with a CSRF token."""
        extra.setdefault("HTTP_X_CSRFTOKEN", self.csrf())
        return getattr(self, method)(address, body, **extra)

    def sign_in(self, username="anna", password=PASSWORD, **extra):
        body = {"username": username, "password": password}
        return self.send("post", url("token_obtain_pair"), body, **extra)

    def renew(self, **extra):
        return self.send("post", url("token_refresh"), **extra)

    def sign_out(self, **extra):
        return self.send("post", url("token_blacklist"), **extra)

    def cookie(self, name):
        return self.cookies[name].value

    def is_signed_in(self):
        return self.get(url("jwtauth_me")).status_code == 200


@pytest.fixture
def web(user):
    """A browser that is about to sign in as anna."""
    return Browser()


@pytest.fixture
def signed_in(web):
    assert web.sign_in().status_code == 200
    return web


def attributes(response, name):
    """Return the attributes of a Set-Cookie, those without a value as True."""
    morsel = response.cookies[name]
    return {key: value for key, value in morsel.items() if value}


def given(response):
    return sorted(set(response.cookies) - {"csrftoken"})


# --- the cookies


# The session cookie of "Remember me" has neither.
LASTING = {"expires", "max-age"}
DEVICE = "__Secure-jwtauth_device"
ACCESS_ATTRIBUTES = {"path": "/", "max-age": 300, "secure": True, "httponly": True}
REFRESH_ATTRIBUTES = {
    "path": "/auth/token/",
    "max-age": 604800,
    "secure": True,
    "httponly": True,
    "samesite": "Strict",
}


@pytest.mark.parametrize("samesite", ["Lax", "Strict"])
@pytest.mark.parametrize("request_name", ["sign_in", "renew"])
def test_cookies_have_these_attributes_and_no_other(web, settings, request_name, samesite):
    """Access and refresh cookie as the design has them; no Domain, which __Host- forbids."""
    settings.JWTAUTH = {"COOKIES": {"SAMESITE": samesite}}
    web.sign_in()
    response = getattr(web, request_name)()

    signing_in = request_name == "sign_in"
    assert given(response) == [ACCESS, *([DEVICE] if signing_in else []), REFRESH]
    found = attributes(response, ACCESS)
    assert found.pop("expires")
    assert found == {**ACCESS_ATTRIBUTES, "samesite": samesite}
    found = attributes(response, REFRESH)
    assert found.pop("expires")
    assert abs(found.pop("max-age") - 604800) <= 1
    assert found == {k: v for k, v in REFRESH_ATTRIBUTES.items() if k != "max-age"}
    if signing_in:
        found = attributes(response, DEVICE)
        assert found.pop("expires")
        assert found == {**REFRESH_ATTRIBUTES, "max-age": 60 * 24 * 60 * 60}


@pytest.mark.parametrize("rotate", [True, False])
@pytest.mark.parametrize(
    ("body", "remembered"),
    [
        ({}, False),
        ({"remember": False}, False),
        ({"remember": "false"}, False),
        ({"remember": True}, True),
        ({"remember": "on"}, True),
    ],
)
def test_who_is_not_remembered_gets_session_cookies(web, settings, body, remembered, rotate):
    """They have no lifetime, at the sign-in and at every refresh; the device cookie has its own."""
    settings.JWTAUTH = {
        "SESSION_LIFETIME_NOT_REMEMBERED": timedelta(hours=1),
        "ROTATE_REFRESH_TOKENS": rotate,
    }
    response = web.send(
        "post", url("token_obtain_pair"), {"username": "anna", "password": PASSWORD, **body}
    )
    expected = 604800 if remembered else 3600
    assert response.json() == {"expires_in": 300, "refresh_expires_in": expected}
    assert attributes(response, DEVICE).keys() >= LASTING

    for answer in (response, web.renew(), web.renew()):
        names = [ACCESS, REFRESH] if rotate or answer is response else [ACCESS]
        assert [name for name in given(answer) if name != DEVICE] == names
        for name in names:
            found = attributes(answer, name)
            assert LASTING & found.keys() == (LASTING if remembered else set())
            assert found["httponly"] and found["secure"]
    assert web.is_signed_in()


def test_without_the_setting_nobody_is_asked(web):
    """A form may send anything as "remember", even nonsense."""
    body = {"username": "anna", "password": PASSWORD, "remember": {"x": 1}}
    response = web.send("post", url("token_obtain_pair"), body)

    assert response.status_code == 200
    assert attributes(response, REFRESH).keys() >= LASTING


def test_an_access_cookie_that_has_expired_counts_as_none(signed_in):
    """A session cookie outlives its token; a page for everybody shows itself all the same."""
    raw = signed_in.cookie(ACCESS)
    signed_in.cookies[ACCESS] = forge.altered(raw, exp=1)

    assert signed_in.get(reverse("open")).json() == {"user": ""}
    assert signed_in.get(url("jwtauth_me")).status_code == 401
    assert signed_in.get(reverse("open"), HTTP_AUTHORIZATION="Bearer x").status_code == 401
    signed_in.cookies[ACCESS] = raw + "x"
    assert signed_in.get(reverse("open")).status_code == 401


def test_two_projects_on_one_host_keep_their_cookies_apart(web, settings):
    """Each under a name of its own: signing in to one does not sign out of the other."""
    for name in ("shop", "blog"):
        settings.JWTAUTH = {"COOKIES": {"NAME": name}}
        assert web.sign_in().status_code == 200
    for name in ("shop", "blog"):
        settings.JWTAUTH = {"COOKIES": {"NAME": name}}
        assert f"__Host-{name}_access" in web.cookies
        assert web.get(url("jwtauth_me")).status_code == 200


def test_cookies_of_pages_of_other_sites(web, settings):
    """Every cookie of every answer is for other sites, and Partitioned; nothing else changes."""
    settings.JWTAUTH = {"COOKIES": {"SAMESITE": "None"}}
    settings.CSRF_COOKIE_SAMESITE, settings.CSRF_COOKIE_SECURE = "None", True
    answers = [
        web.get(url("csrf")),
        web.sign_in(),
        web.renew(),
        web.sign_out(),
    ]

    for answer in answers:
        assert answer.status_code == 200
        for morsel in answer.cookies.values():
            parts = morsel.OutputString().split("; ")
            assert {"SameSite=None", "Secure", "Partitioned"} <= set(parts)
            assert parts[0].split("=")[1] or morsel["max-age"] == 0
    assert "csrftoken" in answers[0].cookies
    assert given(answers[1]) == [ACCESS, DEVICE, REFRESH]
    assert given(answers[3]) == [ACCESS, REFRESH]
    assert not web.is_signed_in()


def test_a_domain_is_set_and_removed_without_signing_anybody_out(web, settings):
    """The refresh cookie has one name, so the next refresh leads to the other cookies."""
    shared = "__Secure-jwtauth_access"
    web.sign_in()
    for domain, name in (("testserver.example", shared), (None, ACCESS)):
        settings.JWTAUTH = {"COOKIES": {"DOMAIN": domain}}
        answer = web.renew()
        assert answer.status_code == 200
        assert given(answer) == sorted([name, REFRESH])
        for cookie in given(answer):
            assert attributes(answer, cookie).get("domain") == domain
        assert web.is_signed_in()
    settings.JWTAUTH = {"COOKIES": {"DOMAIN": "testserver.example"}}
    answer = web.sign_out()
    assert {attributes(answer, name)["domain"] for name in given(answer)} == {"testserver.example"}


@pytest.mark.parametrize("order", ["stale first", "new first"])
def test_a_stale_cookie_of_the_same_name_comes_first(web, settings, order):
    """As browsers send the older one first (RFC 6265, 5.4), the newer one counts."""
    web.sign_in()
    stale = web.cookie(REFRESH)
    web.renew()
    fresh = web.cookie(REFRESH)
    pair = [stale, fresh] if order == "stale first" else [fresh, stale]
    header = "; ".join(f"{REFRESH}={value}" for value in pair)

    found = RequestFactory().get("/", headers={"Cookie": header})
    assert transport.get_refresh_cookie(found) == (fresh if order == "stale first" else stale)


def test_cookies_over_plain_http(web, settings):
    """With COOKIES["SECURE"] off, neither prefix nor Secure, as browsers want https for both."""
    settings.JWTAUTH = {"COOKIES": {"SECURE": False}}
    response = web.sign_in()

    assert given(response) == ["jwtauth_access", "jwtauth_device", "jwtauth_refresh"]
    for name in given(response):
        assert "secure" not in attributes(response, name)
        assert attributes(response, name)["httponly"] is True
    assert web.is_signed_in()


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_of_the_other_setting_are_ignored(web, user, settings, secure):
    """In production a cookie without prefix, which any page of the domain can set, is nothing."""
    settings.JWTAUTH = {"COOKIES": {"SECURE": secure}}
    pair = sessions.start(user)
    web.cookies["jwtauth_access" if secure else ACCESS] = pair.access
    web.cookies["jwtauth_refresh" if secure else REFRESH] = pair.refresh

    assert not web.is_signed_in()
    assert web.renew().json() == {"detail": "Authentication credentials were not provided."}


def test_no_answer_has_a_token_in_its_body(signed_in):
    """Whatever is asked, and whether it is refused or not, tokens are in Set-Cookie alone."""
    answers = [
        signed_in.sign_in(),
        signed_in.renew(),
        signed_in.get(url("jwtauth_me")),
        signed_in.get(url("jwtauth_session_list")),
        signed_in.get(url("csrf")),
    ]
    tokens = [signed_in.cookie(ACCESS), signed_in.cookie(REFRESH)]
    answers += [signed_in.sign_out(), signed_in.renew()]

    for response in answers:
        text = response.content.decode() + str(response.headers)
        assert "eyJ" not in text
        assert not any(token in text for token in tokens)
        assert response["Cache-Control"] == "no-store"
    assert answers[0].json() == {"expires_in": 300, "refresh_expires_in": 604800}
    assert set(answers[1].json()) == {"expires_in", "refresh_expires_in"}


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("jwtauth_browser", "/auth/token/"),
        ("two", "/two/token/"),
        ("shop:jwtauth_browser", "/shop/in/token/"),
        ("own", "/own/token/"),
        ("", "/bare/token/"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/tenant"])
def test_refresh_cookie_path(web, namespace, expected, prefix):
    """It is where refresh and sign-out are, however the URLconf is included or mounted."""
    names = ("token_obtain_pair", "token_refresh")
    csrf, *addresses = url("csrf"), *(url(name, namespace=namespace) for name in names)
    body = {"username": "anna", "password": PASSWORD}
    for address in addresses:
        token = web.get(csrf).json()["csrf_token"]
        # The test client leaves this part of WSGI out.
        with override_script_prefix(f"{prefix}/"):
            response = web.post(address, body, HTTP_X_CSRFTOKEN=token)

        assert response.status_code == 200
        assert response.cookies[REFRESH]["path"] == prefix + expected


def pair_of(length, name):
    return TokenPair("a" * (length - len(name)), None, 300, 600, None)


def test_a_token_that_no_browser_would_keep_is_refused():
    """Name and value may have 4096 bytes together: better an error than a vanished cookie."""
    response = HttpResponse()
    transport.set_token_cookies(response, pair_of(4096, ACCESS), "/auth/token/")
    assert given(response) == [ACCESS]

    with pytest.raises(ValueError, match="4076 bytes does not fit into a cookie"):
        transport.set_token_cookies(response, pair_of(4097, ACCESS), "/auth/token/")


# --- signing in


def test_signing_in_again_ends_the_sign_in_that_the_browser_had(signed_in, user):
    """A browser holds one sign-in; the other devices keep theirs."""
    other = sessions.start(user)
    old = signed_in.cookie(ACCESS)
    signed_in.sign_in()

    assert signed_in.cookie(ACCESS) != old
    assert user.jwtauth_sessions.live().count() == 2
    assert sessions.authenticate(other.access)


def test_a_wrong_password_leaves_the_browser_as_it_was(signed_in):
    """401 as without cookies; no cookie is touched and no sign-in ended."""
    response = signed_in.sign_in(password="wrong")

    assert response.status_code == 401
    assert response.json()["reason"] == "invalid_credentials"
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert given(response) == []
    assert signed_in.is_signed_in()


@pytest.mark.parametrize("encoding", ["multipart", "urlencoded"])
def test_signing_in_works_with_a_plain_form(web, encoding):
    """A form with Django's hidden field needs no header."""
    form = {"username": "anna", "password": PASSWORD, "csrfmiddlewaretoken": web.csrf()}
    if encoding == "multipart":
        response = web.post(url("token_obtain_pair"), form, format="multipart")
    else:
        body, content_type = urlencode(form), "application/x-www-form-urlencoded"
        response = web.post(url("token_obtain_pair"), body, content_type=content_type)

    assert response.status_code == 200


def test_signing_in_rotates_the_csrf_token(web):
    """As Django's own login does: what was known before is worth nothing after."""
    before = web.csrf()
    web.sign_in(HTTP_X_CSRFTOKEN=before)

    assert web.renew(HTTP_X_CSRFTOKEN=before).status_code == 403
    assert web.renew().status_code == 200


# --- refreshing


def test_refreshing_takes_one_step(signed_in, user):
    """The cookies are replaced, the row moves by one generation."""
    old = signed_in.cookie(ACCESS), signed_in.cookie(REFRESH)
    assert signed_in.renew().status_code == 200

    assert signed_in.cookie(ACCESS) != old[0]
    assert signed_in.cookie(REFRESH) != old[1]
    assert user.jwtauth_sessions.get().generation == 1
    assert signed_in.is_signed_in()


def test_a_second_tab_gets_the_same_successor(signed_in, user):
    """The refresh token of before, within the grace period, buys the same cookie again."""
    old = signed_in.cookie(REFRESH)
    signed_in.renew()
    new = signed_in.cookie(REFRESH)
    signed_in.cookies[REFRESH] = old

    assert signed_in.renew().status_code == 200
    assert signed_in.cookie(REFRESH) == new
    assert user.jwtauth_sessions.get().generation == 1


def test_refreshing_without_a_cookie(web, statements):
    """401 that says nothing of a bad token, as none was sent; no query."""
    token = web.csrf()
    with statements(0):
        response = web.renew(HTTP_X_CSRFTOKEN=token)

    assert response.status_code == 401
    assert response.json() == {"detail": "Authentication credentials were not provided."}
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert given(response) == []


def end(user):
    user.jwtauth_sessions.end()


def move_on(user):
    user.jwtauth_sessions.update(generation=7)


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (end, "session_ended"),
        (deactivate, "user_inactive"),
        (change_password, "credentials_changed"),
        (move_on, "reused"),
        (lambda user: user.delete(), "user_not_found"),
    ],
)
def test_cookies_that_no_longer_work_are_taken_back(signed_in, user, happens, reason):
    """The page learns why, and the browser forgets them, by the attributes they were set with."""
    happens(user)
    response = signed_in.renew()

    assert response.status_code == 401
    assert response.json()["reason"] == reason
    assert response["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert_deleted(response)


@pytest.mark.parametrize("raw", ["garbage", "a.b.c", "\x7f", "x" * 9000, '"', "eyJ"])
def test_rubbish_in_the_refresh_cookie(web, raw, statements):
    """401, taken back, and no query for what cannot be verified."""
    web.cookies[REFRESH] = raw
    token = web.csrf()
    with statements(0):
        response = web.renew(HTTP_X_CSRFTOKEN=token)

    assert response.status_code == 401
    assert response.json()["reason"] == "malformed"
    assert_deleted(response)


def test_an_access_token_is_no_refresh_token(signed_in):
    """The cookies cannot be swapped."""
    signed_in.cookies[REFRESH] = signed_in.cookie(ACCESS)
    assert signed_in.renew().json()["reason"] == "wrong_type"


def test_without_rotation_only_the_access_cookie_is_set(signed_in, user, settings):
    """The refresh cookie stays in use, untouched."""
    settings.JWTAUTH = {"ROTATE_REFRESH_TOKENS": False}
    old = signed_in.cookie(REFRESH)
    for _ in range(2):
        response = signed_in.renew()
        assert response.status_code == 200
        assert given(response) == [ACCESS]

    assert signed_in.cookie(REFRESH) == old
    assert signed_in.is_signed_in()
    assert user.jwtauth_sessions.get().generation == 0


# --- signing out


def assert_deleted(response, *, secure=True):
    """Both cookies are taken back by the name, path and flags that they were set with."""
    names = [ACCESS, REFRESH] if secure else ["jwtauth_access", "jwtauth_refresh"]
    assert given(response) == names
    for name, where, samesite in zip(names, ["/", "/auth/token/"], ["Lax", "Strict"], strict=True):
        morsel = response.cookies[name]
        assert morsel.value == ""
        assert morsel["max-age"] == 0
        assert morsel["expires"] == "Thu, 01 Jan 1970 00:00:00 GMT"
        assert (morsel["path"], morsel["samesite"]) == (where, samesite)
        assert bool(morsel["secure"]) is secure
        assert morsel["domain"] == ""


@pytest.mark.parametrize("secure", [True, False])
def test_signing_out(web, user, settings, secure):
    """The sign-in ends, its access token with it, by its owner; the cookies are taken back."""
    settings.JWTAUTH = {"COOKIES": {"SECURE": secure}}
    web.sign_in()
    access = web.cookie(ACCESS if secure else "jwtauth_access")
    response = web.sign_out()

    assert response.status_code == 200
    assert response.json() == {}
    assert_deleted(response, secure=secure)
    session = user.jwtauth_sessions.get()
    assert (session.end_reason, session.ended_via) == ("signed_out", "api")
    assert session.ended_by == user
    assert call(Client().with_token(access), "both").status_code == 401


@pytest.mark.parametrize("raw", [None, "garbage", "a.b.c"])
def test_signing_out_is_always_possible(web, raw):
    """Without a sign-in, and with cookies that are not ours, it is 200 and clears them."""
    if raw:
        web.cookies[ACCESS] = web.cookies[REFRESH] = raw
    for _ in range(2):
        response = web.sign_out()
        assert response.status_code == 200
        assert_deleted(response)


def test_signing_out_needs_no_live_token(signed_in, user):
    """Weeks later, when all tokens have expired, the refresh token still ends the sign-in."""
    with time_machine.travel(timezone.now() + timedelta(days=20)):
        assert signed_in.sign_out().status_code == 200

    session = user.jwtauth_sessions.get()
    assert (session.end_reason, session.ended_by) == ("signed_out", user)


def expired_access(pair, user):
    return forge.altered(pair.access, exp=1)


def blacklisted_access(pair, user):
    sessions.blacklist(pair.access)
    return pair.access


def narrow_access(pair, user):
    return sessions.start(user, claims={"scope": "reports:read"}).access


@pytest.mark.parametrize("make", [expired_access, blacklisted_access, narrow_access])
def test_what_may_have_leaked_ends_no_sign_in(web, pair, user, make):
    """A browser deletes an access cookie as its token expires; whoever sends one found it."""
    web.cookies[ACCESS] = make(pair, user)

    assert web.sign_out().status_code == 200
    assert not user.jwtauth_sessions.exclude(ended_at=None).exists()


def test_signing_out_ends_the_sign_in_behind_a_planted_refresh_cookie(signed_in, user, other_user):
    """A subdomain can plant the refresh cookie, but no cookie whose name begins __Host-."""
    planted = sessions.start(other_user)
    signed_in.cookies[REFRESH] = planted.refresh

    assert signed_in.sign_out().status_code == 200
    assert user.jwtauth_sessions.get().end_reason == "signed_out"


@pytest.mark.parametrize("refresh", [None, "garbage"])
def test_signing_out_with_the_access_cookie_alone(signed_in, user, refresh):
    """Where a proxy's path keeps the refresh cookie away, the sign-in ends all the same."""
    del signed_in.cookies[REFRESH]
    if refresh:
        signed_in.cookies[REFRESH] = refresh
    assert signed_in.sign_out().status_code == 200

    session = user.jwtauth_sessions.get()
    assert session.ended_at
    assert session.ended_by == user


def test_signing_out_ends_no_api_token(web, user):
    """A script's token in the cookie is not what the browser signed in with."""
    raw = web.cookies[ACCESS] = api_tokens.create(user, "backup").raw

    assert web.sign_out().status_code == 200
    assert sessions.authenticate(raw)


def test_signing_out_ends_no_other_sign_in(signed_in, user, other_user):
    """What other devices and other people have goes on."""
    others = [sessions.start(user), sessions.start(other_user)]
    del signed_in.cookies[REFRESH]
    signed_in.sign_out()

    assert all(sessions.authenticate(pair.access) for pair in others)


# --- CSRF


def test_the_unsafe_requests_are_all_tried():
    """None is missing below: what the URLconf serves is compared."""
    served = {
        (method, pattern.name)
        for pattern in import_module("django_jwtauth.urls.browser").urlpatterns
        for method in ("post", "put", "patch", "delete")
        if hasattr(pattern.callback.cls, method)
    }

    assert served == {(method, name) for method, name, _ in UNSAFE}


# Method and name of every unsafe request, and whether the browser is signed in.
UNSAFE = [
    ("post", "token_obtain_pair", True),
    ("post", "token_obtain_pair", False),
    ("post", "token_refresh", True),
    ("post", "token_refresh", False),
    ("post", "token_blacklist", True),
    ("post", "token_blacklist", False),
    ("delete", "jwtauth_session_list", True),
    ("patch", "jwtauth_session_detail", True),
    ("delete", "jwtauth_session_detail", True),
]
FORGED = {
    "no token": {},
    "wrong token": {"HTTP_X_CSRFTOKEN": "x" * 32},
    "odd token": {"HTTP_X_CSRFTOKEN": "?"},
    "another origin": {"HTTP_ORIGIN": OTHER_SITE},
    "an origin that is hidden": {"HTTP_ORIGIN": "null"},
    "another page": {"secure": True, "HTTP_REFERER": f"{OTHER_SITE}/form"},
    "no page": {"secure": True},
}


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize(("method", "name", "signed_in"), UNSAFE)
def test_a_forged_request_does_nothing(web, user, method, name, signed_in, forged):
    """403 before anything is done, whether or not the browser is signed in."""
    if signed_in:
        web.sign_in()
    pair = sessions.start(user)
    before = list(LoginSession.objects.order_by("pk").values())
    args = [pair.session_id.hex] if name == "jwtauth_session_detail" else []
    extra = dict(FORGED[forged])
    if "HTTP_ORIGIN" in extra or "secure" in extra:
        # The token is right: the origin alone must do.
        extra["HTTP_X_CSRFTOKEN"] = web.csrf()
    body = {"username": "anna", "password": PASSWORD, "name": "mine"}
    response = getattr(web, method)(url(name, *args), body, **extra)

    assert response.status_code == 403
    assert response.json()["code"] == "csrf_failed"
    assert response.json()["detail"].startswith("CSRF check failed: ")
    assert given(response) == []
    assert list(LoginSession.objects.order_by("pk").values()) == before


def test_a_refusal_for_csrf_says_what_to_change(web):
    """The commonest mistake, an origin that is not trusted, can be read off the answer."""
    response = web.sign_in(HTTP_ORIGIN="http://localhost:5173")

    assert "http://localhost:5173 does not match any trusted origins" in response.json()["detail"]


def test_a_trusted_origin_may_sign_in(web, settings):
    """CSRF_TRUSTED_ORIGINS is Django's own, and so works as ever."""
    settings.CSRF_TRUSTED_ORIGINS = [OTHER_SITE]
    assert web.sign_in(HTTP_ORIGIN=OTHER_SITE).status_code == 200


@pytest.mark.parametrize(
    "options",
    [{"CSRF_USE_SESSIONS": True}, {"CSRF_COOKIE_HTTPONLY": True}, {"CSRF_HEADER_NAME": "HTTP_X_T"}],
    ids=lambda options: next(iter(options)),
)
def test_the_csrf_settings_of_django(web, settings, options):
    """The page gets its token from csrf/, wherever the secret is kept, and all goes on."""
    for name, value in options.items():
        setattr(settings, name, value)
    header = settings.CSRF_HEADER_NAME
    for act in (web.sign_in, web.renew, web.sign_out):
        assert act(HTTP_X_CSRFTOKEN="").status_code == 403
        assert act(**{"HTTP_X_CSRFTOKEN": "", header: web.csrf()}).status_code == 200


def test_csrf_sets_the_cookie_and_tells_the_token(web):
    """One GET gives a page all it needs, and no cache keeps it."""
    response = web.get(url("csrf"))

    assert response.json().keys() == {"csrf_token"}
    assert response.cookies["csrftoken"].value
    assert response["Cache-Control"] == "no-store"
    assert web.post(url("csrf")).status_code == 405


def test_without_the_middleware_of_django(web, settings):
    """The check does not depend on CsrfViewMiddleware being listed."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "csrf" not in name]

    assert web.sign_in(HTTP_X_CSRFTOKEN="").status_code == 403
    assert web.sign_in().status_code == 200
    assert web.renew(HTTP_X_CSRFTOKEN="x" * 32).status_code == 403
    assert web.sign_out().status_code == 200


# --- views of the project


def call(client, name, method="get", **extra):
    return getattr(client, method)(reverse(name), **extra)


@pytest.mark.parametrize("name", ["both", "cookie-first"])
def test_a_view_takes_either(signed_in, user, name):
    """With both classes listed, a header and a cookie are each enough."""
    raw = sessions.start(user).access

    assert call(signed_in, name).json() == {"user": "anna"}
    assert call(Client().with_token(raw), name).json() == {"user": "anna"}


@pytest.mark.parametrize(("name", "who"), [("both", "bert"), ("cookie-first", "anna")])
def test_header_and_cookie_at_once(signed_in, other_user, name, who):
    """The class that is listed first decides alone."""
    signed_in.with_token(sessions.start(other_user).access)
    assert call(signed_in, name).json() == {"user": who}


@pytest.mark.parametrize(
    ("authorization", "reason"), [("Bearer garbage", "malformed"), ("Bearer", "bad_header")]
)
def test_a_bad_header_is_not_made_up_for_by_a_cookie(signed_in, authorization, reason):
    """Listed first, a header that is ours is refused as if there were no cookie."""
    response = call(signed_in, "both", HTTP_AUTHORIZATION=authorization)

    assert response.status_code == 401
    assert response.json()["reason"] == reason


def test_a_header_of_another_scheme_is_not_ours(signed_in):
    """Basic authentication in front of the site leaves the cookie in charge."""
    assert call(signed_in, "both", HTTP_AUTHORIZATION="Basic YTpi").json() == {"user": "anna"}


def test_the_browser_endpoints_read_no_header(web, user):
    """A token in the header is not looked at there."""
    web.with_token(sessions.start(user).access)
    assert web.get(url("jwtauth_me")).status_code == 401


def test_a_view_without_credentials(web):
    """401 with the challenge, and no word of a bad token."""
    response = call(web, "both")

    assert response.status_code == 401
    assert response.json() == {"detail": "Authentication credentials were not provided."}
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize(
    ("name", "challenge"),
    [("both", 'Bearer realm="api"'), ("cookie-first", 'Bearer realm="api", error="invalid_token"')],
)
def test_a_view_with_a_cookie_that_no_longer_works(signed_in, user, name, challenge):
    """401 with the reason; the challenge is that of the class listed first."""
    user.jwtauth_sessions.end()
    response = call(signed_in, name)

    assert response.status_code == 401
    assert response.json()["reason"] == "session_ended"
    assert response["WWW-Authenticate"] == challenge


def test_unsafe_requests_to_a_view(signed_in, user):
    """A cookie needs a CSRF token beside it, a header does not."""
    refused = call(signed_in, "both", "post")
    assert refused.status_code == 403
    assert refused.json()["code"] == "csrf_failed"
    token = signed_in.csrf()
    assert call(signed_in, "both", "post", HTTP_X_CSRFTOKEN=token).json() == {"user": "anna"}

    bearer = Browser().with_token(sessions.start(user).access)
    assert call(bearer, "both", "post").json() == {"user": "anna"}


def test_a_stranger_needs_no_csrf_token_for_an_open_view(web):
    """As with Django's sessions: there is no sign-in that could be abused."""
    assert call(web, "open", "post").json() == {"user": ""}


def test_a_cached_view_shows_nobody_what_was_made_for_another(signed_in, other_user):
    """Answers to cookies vary on them, as those to Django's sessions do."""
    cache.clear()
    other = Browser()
    other.sign_in("bert")

    assert call(signed_in, "cached").json() == {"user": "anna"}
    assert call(other, "cached").json() == {"user": "bert"}
    assert call(Browser(), "cached").status_code == 401
    assert call(signed_in, "cached")["Vary"] == "Accept, Cookie"


def test_the_class_works_without_a_view(signed_in):
    """Others than DRF's views may ask it."""
    request = RequestFactory().get("/")
    request.COOKIES[ACCESS] = signed_in.cookie(ACCESS)
    found, claims = JWTCookieAuthentication().authenticate(Request(request))

    assert found.username == "anna"
    assert claims["token_type"] == "access"


# --- one's own sign-ins


def test_devices(signed_in, user):
    """List, rename, end one and end the others, by cookie."""
    phone, tablet = (sessions.start(user).session_id.hex for _ in range(2))
    listed = signed_in.get(url("jwtauth_session_list")).json()
    assert [item["current"] for item in listed] == [False, False, True]

    detail = url("jwtauth_session_detail", phone)
    assert signed_in.send("patch", detail, {"name": "Phone"}).json()["name"] == "Phone"
    assert signed_in.send("delete", detail).status_code == 204
    assert signed_in.send("delete", url("jwtauth_session_list")).status_code == 204
    assert [item["current"] for item in signed_in.get(url("jwtauth_session_list")).json()] == [True]
    assert tablet not in [item.sid for item in user.jwtauth_sessions.live()]


# --- faults


def fail(execute, sql, params, many, context):
    raise OperationalError("server closed the connection: secret")


@pytest.mark.parametrize("name", ["token_obtain_pair", "token_refresh", "token_blacklist"])
def test_the_database_is_down(signed_in, name):
    """503 with Retry-After, nothing claimed to be done, and the cookies stay."""
    body = {"username": "anna", "password": PASSWORD}
    token = signed_in.csrf()
    with connection.execute_wrapper(fail):
        response = signed_in.post(url(name), body, HTTP_X_CSRFTOKEN=token)

    assert response.status_code == 503
    assert response["Retry-After"]
    assert response.json()["reason"] == "unavailable"
    assert given(response) == []
    assert signed_in.is_signed_in()


@pytest.mark.django_db(transaction=True)
def test_a_thief_is_shut_out_under_atomic_requests(signed_in, user):
    """The sign-in that a superseded refresh token ended stays ended after the 401."""
    stolen = signed_in.cookie(REFRESH)
    signed_in.renew()
    signed_in.renew()
    thief = Browser()
    thief.cookies[REFRESH] = stolen
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert thief.renew().json()["reason"] == "reused"
        assert not signed_in.is_signed_in()
    finally:
        connections["default"].settings_dict["ATOMIC_REQUESTS"] = False

    assert user.jwtauth_sessions.get().end_reason == "reused"


FORM_PART = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\n\xc3\xa9\r\n--x--\r\n'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[" * 20000),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[]"),
        ("application/x-www-form-urlencoded", b"username=%ff&password=%00"),
        ("application/x-www-form-urlencoded; charset=utf-16", b"username=a"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
        ("multipart/form-data; boundary=x; charset=hex", FORM_PART),
        ("multipart/form-data; boundary=x; charset=idna", FORM_PART),
        ("multipart/form-data; boundary=x; charset=undefined", FORM_PART),
        ("text/plain", b"username=anna"),
    ],
)
@pytest.mark.parametrize("name", ["token_obtain_pair", "token_refresh", "token_blacklist"])
def test_no_body_ends_in_an_error_of_ours(web, name, content_type, body):
    """Whatever is sent, the answer is below 500."""
    token = web.csrf()
    response = web.post(url(name), body, content_type=content_type, HTTP_X_CSRFTOKEN=token)

    assert response.status_code < 500


@pytest.mark.parametrize("raw", ["garbage", "\x7f\x00", "é", "x" * 9000, "a.b.c", "=;="])
def test_no_cookie_ends_in_an_error_of_ours(web, raw):
    """A cookie may hold anything: it is refused or it is nothing."""
    headers = {"HTTP_COOKIE": f"{ACCESS}={raw}; {REFRESH}={raw}"}
    for name in ("both", "open", "jwtauth_browser:jwtauth_me"):
        assert web.get(reverse(name), **headers).status_code in (200, 401)


# --- ending other sign-ins


def test_ending_others_asks_for_a_recent_sign_in(signed_in, user):
    """RFC 9470, 3: 403 with max_age; a refresh proves nothing, the current one can always end."""
    other = sessions.start(user)
    current = user.jwtauth_sessions.exclude(pk=other.session_id).get()
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert signed_in.renew().status_code == 200
        for path_ in ("/auth/sessions/", f"/auth/sessions/{other.session_id.hex}/"):
            answer = signed_in.send("delete", path_)
            assert answer.status_code == 403
            assert answer.json()["code"] == "insufficient_user_authentication"
            assert 'max_age="900"' in answer["WWW-Authenticate"]
        assert not user.jwtauth_sessions.exclude(ended_at=None).exists()
        assert signed_in.send("delete", f"/auth/sessions/{current.sid}/").status_code == 204


def test_whoever_signed_in_lately_ends_others(signed_in, user):
    """Within a quarter of an hour, one and all."""
    one, other = sessions.start(user), sessions.start(user)

    assert signed_in.send("delete", f"/auth/sessions/{one.session_id.hex}/").status_code == 204
    assert signed_in.send("delete", "/auth/sessions/").status_code == 204
    assert user.jwtauth_sessions.live().count() == 1
    assert not user.jwtauth_sessions.live().filter(pk=other.session_id).exists()


def test_renaming_asks_for_no_recent_sign_in(signed_in, user):
    """It locks nobody out."""
    other = sessions.start(user)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        signed_in.renew()
        answer = signed_in.send("patch", f"/auth/sessions/{other.session_id.hex}/", {"name": "x"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("recent", "cookie", "header"),
    [
        ({}, 403, 204),
        ({"cookie": None}, 204, 204),
        ({"header": 60}, 403, 403),
        ({"cookie": 3600, "header": 3600}, 204, 204),
    ],
)
def test_each_door_has_its_own_age(signed_in, user, settings, recent, cookie, header):
    """By default only where a browser may have been left open."""
    settings.JWTAUTH = {"RECENT_SIGN_IN": recent, "ACCESS_TOKEN_LIFETIME": timedelta(hours=2)}
    pair, other = sessions.start(user), sessions.start(user)
    api = Client().with_token(pair.access)
    with time_machine.travel(timezone.now() + timedelta(minutes=20)):
        signed_in.renew()
        url = f"sessions/{other.session_id.hex}/"
        assert signed_in.send("delete", f"/auth/{url}").status_code == cookie
        assert api.delete(f"/header/{url}").status_code == header
