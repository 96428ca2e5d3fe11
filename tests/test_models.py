import re
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.db import IntegrityError, transaction

from django_jwtauth import api_tokens, models, one_time, sessions
from django_jwtauth.exceptions import TokenError
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


# --- live

DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
#: Nothing else comes between.
LONG = {
    "SESSION_LIFETIME": 100 * DAY,
    "REFRESH_TOKEN_LIFETIME": 7 * DAY,
    "ACCESS_TOKEN_LIFETIME": 7 * DAY,
}
SHORT = {**LONG, "SESSION_LIFETIME": 3 * DAY, "LEEWAY": MINUTE}


def sign_in(user):
    raw = sessions.start(user).refresh
    return raw, sessions.verify


def make_api_token(user):
    return api_tokens.create(user, "ci", lifetime=7 * DAY).raw, sessions.verify


def make_one_time(user):
    return one_time.issue(user, "export", lifetime=DAY), one_time.verify


#: What was made, how long ago, and what it is now.
ROWS = {
    "new": (sign_in, 0 * DAY, "live"),
    "idle": (sign_in, 3 * DAY - SECOND, "live"),
    "older than a sign-in may be, by some clock": (sign_in, 3 * DAY + MINUTE - SECOND, "live"),
    "older than a sign-in may be": (sign_in, 3 * DAY + MINUTE, "expired"),
    "expired": (sign_in, 7 * DAY + MINUTE, "expired"),
    "an API token older than that": (make_api_token, 4 * DAY, "live"),
    "an API token that expired by some clock": (make_api_token, 7 * DAY + MINUTE - SECOND, "live"),
    "an expired API token": (make_api_token, 7 * DAY + MINUTE, "expired"),
    "a one-time token": (make_one_time, DAY - SECOND, "live"),
    "a one-time token that expired by some clock": (make_one_time, DAY + SECOND, "live"),
    "an expired one-time token": (make_one_time, DAY + MINUTE, "expired"),
}


def in_the_admins_list(status, chief):
    url = "/admin/django_jwtauth/loginsession/"
    return chief.get(url, {"status": status}).context["cl"].result_count > 0


@pytest.mark.parametrize("ended", [False, True], ids=["", "ended"])
@pytest.mark.parametrize(("make", "age", "state"), ROWS.values(), ids=ROWS)
def test_all_agree_what_is_live(user, settings, staff, make, age, state, ended):
    """The token itself, one row, many rows, and what the admin says of each."""
    now = datetime(2027, 1, 15, 8, tzinfo=timezone.utc)
    settings.JWTAUTH = LONG
    with time_machine.travel(now - age, tick=False):
        raw, verify = make(user)
    settings.JWTAUTH = SHORT
    rows = LoginSession.objects.all()
    if ended:
        rows.end()
        state = "ended"

    with time_machine.travel(now, tick=False):
        chief = staff("view_loginsession")
        [row] = rows
        states = ("live", "expired", "ended")
        asked = {
            "token": {"live": not is_refused(verify, raw)},
            "row": {"live": row.is_live()},
            "rows": {"live": rows.live().exists(), "expired": rows.expired().exists()},
            "at a time": {"live": rows.live(now).exists(), "expired": rows.expired(now).exists()},
            "filter": {name: in_the_admins_list(name, chief) for name in states},
            "status": {admin.site.get_model_admin(LoginSession).status(row).lower(): True},
        }
        assert asked == {
            who: {name: name == state for name in answers} for who, answers in asked.items()
        }
        assert rows.usable().exists() >= rows.live().exists()


def is_refused(call, *args):
    try:
        call(*args)
    except TokenError:
        return True
    return False


def test_only_the_models_compare_when_a_row_is_over():
    """Whoever asks whether rows are live asks them, of one or of many."""
    package = Path(models.__file__).parent
    comparing = re.compile(r"expires_at(__[gl]te?|\)? [<>])|SESSION_LIFETIME \+")
    found = {path.name for path in package.rglob("*.py") if comparing.search(path.read_text())}

    # The last has a table of simplejwt's.
    assert found == {"models.py", "schema.py", "tables.py"}


@pytest.mark.parametrize("rotate", [True, False], ids=["rotating", "not rotating"])
def test_what_some_token_is_accepted_of_can_be_ended_with_all(user, settings, rotate):
    """An access token bought at the last moment, also when SESSION_LIFETIME was changed since."""
    base = {"LEEWAY": 60, "REFRESH_TOKEN_LIFETIME": 600, "ROTATE_REFRESH_TOKENS": rotate}
    settings.JWTAUTH = {**base, "ACCESS_TOKEN_LIFETIME": 3600}
    with time_machine.travel(START.replace(microsecond=0), tick=False) as clock:
        pair = sessions.start(user)
        clock.shift(659)
        access = sessions.refresh(pair.refresh).access
        while not is_refused(sessions.authenticate, access):
            assert LoginSession.objects.usable().exists()
            clock.shift(60)

        settings.JWTAUTH = {**base, "REFRESH_TOKEN_LIFETIME": 7 * 86400}
        pair = sessions.start(user)
        clock.shift(2 * DAY)
        settings.JWTAUTH = {**settings.JWTAUTH, "SESSION_LIFETIME": DAY}
        assert not LoginSession.objects.live().exists()
        LoginSession.objects.usable().end()
        settings.JWTAUTH = {**settings.JWTAUTH, "SESSION_LIFETIME": 30 * DAY}
        assert is_refused(sessions.refresh, pair.refresh)


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
        "impersonate_user",
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
