"""The compiled query gives what the project's manager gives. Run by ``tests/test_compiled.py``."""

import datetime
import os
from contextlib import suppress
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_jwtauth import sessions
from django_jwtauth.models import LoginSession
from django_jwtauth.store import compiled, lookup
from tests import forge
from tests.conftest import PASSWORD
from tests.paths.both_ways import QUESTIONS, both_ways, undone

User = get_user_model()
PLAIN = os.environ["JWTAUTH_TEST_PLAIN"] == "yes"

needs_plain = pytest.mark.skipif(not PLAIN, reason="its manager decides")

# Values for the columns of ConvertedUser; other models have none of them.
MOMENT = timezone.now()
COLUMNS = {
    "preferences": {"theme": "dark", "ünïcode": ["%s", "100 %"]},
    "extra": {"a": [1, None, {"b": "%%"}]},
    "balance": Decimal("-1234567.125"),
    "born": datetime.date(1969, 7, 20),
    "wakes": datetime.time(6, 30, 15, 250),
    "patience": datetime.timedelta(days=3, microseconds=7),
    "picture": b"\x00\xff%s",
    "score": 1.5,
    "address": "2001:db8::1",
    "share": 7,
    "last_login": MOMENT,
}


def make_user(name, **columns):
    user = User.objects.create_user(name, PASSWORD)
    names = {field.attname for field in User._meta.concrete_fields}
    for column in columns.keys() & names:
        setattr(user, column, columns[column])
    user.save()
    return user


@pytest.fixture
def user(db):
    return make_user(User.EXAMPLES[0], **COLUMNS)


@pytest.fixture
def other_user(db):
    return make_user(User.EXAMPLES[1])


def test_which_manager_is_left_to_itself():
    """A manager with a get_queryset() of its own, or a queryset class, decides who is found."""
    assert compiled.is_plain(User) is PLAIN


def test_the_query_is_compiled_for_a_plain_manager_only(user, monkeypatch):
    """One that filters or annotates is asked on every request."""
    asked = []
    get_statement = compiled.get_statement

    def watch(*args):
        asked.append(args)
        return get_statement(*args)

    monkeypatch.setattr(compiled, "get_statement", watch)
    pair = sessions.start(user)
    sessions.authenticate(pair.access)
    sessions.verify(pair.refresh)

    assert bool(asked) is PLAIN


@needs_plain
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@hypothesis_settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    whose=st.sampled_from(["own", "other", "none"]),
    ended=st.booleans(),
    blacklisted=st.booleans(),
    deleted=st.booleans(),
)
def test_both_ways_find_the_same(question, user, other_user, whose, ended, blacklisted, deleted):
    """Whoever the user is and whatever became of sign-in and token."""
    with undone():
        pair = sessions.start(other_user if whose == "other" else user)
        claims = {**forge.claims_of(pair.access), "sub": str(user.pk)}
        if blacklisted:
            sessions.blacklist(pair.access)
        if ended:
            LoginSession.objects.all().end()
        if whose == "none":
            claims["sid"] = forge.claims_of(sessions.start(user).access)["sid"][::-1]
        if deleted:
            type(user).objects.get(pk=user.pk).delete()

        compiled_answer, built_answer = both_ways(question, claims)

        assert compiled_answer == built_answer
        assert (compiled_answer is None) is deleted


@needs_plain
def test_every_column_comes_back_as_it_was_written(user, other_user):
    """With the types of the fields, converters of the database and of the field applied."""
    for written in (user, other_user):
        claims = forge.claims_of(sessions.start(written).access)
        stored = User.objects.get(pk=written.pk)

        found = lookup.find(claims).user

        for field in User._meta.concrete_fields:
            value, expected = getattr(found, field.attname), getattr(stored, field.attname)
            assert value == expected, field.name
            assert type(value) is type(expected), field.name


@needs_plain
def test_a_model_sees_how_it_is_loaded(user):
    """from_db() is called as the ORM calls it."""
    stored = User.objects.get(pk=user.pk)
    found = lookup.find(forge.claims_of(sessions.start(user).access)).user

    with suppress(AttributeError):
        assert found.loaded == stored.loaded
    assert (found._state.db, found._state.adding) == (stored._state.db, False)
