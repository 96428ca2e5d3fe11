from dataclasses import replace
from datetime import timedelta
from itertools import count as counting
from uuid import uuid4

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db import OperationalError, transaction
from django.utils import timezone

from django_jwtauth import sessions, signals
from django_jwtauth.models import (
    BlacklistedToken,
    Cause,
    Kind,
    LoginSession,
    LoginSessionQuerySet,
    Reason,
    Via,
)
from django_jwtauth.operations import batches, revocation
from django_jwtauth.operations.revocation import Tally, UnknownToken
from tests import forge
from tests.rows import fill

User = get_user_model()
CAUSE = Cause(Reason.STOLEN, Via.COMMAND, "root", "Ticket 4711")
HOUR = timedelta(hours=1)


def backdate(pair, ago):
    LoginSession.objects.filter(pk=pair.session_id).update(created_at=timezone.now() - ago)


# --- which ones


def test_everybody_is_ended(api, user, other_user):
    """No token of anybody is accepted any more, and nobody can refresh."""
    pairs = [sessions.start(user), sessions.start(other_user)]

    assert revocation.end(revocation.everybody(), CAUSE) == 2
    for pair in pairs:
        assert api.protected(pair.access).json()["reason"] == "session_ended"
        assert api.refresh(pair.refresh).json()["reason"] == "session_ended"


def test_before_a_time_goes_by_the_start(api, user):
    """What started before ends although it was refreshed since; what started after goes on."""
    older, newer = sessions.start(user), sessions.start(user)
    backdate(older, 2 * HOUR)
    refreshed = sessions.refresh(older.refresh)

    assert revocation.end(revocation.everybody(timezone.now() - HOUR), CAUSE) == 1
    assert api.protected(refreshed.access).status_code == 401
    assert api.protected(newer.access).status_code == 200


def test_the_time_itself_is_not_before(user):
    """Whoever signs in at 14:00:00 is not ended by "before 14:00"."""
    [session] = fill(user, 1)

    assert revocation.end(revocation.everybody(session.created_at), CAUSE) == 0


def test_one_user_is_ended(api, user, other_user):
    """The sign-ins of the others go on."""
    hers, his = sessions.start(user), sessions.start(other_user)

    assert revocation.end(revocation.of_user(user), CAUSE) == 1
    assert api.protected(hers.access).status_code == 401
    assert api.protected(his.access).status_code == 200


def test_one_users_older_ones_are_ended(user, other_user):
    """By user and time together."""
    fill(user, 2)
    fill(other_user, 2)
    fresh = sessions.start(user)

    assert revocation.end(revocation.of_user(user, timezone.now() - HOUR / 2), CAUSE) == 2
    live = LoginSession.objects.live()
    assert live.filter(user=user).get().pk == fresh.session_id
    assert live.filter(user=other_user).count() == 2


def test_nobody_is_not_everybody(user):
    """A user who was never saved, or is deleted, does not stand for those without a user."""
    sessions.start(user)
    user.delete()

    with pytest.raises(ValueError, match="saved"):
        revocation.of_user(user)
    with pytest.raises(ValueError, match="saved"):
        revocation.of_user(User())


def test_the_named_ones_are_ended(user):
    """These and no others; an unknown id harms nothing; no ids are none."""
    first, second = fill(user, 2)

    assert revocation.end(revocation.named([first.pk, uuid4()]), CAUSE) == 1
    assert list(LoginSession.objects.live()) == [second]
    assert revocation.end(revocation.named([]), CAUSE) == 0


@pytest.mark.parametrize(
    ("over_since", "ended"), [(timedelta(minutes=4), 1), (timedelta(minutes=6), 0)]
)
def test_what_nothing_accepts_any_more_is_left_alone(user, over_since, ended):
    """An expired sign-in is ended only while one of its access tokens may live: five minutes."""
    fill(user, 1, expires_at=timezone.now() - over_since)

    assert revocation.end(revocation.everybody(), CAUSE) == ended


def test_an_access_token_that_outlives_its_sign_in_is_refused(api, user, settings):
    """Without rotation a refresh in the last minute buys five; ending all ends those, too."""
    settings.JWTAUTH = {"ROTATE_REFRESH_TOKENS": False}
    pair = sessions.start(user)
    LoginSession.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert api.protected(pair.access).status_code == 200

    revocation.end(revocation.everybody(), CAUSE)

    assert api.protected(pair.access).status_code == 401


def test_the_leeway_counts_for_the_refresh_and_for_what_it_bought(api, user, settings):
    """A token bought in the leeway of a refresh token, and in its own leeway, is ended as well."""
    settings.JWTAUTH = {"ROTATE_REFRESH_TOKENS": False, "LEEWAY": 300}
    with time_machine.travel(timezone.now(), tick=False) as clock:
        pair = sessions.start(user)
        clock.shift(timedelta(days=7, seconds=299))
        access = sessions.refresh(pair.refresh).access
        clock.shift(timedelta(seconds=599))
        assert api.protected(access).status_code == 200

        revocation.end(revocation.everybody(), CAUSE)

        assert api.protected(access).status_code == 401


# --- in chunks, again and again


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(batches, "SIZE", 3)


def test_many_are_ended_in_chunks(user, small_chunks):
    """The numbers so far are told after each, however many have the same moment."""
    fill(user, 4)
    fill(user, 6, created_at=timezone.now() - HOUR / 2)
    told = []

    assert revocation.end(revocation.everybody(), CAUSE, progress=told.append) == 10
    assert told == [3, 6, 9, 10]
    assert not LoginSession.objects.live().exists()


def test_again_changes_nothing(user, small_chunks):
    """What had ended before keeps its record, and is counted."""
    fill(user, 4)
    revocation.end(revocation.everybody(), CAUSE)
    before = list(LoginSession.objects.order_by("pk").values())
    target = revocation.of_user(user)

    assert revocation.count(target) == Tally(ended=0, before=4)
    assert revocation.end(target, replace(CAUSE, note="again")) == 0
    assert list(LoginSession.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(("number", "counted"), [(2, 2), (3, 3), (9, 3)])
def test_counting_stops_at_a_limit(user, number, counted):
    """One more than the limit stands for all that are beyond."""
    fill(user, number)

    assert revocation.count(revocation.everybody(), 2) == Tally(counted, 0)
    assert revocation.count(revocation.everybody()) == Tally(number, 0)


def test_api_tokens_are_counted_apart(user, statements):
    """In the statement that counts all."""
    fill(user, 2)
    fill(user, 3, kind=Kind.API_TOKEN)
    for limit in (None, 10):
        with statements(2):
            assert revocation.count(revocation.everybody(), limit) == Tally(5, 0, 3)


def failing(monkeypatch, *calls):
    """Make the given calls of ``end()``, counted from 1, fail as in a deadlock."""
    real, number = LoginSessionQuerySet.end_for, counting(1)

    def end(self, cause):
        if next(number) in calls:
            raise OperationalError("deadlock")
        return real(self, cause)

    monkeypatch.setattr(LoginSessionQuerySet, "end_for", end)
    monkeypatch.setattr(batches, "PAUSE", 0)


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_is_survived(monkeypatch, user, small_chunks):
    """The chunk that failed is tried again, and none is counted twice."""
    fill(user, 7)
    failing(monkeypatch, 2, 4)

    assert revocation.end(revocation.everybody(), CAUSE) == 7
    assert not LoginSession.objects.live().exists()


@pytest.mark.django_db(transaction=True)
def test_who_is_interrupted_begins_again(monkeypatch, user, admin_user, small_chunks):
    """What was ended stays ended and is in the admin's log; the next run does the rest."""
    fill(user, 7)
    failing(monkeypatch, *range(3, 30))
    cause = replace(CAUSE, by=admin_user)
    with pytest.raises(OperationalError):
        revocation.end(revocation.everybody(), cause)
    monkeypatch.undo()

    assert LoginSession.objects.live().count() == 1
    assert LogEntry.objects.get().change_message.startswith("6 sign-ins ended.")
    assert revocation.end(revocation.everybody(), cause) == 1


def test_a_callers_transaction_is_not_tried_again(monkeypatch, user, transactional_db):
    """After an error it is lost; the caller must know."""
    fill(user, 1)
    failing(monkeypatch, 1)

    with pytest.raises(OperationalError), transaction.atomic():
        revocation.end(revocation.everybody(), CAUSE)


def test_a_sign_in_that_was_committed_late_is_found(monkeypatch, user, small_chunks):
    """It began before the time and appeared behind the point that had been reached."""
    fill(user, 4)
    late = []

    def progress(number):
        if not late:
            late.extend(fill(user, 1, created_at=timezone.now() - 2 * HOUR))

    assert revocation.end(revocation.everybody(), CAUSE, progress=progress) == 5
    assert not LoginSession.objects.live().exists()


def test_what_a_transaction_goes_on_seeing_as_live_is_tried_once(monkeypatch, user, small_chunks):
    """In an older snapshot a sign-in that somebody else ended seems live: no endless loop."""
    fill(user, 7)
    calls = []

    def end(self, cause):
        calls.append(cause)
        assert len(calls) < 10
        return 0

    monkeypatch.setattr(LoginSessionQuerySet, "end_for", end)

    assert revocation.end(revocation.everybody(), CAUSE) == 0
    assert len(calls) == 3


# --- the record


def test_the_row_says_who_when_why_and_through_what(user):
    """Somebody without an account is noted by name."""
    [session] = fill(user, 1)
    before = timezone.now()
    revocation.end(revocation.everybody(), CAUSE)
    session.refresh_from_db()

    assert (session.end_reason, session.ended_via) == ("stolen", "command")
    assert (session.ended_by, session.ended_by_name) == (None, "root")
    assert session.end_note == "Ticket 4711"
    assert before <= session.ended_at <= timezone.now()
    assert not LogEntry.objects.exists()


def test_the_record_outlives_user_and_operator(user, admin_user):
    """Both accounts are deleted; what was done, by whom and why is still told."""
    fill(user, 1)
    revocation.end(revocation.of_user(user), replace(CAUSE, by=admin_user))
    subject = str(user.pk)
    User.objects.all().delete()
    session = LoginSession.objects.get()

    assert (session.user, session.subject) == (None, subject)
    assert (session.ended_by, session.ended_by_name) == (None, admin_user.username)
    assert session.end_note == "Ticket 4711"


def test_the_admins_log_tells_it_once(user, admin_user):
    """With a user in that user's history, for everybody as one line, else beside each sign-in."""
    cause = replace(CAUSE, by=admin_user)
    named = fill(user, 2)
    revocation.end(revocation.named([one.pk for one in named]), cause)
    fill(user, 3)
    revocation.end(revocation.of_user(user), cause)
    fill(user, 4)
    revocation.end(revocation.everybody(), cause)
    *each, of_user, of_all = LogEntry.objects.order_by("pk")
    text = "Revoked: Token or device stolen. Ticket 4711"

    assert {entry.object_id for entry in each} == {str(one.pk) for one in named}
    assert {entry.change_message for entry in each} == {text}
    assert (of_user.get_edited_object(), of_user.change_message) == (
        user,
        f"3 sign-ins ended. {text}",
    )
    assert of_all.change_message == f"4 sign-ins ended. {text}"
    assert of_all.object_repr.startswith("Everybody's sign-ins started before 20")
    assert {entry.user for entry in LogEntry.objects.all()} == {admin_user}


def test_listeners_are_told(user, admin_user, django_capture_on_commit_callbacks):
    """Of each chunk, with the account that acted, or none."""
    heard = []

    def receive(**arguments):
        heard.append((arguments["count"], arguments["by"]))

    signals.sessions_ended.connect(receive)
    try:
        for by in (admin_user, "root"):
            fill(user, 2)
            with django_capture_on_commit_callbacks(execute=True):
                revocation.end(revocation.everybody(), replace(CAUSE, by=by))
    finally:
        signals.sessions_ended.disconnect(receive)

    assert heard == [(2, admin_user), (2, None)]


# --- one token, by its jti


def test_an_access_token_is_refused_by_its_jti(api, user, pair):
    """Only that one: the sign-in goes on."""
    jti = forge.claims_of(pair.access)["jti"]
    record, is_new = revocation.refuse(jti, CAUSE)

    assert is_new
    assert (record.jti, record.token_type, record.user) == (jti, "access", user)
    assert (record.reason, record.via, record.note) == ("stolen", "command", "Ticket 4711")
    assert record.blacklisted_by_name == "root"
    assert api.protected(pair.access).json()["reason"] == "blacklisted"
    assert api.refresh(pair.refresh).status_code == 200


def test_a_refresh_token_ends_its_sign_in_by_its_jti(api, pair):
    """Blacklisting one generation would leave the others."""
    revocation.refuse(forge.claims_of(pair.refresh)["jti"], CAUSE)

    assert api.protected(pair.access).json()["reason"] == "session_ended"
    assert BlacklistedToken.objects.get().token_type == "refresh"


def test_a_jti_is_kept_as_long_as_its_token_may_live(pair):
    """When the token expires is not known: not before the end of its sign-in."""
    record, _is_new = revocation.refuse(forge.claims_of(pair.access)["jti"], CAUSE)
    session = LoginSession.objects.get()

    assert record.expires_at == session.created_at + timedelta(days=30)
    LoginSession.objects.update(expires_at=session.created_at + timedelta(days=300))
    record, _is_new = revocation.refuse(f"{session.sid}.{'0' * 16}", CAUSE)
    assert record.expires_at == session.created_at + timedelta(days=300)


def test_a_jti_again_keeps_the_first_record(pair, admin_user):
    """And leaves no second line in the admin's log."""
    jti = forge.claims_of(pair.access)["jti"]
    revocation.refuse(jti, replace(CAUSE, by=admin_user))
    before = BlacklistedToken.objects.values().get()
    _record, is_new = revocation.refuse(jti, replace(CAUSE, note="again", by=admin_user))

    assert not is_new
    assert BlacklistedToken.objects.values().get() == before
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.is_addition()) == (str(before["id"]), True)


@pytest.mark.parametrize(
    "jti",
    [
        "",
        "x",
        "0" * 32,
        "0" * 32 + "." + "1" * 16,
        "{sid}",
        "{sid}.1",
        "{sid}:",
        "\x00",
        "{sid}:1x",
    ],
)
def test_what_is_no_jti_of_ours_leaves_no_row(pair, jti):
    """Whoever sends it is told, and nothing is ended."""
    with pytest.raises(UnknownToken):
        revocation.refuse(jti.format(sid=pair.session_id.hex), CAUSE)
    assert not BlacklistedToken.objects.exists()
    assert LoginSession.objects.live().exists()
