"""Several databases: a replica that lags revives no token, and the tables may lie elsewhere."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from django.utils import timezone

from django_jwtauth import exceptions, sessions
from django_jwtauth.checks.ids import SEVERAL_DATABASES
from django_jwtauth.checks.project import check_user_model
from django_jwtauth.models import BlacklistedToken, LoginSession
from django_jwtauth.operations.purge import purge

REPLICA = "replica"

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", REPLICA])


class ReadsFromReplica:
    """What projects with a primary and replicas have."""

    def db_for_read(self, model, **hints):
        return REPLICA

    def db_for_write(self, model, **hints):
        return "default"


class EverythingOnReplica(ReadsFromReplica):
    """All tables on an alias that is not "default"."""

    def db_for_write(self, model, **hints):
        return REPLICA


class UsersElsewhere(ReadsFromReplica):
    def db_for_write(self, model, **hints):
        return REPLICA if model._meta.app_label == "auth" else "default"


@pytest.fixture(scope="module", autouse=True)
def replica_alias(tmp_path_factory, django_db_setup, django_db_blocker):
    """A second database with the schema and no rows."""
    name = tmp_path_factory.mktemp("replica") / "replica.sqlite3"
    settings = {**connections["default"].settings_dict, "NAME": str(name), "OPTIONS": {}}
    settings |= {"ENGINE": "django.db.backends.sqlite3", "HOST": "", "PORT": "", "USER": ""}
    connections.databases[REPLICA] = settings
    with django_db_blocker.unblock():
        call_command("migrate", database=REPLICA, verbosity=0)
        yield
        connections[REPLICA].close()
    del connections[REPLICA]
    del connections.databases[REPLICA]


@pytest.fixture
def replica():
    return connections[REPLICA]


@contextmanager
def forbidden(connection):
    """Nothing is asked of this database in the block."""

    def refuse(execute, sql, *args):
        raise AssertionError(f"asked the replica: {sql}")

    with connection.execute_wrapper(refuse):
        yield


def copy_to(alias, *rows):
    for row in rows:
        row.save(using=alias, force_insert=True)


@pytest.mark.parametrize("end", ["sign out", "end", "password", "deactivate", "delete"])
def test_a_frozen_replica_revives_no_token(replica, user, end):
    """The replica still shows the sign-in live; every token of it is refused all the same."""
    pair = sessions.start(user)
    user.refresh_from_db()
    copy_to(REPLICA, user, LoginSession.objects.get())
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.ReadsFromReplica"]):
        with forbidden(replica):
            assert sessions.authenticate(pair.access)
            assert sessions.verify(pair.refresh)
        rows = LoginSession.objects.using("default")
        users = type(user).objects.using("default")
        if end == "sign out":
            sessions.blacklist(pair.refresh)
        elif end == "end":
            rows.end()
        elif end == "password":
            users.update(password="!")
        elif end == "deactivate":
            users.update(is_active=False)
        else:
            users.get().delete(using="default")

        with forbidden(replica):
            for call in (sessions.authenticate, sessions.verify):
                with pytest.raises(exceptions.TokenError):
                    call(pair.access)
            for call in (sessions.refresh, sessions.verify):
                with pytest.raises(exceptions.TokenError):
                    call(pair.refresh)
    assert LoginSession.objects.using(REPLICA).get().ended_at is None


def test_a_new_sign_in_works_before_the_replica_has_it(replica, user):
    """Sign-in, request, refresh and replay go by the primary alone."""
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.ReadsFromReplica"]), forbidden(replica):
        first = sessions.start(user)
        assert sessions.authenticate(first.access)[0] == user
        second = sessions.refresh(first.refresh)
        sessions.refresh(second.refresh)
        with pytest.raises(exceptions.RefreshTokenReused):
            sessions.refresh(first.refresh)
        with pytest.raises(exceptions.SessionEnded):
            sessions.authenticate(second.access)


def test_a_purge_looks_at_the_primary(replica, user):
    """What the replica does not know yet is deleted where it lies."""
    past = timezone.now() - timedelta(days=100)
    LoginSession.objects.create(user=user, subject="1", refreshed_at=past, expires_at=past)
    LoginSession.objects.update(created_at=past)
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.ReadsFromReplica"]), forbidden(replica):
        assert purge().sessions == 1


def test_all_tables_may_lie_on_another_alias(replica, user):
    """Nothing is written to "default", and no check complains."""
    copy_to(REPLICA, user)
    user = type(user).objects.using(REPLICA).get()
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.EverythingOnReplica"]):
        assert SEVERAL_DATABASES not in [message.id for message in check_user_model()]
        with forbidden(connections["default"]):
            first = sessions.start(user)
            assert sessions.authenticate(first.access)[0] == user
            second = sessions.refresh(first.refresh)
            sessions.blacklist(second.access)
            sessions.blacklist(second.refresh)
            with pytest.raises(exceptions.SessionEnded):
                sessions.refresh(second.refresh)
            purge()
        assert BlacklistedToken.objects.using(REPLICA).count() == 2
    assert not LoginSession.objects.using("default").exists()


def test_users_on_another_database_are_refused_by_a_check(replica):
    """One query joins users and sign-ins, so the project does not start."""
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.UsersElsewhere"]):
        messages = [message.id for message in check_user_model()]

    assert SEVERAL_DATABASES in messages
