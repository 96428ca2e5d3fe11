"""Every new row says whose it is, from where and until when; who may not sign in gets none."""

import pickle
import time
from contextlib import nullcontext, suppress
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import OperationalError, connection, transaction
from django.db.models.signals import post_save
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject

from django_jwtauth import api_tokens, one_time, sessions, signals
from django_jwtauth.conf import moments
from django_jwtauth.exceptions import SessionEnded, Unavailable, UserInactive, UserNotFound
from django_jwtauth.models import Kind, LoginSession
from django_jwtauth.signins import rows
from django_jwtauth.store import writing
from django_jwtauth.users import TokenUser
from tests.racing import race

pytestmark = pytest.mark.django_db

MAKERS = [
    sessions.start,
    lambda user: api_tokens.create(user, "deploy"),
    lambda user: one_time.create(user, "download"),
]
NAMES = ["sign-in", "API token", "one-time token"]


def test_a_row_says_whose_it_is_from_where_and_until_when(user):
    request = RequestFactory(REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="curl/8").get("/")

    row = rows.make_session(user, request, timedelta(hours=1), kind=Kind.API_TOKEN)

    assert (row.user_id, row.subject) == (user.pk, str(user.pk))
    assert row.auth_hash == user.get_session_auth_hash()
    assert (row.ip_address, row.user_agent, row.kind) == ("192.0.2.7", "curl/8", Kind.API_TOKEN)
    assert row.expires_at - row.created_at == timedelta(hours=1)
    assert row.refreshed_at == row.created_at
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_a_user_who_is_not_saved_gets_none(make):
    with pytest.raises(ValueError, match="saved user"):
        make(get_user_model()(username="nobody"))

    assert not LoginSession.objects.exists()


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
@pytest.mark.parametrize(
    "stranger",
    [
        lambda user: Group(pk=user.pk, name="a group"),
        lambda user: TokenUser({"sub": str(user.pk)}),
        lambda user: AnonymousUser(),
        lambda user: SimpleNamespace(pk=user.pk, is_active=True),
        lambda user: user.pk,
        lambda user: None,
        lambda user: SimpleLazyObject(AnonymousUser),
    ],
    ids=["Group", "TokenUser", "AnonymousUser", "look-alike", "key", "None", "lazy"],
)
def test_what_is_no_user_gets_none(user, make, stranger):
    """Group 1 is not user 1."""
    with pytest.raises(TypeError, match="Only users can have tokens"):
        make(stranger(user))

    assert not LoginSession.objects.exists()


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_a_user_who_only_has_a_number_gets_none(user, make):
    """Made in memory, not loaded: their password hash is not known."""
    with pytest.raises(ValueError, match="saved user"):
        make(get_user_model()(pk=user.pk))


class Alias(User):
    class Meta:
        proxy = True
        app_label = "auth"


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
@pytest.mark.parametrize(
    "find",
    [
        lambda user: SimpleLazyObject(lambda: user),
        lambda user: Alias.objects.get(pk=user.pk),
        lambda user: User.objects.only("pk").get(pk=user.pk),
        lambda user: User.objects.defer("password").get(pk=user.pk),
        lambda user: pickle.loads(pickle.dumps(user)),
    ],
    ids=["lazy", "proxy", "only", "deferred", "pickled"],
)
def test_whatever_stands_for_the_user_gets_one(user, make, find):
    make(find(user))

    assert LoginSession.objects.get().user == user


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
@pytest.mark.parametrize("template", ["{}", "00{}", " {} "])
def test_a_number_is_the_number_that_was_saved(user, make, template):
    key, user.pk = user.pk, template.format(user.pk)
    make(user)

    row = LoginSession.objects.get()
    assert (row.subject, row.user_id) == (str(key), key)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_a_user_who_was_deleted_meanwhile_gets_none(user, make):
    """Between the check of the password and the row: 401, not a database that is down."""
    User.objects.filter(pk=user.pk).delete()

    with pytest.raises(UserNotFound):
        make(user)

    assert not LoginSession.objects.exists()


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_an_inactive_user_gets_none(user, make):
    user.is_active = False

    with pytest.raises(UserInactive):
        make(user)

    assert not LoginSession.objects.exists()


# --- extend


def end_of(sid):
    return int(LoginSession.objects.get(pk=sid).expires_at.timestamp())


def test_room_for_a_token_that_lasts_longer(user, statements):
    """The row says so, too: whoever ends what is in use has to find it."""
    sid = sessions.start(user).session_id.hex
    later = end_of(sid) + 86400

    assert rows.extend(sid, later) == later
    assert end_of(sid) == later


def test_no_room_is_made_for_what_fits(user, statements):
    """A row never comes to expire earlier: there may be a token that lasts until then."""
    sid = sessions.start(user).session_id.hex
    before = end_of(sid)

    with statements(1):
        assert rows.extend(sid, before - 86400) == before - 86400
    assert end_of(sid) == before


def test_no_sign_in_is_extended_beyond_its_lifetime(user, time_machine):
    """It ends SESSION_LIFETIME after it started, whenever that is asked."""
    sid = sessions.start(user).session_id.hex
    start = LoginSession.objects.get(pk=sid).created_at
    time_machine.move_to(start + timedelta(days=6), tick=False)
    latest = int((start + timedelta(days=30)).timestamp())

    assert rows.extend(sid, latest + 86400) == latest
    assert end_of(sid) == latest
    with pytest.raises(ValueError, match="SESSION_LIFETIME"):
        rows.extend(sid, latest + 7 * 86400)


@pytest.mark.parametrize("make", MAKERS[1:], ids=NAMES[1:])
def test_only_a_sign_in_is_extended(user, make):
    """The tokens of other rows have an end of their own."""
    make(user)
    session = LoginSession.objects.get()
    with pytest.raises(ValueError, match="sign-in"):
        rows.extend(session.sid, end_of(session.pk) + 60)


def test_a_sign_in_that_has_ended_is_not_extended(user):
    sid = sessions.start(user).session_id.hex
    later = end_of(sid) + 86400
    sessions.end(sid)

    with pytest.raises(SessionEnded):
        rows.extend(sid, later)
    assert end_of(sid) < later


@pytest.mark.parametrize("use_tz", [True, False])
def test_a_sign_in_can_be_extended_with_and_without_time_zones(settings, user, use_tz):
    """Columns without a zone hold local time; a token's end is in UTC."""
    settings.USE_TZ = use_tz
    pair = sessions.start(user)
    end = int(time.time()) + 9 * 86400

    assert rows.extend(pair.session_id.hex, end) == end
    assert moments.aware(LoginSession.objects.get().expires_at).timestamp() == end


def test_a_token_is_announced_once(user, django_capture_on_commit_callbacks):
    """Blacklisting it again changes nothing, so no receiver hears of it."""
    heard = []

    def hear(jti, **kwargs):
        heard.append(jti)

    signals.token_blacklisted.connect(hear)
    raw = sessions.start(user).access
    try:
        with django_capture_on_commit_callbacks(execute=True):
            sessions.blacklist(raw)
            sessions.blacklist(raw)
    finally:
        signals.token_blacklisted.disconnect(hear)

    assert len(heard) == 1


# --- with last_login


def start_is_refused(user, error):
    before = User.objects.get(pk=user.pk).last_login
    with pytest.raises(error):
        sessions.start(user)
    return User.objects.get(pk=user.pk).last_login == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", ["insert", "update"])
def test_a_sign_in_that_fails_half_way_leaves_nothing(step):
    """Neither a row that nobody has a token for, nor a login that never was."""
    user = User.objects.create_user("anna")
    with patch.object(writing, step, side_effect=OperationalError):
        assert start_is_refused(user, Unavailable)

    # On MySQL, one is written after the other.
    left = connection.vendor == "mysql" and step == "update"
    assert LoginSession.objects.exists() is left


@pytest.mark.django_db(transaction=True)
def test_a_user_who_was_deleted_meanwhile_is_not_found():
    """Also where the database looks for the user only when it commits."""
    user = User.objects.create_user("anna")
    User.objects.all().delete()
    user.pk = 1_000_000

    with pytest.raises(UserNotFound):
        sessions.start(user)
    assert not LoginSession.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_row_and_login_are_one_commit():
    """On MySQL each is a commit of its own, which takes fewer statements."""
    user = User.objects.create_user("anna")
    sessions.start(user)
    with CaptureQueriesContext(connection) as captured:
        sessions.start(user)

    verbs = [query["sql"].split()[0].upper() for query in captured]
    assert (
        verbs
        == {
            "sqlite": ["BEGIN", "UPDATE", "INSERT", "COMMIT"],
            "postgresql": ["BEGIN", "UPDATE", "INSERT", "COMMIT"],
            "mysql": ["INSERT", "UPDATE"],
        }[connection.vendor]
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_transaction", [True, False])
def test_what_the_project_does_as_it_saves_keeps_no_row_back(in_transaction):
    """A receiver may fail: the row was written before, as ever, and is committed."""
    user = User.objects.create_user("anna")

    def fail(**kwargs):
        raise LookupError("from the project")

    post_save.connect(fail, sender=User)
    try:
        with (
            suppress(LookupError),
            transaction.atomic() if in_transaction else nullcontext(),
            pytest.raises(LookupError),
        ):
            sessions.start(user)
    finally:
        post_save.disconnect(fail, sender=User)

    assert LoginSession.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_users_sign_ins_that_meet_all_succeed():
    """None waits for another that waits for it."""
    user = User.objects.create_user("anna")

    pairs = race([partial(sessions.start, user)] * 8)

    assert {sessions.authenticate(pair.access)[0] for pair in pairs} == {user}
    assert LoginSession.objects.count() == 8
