"""The middleware for plain Django views, sync and async."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connection
from django.http import JsonResponse
from django.test import AsyncClient
from django.test import Client as DjangoClient
from django.urls import path
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from django_jwtauth import sessions
from django_jwtauth.authentication import JWTAuthentication
from tests.conftest import PASSWORD
from tests.urls import urlpatterns as project


def whoami(request):
    return JsonResponse(
        {"user": request.user.get_username(), "auth": bool(getattr(request, "auth", 0))}
    )


async def awhoami(request):
    user = await request.auser()
    return JsonResponse({"user": user.get_username(), "auth": bool(getattr(request, "auth", 0))})


class SessionFirst(APIView):
    authentication_classes = [SessionAuthentication, JWTAuthentication]

    def post(self, request):
        return Response({})


class TokenFirst(SessionFirst):
    authentication_classes = [JWTAuthentication, SessionAuthentication]


urlpatterns = [
    *project,
    path("plain/", whoami),
    path("aplain/", awhoami),
    path("session-first/", SessionFirst.as_view()),
    path("token-first/", TokenFirst.as_view()),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture(autouse=True)
def installed(settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django_jwtauth.middleware.JWTAuthenticationMiddleware",
    ]


def call(url, raw=None, scheme="Bearer"):
    headers = {"authorization": f"{scheme} {raw}"} if raw is not None else {}
    return DjangoClient().get(url, headers=headers)


def acall(url, raw=None):
    headers = {"authorization": f"Bearer {raw}"} if raw is not None else {}
    return async_to_sync(AsyncClient().get)(url, headers=headers)


@pytest.mark.parametrize("get", [call, acall])
@pytest.mark.parametrize("url", ["/plain/", "/aplain/"])
def test_a_token_signs_the_request_in(get, url, pair):
    """request.user, request.auser() and request.auth come from the token, on either server."""
    assert get(url, pair.access).json() == {"user": "anna", "auth": True}


@pytest.mark.parametrize("get", [call, acall])
def test_without_a_token_nothing_changes(get, db):
    """A request without a token of ours is whoever the session says."""
    assert get("/plain/").json() == {"user": AnonymousUser().get_username(), "auth": False}


def test_other_schemes_are_not_ours(db):
    """Basic credentials pass by untouched."""
    assert call("/plain/", "YTpi", scheme="Basic").status_code == 200


@pytest.mark.parametrize("get", [call, acall])
def test_a_refused_token_is_answered_here(get, pair):
    """The view is not called: 401, with the body and the challenge of the API."""
    sessions.blacklist(pair.refresh)

    answer = get("/plain/", pair.access)

    assert answer.status_code == 401
    assert answer.json()["reason"] == "session_ended"
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_a_broken_header_is_answered_here(db):
    """Our scheme with two tokens is 401 and says so."""
    answer = call("/plain/", "one two")

    assert answer.status_code == 401
    assert answer.json()["reason"] == "bad_header"
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_database_that_is_down_is_503(pair):
    """Nobody can tell whether the token is good: try again later."""

    def down(execute, sql, params, many, context):
        raise OperationalError

    with connection.execute_wrapper(down):
        answer = call("/plain/", pair.access)

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"


def test_one_query(pair, statements):
    """A signed-in request to a plain view costs the one query."""
    with statements(1):
        call("/plain/", pair.access)


def test_a_token_wins_over_a_session(user, other_user, pair):
    """With a session of one user and a token of another, the token decides."""
    browser = DjangoClient()
    browser.force_login(other_user)

    answer = browser.get("/plain/", headers={"authorization": f"Bearer {pair.access}"})

    assert answer.json()["user"] == "anna"


def test_the_admin_login_is_untouched(user):
    """Signing in to the admin goes on as before."""
    user.is_staff = True
    user.save()

    assert DjangoClient().login(username="anna", password=PASSWORD)


@pytest.mark.parametrize(
    ("url", "status"), [("/plain/", 403), ("/session-first/", 403), ("/token-first/", 200)]
)
def test_a_post_with_a_token_and_the_csrf_check(pair, url, status):
    """The middleware leaves it to Django; DRF's session class takes its user for the session's."""
    browser = DjangoClient(enforce_csrf_checks=True)

    answer = browser.post(url, headers={"authorization": f"Bearer {pair.access}"})

    assert answer.status_code == status
