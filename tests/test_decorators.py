"""A plain view behind the decorator answers requests with a token that will do, and no others."""

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection
from django.http import JsonResponse
from django.test import AsyncClient
from django.test import Client as DjangoClient
from django.urls import path
from django.views import View

from django_jwtauth import api_tokens, sessions
from django_jwtauth.decorators import jwt_optional, jwt_required
from tests.calls import call
from tests.pages import block

examples = {"__name__": __name__}
exec(block("plain-django.md", "# views.py"), examples)

MIDDLEWARE = "django_jwtauth.middleware.JWTAuthenticationMiddleware"
NO_TOKEN = {
    "detail": "Authentication credentials were not provided.",
    "code": "not_authenticated",
    "reason": "not_authenticated",
}


async def awhoami(request, name):
    user = await request.auser()
    return JsonResponse({"username": user.get_username(), "name": name})


class Report(View):
    def post(self, request):
        return JsonResponse({"username": request.user.get_username()})


class AsyncReport(View):
    async def post(self, request):
        return JsonResponse({"username": (await request.auser()).get_username()})


def someone_elses(request):
    """What an authentication of another package may leave on the request."""
    request.auth = {"sub": "1", "scope": "reports:read"}
    return jwt_required(lambda request: JsonResponse({}))(request)


urlpatterns = [
    path("whoami/", examples["whoami"]),
    path("awhoami/<name>/", jwt_required(awhoami)),
    path("report/", examples["report"]),
    path("class/", jwt_required(Report.as_view())),
    path("aclass/", jwt_required(AsyncReport.as_view())),
    path("other/", someone_elses),
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


@pytest.mark.parametrize("url", ["/whoami/", "/awhoami/x/"])
def test_a_token_lets_the_request_in(request_to, url, pair):
    """The view is called with its arguments, and the user of the token."""
    assert request_to(url, pair.access).json()["username"] == "anna"


@pytest.mark.parametrize("url", ["/class/", "/aclass/"])
def test_class_based_views(request_to, url, pair):
    """What as_view() returns can be decorated, and a POST needs no CSRF token."""
    assert request_to(url, pair.access, "post").json() == {"username": "anna"}


@pytest.mark.parametrize("url", ["/whoami/", "/awhoami/x/"])
def test_no_token(request_to, url, db):
    """401 with a challenge, no redirect."""
    answer = request_to(url)

    assert (answer.status_code, answer.json()) == (401, NO_TOKEN)
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_session_is_no_token(user):
    """Somebody who is signed in to the admin does not pass: the view is exempt from CSRF."""
    browser = DjangoClient()
    browser.force_login(user)

    assert browser.get("/whoami/").status_code == 401


@pytest.mark.parametrize("url", ["/whoami/", "/awhoami/x/"])
def test_a_refused_token(request_to, url, pair):
    """401 with the reason."""
    sessions.blacklist(pair.refresh)

    answer = request_to(url, pair.access)

    assert (answer.status_code, answer.json()["reason"]) == (401, "session_ended")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


def test_a_database_that_is_down(pair):
    """503: nobody can tell."""

    def down(execute, sql, params, many, context):
        raise OperationalError

    with connection.execute_wrapper(down):
        answer = call("/whoami/", pair.access)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_a_missing_scope(request_to, pair):
    """403 that names what is missing."""
    answer = request_to("/report/", pair.access)

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert (
        answer["WWW-Authenticate"]
        == 'Bearer realm="api", error="insufficient_scope", scope="reports:read"'
    )


def test_the_scope_it_needs(request_to, user):
    """A token that has the scope, among others, passes."""
    pair = sessions.start(user, claims={"scope": "profile reports:read"})

    answer = request_to("/report/", pair.access)

    assert answer.json() == {"for": "anna", "sign_in": pair.session_id.hex}


@pytest.mark.parametrize("url", ["/whoami/", "/awhoami/x/"])
def test_the_middleware_saves_the_second_query(settings, statements, url, pair):
    """With both, the token is verified once."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]

    with statements(1):
        assert call(url, pair.access).status_code == 200


def test_the_middleware_lets_strangers_through_to_be_refused(settings, db):
    """Without a token the middleware says nothing, and the decorator 401."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]

    assert call("/whoami/").status_code == 401


def test_another_packages_claims_are_not_ours(db):
    """``request.auth`` of whatever else has authenticated the request is not enough."""
    assert call("/other/").status_code == 401


@pytest.mark.parametrize("scopes", ["reports:read", ["reports:read profile"], [""], ["ä"]])
def test_scopes_are_a_list_of_names(scopes):
    """A mistake in the source is an error at import."""
    with pytest.raises(ValueError, match="one by one"):
        jwt_required(scopes=scopes)


def test_the_view_keeps_its_name():
    """Tools that show views show the one that was decorated."""
    assert examples["whoami"].__name__ == "whoami"


# --- with or without a token


@jwt_optional
def greeting(request):
    claims = getattr(request, "auth", None)
    return JsonResponse({"hello": request.user.get_username() if claims else "stranger"})


@jwt_optional
async def agreeting(request):
    claims = getattr(request, "auth", None)
    return JsonResponse({"hello": (await request.auser()).get_username() if claims else "stranger"})


urlpatterns += [path("greeting/", greeting), path("agreeting/", agreeting)]


@pytest.mark.parametrize("url", ["/greeting/", "/agreeting/"])
def test_a_token_may_be_missing(request_to, url, pair):
    """A stranger passes, with a POST too, and whoever has a token is known."""
    assert request_to(url).json() == request_to(url, None, "post").json() == {"hello": "stranger"}
    assert request_to(url, pair.access).json() == {"hello": "anna"}


@pytest.mark.parametrize("url", ["/greeting/", "/agreeting/"])
def test_any_access_token_is_welcome(request_to, url, user):
    """One of a script and one with scopes, too."""
    for raw in (
        api_tokens.create(user, "deploy").raw,
        sessions.start(user, claims={"scope": ""}).access,
    ):
        assert request_to(url, raw).json() == {"hello": "anna"}


@pytest.mark.parametrize("url", ["/greeting/", "/agreeting/"])
@pytest.mark.parametrize("raw", ["", "x", "x y"])
def test_a_bad_token_does_not_count_as_none(request_to, url, raw, db):
    """Who sent one wants to be somebody."""
    assert request_to(url, raw).status_code == 401


def test_a_session_is_no_claims(user):
    """The user of a cookie is not greeted: the view is exempt from CSRF."""
    browser = DjangoClient()
    browser.force_login(user)

    assert browser.post("/greeting/").json() == {"hello": "stranger"}
