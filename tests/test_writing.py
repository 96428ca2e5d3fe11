import datetime
import uuid

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, models, transaction
from django.db.models.signals import post_save, pre_save
from django.test.utils import isolate_apps
from django.utils import timezone

from django_jwtauth.models import BlacklistedToken, LoginSession
from django_jwtauth.store import writing


def make_session(user, **columns):
    now = timezone.now()
    given = {"subject": str(user.pk), "refreshed_at": now, "expires_at": now, **columns}
    return LoginSession(user=user, **given)


def make_token(user, **columns):
    given = {"jti": "a", "token_type": "access", "subject": str(user.pk), "reason": "r", "via": "v"}
    return BlacklistedToken(user=user, expires_at=timezone.now(), **{**given, **columns})


def columns_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


# Values that a database may take for something else, or that need an adapter.
ODD = {
    "name": "100 % %s %(name)s ' \" \\ ünïcødé \U0001f600",
    "user_agent": "",
    "ip_address": "2001:db8::1",
    "auth_hash": "x" * 255,
    "generation": 2**31 - 1,
    "ended_at": datetime.datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc),
}


@pytest.mark.parametrize("odd", [{}, ODD])
def test_a_row_is_written_as_save_would_write_it(user, odd):
    """Every column, defaults included, comes back the same from either."""
    moment = timezone.now()
    given = {**dict.fromkeys(("created_at", "refreshed_at", "expires_at"), moment), **odd}
    saved, written = make_session(user, **given), make_session(user, **given)
    saved.save()

    writing.insert(written, "default")

    stored = columns_of(LoginSession.objects.get(pk=written.pk))
    assert stored == {**columns_of(LoginSession.objects.get(pk=saved.pk)), "id": written.pk}
    assert stored == columns_of(written)


def test_a_written_row_is_no_longer_new(user):
    """Saving it updates it."""
    row = make_session(user)
    writing.insert(row, "default")
    assert (row._state.adding, row._state.db) == (False, "default")

    row.name = "phone"
    row.save()

    assert LoginSession.objects.get().name == "phone"


def test_the_database_makes_the_key_of_a_blacklisted_token(user):
    """And two rows get two."""
    for jti in ("a", "b"):
        writing.insert(make_token(user, jti=jti), "default")

    assert len({row.pk for row in BlacklistedToken.objects.all()}) == 2


def test_a_second_row_of_the_same_token_is_refused_or_ignored(user):
    """The constraint holds; ignoring it leaves the first row as it is."""
    writing.insert(make_token(user, note="first"), "default")

    with pytest.raises(IntegrityError), transaction.atomic():
        writing.insert(make_token(user, note="second"), "default")
    writing.insert(make_token(user, note="third"), "default", ignore_conflicts=True)

    assert [row.note for row in BlacklistedToken.objects.all()] == ["first"]


def test_only_the_rows_that_match_are_updated(user, other_user):
    """By value, and by NULL; the number of rows is returned."""
    first, second = make_session(user, generation=1), make_session(other_user, generation=1)
    ended = make_session(user, generation=1, ended_at=timezone.now())
    for row in (first, second, ended):
        writing.insert(row, "default")
    where = {"user_id": user.pk, "generation": 1, "ended_at": None}

    assert writing.update(LoginSession, "default", {"generation": 2, **ODD}, where) == 1

    changed = columns_of(LoginSession.objects.get(pk=first.pk))
    assert changed == {**columns_of(first), "generation": 2, **ODD}
    for row in (second, ended):
        assert columns_of(LoginSession.objects.get(pk=row.pk)) == columns_of(row)


def test_an_update_that_changes_nothing_counts_the_row(user):
    """MariaDB would count changed rows only, and a refresh would be taken for a lost race."""
    row = make_session(user)
    writing.insert(row, "default")

    for _ in range(2):
        assert writing.update(LoginSession, "default", {"name": "x"}, {"id": row.pk}) == 1
    assert writing.update(LoginSession, "default", {"name": "x"}, {"id": uuid.uuid4()}) == 0


def test_null_is_written(user):
    """None in the changes is NULL, not a comparison."""
    row = make_session(user, ended_at=timezone.now())
    writing.insert(row, "default")

    writing.update(LoginSession, "default", {"ended_at": None, "user_id": None}, {"id": row.pk})

    stored = LoginSession.objects.get()
    assert (stored.ended_at, stored.user_id) == (None, None)


def test_no_signal_of_models_is_sent(user):
    """As with bulk_create() and update(); the package has signals of its own."""
    heard = []

    def hear(**kwargs):
        heard.append(kwargs["sender"])

    pre_save.connect(hear)
    post_save.connect(hear)
    try:
        row = make_session(user)
        writing.insert(row, "default")
        writing.update(LoginSession, "default", {"name": "x"}, {"id": row.pk})
    finally:
        pre_save.disconnect(hear)
        post_save.disconnect(hear)

    assert heard == []


def test_a_failure_spoils_the_transaction_around_it(user):
    """Whoever swallows it must not commit half of what was meant."""
    writing.insert(make_token(user), "default")

    with transaction.atomic():
        with pytest.raises(IntegrityError):
            writing.insert(make_token(user), "default")
        assert transaction.get_rollback()
        transaction.set_rollback(True)


# --- last_login


def test_last_login_is_one_update(user, django_assert_num_queries, monkeypatch):
    """Where nobody would notice save(), it is not called."""
    monkeypatch.setattr(writing, "update_last_login", None)

    with django_assert_num_queries(1):
        writing.record_login(user)

    stored = User.objects.get(pk=user.pk)
    assert stored.last_login == user.last_login
    assert timezone.now() - stored.last_login < datetime.timedelta(minutes=1)


@pytest.mark.parametrize("method", ["save", "save_base"])
def test_a_save_of_the_projects_own_is_called(user, method, monkeypatch):
    """It may do more than save, and expects to be told what is saved."""
    saved = []
    original = getattr(User, method)

    def own(self, *args, **kwargs):
        saved.append(kwargs["update_fields"])
        original(self, *args, **kwargs)

    monkeypatch.setattr(User, method, own)
    writing.record_login(user)

    assert [set(names) for names in saved] == [{"last_login"}]
    assert User.objects.get(pk=user.pk).last_login == user.last_login


@pytest.mark.parametrize("signal", [pre_save, post_save], ids=["pre_save", "post_save"])
def test_who_listens_to_the_user_model_is_told(user, signal):
    """Whether to this model or to all."""
    heard = []

    def hear(**kwargs):
        heard.append((kwargs["sender"], set(kwargs["update_fields"])))

    for sender in (User, None):
        signal.connect(hear, sender=sender)
        try:
            writing.record_login(user)
        finally:
            signal.disconnect(hear, sender=sender)

    assert heard == [(User, {"last_login"})] * 2


@pytest.fixture
def person_model(transactional_db):
    # Elsewhere Django itself cannot insert into a column with a percent sign.
    column = "last 100% login" if connection.vendor == "sqlite" else "last login"
    with isolate_apps("tests"):

        class Person(AbstractBaseUser):
            last_login = models.DateTimeField(null=True, db_column=column)

            class Meta:
                app_label = "tests"
                db_table = "order"

        with connection.schema_editor() as editor:
            editor.create_model(Person)
        yield Person
        with connection.schema_editor() as editor:
            editor.delete_model(Person)


def test_names_that_need_quotes_are_quoted(person_model):
    """A user model brings table and columns of its own."""
    person, other = person_model.objects.create(), person_model.objects.create()

    writing.record_login(person)

    logins = dict(person_model.objects.values_list("pk", "last_login"))
    assert logins == {person.pk: person.last_login, other.pk: None}
