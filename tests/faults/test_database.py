"""The database is down, read-only, slow, or drops the connection: 503, and then all is well."""

import base64
import logging
import threading
from functools import partial

import pytest
from django.contrib.auth.hashers import make_password
from django.db import OperationalError, connection
from django.test import override_settings
from django.urls import include, path, reverse

from django_jwtauth import sessions
from django_jwtauth.models import LoginSession
from tests import urls
from tests.conftest import PASSWORD
from tests.faults import faults
from tests.refusals import UNVERIFIED

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

urlpatterns = [*urls.urlpatterns, path("oauth/", include("django_jwtauth.urls.oauth"))]

CLIENT_SECRET = "gateway-secret"
BASIC = "Basic " + base64.b64encode(f"gateway:{CLIENT_SECRET}".encode()).decode()

needs_server = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has no server that could drop a connection"
)


@pytest.fixture(autouse=True)
def oauth_client(settings):
    settings.JWTAUTH = {
        "CLIENTS": {"gateway": make_password(CLIENT_SECRET)},
        "OAUTH_PASSWORD_GRANT": True,
    }


@pytest.fixture(autouse=True)
def clean_connection():
    yield
    connection.close()


def form(client, name, **body):
    return client.post(reverse(name), body, format="multipart", HTTP_AUTHORIZATION=BASIC)


# Every door, as what it does with a pair; those that read only, and those that write.
READING = {
    "protected": lambda api, pair: api.protected(pair.access),
    "verify": lambda api, pair: api.verify(pair.access),
    "me": lambda api, pair: api.get(
        reverse("jwtauth_me"), HTTP_AUTHORIZATION=f"Bearer {pair.access}"
    ),
    "introspect": lambda api, pair: form(api, "jwtauth_oauth_introspect", token=pair.access),
}
WRITING = {
    "obtain": lambda api, pair: api.obtain(),
    "refresh": lambda api, pair: api.refresh(pair.refresh),
    "sign out": lambda api, pair: api.blacklist(refresh=pair.refresh),
    "blacklist": lambda api, pair: api.blacklist(token=pair.access),
    "oauth refresh": lambda api, pair: form(
        api, "jwtauth_oauth_token", grant_type="refresh_token", refresh_token=pair.refresh
    ),
    "oauth password": lambda api, pair: form(
        api, "jwtauth_oauth_token", grant_type="password", username="anna", password=PASSWORD
    ),
    "oauth revoke": lambda api, pair: form(api, "jwtauth_oauth_revoke", token=pair.refresh),
}
DOORS = {**READING, **WRITING}


def assert_unavailable(answer):
    assert answer.status_code == 503, answer.content
    assert answer["Retry-After"] == "5"
    body = answer.json()
    assert "unavailable" in (body.get("reason"), body.get("error_description"))


def assert_nothing_secret(caplog, pair):
    for token in (pair.access, pair.refresh):
        assert token not in caplog.text
        assert token.rpartition(".")[2] not in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("door", DOORS)
def test_unreachable_is_503_and_recovers(api, user, caplog, door):
    """While nothing answers every door says 503, and it works again without a restart."""
    caplog.set_level(logging.DEBUG)
    pair = sessions.start(user)

    with faults.unreachable():
        for _ in range(3):
            faults.next_request()
            assert_unavailable(DOORS[door](api, pair))

    faults.next_request()
    assert DOORS[door](api, pair).status_code == 200
    assert_nothing_secret(caplog, pair)


def test_a_gateway_is_told_403_while_unreachable(api, user):
    """The gateway check has no 503, which nginx would make a 500: 403 and the reason."""
    pair = sessions.start(user)
    call = partial(api.get, reverse("jwtauth_check"), HTTP_AUTHORIZATION=f"Bearer {pair.access}")

    with faults.unreachable():
        answer = call()
        assert (answer.status_code, answer["X-Auth-Reason"]) == (403, "unavailable")

    assert call().status_code == 204


def test_a_bad_token_is_401_while_unreachable(api, user):
    """What is bad without asking anybody is 401, so that no client waits with a bad token."""
    pair = sessions.start(user)
    with faults.unreachable():
        for name, refusal in UNVERIFIED.items():
            assert api.protected(refusal.make(pair.access)).status_code == 401, name
            assert api.verify(refusal.make(pair.access)).status_code == 401, name
            assert api.refresh(refusal.make(pair.refresh)).status_code == 401, name


@pytest.mark.parametrize("door", READING)
def test_reading_goes_on_while_read_only(api, user, door):
    """A database that only reads still tells which token is good: no sign-in needs a write."""
    pair = sessions.start(user)
    with faults.read_only():
        assert READING[door](api, pair).status_code == 200


@pytest.mark.parametrize("door", WRITING)
def test_writing_is_503_while_read_only(api, user, caplog, door):
    """What must write says 503, has written nothing, and works again after the failover."""
    caplog.set_level(logging.DEBUG)
    pair = sessions.start(user)
    before = list(LoginSession.objects.values())

    with faults.read_only():
        assert_unavailable(WRITING[door](api, pair))

    faults.next_request()
    assert list(LoginSession.objects.values()) == before
    assert WRITING[door](api, pair).status_code == 200
    assert_nothing_secret(caplog, pair)


@pytest.mark.parametrize("door", ["refresh", "sign out", "oauth refresh", "oauth revoke"])
def test_a_lock_that_is_not_released_is_503_in_bounded_time(api, user, door):
    """A writer that waits for a row gives up with 503; its token is good afterwards."""
    pair = sessions.start(user)
    with faults.locked_row(pair.session_id), faults.impatient():
        assert_unavailable(WRITING[door](api, pair))

    assert WRITING[door](api, pair).status_code == 200


@pytest.mark.parametrize("door", READING)
def test_readers_do_not_wait_for_a_lock(api, user, door):
    """While a row is held for long, requests with its tokens are answered."""
    pair = sessions.start(user)
    with faults.locked_row(pair.session_id), faults.impatient():
        assert READING[door](api, pair).status_code == 200


def test_a_lock_on_one_sign_in_holds_up_no_other(api, user):
    """Somebody else's refresh does not wait for a row that is held."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite locks the file")
    held, other = sessions.start(user), sessions.start(user)
    with faults.locked_row(held.session_id), faults.impatient():
        assert api.refresh(other.refresh).status_code == 200


@needs_server
@pytest.mark.parametrize("door", ["refresh", "sign out", "oauth refresh", "oauth revoke"])
def test_a_connection_dropped_in_a_statement_is_503(api, user, caplog, door):
    """The server drops the connection while a statement waits: 503, and a retry succeeds."""
    caplog.set_level(logging.DEBUG)
    pair = sessions.start(user)
    with faults.killed_while_waiting(pair.session_id):
        assert_unavailable(WRITING[door](api, pair))

    faults.next_request()
    assert WRITING[door](api, pair).status_code == 200
    assert_nothing_secret(caplog, pair)


@needs_server
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_connection_dropped_before_any_statement_is_503(api, user, door, at):
    """Whichever statement finds its connection gone: 503 or done, and a retry succeeds."""
    pair = sessions.start(user)
    backend, count = faults.backend_id(), []

    def drop(execute, sql, params, many, context):
        count.append(sql)
        if len(count) == at:
            faults.kill(backend)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(drop):
        answer = DOORS[door](api, pair)

    if len(count) < at:
        assert answer.status_code == 200
        return
    assert_unavailable(answer)
    faults.next_request()
    assert DOORS[door](api, pair).status_code == 200


@pytest.mark.parametrize("door", ["refresh", "oauth refresh"])
def test_an_answer_lost_after_the_write_is_not_lost(api, user, door):
    """The write is done and the connection gone: the client gets the pair, now or on retry."""
    pair = sessions.start(user)

    def lose(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if sql.startswith("UPDATE"):
            raise OperationalError("server closed the connection unexpectedly")
        return result

    with connection.execute_wrapper(lose):
        answer = WRITING[door](api, pair)
    assert answer.status_code in (200, 503)

    again = WRITING[door](api, pair)
    assert again.status_code == 200
    body = again.json()
    raw = body.get("refresh") or body.get("refresh_token")
    assert api.refresh(raw).status_code == 200
    row = LoginSession.objects.get()
    assert (row.generation, row.ended_at) == (2, None)


def test_sqlite_waits_its_turn(api, user):
    """A refresh that finds the file locked for a moment waits, and is answered 200."""
    if connection.vendor != "sqlite":
        pytest.skip("others lock rows")
    pair = sessions.start(user)
    with faults.locked_row(pair.session_id) as release:
        threading.Timer(0.3, release).start()

        assert api.refresh(pair.refresh).status_code == 200


@override_settings(DEBUG=True)
def test_the_error_log_names_the_class_of_error_only(api, user, caplog):
    """What a driver says may quote a parameter: the log has its class and nothing else."""
    pair = sessions.start(user)
    with faults.unreachable():
        api.refresh(pair.refresh)

    (record,) = [item for item in caplog.records if item.name == "django_jwtauth"]
    assert record.getMessage() == "The database cannot answer for a token: OperationalError"
