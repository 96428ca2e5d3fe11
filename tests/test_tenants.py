"""One project, several tenants: no token, key, setting or count of one is another's."""

import asyncio
import json
import sys
import threading
import traceback
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import NamedTuple

import pytest
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.db.models.signals import post_save
from django.http import Http404, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import include, path, reverse
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from django_jwtauth import api_tokens, conf, one_time, sessions, signals, tokens, views
from django_jwtauth.authentication import JWTAuthentication
from django_jwtauth.claims import ACCESS, ONE_TIME, REFRESH
from django_jwtauth.conf import get_settings, tenants
from django_jwtauth.contrib.simplejwt.move import tables
from django_jwtauth.contrib.simplejwt.serializers import TokenObtainPairSerializer
from django_jwtauth.decorators import jwt_required
from django_jwtauth.exceptions import (
    BadSignature,
    InvalidCredentials,
    Throttled,
    TokenError,
    WrongIssuer,
)
from django_jwtauth.models import BlacklistedToken, LoginSession
from django_jwtauth.throttling import count_attempt
from django_jwtauth.tokens import keyrings, remote_keys
from django_jwtauth.tokens.keymaterial import CRYPTOGRAPHY
from django_jwtauth.views import TokenObtainPairView
from django_jwtauth.views.well_known import jwks
from tests import forge, urls
from tests.conftest import PASSWORD
from tests.keypairs import make_pem
from tests.pages import read_blocks
from tests.shell import ROOT

MIDDLEWARE = "django_jwtauth.middleware.JWTAuthenticationMiddleware"
CANARY = "kT9vQ2-never_to_be_shown.xZ7+w_and_long_enough"
A, B = {"ISSUER": "https://a.example.com"}, {"ISSUER": "https://b.example.com"}
SHARED = [{"algorithm": "HS256", "secret": "one secret for all tenants, long enough", "kid": "all"}]
OWN = {
    name: [{"algorithm": "HS256", "secret": f"the secret of tenant {name} alone, long enough"}]
    for name in "ab"
}

_current = ContextVar("tests.test_tenants", default=None)
# An item for each call of the hook.
_asked = []


def current():
    """The HOOKS["TENANT"] of these tests."""
    _asked.append(_current.get())
    return _current.get()


def broken():
    raise LookupError("no tenant")


def claims(user, session):
    return {"issuer_of_hook": get_settings().ISSUER}


@contextmanager
def tenant(overrides):
    token = _current.set(overrides)
    try:
        yield
    finally:
        _current.reset(token)


@pytest.fixture(autouse=True)
def hook(settings):
    settings.JWTAUTH = {"HOOKS": {"TENANT": "tests.test_tenants.current"}}


def with_keys(settings, setup):
    """Configure keys that are derived, shared, or each tenant's own; return both tenants."""
    if setup == "shared":
        settings.JWTAUTH = {**settings.JWTAUTH, "KEYS": SHARED}
    own = setup == "own"
    return [
        {**given, **({"KEYS": OWN[name]} if own else {})}
        for name, given in zip("ab", [A, B], strict=True)
    ]


def tokens_of(user):
    """Return a token of every kind, made in the current tenant, with its type."""
    pair = sessions.start(user)
    return {
        "access": (pair.access, ACCESS),
        "refresh": (pair.refresh, REFRESH),
        "API": (api_tokens.create(user, "script").raw, ACCESS),
        "one-time": (one_time.create(user, "reset"), ONE_TIME),
    }


# --- tokens


@pytest.mark.parametrize("kind", ["access", "refresh", "API", "one-time"])
@pytest.mark.parametrize("setup", ["derived", "shared", "own"])
def test_a_token_is_good_for_its_tenant_only(settings, user, kind, setup):
    """All tables shared, the same user: what one tenant issued no other accepts."""
    first, second = with_keys(settings, setup)
    with tenant(first):
        raw, token_type = tokens_of(user)[kind]
        assert tokens.decode(raw, token_type)["iss"] == A["ISSUER"]
    with tenant(second), pytest.raises(TokenError):
        tokens.decode(raw, token_type)
    with tenant(first):
        assert tokens.decode(raw, token_type)["sub"] == str(user.pk)


def test_the_doors_refuse_it(user):
    """Over HTTP, signing out included: 401, and the sign-in of the other tenant lives on."""
    with tenant(A):
        pair = sessions.start(user)
    client = APIClient()
    with tenant(B):
        answers = [
            client.get("/api/me/", HTTP_AUTHORIZATION=f"Bearer {pair.access}"),
            client.post("/api/token/refresh/", {"refresh": pair.refresh}),
            client.post("/api/token/verify/", {"token": pair.access}),
            client.post("/api/token/blacklist/", {"refresh": pair.refresh}),
        ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401]
    with tenant(A):
        assert sessions.refresh(pair.refresh).session_id == pair.session_id


def test_a_token_that_this_process_remembers_is_refused_elsewhere(user):
    """A signature that was checked in one tenant is nothing to another."""
    with tenant(A):
        raw = sessions.start(user).access
        sessions.authenticate(raw)
    for _ in range(2):
        with tenant(B), pytest.raises(BadSignature):
            sessions.authenticate(raw)
        with tenant(A):
            assert sessions.authenticate(raw)[0] == user


def test_shared_keys_leave_it_to_the_issuer(settings, user):
    """Where all tenants sign with one key, the reason is that the token is another's."""
    settings.JWTAUTH = {**settings.JWTAUTH, "KEYS": SHARED}
    with tenant(A):
        raw = sessions.start(user).access
    with tenant(B), pytest.raises(WrongIssuer):
        sessions.authenticate(raw)


@pytest.mark.parametrize("foreign", [False, True])
def test_outside_every_tenant_no_token_is_made_or_read(settings, user, foreign):
    """Not knowing whose it is, nobody answers for a token; that is no fault of the token."""
    settings.JWTAUTH = {**settings.JWTAUTH, "ISSUERS": {"x": "https://x.example/jwks"}}
    with tenant(A):
        pair = sessions.start(user)
        sessions.authenticate(pair.access)
    for use in (
        lambda: sessions.start(user),
        lambda: tokens.decode(pair.access, ACCESS, foreign=foreign),
        lambda: sessions.refresh(pair.refresh),
    ):
        with pytest.raises(ImproperlyConfigured, match="outside every tenant"):
            use()


def test_outside_every_tenant_no_legacy_decoder_is_called(settings):
    """Not even for what is not one of our tokens at all."""
    legacy = {"DECODER": "tests.test_tenants.broken", "UNTIL": "2099-01-01T00:00:00Z"}
    settings.JWTAUTH |= {"LEGACY": legacy}
    with pytest.raises(ImproperlyConfigured, match="outside every tenant"):
        sessions.authenticate("an opaque token")


def test_commands_work_outside_every_tenant(db):
    """What needs no key has the settings of JWTAUTH."""
    call_command("jwtauth_purge", verbosity=0)
    assert get_settings().ISSUER is None


async def greet(request):
    return HttpResponse(await request.auser())


class Hello(APIView):
    authentication_classes = [JWTAuthentication]
    permission_classes = []

    def get(self, request):
        return Response({"user": str(request.user)})


urlpatterns = [
    *urls.urlpatterns,
    path("portal/", include("django_jwtauth.urls.portal")),
    path("auth/", include("django_jwtauth.urls.browser")),
    path("oauth/", include("django_jwtauth.urls.oauth")),
    path(".well-known/", include("django_jwtauth.urls.well_known")),
    path("hello/", Hello.as_view()),
    path("needed/", jwt_required(lambda request: HttpResponse())),
    path("plain/", lambda request: HttpResponse(request.user)),
    path("async/", greet),
]


def every_url(sid):
    """Yield the URLs of the package, and one of each kind of view that a project has."""
    yield from ("/hello/", "/needed/")
    for name in ("urls", "urls.portal", "urls.browser", "urls.oauth", "urls.well_known"):
        module = import_module(f"django_jwtauth.{name}")
        space = f"{module.app_name}:" if hasattr(module, "app_name") else ""
        for pattern in module.urlpatterns:
            args = [sid.hex] if "sid" in str(pattern.pattern) else []
            yield reverse(f"{space}{pattern.name}", args=args)
    for model in (LoginSession, BlacklistedToken):
        for pattern in admin.site.get_model_admin(model).get_urls():
            if pattern.name:
                args = [sid] if "<" in str(pattern.pattern) else []
                yield reverse(f"admin:{pattern.name}", args=args)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("method", ["get", "post", "delete", "patch"])
def test_outside_every_tenant_nothing_is_an_error_of_the_server(user, admin_user, settings, method):
    """No URL of the package, whatever token or body comes; and nothing is written or signed."""
    settings.JWTAUTH |= {"ONE_TIME": {"PURPOSES": ["reset"]}, "OAUTH_PASSWORD_GRANT": True}
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    with tenant(A):
        raws = {kind: raw for kind, (raw, _) in tokens_of(user).items()}
    before = [*LoginSession.objects.order_by("pk").values()]
    sid = before[0]["id"]
    client = Client(raise_request_exception=False)
    for raw in (None, "nonsense", *raws.values()):
        body = {
            **dict.fromkeys(("token", "refresh", "refresh_token", "text"), raw or ""),
            "username": user.get_username(),
            "password": PASSWORD,
            "purpose": "reset",
            "grant_type": "password",
            "name": "x",
            "days": 1,
            "reason": "other",
            "note": "x",
        }
        for operator in (None, admin_user):
            if operator:
                client.force_login(operator)
            for url in every_url(sid):
                if operator and "/delete" in url:
                    continue
                headers = {"Authorization": f"Bearer {raw}"} if raw and not operator else {}
                client.cookies["__Host-jwtauth_access"] = raw or ""
                client.cookies["__Secure-jwtauth_refresh"] = raw or ""
                data = body if method == "post" else None
                answer = getattr(client, method)(url, data, headers=headers)
                assert answer.status_code < 500, (url, raw, operator, answer.status_code)
        client.logout()
    kept = [*LoginSession.objects.order_by("pk").values()]
    assert [row["id"] for row in kept] == [row["id"] for row in before]


@pytest.mark.urls(__name__)
def test_outside_every_tenant_a_token_is_refused_with_a_reason(user, client):
    """401, and for who signs in as well; there is no JWKS."""
    with tenant(A):
        pair = sessions.start(user)
    headers = {"Authorization": f"Bearer {pair.access}"}
    refused = [
        client.get("/hello/", headers=headers),
        client.get("/needed/", headers=headers),
        client.post(reverse("token_verify"), {"token": pair.access}),
        client.post(reverse("token_refresh"), {"refresh": pair.refresh}),
        client.post(
            reverse("token_obtain_pair"), {"username": user.get_username(), "password": PASSWORD}
        ),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["reason"]) == (401, "no_tenant")
    assert client.get("/hello/").status_code == 200
    assert client.get("/.well-known/jwks.json").status_code == 404
    client.cookies["__Secure-jwtauth_refresh"] = pair.refresh
    answer = client.post(reverse("jwtauth_browser:token_refresh"))
    assert (answer.status_code, answer.cookies) == (401, {})
    with tenant(A):
        assert client.get("/hello/", headers=headers).json() == {"user": str(user)}


@pytest.mark.urls(__name__)
def test_outside_every_tenant_there_is_no_discovery_document(client, settings):
    """Whatever ISSUER the settings of all name: nobody is that issuer there."""
    settings.JWTAUTH |= A
    assert client.get("/.well-known/openid-configuration").status_code == 404
    with tenant(B):
        document = client.get("/.well-known/openid-configuration").json()
    assert document["issuer"] == B["ISSUER"]


# --- settings and keys


def test_each_tenant_has_the_settings_of_all_and_its_own(settings, user):
    """An override counts for its tenant; a hook of the project's sees the tenant, too."""
    settings.JWTAUTH = {
        **settings.JWTAUTH,
        "LEEWAY": 7,
        "HOOKS": {**settings.JWTAUTH["HOOKS"], "CLAIMS": "tests.test_tenants.claims"},
    }
    with tenant({**A, "ACCESS_TOKEN_LIFETIME": 60}):
        assert timedelta(seconds=7) == get_settings().LEEWAY
        pair = sessions.start(user)
        assert sessions.authenticate(pair.access)[1]["issuer_of_hook"] == A["ISSUER"]
        assert pair.expires_in == 60
    with tenant(B):
        assert sessions.start(user).expires_in == 300


def test_a_tenant_overrides_single_names_of_a_group(settings):
    """What its group leaves out is that of all; the next tenant has none of it."""
    settings.JWTAUTH = {
        "HOOKS": {**settings.JWTAUTH["HOOKS"], "SCOPES": "json.dumps"},
        "COOKIES": {"NAME": "shop", "SAMESITE": "Strict"},
        "THROTTLES": {"RATES": {"rename": "1/day"}},
    }
    own = {
        "HOOKS": {"CLAIMS": "tests.test_tenants.claims"},
        "COOKIES": {"NAME": "a"},
        "API_TOKENS": {"MAX_PER_USER": 1},
    }
    with tenant({**A, **own}):
        mine = get_settings()
    with tenant(B):
        theirs = get_settings()

    assert ("json.dumps", own["HOOKS"]["CLAIMS"]) == (mine.HOOKS.SCOPES, mine.HOOKS.CLAIMS)
    assert (mine.COOKIES.NAME, mine.COOKIES.SAMESITE) == ("a", "Strict")
    assert replace(theirs.API_TOKENS, MAX_PER_USER=1) == mine.API_TOKENS
    assert mine.THROTTLES == theirs.THROTTLES
    assert (theirs.HOOKS.CLAIMS, theirs.COOKIES.NAME) == (None, "shop")


@pytest.mark.parametrize("own", [{}, {"b": "https://b.example.com/jwks"}])
def test_a_tenant_that_names_issuers_trusts_no_others(settings, own):
    """Of what is listed by the project's own names, a tenant's list is all there is."""
    settings.JWTAUTH = {**settings.JWTAUTH, "ISSUERS": {"a": "https://a.example.com/jwks"}}
    with tenant({**A, "ISSUERS": own}):
        assert get_settings().key_urls(foreign=True) == own
    with tenant(A):
        assert [*get_settings().ISSUERS] == ["a"]


def test_what_the_hook_returns_counts_at_once():
    """A tenant's key that was replaced signs no more, without a restart."""
    with tenant({**A, "KEYS": OWN["a"]}):
        old = keyrings.get_access_ring().signer()
    with tenant({**A, "KEYS": OWN["b"]}):
        assert keyrings.get_access_ring().signer() != old


def test_rings_are_made_once():
    """Keys are parsed when a tenant is first seen, and kept."""
    with tenant({**A, "KEYS": OWN["a"]}):
        ring = keyrings.get_access_ring()
    with tenant({"KEYS": [dict(OWN["a"][0])], **A}):
        assert keyrings.get_access_ring() is ring


def test_a_dict_that_the_hook_uses_again_bleeds_nowhere():
    """What was returned for one tenant may be changed for the next."""
    reused = {**A, "KEYS": [dict(OWN["a"][0])]}
    with tenant(reused):
        before = get_settings()
        reused["ISSUER"] = B["ISSUER"]
        reused["KEYS"][0]["secret"] = OWN["b"][0]["secret"]
        after = get_settings()
        second = keyrings.get_access_ring().signer()
    with tenant({**A, "KEYS": OWN["a"]}):
        assert get_settings() is before
        assert keyrings.get_access_ring().signer() != second
    assert [A["ISSUER"], B["ISSUER"]] == [before.ISSUER, after.ISSUER]


def test_values_of_different_types_are_different():
    """1 is a number of sign-ins and True is not, though they are equal."""
    with tenant({**A, "MAX_SESSIONS_PER_USER": 1}):
        assert get_settings().MAX_SESSIONS_PER_USER == 1
    with tenant({**A, "MAX_SESSIONS_PER_USER": True}), pytest.raises(ImproperlyConfigured):
        get_settings()


def test_legacy_tokens_are_no_business_of_every_tenant(settings):
    """A legacy token names no tenant, so its decoder counts only where the hook names it."""
    legacy = {
        "LEGACY": {"DECODER": "json.loads", "UNTIL": "2099-01-01T00:00:00Z"},
    }
    settings.JWTAUTH = {**settings.JWTAUTH, **legacy}
    with tenant(A):
        assert get_settings().legacy_until() is None
    with tenant({**A, **legacy}):
        assert get_settings().legacy_until()


def test_simplejwts_tables_are_looked_for_in_each_tenant(monkeypatch, db):
    """That one schema has none says nothing of the next."""
    tables.forget_alias()
    with tenant(A):
        assert tables.find_alias() is None
    monkeypatch.setattr(tables, "TABLES", ("django_jwtauth_loginsession",))
    with tenant(B):
        assert tables.find_alias() == "default"
    tables.forget_alias()


def test_what_is_kept_of_tenants_is_bounded(monkeypatch):
    """However many there are, a process keeps the settings and keys of so many."""
    assert conf._make_tenant.cache_info().maxsize == conf.MAX_TENANTS

    monkeypatch.setattr(remote_keys, "_remote", {})
    for number in range(remote_keys.MAX_URLS + 5):
        last = remote_keys.get_remote_keys(f"https://{number}.example.com")
    assert len(remote_keys._remote) == remote_keys.MAX_URLS
    assert remote_keys.get_remote_keys(last.url) is last


@pytest.mark.skipif(not CRYPTOGRAPHY, reason="needs cryptography")
def test_each_tenant_publishes_its_own_keys():
    """A JWKS holds no key of another tenant."""
    published = []
    for given in (A, B):
        pem = make_pem("ES256")
        with tenant({**given, "KEYS": [{"algorithm": "ES256", "private_key": pem}]}):
            kid = keyrings.get_access_ring().signer().kid
            document = json.loads(jwks(RequestFactory().get("/")).content)
        assert [key["kid"] for key in document["keys"]] == [kid]
        published.append(kid)
    assert len(set(published)) == 2


def use_up(request, everywhere=True):
    """Make as many attempts as are let through, and return how many."""
    number = 0
    with suppress(Throttled):
        while number < 100:
            count_attempt(request, "anna", everywhere=everywhere)
            number += 1
    return number


@pytest.mark.django_db
@pytest.mark.parametrize("scope", ["address", "account", "account_everywhere"])
def test_tenants_that_share_users_share_the_attempts(settings, rf, scope):
    """A host for each tenant gives nobody more guesses at one account."""
    none = dict.fromkeys(["address", "account", "account_everywhere"])
    settings.JWTAUTH = {**settings.JWTAUTH, "THROTTLES": {"RATES": {**none, scope: "3/day"}}}
    numbers = []
    for given in (A, B):
        with tenant(given):
            numbers.append(use_up(rf.post("/")))

    assert numbers == [3, 0]


@pytest.mark.django_db
def test_tenants_that_share_clients_share_the_attempts(settings, rf):
    """The secret of a client may be the same for all tenants, too."""
    settings.JWTAUTH = {**settings.JWTAUTH, "THROTTLES": {"RATES": {"account": "3/day"}}}
    with tenant(A):
        assert use_up(rf.post("/"), everywhere=False) == 3
    with tenant(B):
        assert use_up(rf.post("/"), everywhere=False) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["schema", "NAME", "HOST"])
def test_users_of_another_schema_or_database_are_counted_by_themselves(
    settings, rf, monkeypatch, where
):
    """Guessing at an account here locks nobody out of the account of that name there."""
    settings.JWTAUTH = {**settings.JWTAUTH, "THROTTLES": {"RATES": {"account": "3/day"}}}
    assert use_up(rf.post("/")) == 3

    if where == "schema":
        # What django-tenants sets.
        monkeypatch.setattr(connection, "schema_name", "b", raising=False)
    else:
        monkeypatch.setitem(connection.settings_dict, where, "b.example.com")
    assert use_up(rf.post("/")) == 3


def members_only(user, request):
    """The HOOKS["SIGN_IN"] of a tenant that has no members yet."""
    raise InvalidCredentials


@pytest.mark.django_db
def test_a_tenant_that_is_not_the_users_tells_nothing_of_the_password(settings, user, api):
    """A hook that raises InvalidCredentials answers as for a wrong one, and it is counted."""
    settings.JWTAUTH = {
        **settings.JWTAUTH,
        "HOOKS": {**settings.JWTAUTH["HOOKS"], "SIGN_IN": f"{__name__}.members_only"},
        "THROTTLES": {"RATES": {"account": "2/day"}},
    }
    with tenant(A):
        answers = [api.obtain(), api.obtain(password="wrong"), api.obtain()]

    assert answers[0].status_code == 401
    assert answers[0].content == answers[1].content
    assert answers[2].status_code == 429


# --- at the same time


def rounds(given, seen):
    """Issue and read tokens in one tenant, with a pause between any two steps."""
    now = 4_000_000_000
    sid = "0192f0c1a2b37c4d8e5f60718293a4b5"
    with tenant(given):
        for number in range(30):
            raw = tokens.encode(
                ACCESS,
                {"iss": given["ISSUER"], "sub": "1", "sid": sid, "jti": f"{sid}.{number}"}
                | {"iat": now, "exp": now},
            )
            yield
            seen.append(tokens.decode(raw, ACCESS)["iss"] == get_settings().ISSUER)
            yield


def test_threads_keep_their_tenants():
    """Two threads, two tenants, switching as often as they can."""
    seen = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [
            threading.Thread(target=lambda given=given: list(rounds(given, seen)))
            for given in (A, B)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert seen == [True] * 60


def test_tasks_keep_their_tenants():
    """Two tasks of one event loop, each giving way to the other at every step."""
    seen = []

    async def work(given):
        for _ in rounds(given, seen):
            await asyncio.sleep(0)

    async def both():
        await asyncio.gather(work(A), work(B))

    asyncio.run(both())
    assert seen == [True] * 60


@pytest.mark.django_db(transaction=True)
def test_async_functions_run_in_the_tenant_of_their_caller():
    """The thread that they hop to has the caller's context."""
    user = get_user_model().objects.create_user("anna")

    async def work(given, other):
        with tenant(given):
            pair = await sessions.astart(user)
            await asyncio.sleep(0)
            _, claims = await sessions.aauthenticate(pair.access)
        with tenant(other), pytest.raises(TokenError):
            await sessions.aauthenticate(pair.access)
        return claims["iss"]

    async def both():
        return await asyncio.gather(work(A, B), work(B, A))

    assert async_to_sync(both)() == [A["ISSUER"], B["ISSUER"]]


# --- once for each operation


def bearer(pair):
    return {"Authorization": f"Bearer {pair.access}"}


def post(url_name, pair=None, **body):
    headers = bearer(pair) if pair else {}
    return APIClient().post(reverse(url_name), body, format="json", headers=headers)


def get(url, pair):
    return Client().get(url, headers=bearer(pair))


def browse(name, pair):
    client = APIClient()
    client.cookies["__Host-jwtauth_access"] = pair.access
    client.cookies["__Secure-jwtauth_refresh"] = pair.refresh
    return client.post(reverse(f"jwtauth_browser:{name}"), CREDENTIALS)


def oauth(name, **form):
    client = {"client_id": "gateway", "client_secret": "secret of the gateway"}
    return Client().post(reverse(f"jwtauth_oauth_{name}"), {**client, **form})


class Scene(NamedTuple):
    """What there is before the hook's calls are counted."""

    user: object
    pair: object
    link: str


CREDENTIALS = {"username": "anna", "password": PASSWORD}
ONCE = {
    "start": lambda s: sessions.start(s.user),
    "authenticate": lambda s: sessions.authenticate(s.pair.access),
    "verify": lambda s: sessions.verify(s.pair.access),
    "verify a refresh token": lambda s: sessions.verify(s.pair.refresh),
    "refresh": lambda s: sessions.refresh(s.pair.refresh),
    "blacklist": lambda s: sessions.blacklist(s.pair.refresh),
    "create an API token": lambda s: api_tokens.create(s.user, "script"),
    "create a one-time token": lambda s: one_time.create(s.user, "download"),
    "consume": lambda s: one_time.consume(s.link, one_time.SIGN_IN),
    "verify a one-time token": lambda s: one_time.verify(s.link),
    "POST token/": lambda s: post("token_obtain_pair", **CREDENTIALS),
    "POST token/refresh/": lambda s: post("token_refresh", refresh=s.pair.refresh),
    "POST token/verify/": lambda s: post("token_verify", token=s.pair.access),
    "POST token/blacklist/": lambda s: post("token_blacklist", refresh=s.pair.refresh),
    "GET me/": lambda s: get(reverse("jwtauth_me"), s.pair),
    "GET sessions/": lambda s: get(reverse("jwtauth_session_list"), s.pair),
    "sign in with a link": lambda s: post("token_one_time", token=s.link),
    "make an API token": lambda s: post("jwtauth_api_token_list", s.pair, name="script"),
    "sign in with a browser": lambda s: browse("token_obtain_pair", s.pair),
    "refresh with a browser": lambda s: browse("token_refresh", s.pair),
    "sign out with a browser": lambda s: browse("token_blacklist", s.pair),
    "OAuth token": lambda s: oauth(
        "token", grant_type="refresh_token", refresh_token=s.pair.refresh
    ),
    "OAuth revoke": lambda s: oauth("revoke", token=s.pair.refresh),
    "OAuth introspect": lambda s: oauth("introspect", token=s.pair.access),
    "check for a gateway": lambda s: get(reverse("jwtauth_check"), s.pair),
    "JWKS": lambda s: get(reverse("jwtauth_jwks"), s.pair),
    "metadata": lambda s: get("/.well-known/openid-configuration", s.pair),
    "a view of DRF": lambda s: get("/hello/", s.pair),
    "a decorated view": lambda s: get("/needed/", s.pair),
}


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ONCE)
def test_an_operation_asks_the_hook_once(user, settings, name):
    """A hook that looks its tenant up does so once, whatever the operation needs to know."""
    settings.JWTAUTH |= {"CLIENTS": {"gateway": make_password("secret of the gateway")}}
    with tenant(A):
        pair = sessions.start(user)
        scene = Scene(user, pair, one_time.create(user, one_time.SIGN_IN))
        _asked.clear()
        answer = ONCE[name](scene)

    assert getattr(answer, "status_code", 200) < 300
    assert _asked == [A]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(("url", "times"), [("/plain/", 1), ("/needed/", 2), ("/hello/", 2)])
def test_the_middleware_asks_once_and_so_does_what_asks_after_it(user, settings, url, times):
    """The tenant may have been switched in between, so a request does not keep the answer."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    with tenant(A):
        pair = sessions.start(user)
        _asked.clear()
        assert get(url, pair).status_code == 200
    assert _asked == [A] * times


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
def test_async_views_ask_once(settings):
    """In the thread that looks for the user, so that a hook may query there."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    user = get_user_model().objects.create_user("anna")

    async def work():
        pair = await sessions.astart(user)
        _asked.clear()
        return await AsyncClient().get("/async/", headers=bearer(pair))

    with tenant(A):
        answer = async_to_sync(work)()
    assert answer.content == b"anna"
    assert _asked == [A]


# --- the tenant of the moment


def into_b(get_response):
    """A middleware that switches the tenant, after ours has looked at the token."""

    def middleware(request):
        with tenant(B):
            return get_response(request)

    return middleware


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("url", ["/needed/", "/hello/"])
def test_a_tenant_that_is_switched_in_a_request_counts_at_once(user, settings, url):
    """What the middleware accepted in one tenant is refused in the next."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE, f"{__name__}.into_b"]
    with tenant(A):
        assert get(url, sessions.start(user)).status_code == 401
    with tenant(B):
        pair = sessions.start(user)
    with tenant(A):
        assert get(url, pair).status_code == 200


class SignInElsewhere(TokenObtainPairView):
    """A project's view: the password is checked in one tenant, the tokens are another's."""

    def start(self, user, claims):
        with tenant(B):
            return super().start(user, claims)


class Elsewhere(JWTAuthentication):
    """A project's class: it reads the header, and knows the tenant then."""

    def get_validated_token(self, raw_token):
        with tenant(B):
            return super().get_validated_token(raw_token)


def test_a_step_of_the_project_may_switch_the_tenant(user, rf):
    """In a subclass of a view, and of an authentication class."""
    request = rf.post("/", CREDENTIALS)
    with tenant(A):
        raw = SignInElsewhere.as_view()(request).data["access"]
        found, _ = Elsewhere().authenticate(rf.get("/", headers={"Authorization": f"Bearer {raw}"}))
    assert found == user
    with tenant(B):
        assert sessions.authenticate(raw)[1]["iss"] == B["ISSUER"]


class SerializerElsewhere(TokenObtainPairSerializer):
    """A project's serializer, which does something for another tenant."""

    def validate(self, attrs):
        with tenant(B):
            one_time.create(get_user_model().objects.get(), "download")
        return super().validate(attrs)


def handle_elsewhere(exc, context):
    with tenant(B):
        return Response({"issuer": get_settings().ISSUER}, 418)


def saved_elsewhere(instance, **kwargs):
    with tenant(B):
        _made.append(one_time.create(instance, "download"))


def test_a_class_that_a_view_is_given_may_switch_the_tenant(user, rf):
    """As a subclass may, and the operation around it stays where it began."""
    request = rf.post("/", CREDENTIALS)
    with tenant(A):
        view = views.TokenObtainPairView.as_view(serializer_class=SerializerElsewhere)
        raw = view(request).data["access"]
        assert sessions.authenticate(raw)[1]["iss"] == A["ISSUER"]
    with tenant(B):
        theirs = sessions.start(user).access
    with tenant(A):
        me = views.MeView.as_view(authentication_classes=[Elsewhere])
        assert me(rf.get("/", headers={"Authorization": f"Bearer {theirs}"})).status_code == 200


def test_the_tenant_is_that_in_which_the_operation_began():
    """Not that in which a setting is read first."""
    with tenant(A), conf.one_tenancy():
        with tenant(B):
            pass
        with tenant(B), conf.project_code():
            assert B["ISSUER"] == get_settings().ISSUER
        with tenant(B):
            assert A["ISSUER"] == get_settings().ISSUER


def test_an_exception_handler_and_receivers_may_switch_the_tenant(user, rf, settings):
    """They are the project's code, whoever calls them."""
    settings.REST_FRAMEWORK = {"EXCEPTION_HANDLER": "tests.test_tenants.handle_elsewhere"}
    post_save.connect(saved_elsewhere, type(user))
    _made.clear()
    try:
        with tenant(A):
            sessions.start(user)
            answer = views.MeView.as_view()(rf.get("/"))
    finally:
        post_save.disconnect(saved_elsewhere, type(user))
    assert answer.data == {"issuer": B["ISSUER"]}
    assert [forge.claims_of(raw)["iss"] for raw in _made] == [B["ISSUER"]]


_made = []


def make_elsewhere(user, *args, **kwargs):
    """A hook, or a receiver, that makes a token in another tenant."""
    with tenant(B):
        _made.append(one_time.create(user, "reset"))


class BackendElsewhere(ModelBackend):
    def authenticate(self, request, **kwargs):
        user = super().authenticate(request, **kwargs)
        make_elsewhere(user)
        return user


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("where", ["SIGN_IN", "CLAIMS", "backend", "signal", "django"])
def test_code_of_the_project_may_act_for_another_tenant(user, api, settings, where):
    """A hook, a back end and a receiver get what is right for the tenant they are in."""
    _made.clear()
    if where.isupper():
        settings.JWTAUTH = {
            "HOOKS": {"TENANT": f"{__name__}.current", where: f"{__name__}.make_elsewhere"}
        }
    if where == "backend":
        settings.AUTHENTICATION_BACKENDS = [f"{__name__}.BackendElsewhere"]
    receiver = {"signal": signals.session_started, "django": user_logged_in}.get(where)
    if receiver:
        receiver.connect(hear)
    try:
        with tenant(A):
            answer = api.obtain()
            assert sessions.authenticate(answer.json()["access"])[1]["iss"] == A["ISSUER"]
    finally:
        if receiver:
            receiver.disconnect(hear)
    with tenant(B):
        assert {tokens.decode(raw, ONE_TIME)["iss"] for raw in _made} == {B["ISSUER"]}


def hear(user, **kwargs):
    make_elsewhere(user)


def test_what_an_operation_knew_is_forgotten_with_it(user):
    """Whether it succeeded, was refused, or the hook failed."""
    with tenant(A):
        raw = sessions.start(user).access
    for given in (A, B, None, {"LEEWAY": 1}):
        with tenant(given), suppress(TokenError, ImproperlyConfigured):
            sessions.authenticate(raw)
        with tenant(B):
            assert B["ISSUER"] == get_settings().ISSUER
    with tenant(A):
        assert sessions.authenticate(raw)[0] == user


def test_a_thread_that_an_operation_starts_asks_for_itself():
    """It may go on when the operation, and the tenant, are others."""
    found = []
    with tenant(A), conf.one_tenancy():
        get_settings()
        with tenant(B):
            context = copy_context()
            assert A["ISSUER"] == get_settings().ISSUER
        thread = threading.Thread(target=lambda: found.append(context.run(get_settings).ISSUER))
        thread.start()
        thread.join()
    assert found == [B["ISSUER"]]


# --- mistakes


BAD = {
    "no dict": (["ISSUER"], "must return a dict of settings, or None"),
    "no issuer": ({"LEEWAY": 1}, "must return an ISSUER of each tenant's own"),
    "an empty issuer": ({"ISSUER": ""}, "must return an ISSUER of each tenant's own"),
    "a bad value": (
        {**A, "LEEWAY": -1},
        r"wrong setting: JWTAUTH\['LEEWAY'\] must not be negative",
    ),
    "an unknown name": (
        {**A, "SIGNING_KEY": CANARY},
        r"wrong setting: JWTAUTH\['SIGNING_KEY'\] is not",
    ),
    "the hook": ({**A, "HOOKS": {"TENANT": None}}, r"must not return HOOKS\[.TENANT.\]"),
    "the header": ({**A, "AUTH_HEADER_NAME": "X-Auth"}, "must not return AUTH_HEADER_NAME"),
    "the field": ({**A, "SUBJECT_FIELD": "email"}, "must not return SUBJECT_FIELD"),
    "the cache": ({**A, "TOKEN_CACHE_SIZE": 1}, "must not return TOKEN_CACHE_SIZE"),
    "a group that is none": (
        {**A, "COOKIES": "a"},
        r"wrong setting: JWTAUTH\['COOKIES'\] must be a dict",
    ),
    "a bad value in a group": (
        {**A, "COOKIES": {"SECURE": 1}},
        r"wrong setting: JWTAUTH\['COOKIES'\]\['SECURE'\] must be True or False",
    ),
    "a former name": ({**A, "COOKIE_NAME": "a"}, r"is now JWTAUTH\['COOKIES'\]\['NAME'\]"),
    "a set": ({**A, "AUDIENCE": {CANARY}}, "returned a value that no setting can have"),
}


@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD)
def test_a_bad_answer_of_the_hook_fails_closed(given, message):
    """No token is good then; the error says what to change, and the checks tell it."""
    with tenant(A):
        raw = tokens.encode(ACCESS, {})
    with tenant(given):
        with pytest.raises(ImproperlyConfigured, match=message):
            get_settings()
        with pytest.raises(ImproperlyConfigured, match=message):
            tokens.decode(raw, ACCESS)
        with pytest.raises(SystemCheckError, match=r"E008"):
            call_command("check")


def test_an_error_shows_no_key_of_a_tenant():
    """Error reports show the variables of every frame: none of our frames holds a key."""
    bad = {**A, "KEYS": [{"algorithm": "HS256", "secret": CANARY}], "LEEWAY": -1}
    with tenant(bad):
        try:
            get_settings()
        except ImproperlyConfigured as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in told.stack if "django_jwtauth" in frame.filename]
    assert frames
    assert CANARY not in str([frame.locals for frame in frames]) + str(told)


def test_a_hook_that_fails_is_told_by_the_checks(settings):
    """What it raises reaches the caller as it is, and whoever runs the checks."""
    settings.JWTAUTH = {"HOOKS": {"TENANT": "tests.test_tenants.broken"}}
    with pytest.raises(LookupError):
        get_settings()
    with pytest.raises(SystemCheckError, match=r"LookupError: no tenant(.|\n)*return None"):
        call_command("check")


def test_the_checks_are_content_outside_every_tenant():
    """`manage.py check` runs without a tenant."""
    call_command("check", fail_level="WARNING")


def test_without_a_hook_nobody_asks(settings, monkeypatch):
    """A project without tenants pays nothing for those with some."""
    settings.JWTAUTH = {}
    monkeypatch.setattr(tenants, "ask", lambda hook: pytest.fail("asked"))
    assert get_settings() is get_settings()
    assert conf.get_tenancy().tenant == ""


# --- the documentation


def test_the_middleware_of_the_documentation_works(rf, settings):
    """It names the tenant while a request lasts, and nobody who makes a host up is one."""
    settings.ALLOWED_HOSTS = [".example.com"]
    [code] = [
        block.code
        for block in read_blocks(ROOT / "docs/tenants.md")
        if block.code.startswith("# shop/middleware.py\n")
    ]
    recipe = {}
    exec(code, recipe)
    middleware = recipe["TenantMiddleware"](lambda request: recipe["jwt_settings"]())

    assert middleware(rf.get("/", HTTP_HOST="acme.example.com")) == {
        "ISSUER": "https://acme.example.com"
    }
    assert recipe["jwt_settings"]() is None
    for made_up in ("acme.example.com:8443", "evil.example.com"):
        with pytest.raises(Http404):
            middleware(rf.get("/", HTTP_HOST=made_up))
