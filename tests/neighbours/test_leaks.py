"""No secret in an error report behind the doors of ``contrib`` that need other packages."""

import sys

import pytest
from django.contrib.auth import get_user_model
from django.test import Client as DjangoClient
from django.urls import include, path
from django.views.debug import ExceptionReporter
from ninja import NinjaAPI

from django_jwtauth.contrib.ninja import JWTAuth
from tests.leaks.doors import CALLS, JWTAUTH, PASSWORD, Secrets, bearer
from tests.leaks.project import Broken
from tests.leaks.reports import PACKAGE, Watch, find, reporting
from tests.neighbours.sockets import Client as Socket
from tests.neighbours.sockets import visit

ninja = NinjaAPI(urls_namespace="leaks", auth=JWTAuth())


@ninja.get("/me")
def me(request):
    return {"user": request.user.get_username()}


urlpatterns = [
    path("ninja/", ninja.urls),
    path("_allauth/", include("allauth.headless.urls")),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def secrets(settings):
    settings.JWTAUTH = JWTAUTH
    return Secrets(get_user_model().objects.create_user("anna", password=PASSWORD))


def allauth(name, body):
    return lambda client, s: client.post(
        f"/_allauth/app/v1/{name}", body(s), content_type="application/json"
    )


DOORS = {
    "ninja": lambda client, s: client.get("/ninja/me", **bearer(s.access)),
    "allauth refresh": allauth("tokens/refresh", lambda s: {"refresh_token": s.refresh}),
    "allauth sign-in": allauth("auth/login", lambda s: {"username": "anna", "password": PASSWORD}),
}
# Behind each door, what it reaches.
BREAKING = ["hook TENANT", "hook CLAIMS", "hook SIGN_IN", "user.get_session_auth_hash", "signing"]


def of_ours(found):
    """Leave out allauth's own frames, whose variables are allauth's."""
    return sorted(name for name in found if PACKAGE in name)


@pytest.mark.parametrize("door", DOORS)
def test_no_local_variable_of_ours_shows_one(secrets, door):
    """At any line of a request."""
    with Watch(secrets.shown()) as watch:
        answer = DOORS[door](DjangoClient(), secrets)

    assert answer.status_code == 200
    assert of_ours(watch.found) == []
    assert watch.lines


@pytest.mark.parametrize("call", BREAKING)
def test_no_report_of_ninja_shows_one(secrets, call):
    """The whole report, as ninja's own frames hold nothing of it."""
    client = DjangoClient(raise_request_exception=False)
    with reporting() as reports, CALLS[call]():
        DOORS["ninja"](client, secrets)

    assert find("".join(reports), secrets.shown()) == []
    assert reports or call in ("hook CLAIMS", "hook SIGN_IN")


class Hidden(dict):
    """What this test knows is not what a report of the project would show."""

    __repr__ = object.__repr__


SOCKETS = {
    "subprotocol": lambda s: Socket("bearer", s.access),
    "header": lambda s: Socket(Authorization=f"Bearer {s.access}"),
    "cookie": lambda s: Socket(
        Cookie=f"__Host-jwtauth_access={s.access}", Origin="http://testserver"
    ),
}


@pytest.mark.parametrize("call", ["hook TENANT", "user.get_session_auth_hash", "the application"])
@pytest.mark.parametrize("door", SOCKETS)
def test_no_report_of_a_socket_shows_one(secrets, door, call):
    """Neither our frames nor those around them, which have the same scope."""

    async def application(scope, receive, send):
        raise Broken

    socket = SOCKETS[door](secrets)
    shown = Hidden(secrets.shown())
    text = ""
    try:
        if call in CALLS:
            with CALLS[call]():
                visit(socket, cookies=True)
        else:
            visit(socket, application, cookies=True)
    except Broken:
        text = ExceptionReporter(None, *sys.exc_info()).get_traceback_html()

    assert "scope" in text
    assert find(text, shown) == []
