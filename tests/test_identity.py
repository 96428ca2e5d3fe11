"""Whom a token is for: a user's key, saved and in ``sub``. ``tests/users`` has other models."""

import re
import uuid
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import OperationalError, connection, models
from django.test import Client
from django.test.utils import isolate_apps

import django_jwtauth
from django_jwtauth import throttling
from django_jwtauth.exceptions import Unavailable, UnusableKey, UserNotFound
from django_jwtauth.management import temporary, terminal
from django_jwtauth.store import database, identity

KEY = uuid.UUID("01886c1f-8c7a-7c4d-8e5f-60718293a4b5")


def model_of(field):
    """A model with ``field`` for its primary key."""
    with isolate_apps("django.contrib.auth"):
        meta = type("Meta", (), {"app_label": "auth"})
        return type("Keyed", (models.Model,), {"__module__": __name__, "Meta": meta, "key": field})


NUMBERS = model_of(models.SmallIntegerField(primary_key=True))
UUIDS = model_of(models.UUIDField(primary_key=True))
TEXTS = model_of(models.CharField(primary_key=True, max_length=10))


def test_the_key_is_that_of_a_saved_user(user):
    """A user who was never saved has none, and a group of the same number is no user."""
    assert identity.saved_key(user) == user.pk
    for unsaved in (User(username="new"), User(pk=user.pk)):
        with pytest.raises(ValueError, match="saved user"):
            identity.saved_key(unsaved)
    with pytest.raises(TypeError, match=r"auth\.User, not Group"):
        identity.saved_key(Group(pk=user.pk))


def test_a_number_is_named_without_a_query(user, statements):
    """It has one text: the database need not be asked how it was saved."""
    with statements(0):
        assert identity.identify(user) == (user.pk, str(user.pk))


@pytest.mark.parametrize("spelling", ["7", 7.0])
def test_a_number_is_saved_as_a_number(user, spelling):
    """Whatever the code that made the user gave for it."""
    user.pk = spelling

    assert identity.identify(user) == (7, "7")


def test_a_key_of_which_the_database_is_asked_may_be_unavailable(user, monkeypatch):
    """A database that does not answer is a 503, never an unknown user."""

    def fail():
        raise OperationalError

    monkeypatch.setattr(identity, "key_field", lambda model: TEXTS._meta.pk)
    monkeypatch.setattr(database, "alias", fail)
    monkeypatch.setattr(identity, "alias", fail)

    with pytest.raises(Unavailable):
        identity.identify(user)


def test_a_key_that_no_row_can_have_is_refused(user, monkeypatch):
    """No token is issued for the text of nothing, "None"."""
    monkeypatch.setattr(identity, "key_field", lambda model: TEXTS._meta.pk)
    user.pk = "a\0b"

    with pytest.raises(UnusableKey):
        identity.identify(user)


@pytest.mark.parametrize(
    ("model", "subject", "key"),
    [
        (NUMBERS, "7", 7),
        (NUMBERS, "-7", -7),
        (UUIDS, str(KEY), KEY),
        (TEXTS, "a/b?c ", "a/b?c "),
    ],
    ids=["number", "negative", "UUID", "text"],
)
def test_sub_leads_back_to_the_key(model, subject, key):
    """In the type that the column holds."""
    param = model._meta.pk.get_db_prep_value(key, connection)
    assert identity.parse_subject(model, "pk", subject, connection) == param
    assert identity.parse(model._meta.pk, subject, connection) == key


@pytest.mark.parametrize(
    ("model", "subject"),
    [
        *[(NUMBERS, text) for text in ("07", "+7", " 7", "7.0", "1e3", "\u0667", "seven", "")],
        *[(NUMBERS, str(number)) for number in (2**63, -(2**63) - 1, 10**400)],
        *[(UUIDS, text) for text in (KEY.hex, str(KEY).upper(), f"{{{KEY}}}", KEY.urn, "7")],
    ],
    ids=lambda value: ascii(value)[:20] if isinstance(value, str) else value._meta.pk.name,
)
def test_a_key_has_one_spelling_and_fits_its_column(model, subject):
    """Anything else is no row's key, without a query and without an error."""
    assert identity.parse_subject(model, "pk", subject, connection) is None


@isolate_apps("django.contrib.auth")
def test_the_key_of_a_derived_model_is_that_of_its_base():
    """A model that extends the user's table has the user's key, at any depth."""

    class Child(User):
        class Meta:
            app_label = "auth"

    class Grandchild(Child):
        class Meta:
            app_label = "auth"

    for model in (User, Child, Grandchild):
        assert identity.key_field(model) is User._meta.pk


# --- what no row can have


@pytest.fixture
def choosy(monkeypatch):
    """The field of the user name takes no "odd", as those that encode do: with a TypeError."""

    def prepare(value):
        if value == "odd":
            raise TypeError
        return value

    monkeypatch.setattr(User._meta.get_field("username"), "get_prep_value", prepare)


def by_command(name):
    with pytest.raises(CommandError, match="no user"):
        terminal.find_user("--user", name, User.objects)


def by_doctor(name):
    with pytest.raises(CommandError, match="There is no user named"):
        temporary.borrow_user(name, "default")


def by_throttling(name):
    assert not throttling._is_known(name, "192.0.2.7")


def by_signing_in(name):
    answer = Client().post("/api/token/", {"username": name, "password": "x"}, "application/json")
    assert answer.status_code in (400, 401)


ASKING = [by_command, by_doctor, by_throttling, by_signing_in]


@pytest.mark.parametrize("name", ["odd", "a\0b", "\ud800", "x" * 300], ids=ascii)
@pytest.mark.parametrize("ask", ASKING)
def test_nobody_has_a_name_that_no_row_can_have(db, choosy, ask, name):
    """Whoever asks is told that there is no such user, by every database, and nothing fails."""
    ask(name)


def test_one_module_knows_what_no_row_can_have():
    """A second list of what fields raise would be a shorter one."""
    package = Path(django_jwtauth.__file__).parent
    asking = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\.to_python\(|OverflowError, ValidationError", path.read_text())
    ]

    assert asking == ["store/identity.py"]


# --- the field that sub names a user by


def make_account(**fields):
    with isolate_apps("tests"):
        return type(
            "Account",
            (models.Model,),
            {"__module__": __name__, "Meta": type("Meta", (), {"app_label": "tests"}), **fields},
        )


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        (models.UUIDField(unique=True), None),
        (models.SlugField(unique=True), None),
        (models.BigIntegerField(unique=True), None),
        (models.UUIDField(), "unique=True"),
        (models.UUIDField(unique=True, null=True), "null=False"),
        (models.CharField(unique=True, max_length=300), "at most"),
        (models.CharField(unique=True, max_length=255), None),
        (models.DateTimeField(unique=True), "one text"),
        (models.DecimalField(unique=True, max_digits=5, decimal_places=2), "one text"),
        (models.ForeignKey(User, models.CASCADE, unique=True), "relation"),
        (models.ManyToManyField(User), "relation"),
    ],
    ids=str,
)
def test_which_field_may_be_sub(field, problem):
    """A unique column with one text for each value, and a value for each user."""
    found = identity.find_subject_problem(make_account(public=field), "public")

    assert (found is None) if problem is None else (problem in found)


def test_a_unique_constraint_counts_if_it_is_about_the_field_alone():
    """One with a condition, or with another column, lets two users have the same value."""

    def find(**constraint):
        rule = models.UniqueConstraint(name="one", **constraint)
        options = {"app_label": "tests", "constraints": [rule]}
        meta = type("Meta", (), options)
        fields = {"public": models.UUIDField(), "tenant": models.IntegerField(default=0)}
        return identity.find_subject_problem(make_account(Meta=meta, **fields), "public")

    assert find(fields=["public"]) is None
    assert find(fields=["public", "tenant"])
    assert find(fields=["public"], condition=models.Q(tenant=0))


@pytest.mark.parametrize("name", ["pk", "id"])
def test_the_primary_key_may_be_named(user, settings, name, statements):
    """It costs no more than leaving the setting out."""
    settings.JWTAUTH = {"SUBJECT_FIELD": name}

    assert identity.find_subject_problem(User, name) is None
    assert identity.subject_name(User) == "pk"
    with statements(0):
        assert identity.identify(user) == (user.pk, str(user.pk))


def test_a_field_that_does_not_exist(user, settings):
    """The project is misconfigured; no token looks bad for it."""
    settings.JWTAUTH = {"SUBJECT_FIELD": "public_id"}

    assert identity.find_subject_problem(User, "public_id") == "does not exist"
    with pytest.raises(ImproperlyConfigured, match=r"auth\.User has no field 'public_id'"):
        identity.identify(user)


def test_sub_is_what_the_database_has(user, settings):
    """Not what the code has assigned to the object, which may never be saved."""
    settings.JWTAUTH = {"SUBJECT_FIELD": "username"}
    user.username = "somebody else"
    assert identity.identify(user) == (user.pk, "anna")

    User.objects.filter(pk=user.pk).update(username="")
    with pytest.raises(UnusableKey):
        identity.identify(user)
    User.objects.filter(pk=user.pk).delete()
    with pytest.raises(UserNotFound):
        identity.identify(user)
