"""What must hold with a replica. Run by ``tests/test_replica.py``."""

from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.urls import get_resolver, reverse

from django_jwtauth import sessions, signals
from django_jwtauth.models import BlacklistedToken, LoginSession
from tests.calls import reason_of
from tests.conftest import PASSWORD
from tests.racing import on_a_new_connection

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "primary"])


@pytest.fixture
def user():
    return User.objects.create_user("anna", password=PASSWORD)


@pytest.fixture
def replicated(user):
    """The user as the replica knows it."""
    User.objects.using("default").bulk_create([user])
    return User.objects.get()


def primary():
    return LoginSession.objects.using("primary")


@contextmanager
def replica_down():
    """Fail when anything asks the replica."""

    def fail(execute, sql, params, many, context):
        # The project's own view opens a transaction on every alias.
        if sql not in ("BEGIN", "COMMIT"):
            raise AssertionError(f"the replica was asked: {sql}")
        return execute(sql, params, many, context)

    with connections["default"].execute_wrapper(fail):
        yield


def test_a_new_sign_in_is_usable_at_once(user):
    """A replica that does not know it yet is not asked."""
    with replica_down():
        pair = sessions.start(user)
        assert sessions.authenticate(pair.access)[0] == user
        assert sessions.verify(pair.refresh)
        assert sessions.authenticate(sessions.refresh(pair.refresh).access)[0] == user


def test_a_revoked_token_is_refused_at_once(user, replicated):
    """A replica where it still lives is not asked."""
    pair = sessions.start(user)
    LoginSession.objects.using("default").bulk_create(primary().all())
    assert LoginSession.objects.get().ended_at is None

    with replica_down():
        sessions.blacklist(pair.access)
        assert reason_of(sessions.authenticate, pair.access) == "blacklisted"
        sessions.blacklist(pair.refresh)
        assert reason_of(sessions.authenticate, pair.access) == "session_ended"
        assert reason_of(sessions.refresh, pair.refresh) == "session_ended"


def test_a_deactivated_user_is_refused_at_once(user, replicated):
    """The user is read where it is written, as well."""
    pair = sessions.start(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert replicated.is_active

    assert reason_of(sessions.authenticate, pair.access) == "user_inactive"


def test_a_user_loaded_from_the_replica_can_sign_in(replicated, api):
    """The user comes from one alias, the sign-in goes to the other, last_login too."""
    pair = sessions.start(replicated)
    over_http = api.obtain().json()

    assert primary().count() == 2
    assert not LoginSession.objects.exists()
    assert User.objects.using("primary").get().last_login
    assert sessions.authenticate(pair.access)
    sessions.blacklist(over_http["refresh"], by=replicated)
    assert BlacklistedToken.objects.using("primary").get().blacklisted_by == replicated


def test_the_limit_counts_where_sign_ins_are_written(user, settings):
    """The oldest ends, although the replica knows none of them."""
    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": 1}
    with replica_down():
        first = sessions.start(user)
        sessions.start(user)

        assert reason_of(sessions.authenticate, first.access) == "session_ended"


def test_no_endpoint_asks_the_replica(user, api):
    """But for the password, which is read as Django reads it."""
    pairs = [sessions.start(user) for _ in range(3)]
    sid = [pairs[1].session_id.hex]
    with replica_down():
        second = api.refresh(pairs[0].refresh).json()
        assert api.verify(second["access"]).status_code == 200
        assert api.protected(second["access"]).status_code == 200
        api.with_token(second["access"])
        assert api.get(reverse("jwtauth_me")).status_code == 200
        assert len(api.get(reverse("jwtauth_session_list")).json()) == 3
        url = reverse("jwtauth_session_detail", args=sid)
        assert api.patch(url, {"name": "phone"}).json()["name"] == "phone"
        assert api.delete(url).status_code == 204
        assert api.delete(reverse("jwtauth_session_list")).status_code == 204
        assert api.blacklist(token=second["access"]).status_code == 200
        assert api.blacklist(refresh=second["refresh"]).status_code == 200

    assert not primary().live().exists()


def test_a_replay_ends_the_sign_in_for_good(user, api):
    """With ATOMIC_REQUESTS on every alias, seen on a new connection."""
    pair = sessions.start(user)
    sessions.refresh(sessions.refresh(pair.refresh).refresh)

    assert api.refresh(pair.refresh).json()["reason"] == "reused"

    assert on_a_new_connection(lambda: primary().get().end_reason) == "reused"


def test_every_view_opts_out_for_every_alias():
    """ATOMIC_REQUESTS opens no transaction on either."""
    views = [pattern.callback for pattern in get_resolver().url_patterns[0].url_patterns]

    assert len(views) == 7
    for view in views:
        assert view._non_atomic_requests == {"default", "primary"}


def test_ending_without_naming_an_alias_tells_after_the_commit(user):
    """The UPDATE goes to primary, and so does the signal wait for its transaction."""
    sessions.start(user)
    heard = []

    def receive(**arguments):
        heard.append(arguments["count"])

    signals.sessions_ended.connect(receive)
    try:
        with transaction.atomic(using="primary"):
            assert LoginSession.objects.filter(subject=str(user.pk)).end() == 1
            assert heard == []
        assert heard == [1]
    finally:
        signals.sessions_ended.disconnect(receive)
    assert primary().get().ended_at is not None
