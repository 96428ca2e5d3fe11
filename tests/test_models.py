import uuid
from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.db import IntegrityError, transaction

from django_jwtauth import models, sessions
from django_jwtauth.models import BlacklistedToken, LoginSession, Reason, Via

START = datetime(2027, 1, 15, 8, 0, 0, 250_000, timezone.utc)


def make_session(user=None, **changes):
    columns = {
        "user": user,
        "subject": "1",
        "auth_hash": "hash",
        "created_at": START,
        "refreshed_at": START,
        "expires_at": START + timedelta(days=7),
        **changes,
    }
    return LoginSession.objects.create(**columns)


def make_blacklisted(**changes):
    columns = {
        "jti": uuid.uuid4().hex,
        "token_type": "access",
        "subject": "1",
        "expires_at": START,
        "reason": Reason.OTHER,
        "via": Via.CODE,
        **changes,
    }
    return BlacklistedToken.objects.create(**columns)


# --- ids


def test_an_id_is_a_uuid_of_version_7():
    """The milliseconds, the version, the variant, and 74 random bits (RFC 9562, 5.7)."""
    with time_machine.travel(START, tick=False):
        ids = {models.uuid7() for _ in range(500)}

    assert len(ids) == 500
    assert {(each.version, each.variant) for each in ids} == {(7, uuid.RFC_4122)}
    assert {each.int >> 80 for each in ids} == {int(START.timestamp() * 1000)}
    # Every random bit takes both values, and only the six fixed ones do not.
    ones, zeros = 0, 0
    for each in ids:
        ones |= each.int
        zeros |= ~each.int
    assert bin(ones & zeros & (2**80 - 1)).count("1") == 74


def test_a_sign_in_shows_its_id_and_a_token_its_jti(db):
    """What an operator reads leads to the log line; no token is anywhere."""
    session = make_session()

    assert str(session) == session.sid == session.id.hex
    assert str(make_blacklisted(jti="the-jti")) == "the-jti"


# --- narrowing


def test_live_sign_ins_can_still_be_refreshed(db):
    """Not ended, and not past the end of the current refresh token, to the microsecond."""
    live = make_session(expires_at=START + timedelta(microseconds=1))
    make_session(expires_at=START)
    make_session(ended_at=START)

    assert list(LoginSession.objects.live(START)) == [live]
    with time_machine.travel(START, tick=False):
        assert list(LoginSession.objects.live()) == [live]


def test_a_sign_in_is_purgeable_when_nothing_can_need_it(db, settings):
    """By its start alone: absolute lifetime, leeway and audit time have passed."""
    settings.JWTAUTH = {
        "SESSION_LIFETIME": timedelta(days=2),
        "LEEWAY": 10,
        "AUDIT_RETENTION": timedelta(days=3),
    }
    kept = timedelta(days=5, seconds=10)
    old = make_session(created_at=START - kept - timedelta(microseconds=1))
    make_session(created_at=START - kept)
    make_session(created_at=START, ended_at=START)

    assert list(LoginSession.objects.purgeable(START)) == [old]
    with time_machine.travel(START, tick=False):
        assert list(LoginSession.objects.purgeable()) == [old]


def test_a_blacklisted_token_is_purgeable_when_nothing_can_need_it(db, settings):
    """Its token has expired, leeway and audit time have passed."""
    settings.JWTAUTH = {"LEEWAY": 10, "AUDIT_RETENTION": timedelta(days=3)}
    kept = timedelta(days=3, seconds=10)
    old = make_blacklisted(expires_at=START - kept - timedelta(microseconds=1))
    make_blacklisted(expires_at=START - kept)

    assert list(BlacklistedToken.objects.purgeable(START)) == [old]
    with time_machine.travel(START, tick=False):
        assert list(BlacklistedToken.objects.purgeable()) == [old]


# --- ending


def test_ending_is_one_update_and_happens_once(user, other_user, statements):
    """Reason, channel, actor, note and time are those of the first end."""
    rows = [make_session(user), make_session(user), make_session(other_user)]

    with time_machine.travel(START, tick=False) as clock:
        with statements(1):
            ended = LoginSession.objects.filter(user=user).end(
                reason=Reason.STOLEN, via=Via.ADMIN, by=other_user, note="lost"
            )
        clock.shift(timedelta(hours=1))
        assert ended == 2
        assert LoginSession.objects.end(reason=Reason.LEFT) == 1
        assert LoginSession.objects.end(reason=Reason.OTHER) == 0

    for row in rows[:2]:
        row.refresh_from_db()
        assert row.ended_at == START
        assert (row.end_reason, row.ended_via, row.end_note) == ("stolen", "admin", "lost")
        assert (row.ended_by, row.ended_by_name) == (other_user, "bert")
    rows[2].refresh_from_db()
    assert (row.end_reason, row.ended_via) == ("stolen", "admin")
    assert (rows[2].end_reason, rows[2].ended_via, rows[2].ended_by_name) == ("left", "code", "")


def test_ending_has_an_async_twin(user):
    """aend() takes the same arguments and answers the same."""
    make_session(user)

    assert async_to_sync(LoginSession.objects.all().aend)(reason="left", note="gone") == 1
    row = LoginSession.objects.get()
    assert (row.end_reason, row.end_note) == ("left", "gone")


def test_a_template_cannot_end_a_sign_in():
    """Django's templates call what they find, unless it alters data."""
    for method in (models.LoginSessionQuerySet.end, models.LoginSessionQuerySet.end_for):
        assert method.alters_data
    assert LoginSession.objects.all().end.alters_data


@pytest.mark.parametrize(
    ("by", "name"), [(None, ""), (User(username="unsaved"), ""), (AnonymousUser(), "")]
)
def test_an_actor_without_a_row_is_nobody(db, by, name):
    """Neither an anonymous nor an unsaved user is recorded."""
    make_session().refresh_from_db()

    assert LoginSession.objects.all().end(by=by) == 1
    row = LoginSession.objects.get()
    assert (row.ended_by, row.ended_by_name) == (None, name)


def test_the_name_of_the_actor_outlives_the_account(user, other_user):
    """Deleting user and operator keeps both rows, with the names in text."""
    pair = sessions.start(user)
    sessions.blacklist(pair.refresh, by=other_user)
    subject = str(user.pk)

    user.delete()
    other_user.delete()

    row = LoginSession.objects.get()
    assert (row.user, row.subject, row.ended_by, row.ended_by_name) == (None, subject, None, "bert")
    row = BlacklistedToken.objects.get()
    assert (row.user, row.subject) == (None, subject)
    assert (row.blacklisted_by, row.blacklisted_by_name) == (None, "bert")


def test_a_blacklisted_token_outlives_its_sign_in(user):
    """Purging a sign-in leaves the token refused."""
    pair = sessions.start(user)
    sessions.blacklist(pair.access)

    LoginSession.objects.all().delete()

    assert BlacklistedToken.objects.get().session is None


def test_a_long_name_is_cut(user):
    """The column holds 255 characters; nothing fails at the end of a sign-in."""
    user.get_username = lambda: "x" * 300

    assert models.Cause(by=user).end_columns()["ended_by_name"] == "x" * 255


# --- tables


def test_a_jti_is_blacklisted_once(db):
    """The database holds it to that."""
    make_blacklisted(jti="one")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_blacklisted(jti="one")


def test_the_permissions_are_ours(db):
    """Nobody gets add, change or delete; revoking has permissions of its own."""
    found = Permission.objects.filter(content_type__app_label="django_jwtauth")

    assert set(found.values_list("codename", flat=True)) == {
        "view_loginsession",
        "view_blacklistedtoken",
        "end_sessions",
        "end_all_sessions",
        "create_api_token",
        "blacklist_token",
    }


def test_no_model_of_ours_holds_a_token():
    """There is no column a token would fit in, but for the notes that people write."""
    wide = {
        (model.__name__, field.name)
        for model in apps.get_app_config("django_jwtauth").get_models()
        for field in model._meta.concrete_fields
        if field.get_internal_type() == "TextField" or (getattr(field, "max_length", 0) or 0) > 255
    }

    assert wide == {("LoginSession", "end_note"), ("BlacklistedToken", "note")}


@pytest.mark.parametrize("choices", [Reason, Via])
def test_every_choice_fits_its_column(choices):
    """Reasons and channels are short words."""
    assert max(map(len, choices.values)) <= 32
