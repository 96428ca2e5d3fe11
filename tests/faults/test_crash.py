"""A worker is killed at each statement and each commit of its work: what is left is sound."""

from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from django_jwtauth import exceptions, sessions
from django_jwtauth.models import BlacklistedToken, LoginSession, Reason
from django_jwtauth.operations.purge import purge
from tests.faults.dying import count_points
from tests.forge import claims_of

pytestmark = pytest.mark.django_db(transaction=True)


def refuse(raw):
    with pytest.raises(exceptions.TokenError):
        sessions.verify(raw)


@pytest.mark.parametrize("presented", ["old", "new"])
def test_killed_while_refreshing_the_client_continues(user, tmp_path, presented):
    """Whichever point was the last, the token that the client has buys the one live leaf."""
    old = sessions.start(user)
    at_first = LoginSession.objects.values("generation", "refreshed_at", "expires_at").get()
    answer = tmp_path / "answer"

    def work():
        answer.write_text(sessions.refresh(old.refresh).refresh)

    points = 0
    for _ in count_points(work):
        points += 1
        row = LoginSession.objects.get()
        assert row.generation in (0, 1)
        assert row.ended_at is None
        if presented == "new" and answer.exists():
            new = answer.read_text()
        else:
            new = sessions.refresh(old.refresh).refresh
            assert not answer.exists() or answer.read_text() == new
        # Asked again, the answer is the same to the byte, so there is one leaf.
        assert sessions.refresh(old.refresh).refresh == new
        assert claims_of(new)["gen"] == 1
        sessions.authenticate(sessions.refresh(new).access)
        refuse(old.refresh)
        LoginSession.objects.update(**at_first)
    assert points >= 5
    assert answer.exists()


def test_killed_while_refusing_a_replay_the_next_one_ends_the_sign_in(user):
    """A thief gains nothing by a crash: no pair comes of it, and the next try ends it all."""
    points = 0

    def superseded():
        first = sessions.start(user)
        return first, sessions.refresh(sessions.refresh(first.refresh).refresh)

    first, last = superseded()
    rows = LoginSession.objects
    work = partial(_ignoring, sessions.refresh, first.refresh)
    for _ in count_points(work):
        points += 1
        row = rows.get(pk=first.session_id)
        assert row.generation == 2
        assert row.end_reason in ("", Reason.REUSED)
        with pytest.raises((exceptions.RefreshTokenReused, exceptions.SessionEnded)):
            sessions.refresh(first.refresh)
        refuse(last.access)
        rows.filter(pk=first.session_id).update(ended_at=None, end_reason="")
    assert points >= 5


def _ignoring(call, *args):
    with suppress(exceptions.TokenError):
        call(*args)


@pytest.mark.parametrize("limit", [None, 2])
def test_killed_while_signing_in_nothing_is_half_done(user, settings, limit):
    """At most a sign-in that nobody has a token of; the next sign-in restores the limit."""
    settings.JWTAUTH = {"MAX_SESSIONS_PER_USER": limit}
    points = 0
    for _ in count_points(partial(sessions.start, user)):
        points += 1
        for row in LoginSession.objects.live():
            assert (row.user_id, row.subject, row.generation) == (user.pk, str(user.pk), 0)
        pair = sessions.start(user)
        assert sessions.authenticate(pair.access)[0] == user
        if limit:
            assert LoginSession.objects.live().count() <= limit
    assert points >= (9 if limit else 5)


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_killed_while_signing_out_a_retry_completes_it(user, kind):
    """No blacklisted token has a live sign-in; signing out again is fine and final."""
    pair = sessions.start(user)
    raw = getattr(pair, kind)
    points = 0
    for _ in count_points(partial(sessions.blacklist, raw)):
        points += 1
        row = LoginSession.objects.get(pk=pair.session_id)
        if kind == "refresh" and BlacklistedToken.objects.exists():
            assert row.ended_at is not None

        sessions.blacklist(raw)
        refuse(raw)
        assert BlacklistedToken.objects.count() == 1
        if kind == "refresh":
            refuse(pair.access)
        BlacklistedToken.objects.all().delete()
        LoginSession.objects.update(ended_at=None, end_reason="")
    assert points >= 5


def test_killed_while_purging_what_is_needed_stays(user):
    """Whole batches are gone, nothing that a token or an audit needs is, and the next completes."""
    live = sessions.start(user)
    ended = sessions.start(user)
    sessions.blacklist(ended.access)
    kept = {live.session_id, ended.session_id}
    points = 0
    _make_old_rows(user)
    for _ in count_points(partial(purge, batch_size=2)):
        points += 1
        assert kept <= set(LoginSession.objects.values_list("pk", flat=True))
        sessions.authenticate(live.access)
        refuse(ended.access)

        purge(batch_size=2)
        assert set(LoginSession.objects.values_list("pk", flat=True)) == kept
        assert BlacklistedToken.objects.count() == 1
        _make_old_rows(user)
    assert points >= 12


def _make_old_rows(user):
    past = timezone.now() - timedelta(days=100)
    LoginSession.objects.bulk_create(
        LoginSession(user=user, subject="1", created_at=past, refreshed_at=past, expires_at=past)
        for _ in range(5)
    )
    BlacklistedToken.objects.bulk_create(
        BlacklistedToken(jti=f"old {number}", expires_at=past, reason="other")
        for number in range(3)
    )
