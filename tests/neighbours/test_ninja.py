"""django-ninja's operations know the user of a token, and refuse in the words of our endpoints."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection
from django.test import AsyncClient, Client
from django.urls import path
from ninja import NinjaAPI, Router
from ninja.security import APIKeyHeader

from django_jwtauth import sessions
from django_jwtauth.contrib.ninja import JWTAuth, answer_refusals
from django_jwtauth.exceptions import InsufficientScope
from tests.calls import call
from tests.pages import DOCS, read_blocks
from tests.refusals import REFUSALS

documented = {"__name__": __name__}
for block in read_blocks(DOCS / "ninja.md"):
    if block.language == "python" and not block.code.startswith("# urls.py"):
        exec(block.code, documented)


class Key(APIKeyHeader):
    param_name = "X-Key"

    def authenticate(self, request, key):
        return "the key" if key == "42" else None


bare = NinjaAPI(urls_namespace="bare", auth=JWTAuth())
mixed = NinjaAPI(urls_namespace="mixed", auth=[JWTAuth(), Key()])
routed = NinjaAPI(urls_namespace="routed")
router = Router(auth=JWTAuth())
for api in (mixed, routed):
    answer_refusals(api)


@bare.get("/me")
@mixed.get("/me")
@router.post("/me")
def me(request):
    return {"user": request.user.get_username(), "auth": isinstance(request.auth, dict)}


@mixed.get("/ame")
@router.get("/me")
async def ame(request):
    await asyncio.sleep(0)
    user = await request.auser()
    return {"user": user.get_username(), "auth": isinstance(request.auth, dict)}


routed.add_router("", router)

urlpatterns = [
    path("docs/", documented["api"].urls),
    path("bare/", bare.urls),
    path("mixed/", mixed.urls),
    path("routed/", routed.urls),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def acall(url, raw=None, method="get", **headers):
    if raw is not None:
        headers["authorization"] = f"Bearer {raw}"
    return async_to_sync(getattr(AsyncClient(enforce_csrf_checks=True), method))(
        url, headers=headers
    )


@pytest.fixture(params=[call, acall])
def request_to(request):
    return request.param


@pytest.mark.parametrize("url", ["/docs/me", "/bare/me", "/mixed/me", "/mixed/ame", "/routed/me"])
def test_a_token_signs_in(request_to, url, pair):
    """On an API, a router or an operation, sync or async, with either kind of server."""
    answer = request_to(url, pair.access).json()

    assert answer in (
        {"username": "anna", "sign_in": pair.session_id.hex},
        {"user": "anna", "auth": True},
    )


def test_a_post_needs_no_csrf_token(request_to, pair):
    """A header is not sent by a browser on its own."""
    assert request_to("/routed/me", pair.access, "post").status_code == 200


def test_one_query(statements, pair):
    """A request costs one query."""
    with statements(1):
        call("/docs/me", pair.access)


def test_other_operations_are_open(db):
    """auth=None is ninja's, and goes on to mean what it does."""
    assert call("/docs/health").json() == {"ok": True}


@pytest.mark.parametrize("url", ["/docs/me", "/docs/reports", "/mixed/me", "/routed/me"])
def test_no_token(request_to, url, db):
    """401 with the challenge."""
    answer = request_to(url)

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_token(name, pair):
    """Whatever is wrong with a token, the answer is that of a view of Django REST framework."""
    refusal = REFUSALS[name]

    answer = call("/docs/me", refusal.make(pair.access))

    assert (answer.status_code, answer.json()) == (401, refusal.request_body)
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


@pytest.mark.parametrize("url", ["/docs/me", "/docs/reports"])
def test_a_revoked_token(request_to, url, pair):
    """Signing out stops it at once, in async operations, too."""
    sessions.blacklist(pair.refresh)

    answer = request_to(url, pair.access)

    assert (answer.status_code, answer.json()["reason"]) == (401, "session_ended")


def test_a_malformed_header(request_to, db):
    """Our scheme with two tokens is 401 and says so; ninja alone would try to verify both."""
    answer = request_to("/docs/me", "one two")

    assert (answer.status_code, answer.json()["reason"]) == (401, "bad_header")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_the_words_of_the_header(settings, pair):
    """The scheme is any of AUTH_HEADER_TYPES, and no other."""
    settings.JWTAUTH = {"AUTH_HEADER_TYPES": ("JWT",)}

    assert call("/docs/me", authorization=f"jwt {pair.access}").status_code == 200
    answer = call("/docs/me", pair.access)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'JWT realm="api"')


@pytest.mark.parametrize("debug", [True, False])
def test_a_header_is_not_printed(settings, caplog, debug, pair):
    """Ninja's own class logs foreign headers in DEBUG."""
    settings.DEBUG = debug
    call("/docs/me", authorization="Basic c2VjcmV0")
    call("/docs/me", pair.access + "x")

    assert "c2VjcmV0" not in caplog.text
    assert pair.access not in caplog.text


@pytest.mark.parametrize("url", ["/docs/reports", "/docs/reports/read"])
def test_a_missing_scope(request_to, url, pair):
    """403 that names it, whether the class or the operation asks."""
    answer = request_to(url, pair.access)

    assert (answer.status_code, answer.json()) == (403, InsufficientScope().body())
    assert (
        answer["WWW-Authenticate"]
        == 'Bearer realm="api", error="insufficient_scope", scope="reports:read"'
    )


@pytest.mark.parametrize("url", ["/docs/reports", "/docs/reports/read"])
def test_the_scope_it_needs(request_to, url, user):
    """A token that has it passes."""
    pair = sessions.start(user, claims={"scope": "profile reports:read"})

    assert request_to(url, pair.access).status_code == 200


@pytest.mark.parametrize("scopes", ["reports:read", ["a b"], [""]])
def test_scopes_are_a_list_of_names(scopes):
    """A mistake in the source is an error at import."""
    with pytest.raises(ValueError, match="one by one"):
        JWTAuth(scopes=scopes)


def test_a_list_goes_on_without_a_token(request_to, db):
    """Without a token, the next of a list may know who it is."""
    assert request_to("/mixed/me", **{"x-key": "42"}).json() == {"user": "", "auth": False}


def test_a_list_ends_at_a_refused_token(request_to, pair):
    """A bad token is not made up for by a good key."""
    answer = request_to("/mixed/me", pair.refresh, **{"x-key": "42"})

    assert (answer.status_code, answer.json()["reason"]) == (401, "wrong_type")


def test_a_database_that_is_down(pair):
    """503 with Retry-After."""

    def down(execute, sql, params, many, context):
        raise OperationalError

    with connection.execute_wrapper(down):
        answers = [call(url, pair.access) for url in ("/docs/me", "/bare/me")]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0]["Retry-After"] == "5"


def test_an_api_that_was_not_told_how_to_answer(request_to, pair):
    """The request is refused all the same, with the status and the sentence."""
    sessions.blacklist(pair.refresh)

    answer = request_to("/bare/me", pair.access)

    assert (answer.status_code, answer.json()) == (401, {"detail": "Token is blacklisted"})


def test_the_openapi_document(db):
    """Bearer, JWT; operations without auth need nothing."""
    schema = documented["api"].get_openapi_schema()

    assert schema["components"]["securitySchemes"] == {
        "JWTAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    assert schema["paths"]["/docs/me"]["get"]["security"] == [{"JWTAuth": []}]
    assert "security" not in schema["paths"]["/docs/health"]["get"]


def test_another_header(request_to, pair, settings):
    """Read by the operations, and described by the document, as the settings are then."""
    settings.JWTAUTH = {"AUTH_HEADER_NAME": "X-Api-Authorization"}
    answer = Client().get("/mixed/me", headers={"X-Api-Authorization": f"Bearer {pair.access}"})
    assert answer.status_code == 200
    assert request_to("/mixed/me", pair.access).status_code == 401

    schema = documented["api"].get_openapi_schema()
    assert schema["components"]["securitySchemes"] == {
        "JWTAuth": {"type": "apiKey", "in": "header", "name": "X-Api-Authorization"}
    }


def test_answers_say_that_they_depend_on_the_header(request_to, pair):
    """For caches: with a token, with a bad one and without, in sync and async operations."""
    for url in ("/mixed/me", "/mixed/ame"):
        for raw in (pair.access, None, "nonsense"):
            assert request_to(url, raw)["Vary"] == "Authorization"
