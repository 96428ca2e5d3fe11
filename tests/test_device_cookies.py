"""Browsers that signed in before: strangers cannot lock them out."""

import time
from unittest.mock import patch

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse
from rest_framework.test import APIClient

from django_jwtauth.models import LoginSession, Reason
from django_jwtauth.throttling import device_cookies
from tests import urls
from tests.conftest import GUESSES, PASSWORD

urlpatterns = [*urls.urlpatterns, path("browser/", include("django_jwtauth.urls.browser"))]

OFFICE = "192.0.2.2"


@pytest.fixture
def browser(user, settings):
    """A browser at the office in which anna has signed in, and out again."""
    settings.ROOT_URLCONF = __name__
    return sign_in_and_out(APIClient(REMOTE_ADDR=OFFICE))


def sign_in_and_out(client, **body):
    assert enter(client, **body).status_code == 200
    assert client.post("/browser/token/blacklist/").status_code == 200
    return client


def enter(client, password=PASSWORD, **body):
    return client.post("/browser/token/", {"username": "anna", "password": password, **body})


def neighbour(name="anna"):
    """Use up what the office has, and everybody, from another browser."""
    client = APIClient(REMOTE_ADDR=OFFICE)
    for _ in range(4):
        enter(client, "wrong", username=name)
    return client


@pytest.mark.parametrize("scope", GUESSES)
def test_a_neighbour_does_not_lock_out_a_known_browser(browser, limits, scope):
    """At a shared address, and after a flood from everywhere, the owner signs in."""
    limits(**{scope: 3})
    LoginSession.objects.update(ip_address=None)
    other = neighbour()

    assert enter(other).status_code == 429
    assert enter(browser).status_code == 200


def test_a_client_of_the_json_endpoint_is_known_by_the_same_cookie(user, limits):
    """Whoever keeps cookies is; the cookie opens nothing there, either."""
    phone, other = APIClient(REMOTE_ADDR=OFFICE), APIClient(REMOTE_ADDR=OFFICE)

    def sign_in(client, password=PASSWORD):
        body = {"username": "anna", "password": password}
        return client.post(reverse("token_obtain_pair"), body).status_code

    assert sign_in(phone) == 200
    limits(account=3)
    assert [sign_in(other, "wrong") for _ in range(4)] == [401, 401, 401, 429]
    assert (sign_in(other), sign_in(phone)) == (429, 200)
    assert phone.get(reverse("jwtauth_me")).status_code == 401


def test_a_known_browser_has_no_more_guesses_than_others(browser, limits):
    """A cookie that was copied allows as many as an address of one's own would."""
    limits(account=3)
    neighbour()

    answers = [enter(browser, "wrong").status_code for _ in range(5)]
    assert answers == [401, 401, 401, 429, 429]


def test_a_known_browser_is_known_for_its_own_account_only(browser, other_user, limits):
    """Nobody gets guesses at another account for having one."""
    limits(account=3)
    neighbour("bert")

    assert enter(browser, username="bert").status_code == 429


def test_a_known_browser_is_known_by_the_name_it_signed_in_with(browser, limits):
    """What a form sends for the same text, with spaces or in full width, is the same name."""
    limits(account=3)
    neighbour()

    assert enter(browser, "wrong", username=" \uff41nna ").status_code == 401


def test_an_account_of_nearly_the_same_name_buys_no_guesses(browser, limits):
    """Elsewhere ANNA is another account: each sign-in of anna's would buy guesses at it."""
    limits(account=3)
    neighbour()

    assert enter(browser, "wrong", username="ANNA").status_code == 429


FORGETTING = {
    "a new password": lambda user: (user.set_password("another"), user.save()),
    "deactivation": lambda user: get_user_model().objects.update(is_active=False),
    "deletion": lambda user: user.delete(),
    "ended as stolen": lambda user: LoginSession.objects.update(end_reason=Reason.STOLEN),
    "reuse": lambda user: LoginSession.objects.update(end_reason=Reason.REUSED),
    "purge": lambda user: LoginSession.objects.all().delete(),
}


@pytest.mark.parametrize("forget", FORGETTING.values(), ids=FORGETTING)
def test_what_makes_a_browser_unknown(browser, user, limits, forget):
    """Whoever had the account before has no more guesses than a stranger."""
    limits(account=3)
    neighbour()
    forget(user)

    assert enter(browser, "wrong").status_code == 429


def test_a_browser_is_forgotten_after_a_while(browser, limits):
    """The signature carries its time: a cookie that a client keeps is no use."""
    limits(account=3)
    with time_machine.travel(time.time() + 61 * 24 * 60 * 60):
        neighbour()
        assert enter(browser, "wrong").status_code == 429


@pytest.mark.parametrize("change", ["", "x", "x" * 100_000, "\ud800", "0:1:2", None])
def test_a_cookie_of_ones_own_making_is_nothing(browser, limits, change):
    """Refused without a query, as without a cookie."""
    limits(account=3)
    neighbour()
    name = "__Secure-jwtauth_device"
    value = browser.cookies[name].value[:-1] if change is None else change
    request = RequestFactory().post("/")
    request.COOKIES[name] = value

    with CaptureQueriesContext(connection) as captured:
        assert device_cookies.find(request, "account") is None
    assert not captured.captured_queries


def test_a_known_browser_costs_nothing_on_quiet_days(browser, statements):
    """The cookie is looked at only past a limit."""
    with patch("django_jwtauth.throttling.device_cookies.find") as find:
        enter(browser)
    find.assert_not_called()
