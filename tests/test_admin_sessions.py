"""Ending sign-ins in the admin, and their records."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_jwtauth import sessions
from django_jwtauth.admin.sessions import MAX_ENDED_AT_ONCE
from django_jwtauth.models import LoginSession, Reason, Via
from django_jwtauth.throttling.accounts import digests_of
from tests.desk import END, LIST, WHY, page_of, select, text_of

User = get_user_model()


# --- ending sign-ins


def test_the_action_ends_a_sign_in_and_the_next_call_is_refused(desk, api, pair, session):
    """Choose, confirm with a reason, and the access token is dead at once."""
    assert api.protected(pair.access).status_code == 200

    confirmation = desk.post(LIST, select(session))
    assert confirmation.status_code == 200
    assert api.protected(pair.access).status_code == 200

    answer = desk.post(END, {"sid": session.sid, **WHY}, follow=True)

    assert answer.redirect_chain == [(LIST, 302)]
    assert "1 sign-in ended." in text_of(answer)
    assert api.protected(pair.access).status_code == 401
    assert api.refresh(pair.refresh).json()["reason"] == "session_ended"


def test_the_button_ends_the_sign_in_it_stands_beside(desk, session, other_user):
    """The link of the page leads to a confirmation for this sign-in and no other."""
    other = sessions.start(other_user)
    page = desk.get(page_of(session)).content.decode()
    (url,) = re.findall(rf'href="({END}[^"]+)"', page)
    confirmation = desk.get(url)

    assert [one for one, *rest in confirmation.context["ending"]] == [session]
    desk.post(END, {"sid": session.sid, **WHY})
    assert list(LoginSession.objects.live()) == [LoginSession.objects.get(pk=other.session_id)]
    # What is over has no button.
    assert END not in desk.get(page_of(session)).content.decode()


def test_the_row_says_who_ended_it_when_and_why(desk, session):
    """The record answers the auditor without the admin's log."""
    before = timezone.now()
    desk.post(END, {"sid": session.sid, **WHY})
    session.refresh_from_db()

    assert (session.end_reason, session.ended_via) == (Reason.STOLEN, Via.ADMIN)
    assert (session.ended_by.username, session.ended_by_name) == ("olga", "olga")
    assert session.end_note == "Ticket 4711"
    assert before <= session.ended_at <= timezone.now()
    page = text_of(desk.get(page_of(session)))
    for words in ("Token or device stolen", "Admin", "olga", "Ticket 4711"):
        assert words in page


def test_the_confirmation_tells_the_effect_in_numbers(desk, user, other_user):
    """How many end, of how many users, and how many are over already."""
    for one in (user, user, user, other_user):
        sessions.start(one)
    chosen = list(LoginSession.objects.order_by("pk"))
    LoginSession.objects.filter(pk=chosen[0].pk).end()
    text = text_of(desk.post(LIST, select(*chosen)))

    assert "Sign-ins that will end: 3" in text
    assert "Users affected: 2" in text
    assert "Already ended, not changed: 1" in text


@pytest.mark.parametrize(
    ("lifetime", "words"),
    [
        (timedelta(minutes=5), "for up to 5 minutes."),
        (timedelta(seconds=61), "for up to 2 minutes."),
        (timedelta(days=1), "for up to 1 day."),
    ],
)
def test_the_confirmation_says_what_goes_on_working(desk, session, settings, lifetime, words):
    """Services that only verify cannot know: the time is rounded up, never down."""
    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIME": lifetime}
    text = text_of(desk.get(END, {"sid": session.sid}))

    assert f"Services that only verify tokens keep accepting their access tokens {words}" in text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reason": "stolen"},
        {"note": "x"},
        {"reason": "reused", "note": "x"},
        {**WHY, "note": " "},
    ],
)
def test_a_reason_and_a_note_are_required(desk, api, pair, session, body):
    """One of an operator's reasons, and words; until then nothing is ended."""
    answer = desk.post(END, {"sid": session.sid, **body})

    assert answer.status_code == 200
    assert answer.context["errors"]
    assert session.sid in answer.content.decode()
    assert api.protected(pair.access).status_code == 200


def test_what_ended_before_keeps_its_record(desk, session):
    """Pressing twice is harmless, and the first reason stays."""
    session_set = LoginSession.objects.filter(pk=session.pk)
    session_set.end(reason=Reason.REUSED, via=Via.REUSE_DETECTION)
    before = session_set.values().get()
    answer = desk.post(END, {"sid": session.sid, **WHY}, follow=True)

    assert session_set.values().get() == before
    assert "0 sign-ins ended. 1 had already ended." in text_of(answer)
    assert not LogEntry.objects.exists()
    assert "Already ended" in text_of(desk.get(END, {"sid": session.sid}, follow=True))


def test_the_admin_log_gets_one_entry_for_each_sign_in_that_ended(desk, user, session):
    """In the history of the sign-in, in one statement however many they are."""
    for _ in range(3):
        sessions.start(user)
    LoginSession.objects.filter(pk=session.pk).end()
    sids = [one.sid for one in LoginSession.objects.all()]
    with CaptureQueriesContext(connection) as captured:
        desk.post(END, {"sid": sids, **WHY})

    entries = LogEntry.objects.all()
    ended = LoginSession.objects.filter(ended_via=Via.ADMIN)
    assert {entry.object_id for entry in entries} == {str(one.pk) for one in ended}
    assert len(entries) == 3
    assert {entry.change_message for entry in entries} == {
        "Revoked: Token or device stolen. Ticket 4711"
    }
    assert {entry.user.username for entry in entries} == {"olga"}
    statements = [query["sql"] for query in captured if "django_admin_log" in query["sql"]]
    assert len(statements) == 1
    assert "Ticket 4711" in text_of(desk.get(page_of(ended[0], "history")))


def test_a_selection_beyond_the_bound_is_refused_whole(desk, user, monkeypatch):
    """ "Select all" of a long list is no way to end a million sign-ins by one click."""
    monkeypatch.setattr("django_jwtauth.admin.sessions.MAX_ENDED_AT_ONCE", 2)
    for _ in range(3):
        sessions.start(user)
    first = LoginSession.objects.first()
    answer = desk.post(LIST, select(first, select_across="1"), follow=True)

    assert "Select at most 2 sign-ins. None was ended." in text_of(answer)
    assert desk.post(END, {"sid": [first.sid] * 3, **WHY}).status_code == 400
    assert LoginSession.objects.live().count() == 3


def test_as_many_as_the_bound_can_be_ended_by_one_form(desk, user):
    """Within Django's limit of fields and the oldest SQLite's of parameters."""
    sessions.start(user)
    one = LoginSession.objects.values().get()
    LoginSession.objects.all().delete()
    LoginSession.objects.bulk_create(
        LoginSession(**{**one, "id": None, "pk": LoginSession().pk})
        for _ in range(MAX_ENDED_AT_ONCE)
    )
    first = LoginSession.objects.first()
    confirmation = desk.post(LIST, select(first, select_across="1"))
    sids = re.findall(r'name="sid" value="([0-9a-f]{32})"', confirmation.content.decode())
    answer = desk.post(END, {"sid": sids, **WHY}, follow=True)

    assert len(sids) == MAX_ENDED_AT_ONCE <= 900
    assert f"{MAX_ENDED_AT_ONCE} sign-ins ended." in text_of(answer)


@pytest.mark.parametrize(
    ("sids", "status"),
    [([], 404), (["0" * 32], 404), (["1; DROP TABLE"], 400), (["\x00"], 400), (["1" * 5000], 400)],
)
def test_what_names_no_sign_in_is_the_callers_mistake(desk, session, sids, status):
    """Neither 500 nor a page that pretends to end something."""
    assert desk.get(END, {"sid": sids}).status_code == status
    assert desk.post(END, {"sid": sids, **WHY}).status_code == status


def test_the_filters_of_the_list_are_still_set_afterwards(desk, session):
    """Whoever works through a list goes on where they were."""
    filtered = f"{LIST}?status=live"
    confirmation = desk.post(filtered, select(session))
    (action,) = re.findall(rf'action="({END}[^"]*)"', confirmation.content.decode())
    answer = desk.post(action.replace("&amp;", "&"), {"sid": session.sid, **WHY})

    assert answer.url == filtered
    assert confirmation.context["list_url"] == filtered


# --- the records


def test_deleting_a_user_is_not_held_up_and_the_record_stays(admin_client, user, session):
    """Read-only records are no reason to keep an account."""
    answer = admin_client.post(
        reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"}, follow=True
    )

    assert not User.objects.filter(pk=user.pk).exists()
    assert "was deleted successfully" in text_of(answer)
    assert f"{user.pk} (deleted)" in text_of(admin_client.get(LIST))


def test_what_is_not_known_is_a_dash(desk, session):
    """A device that its owner has not named; "None" is no word for people."""
    page = text_of(desk.get(page_of(session)))

    assert "Device name: -" in page
    assert "None" not in page


def test_the_page_says_how_to_find_an_account_in_the_log(desk, user, session):
    """By the digest of the user's name; without a user there is none."""
    assert digests_of("anna")[0] in text_of(desk.get(page_of(session)))

    LoginSession.objects.update(user=None)
    assert "In the log of refused sign-ins: -" in text_of(desk.get(page_of(session)))
