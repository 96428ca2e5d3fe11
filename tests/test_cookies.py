"""Attributes of the cookies; ``tests/browser`` has them in a real browser."""

import pickle
from http.cookies import Morsel

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from django_jwtauth.http import cookies
from django_jwtauth.http.transport import access_cookie_name, refresh_cookie_name


def set_both(**conf):
    """Return the headers that set a cookie, and that clear it."""
    made, gone = HttpResponse(), HttpResponse()
    cookies.set_cookie(
        made, "a", "1", max_age=60, path="/auth/", samesite=conf.get("SAMESITE", "Lax")
    )
    cookies.delete_cookie(gone, "a", path="/auth/", samesite=conf.get("SAMESITE", "Lax"))
    return made.cookies["a"].OutputString(), gone.cookies["a"].OutputString()


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({}, ["SameSite=Lax"]),
        ({"SAMESITE": "Strict"}, ["SameSite=Strict"]),
        ({"DOMAIN": "example.com"}, ["SameSite=Lax", "Domain=example.com"]),
        ({"DOMAIN": ".Example.com"}, ["SameSite=Lax", "Domain=example.com"]),
        ({"SAMESITE": "None"}, ["SameSite=None", "Partitioned"]),
        (
            {"SAMESITE": "None", "DOMAIN": "example.com"},
            ["SameSite=None", "Partitioned", "Domain=example.com"],
        ),
    ],
    ids=str,
)
def test_a_cookie_is_cleared_with_the_attributes_it_was_set_with(settings, conf, expected):
    """Otherwise browsers keep it."""
    settings.JWTAUTH = {"COOKIES": conf}
    made, gone = (set(header.split("; ")) for header in set_both(**conf))

    expires = {part for part in made if part.startswith("expires=")}
    assert made - expires == {"a=1", "HttpOnly", "Secure", "Max-Age=60", "Path=/auth/", *expected}
    assert {"Path=/auth/", *expected, "Max-Age=0"} <= gone
    assert not {part for part in gone if part.startswith(("Domain", "Partitioned"))} - {*expected}
    assert ("Secure" in gone) is (conf.get("SAMESITE") == "None")


def test_a_cookie_that_is_set_twice_has_one_header(settings):
    """The last value counts, as in Django."""
    settings.JWTAUTH = {"COOKIES": {"SAMESITE": "None"}}
    response = HttpResponse()
    for value in "12":
        cookies.set_cookie(response, "a", value, max_age=None, path="/", samesite="None")

    (header,) = [morsel.OutputString() for morsel in response.cookies.values()]
    assert header.startswith("a=2; ")
    assert header.count("Partitioned") == 1
    assert response.cookies["a"].output(header="").strip() == header
    # A cached answer.
    assert pickle.loads(pickle.dumps(response)).cookies["a"].OutputString() == header


@pytest.mark.parametrize(
    ("conf", "names"),
    [
        ({}, ("__Host-jwtauth_access", "__Secure-jwtauth_refresh")),
        ({"DOMAIN": "example.com"}, ("__Secure-jwtauth_access", "__Secure-jwtauth_refresh")),
        ({"DOMAIN": "example.com", "SECURE": False}, ("jwtauth_access", "jwtauth_refresh")),
        ({"SAMESITE": "None"}, ("__Host-jwtauth_access", "__Secure-jwtauth_refresh")),
    ],
)
def test_a_cookie_of_a_domain_cannot_be_of_one_host(settings, conf, names):
    """Browsers refuse __Host- with a domain (RFC 6265bis, 4.1.3.2)."""
    settings.JWTAUTH = {"COOKIES": conf}

    assert (access_cookie_name(), refresh_cookie_name()) == names


@pytest.mark.parametrize("due", [True, False])
@pytest.mark.parametrize("samesite", ["Lax", "None"])
@pytest.mark.parametrize("sessions", [True, False])
def test_the_csrf_cookie_goes_where_ours_go(settings, due, samesite, sessions):
    """Set by us only where it would have been set, and is for other sites."""
    settings.JWTAUTH = {"COOKIES": {"SAMESITE": samesite}}
    settings.CSRF_USE_SESSIONS = sessions
    settings.CSRF_COOKIE_SAMESITE, settings.CSRF_COOKIE_SECURE = "None", True
    request, response = RequestFactory().get("/"), HttpResponse()
    request.META.update({"CSRF_COOKIE": "x" * 32, "CSRF_COOKIE_NEEDS_UPDATE": due})
    cookies.partition_csrf_cookie(request, response)

    if not due or samesite == "Lax" or sessions:
        assert not response.cookies
        return
    header = response.cookies["csrftoken"].OutputString()
    assert header.startswith("csrftoken=xxx")
    assert {"Partitioned", "SameSite=None", "Secure"} <= set(header.split("; "))
    # What Django's middleware does next.
    response.set_cookie("csrftoken", "y", samesite="None", secure=True)
    assert response.cookies["csrftoken"].OutputString().startswith("csrftoken=y; ")
    assert "Partitioned" in response.cookies["csrftoken"].OutputString()


def test_other_cookies_are_left_alone(settings):
    """Those of the project have the attributes that it gave them."""
    settings.JWTAUTH = {"COOKIES": {"SAMESITE": "None", "DOMAIN": "example.com"}}
    response = HttpResponse()
    response.set_cookie("theme", "dark")
    cookies.set_cookie(response, "a", "1", max_age=1, path="/", samesite="None")

    assert type(response.cookies["theme"]) is Morsel
    assert response.cookies["theme"].OutputString() == "theme=dark; Path=/"
