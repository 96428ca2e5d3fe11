"""django-tenants, the real one: a schema for each tenant, and user 1 in every one of them."""

import asyncio
import threading

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, connections
from django.test import AsyncClient
from django.test.utils import setup_databases, teardown_databases
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context
from rest_framework.test import APIClient

from django_jwtauth import sessions
from django_jwtauth.conf import get_settings
from django_jwtauth.exceptions import TokenError
from django_jwtauth.models import LoginSession
from tests.keypairs import make_pem
from tests.tenants.shop.models import Domain, Tenant

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def both(django_db_blocker):
    """Two tenants, and in each of them, and in the public schema, a user with the same key."""
    # Not those of pytest-django: they are emptied, or rolled back, which other threads would see.
    with django_db_blocker.unblock():
        databases = setup_databases(verbosity=0, interactive=False)
        public = Tenant.objects.create(schema_name="public")
        made = [Tenant.objects.create(schema_name=name) for name in ("acme", "globex")]
        for tenant in (public, *made):
            host = f"{tenant.schema_name}.example.com"
            Domain.objects.create(tenant=tenant, domain=host, is_primary=True)
            with tenant_context(tenant):
                get_user_model().objects.create_user("anna", password=PASSWORD, pk=1)
        yield made
        teardown_databases(databases, verbosity=0)


@pytest.fixture
def _unblocked(both, django_db_blocker):
    with django_db_blocker.unblock():
        yield
        connection.set_schema_to_public()


pytestmark = pytest.mark.usefixtures("_unblocked")


class Site:
    """What a client of one tenant sends."""

    def __init__(self, schema):
        self.client = APIClient(headers={"Host": f"{schema}.example.com"})

    def obtain(self):
        body = {"username": "anna", "password": PASSWORD}
        return self.client.post("/api/token/", body).json()

    def me(self, raw):
        return self.client.get("/api/me/", HTTP_AUTHORIZATION=f"Bearer {raw}").status_code


class AsyncBrowser(AsyncClient):
    """Sends one Host header; Django's own sends a second one."""

    async def request(self, **scope):
        scope["headers"].remove((b"host", b"testserver"))
        return await super().request(**scope)


def test_a_token_of_one_tenant_is_refused_by_the_others():
    """Over HTTP, by every endpoint, again and again; the same id is in every schema."""
    sites = [Site(name) for name in ("acme", "globex", "public")]
    pairs = [site.obtain() for site in sites]
    for _ in range(2):
        for site in sites:
            codes = [site.me(pair["access"]) for pair in pairs]
            assert codes == [200 if other is site else 401 for other in sites]
    foreign = sites[1].client
    assert foreign.post("/api/token/refresh/", {"refresh": pairs[0]["refresh"]}).status_code == 401
    assert foreign.post("/api/token/verify/", {"token": pairs[0]["access"]}).status_code == 401
    home = sites[0].client
    assert home.post("/api/token/refresh/", {"refresh": pairs[0]["refresh"]}).status_code == 200


def test_the_rows_are_those_of_the_tenant(both):
    """The compiled statements find, write and end the rows of the schema that is current."""
    acme, globex = both
    with tenant_context(acme):
        pair = sessions.start(get_user_model().objects.get())
        assert LoginSession.objects.filter(pk=pair.session_id).exists()
    with tenant_context(globex):
        assert not LoginSession.objects.filter(pk=pair.session_id).exists()
    with tenant_context(acme):
        sessions.authenticate(pair.access)
        LoginSession.objects.filter(pk=pair.session_id).end(reason="other")
        with pytest.raises(TokenError):
            sessions.authenticate(pair.access)


@pytest.mark.parametrize("prepared", [False, True])
def test_statements_that_the_server_prepared_follow_the_schema(both, prepared):
    """PostgreSQL plans a prepared statement anew when the search path changes."""
    driver = connection.connection or connection.cursor().connection
    before = driver.prepare_threshold
    driver.prepare_threshold = 0 if prepared else None
    try:
        for _ in range(8):
            for tenant in both:
                with tenant_context(tenant):
                    user = get_user_model().objects.get(pk=1)
                    get_user_model().objects.update(email=f"{tenant.schema_name}@example.com")
                    raw = sessions.start(user).access
                    assert (
                        sessions.authenticate(raw)[0].email == f"{tenant.schema_name}@example.com"
                    )
    finally:
        driver.prepare_threshold = before


def test_threads_keep_their_tenants(both):
    """Each thread has its connection, and with it its tenant."""
    seen, barrier = [], threading.Barrier(2)

    def work(mine, other):
        try:
            for _ in range(10):
                with tenant_context(mine):
                    raw = sessions.start(get_user_model().objects.get()).access
                    barrier.wait()
                    claims = sessions.authenticate(raw)[1]
                    seen.append(claims["iss"] == get_settings().ISSUER)
                with tenant_context(other), pytest.raises(TokenError):
                    sessions.authenticate(raw)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=pair) for pair in (both, both[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 20


def test_requests_of_asgi_keep_their_tenants():
    """Two tenants' requests at once in one event loop."""
    good = {name: Site(name).obtain()["access"] for name in ("acme", "globex")}

    async def ask(host, raw):
        headers = {"Host": f"{host}.example.com", "Authorization": f"Bearer {raw}"}
        # As Django's ASGI handler does and its test client does not: a thread for each request.
        async with ThreadSensitiveContext():
            response = await AsyncBrowser().get("/api/me/", headers=headers)
            await sync_to_async(connections.close_all)()
        return response.status_code

    async def all_at_once():
        asked = [(host, of) for _ in range(5) for host in good for of in good]
        codes = await asyncio.gather(*(ask(host, good[of]) for host, of in asked))
        return [(host == of, code) for (host, of), code in zip(asked, codes, strict=True)]

    assert set(asyncio.run(all_at_once())) == {(True, 200), (False, 401)}


def test_each_tenant_shows_its_own_keys(settings, both):
    """With a key in the tenant's row, `jwks.json` of each host has that one."""
    settings.JWTAUTH = {"HOOKS": {"TENANT": "tests.tenants.shop.tenants.jwt_settings_with_keys"}}
    shown = []
    for tenant in both:
        Tenant.objects.filter(pk=tenant.pk).update(jwt_key=make_pem("ES256"))
        site = Site(tenant.schema_name)
        keys = site.client.get("/.well-known/jwks.json").json()["keys"]
        shown += [key["kid"] for key in keys]
        assert len(keys) == 1
        assert site.me(site.obtain()["access"]) == 200
    assert len(set(shown)) == 2


def test_commands_run_for_each_tenant(both):
    """Purging deletes in every schema; the checks are content in each."""
    long_ago = timezone.now() - timezone.timedelta(days=999)
    for tenant in both:
        with tenant_context(tenant):
            pair = sessions.start(get_user_model().objects.get())
            LoginSession.objects.filter(pk=pair.session_id).update(created_at=long_ago)
    call_command("all_tenants_command", "jwtauth_purge", verbosity=0)
    for tenant in both:
        with schema_context(tenant.schema_name):
            assert not LoginSession.objects.filter(created_at=long_ago).exists()
            call_command("check", fail_level="ERROR")
