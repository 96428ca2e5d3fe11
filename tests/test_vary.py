"""Every answer that depends on a header says so, and no cache mixes up its bearers."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import Http404, HttpResponse
from django.urls import include, path, reverse
from django.views.decorators.cache import cache_page
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from django_jwtauth import sessions
from django_jwtauth.authentication import (
    JWTAuthentication,
    JWTCookieAuthentication,
    JWTStatelessUserAuthentication,
)
from django_jwtauth.decorators import jwt_required
from django_jwtauth.middleware import JWTAuthenticationMiddleware
from tests import urls

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

MIDDLEWARE = "django_jwtauth.middleware.JWTAuthenticationMiddleware"


class Hello(APIView):
    authentication_classes = [JWTAuthentication]
    permission_classes = []

    def get(self, request):
        if "error" in request.GET:
            raise {"404": Http404, "drf": NotFound}[request.GET["error"]]
        return Response({"user": str(request.user)})


class Both(Hello):
    authentication_classes = [JWTAuthentication, JWTCookieAuthentication, JWTAuthentication]


class Session(Hello):
    authentication_classes = [JWTAuthentication, SessionAuthentication]


class Stateless(Hello):
    authentication_classes = [JWTStatelessUserAuthentication]


class OtherHeader(JWTAuthentication):
    varies_on = "X-Token"


class Other(Hello):
    authentication_classes = [OtherHeader]


def plain(request):
    return HttpResponse(str(getattr(request, "user", AnonymousUser())))


@jwt_required
def needed(request):
    return HttpResponse(str(request.user))


@jwt_required
async def async_needed(request):
    return HttpResponse(str(request.user))


urlpatterns = [
    *urls.urlpatterns,
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path("portal/", include("django_jwtauth.urls.portal")),
    path("hello/", Hello.as_view()),
    path("both/", Both.as_view()),
    path("session/", Session.as_view()),
    path("stateless/", Stateless.as_view()),
    path("other/", Other.as_view()),
    path("plain/", plain),
    path("needed/", needed),
    path("async-needed/", async_needed),
    path("cached/", cache_page(60)(Hello.as_view())),
    path("cached-needed/", cache_page(60)(needed)),
]


@pytest.fixture
def bearers(user, other_user):
    """Headers of nobody, of two users, of a bad token, and of half a header."""
    tokens = [sessions.start(each).access for each in (user, other_user)]
    return [
        {},
        *({"Authorization": f"Bearer {raw}"} for raw in [*tokens, "nonsense"]),
        {"Authorization": "Bearer"},
        {"Authorization": "Basic eDp4"},
    ]


def varies(answer):
    return {name.strip().lower() for name in answer.get("Vary", "").split(",")}


@pytest.mark.parametrize(
    "url",
    [
        *("/hello/", "/hello/?error=404", "/hello/?error=drf", "/session/", "/stateless/"),
        *("/needed/", "/async-needed/", "/oauth/check/", "/oauth/check/?scope=a", "/api/me/"),
        *("/api/sessions/", f"/api/sessions/{'0' * 32}/", "/portal/api-tokens/", "/protected/"),
    ],
)
@pytest.mark.parametrize("method", ["get", "head", "delete", "options"])
def test_every_answer_says_that_it_depends_on_the_header(client, bearers, url, method):
    """Accepted or refused, with a token and without one."""
    for headers in bearers:
        answer = getattr(client, method)(url, headers=headers)
        assert "authorization" in varies(answer), (headers, answer.status_code)


@pytest.mark.parametrize("name", ["token", "revoke", "introspect"])
def test_the_oauth_endpoints_say_it_too(client, bearers, name):
    """Their clients come in the same header."""
    for headers in bearers:
        answer = client.post(reverse(f"jwtauth_oauth_{name}"), headers=headers)
        assert "authorization" in varies(answer)


def test_a_header_is_named_once(client, bearers):
    """However many classes read it."""
    answer = client.get("/both/", headers=bearers[1])
    assert answer["Vary"].lower().count("authorization") == 1
    answer = client.get("/both/")
    assert varies(answer) == {"accept", "authorization", "cookie"}


def test_a_subclass_names_its_own_header(client):
    """Where tokens come in another one."""
    assert varies(client.get("/other/")) == {"accept", "x-token"}


def test_behind_the_middleware_every_answer_depends_on_the_header(client, bearers, settings):
    """A page for everybody, too: a bad token is answered in its place."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    for headers in bearers:
        assert "authorization" in varies(client.get("/plain/", headers=headers))


def test_the_async_middleware_says_it_too(rf):
    """As the sync one."""

    async def view(request):
        return HttpResponse()

    answer = async_to_sync(JWTAuthenticationMiddleware(view))(rf.get("/"))
    assert varies(answer) == {"authorization"}


@pytest.mark.parametrize("url", ["/cached/", "/cached-needed/"])
@pytest.mark.parametrize("first", [0, 1])
def test_cache_page_gives_each_bearer_their_own(client, bearers, user, other_user, url, first):
    """Whoever came first, with a token or without; also where Django itself does not help."""
    cache.clear()
    client.get(url, headers=bearers[first])
    for headers, who in zip(bearers[1:3], (user, other_user), strict=True):
        for _ in range(2):
            answer = client.get(url, headers=headers)
            assert str(who).encode() in answer.content
    assert str(user).encode() not in client.get(url).content
    assert client.get(url, headers=bearers[3]).status_code == 401


def test_what_a_view_wrongly_returns_is_told_by_django(rf, bearers):
    """Not by one of our errors about something else."""

    @jwt_required
    def wrong(request):
        return None

    assert wrong(rf.get("/", headers=bearers[1])) is None


def test_an_endpoint_that_reads_no_header_does_not_say_so(client):
    """Its answer is the same for everybody."""
    assert "authorization" not in varies(client.get(reverse("token_obtain_pair")))
