"""The one query, compiled once, against the same query built by the ORM."""

import gc
import threading
import weakref
from datetime import datetime, timezone

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User, UserManager
from django.core.signals import setting_changed
from django.db import connections, models
from django.test.utils import isolate_apps
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_jwtauth import sessions
from django_jwtauth.models import LoginSession
from django_jwtauth.store import compiled, lookup
from tests import forge
from tests.paths.both_ways import QUESTIONS, both_ways, undone
from tests.subproject import USER_MODELS, run_pytest

OWN_MANAGERS = {"SoftDeletedUser", "AnnotatedUser", "MarkedUser", "TenantUser"}


# --- both ways


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=150)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc))


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    columns=st.fixed_dictionaries(
        {},
        optional={
            "first_name": text,
            "email": text,
            "is_superuser": st.booleans(),
            "is_active": st.booleans(),
            "last_login": st.none() | moments,
            "date_joined": moments,
        },
    ),
    whose=st.sampled_from(["own", "other", "none"]),
    ended=st.booleans(),
    blacklisted=st.booleans(),
)
def test_both_ways_find_the_same(question, user, other_user, columns, whose, ended, blacklisted):
    """Whatever stands in the user's row, and whatever became of the sign-in and the token."""
    with undone():
        pair = sessions.start(other_user if whose == "other" else user)
        claims = {**forge.claims_of(pair.access), "sub": str(user.pk)}
        User.objects.filter(pk=user.pk).update(**columns)
        if blacklisted:
            sessions.blacklist(pair.access)
        if ended:
            LoginSession.objects.all().end()
        if whose == "none":
            claims["sid"] = claims["sid"][::-1]

        compiled_answer, built_answer = both_ways(question, claims)
        stored = User.objects.get(pk=user.pk)

        assert compiled_answer == built_answer
        assert compiled_answer[1] == {k: v for k, v in vars(stored).items() if k != "_state"}
        assert (compiled_answer[3] is not None) is (whose == "own")
        assert compiled_answer[4] is blacklisted


@pytest.mark.parametrize(
    ("app", "model"),
    [
        *(("users", name) for name in USER_MODELS),
        *(("paths", name) for name in ("ConvertedUser", "LoadedUser", "GrandchildUser")),
    ],
)
def test_both_ways_find_the_same_of_every_user_model(app, model):
    """With converters, a from_db() of its own, in two tables or in three."""
    run_pytest(
        "tests.paths.settings",
        "tests/paths/contract.py",
        JWTAUTH_TEST_APP=app,
        JWTAUTH_TEST_USER=model,
        JWTAUTH_TEST_PLAIN="no" if model in OWN_MANAGERS else "yes",
    )


# --- which way


def test_the_default_user_model_has_its_query_compiled(pair, monkeypatch):
    """Its manager is not asked at all."""
    monkeypatch.setattr(lookup, "_find_annotated", None)

    assert sessions.authenticate(pair.access)
    assert sessions.verify(pair.refresh)


def test_the_query_is_compiled_once(pair):
    """Later requests, and other tokens, find it made."""
    sessions.authenticate(pair.access)
    made = compiled.get_statement.cache_info().misses

    sessions.authenticate(pair.access)
    sessions.authenticate(sessions.start(User.objects.create_user("bert")).access)

    assert compiled.get_statement.cache_info().misses == made


class OwnQuerySet(models.QuerySet):
    pass


class OwnGetQueryset(models.Manager):
    def get_queryset(self):
        return super().get_queryset()


class Inheriting(OwnGetQueryset):
    pass


class OnlyMethods(UserManager):
    def named(self, name):
        return self.get(username=name)


MANAGERS = {
    "Django's": (models.Manager(), True),
    "Django's for users": (UserManager(), True),
    "with methods only": (OnlyMethods(), True),
    "with a get_queryset": (OwnGetQueryset(), False),
    "with one inherited": (Inheriting(), False),
    "of another queryset class": (OwnQuerySet.as_manager(), False),
    "from another queryset class": (UserManager.from_queryset(OwnQuerySet)(), False),
}


@pytest.mark.parametrize(("manager", "plain"), MANAGERS.values(), ids=MANAGERS)
@isolate_apps("tests")
def test_a_manager_that_chooses_rows_is_asked_itself(manager, plain):
    """It may hide users, and may do so from one request to the next."""

    class Person(models.Model):
        objects = manager

        class Meta:
            app_label = "tests"

    assert compiled.is_plain(Person) is plain


@isolate_apps("tests")
def test_the_default_manager_decides():
    """Not the one that is called objects."""

    class Person(models.Model):
        objects = models.Manager()
        current = OwnGetQueryset()

        class Meta:
            app_label = "tests"
            default_manager_name = "current"

    assert compiled.is_plain(Person) is False


# --- what is kept


@pytest.mark.parametrize("setting", ["AUTH_USER_MODEL", "DATABASES", "INSTALLED_APPS"])
def test_a_statement_goes_with_the_settings_it_was_made_for(pair, setting):
    """Another user model or database has another statement."""
    sessions.authenticate(pair.access)
    value = getattr(django_settings, setting)

    setting_changed.send(None, setting=setting, value=value, enter=False)

    assert compiled.get_statement.cache_info().currsize == 0
    assert compiled.is_plain.cache_info().currsize == 0
    assert sessions.authenticate(pair.access)


@pytest.mark.django_db(transaction=True)
def test_a_connection_is_not_kept_alive():
    """Converters belong to one; a thread that ends takes its own along."""
    claims = forge.claims_of(sessions.start(User.objects.create_user("anna")).access)
    seen = []

    def find():
        connection = connections["default"]
        seen.append(weakref.ref(connection))
        try:
            seen.append(lookup.find(claims).user.username)
        finally:
            connection.close()

    thread = threading.Thread(target=find)
    thread.start()
    thread.join()
    gc.collect()

    reference, username = seen
    assert username == "anna"
    assert reference() is None
