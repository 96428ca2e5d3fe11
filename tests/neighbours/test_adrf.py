"""Our authentication classes and permissions serve adrf's async views as they are."""

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection
from django.test import AsyncClient
from django.test import Client as DjangoClient
from django.urls import path
from rest_framework.permissions import IsAdminUser

from django_jwtauth import sessions
from django_jwtauth.authentication import JWTCookieAuthentication, JWTStatelessUserAuthentication
from django_jwtauth.permissions import HasScopes
from tests.calls import call
from tests.pages import block

examples = {"__name__": __name__}
exec(block("async.md", "# views.py"), examples)
WhoAmIView = examples["WhoAmIView"]


class EitherView(WhoAmIView):
    permission_classes = [HasScopes("reports:read") | IsAdminUser]


class StatelessView(WhoAmIView):
    authentication_classes = [JWTStatelessUserAuthentication]


class CookieView(WhoAmIView):
    authentication_classes = [JWTCookieAuthentication]
    post = WhoAmIView.get


urlpatterns = [
    path("whoami/", WhoAmIView.as_view()),
    path("function/", examples["whoami"]),
    path("report/", examples["ReportView"].as_view()),
    path("either/", EitherView.as_view()),
    path("stateless/", StatelessView.as_view()),
    path("cookie/", CookieView.as_view()),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def acall(url, raw=None, method="get"):
    headers = {"authorization": f"Bearer {raw}"} if raw is not None else {}
    return async_to_sync(getattr(AsyncClient(enforce_csrf_checks=True), method))(
        url, headers=headers
    )


@pytest.fixture(params=[call, acall])
def request_to(request):
    return request.param


@pytest.mark.parametrize("url", ["/whoami/", "/function/"])
def test_a_token_signs_in(request_to, url, pair):
    """Class and function, under WSGI and ASGI."""
    assert request_to(url, pair.access).json()["username"] == "anna"


def test_without_a_database(request_to, pair):
    """The stateless class, too."""
    assert request_to("/stateless/", pair.access).json()["sign_in"] == pair.session_id.hex


def test_one_query(statements, pair):
    """A request costs the one query."""
    with statements(1):
        acall("/whoami/", pair.access)


@pytest.mark.parametrize("url", ["/whoami/", "/function/"])
def test_a_revoked_token(request_to, url, pair):
    """Signing out stops it at once, with the body and the challenge of every view."""
    sessions.blacklist(pair.refresh)

    answer = request_to(url, pair.access)

    assert (answer.status_code, answer.json()["reason"]) == (401, "session_ended")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_no_token(request_to, db):
    """401 with the challenge."""
    answer = request_to("/whoami/")

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


def test_scopes(request_to, pair, user):
    """A missing scope is a 403 that names it; compositions compose."""
    answer = request_to("/report/", pair.access)
    granted = sessions.start(user, claims={"scope": "reports:read"})

    assert (answer.status_code, request_to("/either/", pair.access).status_code) == (403, 403)
    assert 'scope="reports:read"' in answer["WWW-Authenticate"]
    assert request_to("/report/", granted.access).status_code == 200
    assert request_to("/either/", granted.access).status_code == 200


def test_a_database_that_is_down(pair):
    """503: nobody can tell."""

    def down(execute, sql, params, many, context):
        raise OperationalError

    with connection.execute_wrapper(down):
        answer = acall("/whoami/", pair.access)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_cookies_and_csrf(settings, pair):
    """The class for cookies asks for a CSRF token, and only then."""
    settings.JWTAUTH = {"COOKIES": {"SECURE": False}}
    browser = DjangoClient(enforce_csrf_checks=True)
    browser.cookies["jwtauth_access"] = pair.access

    assert browser.get("/cookie/").status_code == 200
    answer = browser.post("/cookie/")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
