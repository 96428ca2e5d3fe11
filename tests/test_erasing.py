"""Erasing a person: what could name or find them goes, the bare record stays."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import DatabaseError, models
from django.utils import timezone

from django_jwtauth import acting, sessions
from django_jwtauth.exceptions import SessionEnded, Unavailable
from django_jwtauth.models import BlacklistedToken, Kind, LoginSession, Reason
from django_jwtauth.signins import erasing
from tests.rows import DAY

KEPT = {
    # Which row it is, and whose: the primary key alone names nobody once the account is gone.
    *("id", "user", "subject", "session", "jti", "token_type", "kind", "purpose", "scope"),
    # When, how often and how long.
    *("created_at", "refreshed_at", "expires_at", "ended_at", "last_used_at", "replayed_at"),
    *("blacklisted_at", "generation", "replayed_generation"),
    # Why it ended. The name of who ended it is that person's.
    *("end_reason", "ended_via", "ended_by", "ended_by_name", "reason", "via"),
    # So is that of an operator who acted for the person.
    *("actor_subject", "actor_name", "actor_session"),
    *("blacklisted_by", "blacklisted_by_name"),
    # A digest, with a key of the project's, of the hash of a password.
    "auth_hash",
}

FULL = {
    "ip_address": "203.0.113.7",
    "last_used_ip": "203.0.113.7",
    "refreshed_ip": "203.0.113.7",
    "replayed_ip": "203.0.113.7",
}


@pytest.fixture
def other(db):
    return User.objects.create_user("otto")


def fill(session):
    """Write something into each column that has no number or time."""
    for field in LoginSession._meta.concrete_fields:
        if isinstance(field, models.CharField | models.TextField) and field.name in erasing.SIGN_IN:
            setattr(session, field.name, "Anna's telephone")
    for name, value in FULL.items():
        setattr(session, name, value)
    session.save()


@pytest.mark.parametrize(
    ("model", "erased"),
    [(LoginSession, erasing.SIGN_IN), (BlacklistedToken, erasing.BLACKLISTED_TOKEN)],
)
def test_each_column_is_erased_or_kept_on_purpose(model, erased):
    """Whoever adds a column decides."""
    names = {field.name for field in model._meta.concrete_fields}

    assert erased.keys() <= names
    assert not erased.keys() & KEPT
    assert names <= erased.keys() | KEPT


def test_a_person_is_erased(user, other):
    """Nothing that was written is left, except when and why; others' rows are as they were."""
    pair, theirs = sessions.start(user), sessions.start(other)
    for row in LoginSession.objects.all():
        fill(row)
    sessions.blacklist(pair.access, note="Anna called")

    # The sign-in, and the token.
    assert sessions.erase(user) == 2

    row = LoginSession.objects.get(user=user)
    assert {name: getattr(row, name) for name in erasing.SIGN_IN} == erasing.SIGN_IN
    assert row.end_reason == Reason.LEFT
    assert BlacklistedToken.objects.get().note == ""
    assert LoginSession.objects.get(user=other).name == "Anna's telephone"
    assert sessions.verify(theirs.access)[0] == other


def test_a_name_in_sub_goes_too(user, settings):
    """With SUBJECT_FIELD, the rows contain it; the primary key takes its place."""
    settings.JWTAUTH = {"SUBJECT_FIELD": "username"}
    sessions.blacklist(sessions.start(user).access)
    assert LoginSession.objects.get().subject == "anna"
    sessions.erase(user)

    assert LoginSession.objects.get().subject == str(user.pk)
    assert BlacklistedToken.objects.get().subject == str(user.pk)


def test_the_sign_ins_end(user):
    """Otherwise the next refresh would record an address again."""
    pair = sessions.start(user)
    sessions.erase(user)

    with pytest.raises(SessionEnded):
        sessions.refresh(pair.refresh)


def test_an_end_keeps_its_reason(user):
    pair = sessions.start(user)
    sid = sessions.verify(pair.access)[1]["sid"]
    sessions.end(sid, reason=Reason.STOLEN, note="on the train")
    sessions.erase(user)

    row = LoginSession.objects.get()
    assert (row.end_reason, row.end_note) == (Reason.STOLEN, "")


def test_the_name_goes_where_the_person_acted(user, other):
    """In the rows of others, of both tables; the reason is not theirs, and stays."""
    pair = sessions.start(other)
    sessions.blacklist(pair.access, by=user, note="why")
    sessions.end(sessions.verify(sessions.start(other).access)[1]["sid"], by=user, note="why")
    assert {*LoginSession.objects.values_list("ended_by_name", flat=True)} == {"", "anna"}

    sessions.erase(user)

    assert {*LoginSession.objects.values_list("ended_by_name", flat=True)} == {""}
    assert {*BlacklistedToken.objects.values_list("blacklisted_by_name", "note")} == {("", "why")}


def test_the_name_goes_where_the_person_acted_for_others(user, other):
    """The operator's; and the reason, which is about the user, if the user is erased."""
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    operator = User.objects.get(pk=user.pk)
    sid = sessions.start(operator).session_id.hex
    acting.start(operator, other, "asked by Otto", sid=sid)
    row = LoginSession.objects.filter(kind=Kind.ACTING)

    sessions.erase(operator)
    assert row.get().actor_name == ""
    assert row.get().acting_reason == "asked by Otto"

    sessions.erase(other)
    assert row.get().acting_reason == ""


def test_who_was_deleted_is_found_by_sub(user, other):
    """The rows of a user who is still there are not, as a name may be a number."""
    sub = str(user.pk)
    sessions.start(user)
    fill(LoginSession.objects.get())
    sessions.start(other)
    user.delete()

    assert sessions.erase(str(other.pk)) == 0
    assert sessions.erase(sub) == 1
    assert LoginSession.objects.get(user=None).name == ""


def test_a_failure_erases_nothing(user, monkeypatch):
    """One transaction: no half of it."""
    pair = sessions.start(user)
    fill(LoginSession.objects.get())

    def fail(rows, **changes):
        raise DatabaseError

    monkeypatch.setattr(type(BlacklistedToken.objects.all()), "update", fail)
    with pytest.raises(Unavailable):
        sessions.erase(user)

    assert LoginSession.objects.get().name == "Anna's telephone"
    assert sessions.verify(pair.access)


def test_only_users_are_erased(db):
    with pytest.raises(TypeError, match="Only users"):
        sessions.erase(LoginSession(subject="1", created_at=timezone.now() - DAY))
    with pytest.raises(ValueError, match="saved"):
        sessions.erase(User(username="new"))


def test_the_async_twin(user):
    sessions.start(user)

    assert async_to_sync(sessions.aerase)(user) == 1
