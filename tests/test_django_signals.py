"""Django's own signals, sent at every door that signs somebody in or out."""

from contextlib import nullcontext

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model, login
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import include, path, reverse
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.contrib.simplejwt.views import TokenObtainPairView
from tests.conftest import PASSWORD

pytestmark = pytest.mark.urls(__name__)

urlpatterns = [
    path("api/", include("django_jwtauth.urls")),
    path("auth/", include("django_jwtauth.urls.browser")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path("portal/", include("django_jwtauth.urls.portal")),
]


@pytest.fixture
def logged_in():
    """What ``user_logged_in`` told, as (sender, user, request)."""
    told = []

    def receive(sender, signal, request, user, **kwargs):
        assert signal is user_logged_in
        told.append((sender, user, request))

    user_logged_in.connect(receive)
    yield told
    user_logged_in.disconnect(receive)


def sign_in_by_link(api, user):
    raw = one_time.create(user, one_time.SIGN_IN)
    return api.post(reverse("token_one_time"), {"token": raw}, format="json")


def sign_in_by_grant(api, user):
    body = {"grant_type": "password", "username": "anna", "password": PASSWORD}
    return api.post(reverse("jwtauth_oauth_token"), body, format="multipart")


def sign_in_with_a_subclassed_serializer(api, user):
    body = {"username": "anna", "password": PASSWORD}
    return TokenObtainPairView.as_view()(APIRequestFactory().post("/", body))


DOORS = {
    "token/": lambda api, user: api.obtain(),
    "browser": lambda api, user: APIClient().post(
        reverse("jwtauth_browser:token_obtain_pair"), {"username": "anna", "password": PASSWORD}
    ),
    "oauth": sign_in_by_grant,
    "one-time token": sign_in_by_link,
    "contrib.simplejwt": sign_in_with_a_subclassed_serializer,
}


@pytest.mark.parametrize("name", DOORS)
def test_user_logged_in_is_sent_once_at_every_door(api, user, settings, logged_in, name):
    """With Django's request and the class of the user; last_login is written once."""
    settings.JWTAUTH = {"OAUTH_PASSWORD_GRANT": True}

    with CaptureQueriesContext(connection) as captured:
        assert DOORS[name](api, user).status_code == 200

    [(sender, told, request)] = logged_in
    assert (sender, told) == (type(user), user)
    assert isinstance(request, HttpRequest)
    written = [query["sql"] for query in captured if "last_login" in query["sql"].split("WHERE")[0]]
    assert sum(sql.startswith("UPDATE") for sql in written) == 1


def test_user_logged_in_is_not_sent_for_less(api, user, pair, logged_in):
    """Not for a refresh, a wrong password, an API token, a token that the project makes."""
    api.refresh(pair.refresh)
    api.obtain("anna", "wrong")
    api_tokens.create(user, "script", request=RequestFactory().post("/"))
    sessions.start(user)

    assert logged_in == []


def test_a_view_of_the_project_signs_in_as_ours_do(user, logged_in):
    """The request may be DRF's: receivers get what is inside it."""
    request = RequestFactory().post("/")

    sessions.start(user, Request(request))

    assert logged_in == [(type(user), user, request)]


@pytest.mark.django_db(transaction=True)
def test_the_async_twin_sends_it_too(logged_in):
    """Sync and async receivers are called, each once."""
    user = get_user_model().objects.create_user("anna")
    heard = []

    async def receive(user, **kwargs):
        heard.append(user)

    user_logged_in.connect(receive)
    try:
        async_to_sync(sessions.astart)(user, RequestFactory().post("/"))
        sessions.start(user, RequestFactory().post("/"))
    finally:
        user_logged_in.disconnect(receive)

    assert len(logged_in) == 2
    assert heard == [user, user]


@pytest.mark.parametrize("wanted", [True, False])
def test_last_login_is_left_to_the_setting(user, settings, logged_in, wanted):
    """Django's receiver would write it whatever UPDATE_LAST_LOGIN says."""
    settings.JWTAUTH = {"UPDATE_LAST_LOGIN": wanted}

    sessions.start(user, RequestFactory().post("/"))

    user.refresh_from_db()
    assert (user.last_login is not None) is wanted
    assert len(logged_in) == 1


def test_what_django_has_done_is_not_done_again(user, logged_in):
    """After Django's login(), ``logged_in`` leaves the signal and last_login alone."""
    request = RequestFactory().post("/")
    request.session = SessionStore()
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    before = get_user_model().objects.get().last_login

    sessions.start(user, request, logged_in=True)

    assert len(logged_in) == 1
    assert get_user_model().objects.get().last_login == before


class Unnamed:
    """Has no ``__qualname__``, as a partial or a mock has none."""

    def __call__(self, **kwargs):
        raise RecursionError("from the project")


def fail_in_the_database(user, **kwargs):
    type(user).objects.update(first_name="half written")
    connection.cursor().execute("SELECT nonsense FROM nowhere")


async def fail_later(**kwargs):
    raise LookupError("from the project")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fail", [Unnamed(), fail_in_the_database, fail_later])
@pytest.mark.parametrize("in_transaction", [True, False])
def test_a_broken_receiver_stops_no_sign_in(logged_in, caplog, fail, in_transaction):
    """The others are called, the row is committed, and the log names the class."""
    user = get_user_model().objects.create_user("anna")
    receivers = fail, lambda **kwargs: logged_in.append("the next")
    for receiver in receivers:
        user_logged_in.connect(receiver)
    try:
        with transaction.atomic() if in_transaction else nullcontext():
            pair = sessions.start(user, RequestFactory().post("/"))
    finally:
        for receiver in receivers:
            user_logged_in.disconnect(receiver)

    assert sessions.authenticate(pair.access)[0] == user
    assert "the next" in logged_in
    [record] = [r for r in caplog.records if getattr(r, "event", "") == "receiver_failed"]
    assert record.error in ("RecursionError", "LookupError", "OperationalError", "ProgrammingError")
    if in_transaction:
        assert get_user_model().objects.get().first_name == ""


# --- signing out


@pytest.fixture
def logged_out():
    """What ``user_logged_out`` told, as (sender, user, request)."""
    told = []

    def receive(sender, signal, request, user, **kwargs):
        assert signal is user_logged_out
        told.append((sender, user, request))

    user_logged_out.connect(receive)
    yield told
    user_logged_out.disconnect(receive)


def sign_out_of_the_browser(api, user):
    browser = APIClient()
    body = {"username": "anna", "password": PASSWORD}
    browser.post(reverse("jwtauth_browser:token_obtain_pair"), body)
    # Both cookies are sent, and each of them could end it.
    return browser.post(reverse("jwtauth_browser:token_blacklist"))


def sign_out(name, field, token="refresh"):
    def do(api, user):
        raw = getattr(sessions.start(user), token)
        return APIClient().post(reverse(name), {field: raw}, format="multipart")

    return do


EXITS = {
    "token/blacklist/": sign_out("token_blacklist", "refresh"),
    "any token": sign_out("token_blacklist", "token"),
    "browser": sign_out_of_the_browser,
    "oauth": sign_out("jwtauth_oauth_revoke", "token"),
}


@pytest.mark.parametrize("name", EXITS)
def test_user_logged_out_is_sent_once_at_every_exit(api, user, settings, logged_out, name):
    settings.JWTAUTH = {"COOKIES": {"SECURE": False}}

    assert EXITS[name](api, user).status_code == 200

    [(sender, told, request)] = logged_out
    assert (sender, told) == (type(user), user)
    assert isinstance(request, HttpRequest)


def test_user_logged_out_is_not_sent_for_less(api, user, logged_out):
    """Not for the second time, an access token, an API token, another sign-in, or an operator."""
    pair, other = sessions.start(user), sessions.start(user)
    script = api_tokens.create(user, "script").raw
    request = RequestFactory().post("/")
    sessions.blacklist(other.access, request=request)
    sessions.blacklist(script, request=request)
    sessions.end(other.session_id, by="operator", request=request)
    sessions.end(pair.session_id, by=user)
    sessions.blacklist(pair.refresh, request=request)

    assert logged_out == []


def test_announcing_a_logout_asks_for_nothing_more(user):
    """One query finds the row, its user and whether the token is blacklisted."""
    raw = sessions.start(user).refresh
    with CaptureQueriesContext(connection) as captured:
        sessions.blacklist(raw, request=RequestFactory().post("/"))

    asked = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    assert len(asked) == 1


def test_signing_in_again_announces_no_logout(api, user, settings, logged_out):
    """Django's ``login()`` does not, either."""
    settings.JWTAUTH = {"COOKIES": {"SECURE": False}}
    browser = APIClient()
    for _ in range(2):
        body = {"username": "anna", "password": PASSWORD}
        browser.post(reverse("jwtauth_browser:token_obtain_pair"), body)

    assert logged_out == []


def test_a_broken_receiver_stops_no_sign_out(api, user, logged_out, caplog):
    receiver = Unnamed()
    user_logged_out.connect(receiver)
    try:
        assert EXITS["token/blacklist/"](api, user).status_code == 200
    finally:
        user_logged_out.disconnect(receiver)

    assert "A receiver of user_logged_out failed" in caplog.text
    assert "Unnamed" not in caplog.messages[-1]


def test_the_async_twins_sign_out(user, logged_out):
    request = RequestFactory().post("/")
    async_to_sync(sessions.aend)(sessions.start(user).session_id, by=user, request=request)
    async_to_sync(sessions.ablacklist)(sessions.start(user).refresh, request=request)

    assert logged_out == [(type(user), user, request)] * 2
