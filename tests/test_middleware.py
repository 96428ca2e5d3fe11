"""The middleware for plain Django views, sync and async."""

from functools import partial
from http import HTTPStatus

import pytest
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connection
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.test import AsyncClient
from django.test import Client as DjangoClient
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from django_jwtauth import api_tokens, sessions
from django_jwtauth.authentication import JWTAuthentication
from django_jwtauth.decorators import jwt_optional, jwt_required
from django_jwtauth.exceptions import TokenError
from tests import forge
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


def about(request):
    return HttpResponse("For everybody.")


async def aabout(request):
    return HttpResponse("For everybody.")


def page(request):
    """A template, to which the context processors pass the user."""
    return HttpResponse(
        engines["django"].from_string("For {{ whom }}.").render({"whom": "all"}, request)
    )


def claims_only(request):
    return HttpResponse("claims" if getattr(request, "auth", None) is not None else "none")


def shy(request):
    """Catches what looking at the user raises."""
    try:
        return HttpResponse(str(request.user))
    except Exception:
        return HttpResponse("hidden")


class WhoAmI(APIView):
    authentication_classes = [JWTAuthentication]

    def get(self, request):
        return Response({"user": request.user.get_username()})


class Open(APIView):
    authentication_classes = []
    permission_classes = []

    def get(self, request):
        return Response({"user": request._request.user.get_username()})


@method_decorator(staff_member_required, name="dispatch")
class StaffReport(View):
    def get(self, request):
        return about(request)


back_office = admin.AdminSite(name="office")
back_office._registry = admin.site._registry

urlpatterns = [
    *project,
    path("api/", include("django_jwtauth.urls.portal")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path(".well-known/", include("django_jwtauth.urls.well_known")),
    path("about/", about),
    path("aabout/", aabout),
    path("page/", page),
    path("claims/", claims_only),
    path("shy/", shy),
    path("drf/", WhoAmI.as_view()),
    path("open/", Open.as_view()),
    path("required/", jwt_required(whoami)),
    path("arequired/", jwt_required(awhoami)),
    path("optional/", jwt_optional(whoami)),
    path("aoptional/", jwt_optional(awhoami)),
    path("x/y/office/", back_office.urls),
    path("report/", admin.site.admin_view(about)),
    path("report/cached/", admin.site.admin_view(csrf_exempt(about), cacheable=True)),
    path("report/staff/", never_cache(staff_member_required(about))),
    path("report/class/", StaffReport.as_view()),
    path("report/partial/", partial(admin.site.admin_view(about))),
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
    """A request without one of our tokens has the user of its Django session."""
    assert get("/plain/").json() == {"user": AnonymousUser().get_username(), "auth": False}


def test_other_schemes_are_not_ours(db):
    """Basic credentials pass by untouched."""
    assert call("/plain/", "YTpi", scheme="Basic").status_code == 200


REFUSED = ["/plain/", "/aplain/", "/claims/", "/shy/"]
UNASKED = ["/about/", "/aabout/", "/.well-known/jwks.json", "/open/"]


@pytest.mark.parametrize("get", [call, acall])
@pytest.mark.parametrize("url", [*REFUSED, "/required/", "/arequired/", "/optional/", "/drf/"])
def test_a_refused_token_is_refused_where_the_user_is_asked_for(get, url, pair):
    """401 with the body and the challenge of the API, whatever the view makes of it."""
    sessions.blacklist(pair.refresh)

    answer = get(url, pair.access)

    assert answer.status_code == 401
    assert answer.json()["reason"] == "session_ended"
    assert answer["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'


@pytest.mark.parametrize("get", [call, acall])
@pytest.mark.parametrize("url", UNASKED)
@pytest.mark.parametrize("bad", ["expired", "ended", "garbage", "two words"])
def test_a_view_for_everybody_is_for_a_refused_token_too(get, url, pair, bad):
    """Nobody who asked for a page or for keys is told that their token is stale."""
    if bad == "ended":
        sessions.blacklist(pair.refresh)
    expired = forge.altered(pair.access, exp=1)
    raw = {"expired": expired, "garbage": "x", "two words": "x y"}.get(bad, pair.access)

    answer = get(url, raw)

    assert answer.status_code == 200
    assert "anna" not in answer.content.decode()


@pytest.mark.parametrize("name", ["obtain", "refresh", "blacklist", "verify", "revoke", "token"])
def test_a_stale_header_keeps_nobody_from_the_endpoints(user, pair, name):
    """Clients that send their access token everywhere can refresh it when it has expired."""
    url, body = {
        "obtain": ("/api/token/", {"username": "anna", "password": PASSWORD}),
        "refresh": ("/api/token/refresh/", {"refresh": pair.refresh}),
        "blacklist": ("/api/token/blacklist/", {"refresh": pair.refresh}),
        "verify": ("/api/token/verify/", {"token": pair.refresh}),
        "revoke": ("/oauth/revoke/", {"token": pair.refresh}),
        "token": ("/oauth/token/", {"grant_type": "refresh_token", "refresh_token": pair.refresh}),
    }[name]
    stale = forge.altered(pair.access, exp=1)

    answer = DjangoClient().post(url, body, headers={"authorization": f"Bearer {stale}"})

    assert answer.status_code == 200


def test_a_template_that_does_not_show_the_user_is_for_everybody(pair):
    """The context processor passes the user on, which is no look at it."""
    assert call("/page/", forge.altered(pair.access, exp=1)).status_code == 200


@pytest.mark.parametrize("get", [call, acall])
@pytest.mark.parametrize("url", ["/plain/", "/about/", "/api/me/"])
def test_a_broken_header(get, url, user):
    """Our scheme with two tokens is 401 and says so, where it matters."""
    answer = get(url, "one two")

    if url == "/about/":
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["reason"]) == (401, "bad_header")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_a_database_that_is_down_is_503_where_the_user_is_asked_for(pair):
    """Nobody can tell whether the token is good: try again later."""

    def down(execute, sql, params, many, context):
        raise OperationalError

    with connection.execute_wrapper(down):
        answer, public = call("/plain/", pair.access), call("/about/", pair.access)

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert public.status_code == 200


# --- tokens that open less than their user may


def script(user):
    return api_tokens.create(user, "deploy").raw


def scoped(user):
    return sessions.start(user, claims={"scope": "reports:read jwtauth:manage"}).access


def narrowed(user):
    return sessions.refresh(sessions.start(user).refresh, scope="").access


LIMITED = [script, scoped, narrowed]


@pytest.mark.parametrize("get", [call, acall])
@pytest.mark.parametrize("make", LIMITED)
@pytest.mark.parametrize("url", REFUSED)
def test_a_limited_token_is_not_for_views_that_did_not_ask(get, url, user, make):
    """What knows nothing of scopes must not act on a token that has some, nor for a script."""
    answer = get(url, make(user))

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert "anna" not in answer.content.decode()


@pytest.mark.parametrize("get", [call, acall])
@pytest.mark.parametrize("make", LIMITED)
@pytest.mark.parametrize(
    "url", ["/required/", "/arequired/", "/optional/", "/aoptional/", "/drf/", "/api/me/"]
)
def test_a_limited_token_is_for_views_that_ask_for_tokens(get, url, user, make):
    """They look at its scopes, or have said that they need none."""
    answer = get(url, make(user))

    assert answer.status_code == 200
    assert "anna" in answer.content.decode()


@pytest.mark.parametrize("get", [call, acall])
def test_a_limited_token_leaves_the_session_alone(get, user, other_user):
    """Neither its user nor the session's is who a plain view meets."""
    browser = DjangoClient()
    browser.force_login(other_user)

    answer = browser.get("/plain/", headers={"authorization": f"Bearer {script(user)}"})

    assert answer.status_code == 403


# --- the admin

ADMIN = [
    "/admin/",
    "/admin/auth/user/",
    "/admin/django_jwtauth/loginsession/",
    "/admin/django_jwtauth/loginsession/find/",
    "/x/y/office/",
    "/x/y/office/auth/user/add/",
    "/report/",
    "/report/cached/",
    "/report/staff/",
    "/report/class/",
    "/report/partial/",
]


@pytest.mark.parametrize("get", [call, acall])
@pytest.mark.parametrize("make", [*LIMITED, lambda user: sessions.start(user).access])
@pytest.mark.parametrize("url", ADMIN)
def test_the_admin_takes_no_token(get, url, make, db):
    """Of whatever kind, at whatever address: who is not logged in is sent to the login."""
    root = get_user_model().objects.create_superuser("root")

    answer = get(url, make(root))

    assert answer.status_code == HTTPStatus.FOUND
    assert "/login/" in answer.url


@pytest.mark.parametrize("make", [*LIMITED, lambda user: sessions.start(user).access])
def test_the_admin_is_the_session_s_beside_a_token(user, make):
    """Whoever is logged in stays who they are."""
    browser = DjangoClient()
    browser.force_login(get_user_model().objects.create_superuser("root"))

    answer = browser.get("/admin/", headers={"authorization": f"Bearer {make(user)}"})

    assert (answer.status_code, answer.context["user"].get_username()) == (200, "root")


# --- beside other middlewares


class Audit:
    """Reads the user before the view and after, as packages that keep a log do."""

    seen = []

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        self.seen.append(str(request.user))
        return self.get_response(request)


class AuditAfter(Audit):
    def __call__(self, request):
        response = self.get_response(request)
        self.seen.append(str(request.user))
        return response


@pytest.fixture
def audited(settings, monkeypatch):
    monkeypatch.setattr(Audit, "seen", [])
    settings.MIDDLEWARE = [f"{__name__}.AuditAfter", *settings.MIDDLEWARE, f"{__name__}.Audit"]
    return Audit


@pytest.mark.parametrize("url", ["/about/", "/drf/", "/api/me/", "/required/", "/optional/"])
def test_an_audit_log_sees_who_it_is_and_nobody_asks_twice(audited, statements, pair, url):
    """One query, however many look at the request."""
    with statements(1):
        assert call(url, pair.access).status_code == 200

    assert audited.seen == ["anna", "anna"]


@pytest.mark.parametrize("url", ["/api/token/refresh/", "/about/"])
def test_an_audit_log_refuses_nobody(audited, pair, url):
    """What looks at the user before and after the view is no view."""
    stale = forge.altered(pair.access, exp=1)
    headers = {"authorization": f"Bearer {stale}"}

    answer = DjangoClient().post(url, {"refresh": pair.refresh}, headers=headers)

    assert answer.status_code == 200
    assert audited.seen == ["AnonymousUser", "AnonymousUser"]


@pytest.mark.parametrize("url", ["/drf/", "/api/me/", "/required/", "/optional/", "/plain/"])
def test_a_refused_token_is_looked_up_once(audited, statements, pair, url):
    """The second look gets the first one's answer."""
    sessions.blacklist(pair.refresh)

    with statements(1):
        assert call(url, pair.access).status_code == 401


def test_another_token_is_another_question(rf, user, other_user):
    """What is known of one token is said of no other, as when a view tries one after another."""
    mine, others = sessions.start(user).access, sessions.start(other_user).access
    request = rf.get("/")

    assert sessions.authenticate_request(mine, request)[0] == user
    assert sessions.authenticate_request(others, request)[0] == other_user
    with pytest.raises(TokenError):
        sessions.authenticate_request(forge.altered(mine, exp=1), request)
    assert sessions.authenticate_request(mine, request)[0] == user


@pytest.fixture
def login_required(settings):
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    settings.JWTAUTH = {"ISSUER": "https://auth.example.com"}


@pytest.mark.parametrize("get", [call, acall])
@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/.well-known/jwks.json", 200),
        ("/.well-known/openid-configuration", 200),
        ("/.well-known/oauth-authorization-server", 200),
        ("/oauth/check/", 401),
        ("/oauth/token/", 405),
        ("/oauth/revoke/", 405),
        ("/oauth/introspect/", 405),
        ("/api/me/", 401),
        ("/api/token/", 405),
        ("/api/sessions/", 401),
        ("/api/api-tokens/", 401),
        ("/required/", 401),
        ("/arequired/", 401),
        ("/optional/", 200),
        ("/plain/", 302),
        ("/about/", 302),
    ],
)
def test_django_s_login_middleware_leaves_alone_what_asks_by_itself(
    login_required, get, url, status, db
):
    """Verifiers, gateways and OAuth clients have no session, and are sent to no login page."""
    assert get(url).status_code == status


@pytest.mark.parametrize("get", [call, acall])
def test_django_s_login_middleware_takes_our_user(login_required, get, pair, user):
    """A good token is somebody; a refused one is told so, and not sent to a login page."""
    assert get("/about/", pair.access).status_code == 200
    assert get("/about/", script(user)).status_code == 403
    sessions.blacklist(pair.refresh)
    assert get("/about/", pair.access).status_code == 401


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
