"""Strawberry sees the user of a token on Django's request, and needs nothing else from us."""

import sys
from types import ModuleType

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.test import Client as DjangoClient
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from strawberry.django.views import AsyncGraphQLView

from django_jwtauth import sessions
from tests.pages import block


def run(name):
    """Run the page's file ``name``, for the next of its files to import."""
    module = sys.modules[name] = ModuleType(name)
    exec(block("graphql.md", f"# {name}.py"), module.__dict__)
    return module


schema = run("schema").schema
urlpatterns = [
    *run("urls").urlpatterns,
    path("agraphql/", csrf_exempt(AsyncGraphQLView.as_view(schema=schema))),
]
for name in ("schema", "urls"):
    del sys.modules[name]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture(autouse=True)
def installed(settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django_jwtauth.middleware.JWTAuthenticationMiddleware",
    ]


def ask(url, raw=None, query="{ me }", browser=None):
    headers = {"authorization": f"Bearer {raw}"} if raw is not None else {}
    browser = browser or DjangoClient(enforce_csrf_checks=True)
    return browser.post(url, {"query": query}, "application/json", headers=headers)


def aask(url, raw=None, query="{ me }"):
    headers = {"authorization": f"Bearer {raw}"} if raw is not None else {}
    return async_to_sync(AsyncClient(enforce_csrf_checks=True).post)(
        url, {"query": query}, "application/json", headers=headers
    )


@pytest.fixture(params=[ask, aask])
def question(request):
    return request.param


@pytest.mark.parametrize("url", ["/graphql/", "/agraphql/", "/members/"])
def test_a_token_signs_in(question, url, pair):
    """Resolvers have the user; sync and async views, under WSGI and ASGI."""
    assert question(url, pair.access).json() == {"data": {"me": "anna"}}


@pytest.mark.parametrize("url", ["/graphql/", "/agraphql/", "/members/"])
def test_one_query(statements, url, pair):
    """One query, also where middleware and decorator meet."""
    with statements(1):
        ask(url, pair.access)


@pytest.mark.parametrize("url", ["/graphql/", "/agraphql/", "/members/"])
def test_a_refused_token(question, url, pair):
    """401 in the words of every endpoint, before anything is resolved."""
    sessions.blacklist(pair.refresh)

    answer = question(url, pair.access)

    assert (answer.status_code, answer.json()["reason"]) == (401, "session_ended")


@pytest.mark.parametrize("url", ["/graphql/", "/agraphql/"])
def test_strangers(question, url, db):
    """Without a token, what needs none is answered, and what needs one is GraphQL's error."""
    assert question(url, query="{ version }").json() == {"data": {"version": "1.0"}}
    [error] = question(url).json()["errors"]
    assert error["message"] == "Authentication credentials were not provided."


def test_members_only(question, db):
    """The decorator lets no stranger in."""
    assert question("/members/", query="{ __typename }").status_code == 401


@pytest.mark.parametrize("url", ["/graphql/", "/agraphql/"])
def test_a_session_is_no_token(url, user):
    """The views are exempt from the CSRF check, so a cookie signs nobody in."""
    browser = DjangoClient()
    browser.force_login(user)

    assert "errors" in ask(url, browser=browser).json()
