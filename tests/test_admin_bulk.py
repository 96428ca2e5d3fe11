"""Ending all sign-ins of a user, or all before a time."""

import io
import re
import shlex
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_jwtauth import sessions
from django_jwtauth.admin import bulk
from django_jwtauth.models import Kind, LoginSession, Reason, Via
from tests.desk import (
    END,
    END_BEFORE,
    END_USER,
    LIST,
    WHY,
    before,
    text_of,
)
from tests.rows import fill


def an_hour_ago():
    return timezone.now() - timedelta(hours=1)


def backdate(pair, hours=2):
    created_at = timezone.now() - timedelta(hours=hours)
    LoginSession.objects.filter(pk=pair.session_id).update(created_at=created_at)


# --- all of one user


def test_all_sign_ins_of_a_user_end_and_the_next_call_is_refused(desk, api, user, other_user):
    """From the user's page: how many, why, and done."""
    pairs, other = [sessions.start(user), sessions.start(user)], sessions.start(other_user)
    url = f"{END_USER}?user={user.pk}"
    page = text_of(desk.get(url))
    assert "End all sign-ins of anna" in page
    assert "Sign-ins that will end: 2" in page
    answer = desk.post(url, WHY, follow=True)

    assert answer.redirect_chain == [(f"{LIST}?user={user.pk}", 302)]
    assert "2 sign-ins ended." in text_of(answer)
    for pair in pairs:
        assert api.protected(pair.access).json()["reason"] == "session_ended"
        assert api.refresh(pair.refresh).json()["reason"] == "session_ended"
    assert api.protected(other.access).status_code == 200
    history = reverse("admin:auth_user_history", args=[user.pk])
    assert "2 sign-ins ended. Revoked: Token or device stolen. Ticket 4711" in text_of(
        desk.get(history)
    )


def test_the_row_says_who_ended_it_when_and_why(desk, user, pair):
    """As for a sign-in that was chosen by itself."""
    desk.post(f"{END_USER}?user={user.pk}", WHY)
    session = LoginSession.objects.get()

    assert (session.end_reason, session.ended_via) == (Reason.STOLEN, Via.ADMIN)
    assert (session.ended_by.username, session.ended_by_name) == ("olga", "olga")
    assert session.end_note == "Ticket 4711"


def test_pressing_twice_is_harmless(desk, user, pair):
    """The second time there is nothing to end, and the page says so."""
    url = f"{END_USER}?user={user.pk}"
    desk.post(url, WHY)
    before = LoginSession.objects.values().get()
    again = desk.post(url, WHY, follow=True)
    page = desk.get(url)

    assert "0 sign-ins ended. 1 had already ended." in text_of(again)
    assert "Already ended, not changed: 1" in text_of(page)
    assert 'value="End sign-ins"' not in page.content.decode()
    assert LoginSession.objects.values().get() == before


def test_the_page_says_that_the_password_still_works(admin_client, desk, user, pair):
    """Ending sign-ins does not keep anybody out who knows the password."""
    page_of_user = reverse("admin:auth_user_change", args=[user.pk])
    for url in (END_USER, END_BEFORE):
        query = f"{url}?user={user.pk}"
        answers = [
            browser.get(query) if url == END_USER else browser.post(query, before(timezone.now()))
            for browser in (admin_client, desk)
        ]
        may, may_not = (answer.content.decode() for answer in answers)

        assert "Whoever knows the password can sign in again." in may
        assert f'href="{page_of_user}"' in may
        # Who may not change users is told what to do, by no link that ends nowhere.
        assert "Whoever knows the password can sign in again." in may_not
        assert "Ask somebody who may change users" in may_not
        assert page_of_user not in may_not


def test_without_users_in_the_admin_there_is_no_link(admin_client, user, pair, monkeypatch):
    """As where accounts are kept elsewhere."""
    monkeypatch.delitem(admin.site._registry, type(user))

    assert "Ask somebody" in text_of(admin_client.get(f"{END_USER}?user={user.pk}"))


@pytest.mark.parametrize("value", ["", "x", "999999", "9" * 40, "\x00"])
@pytest.mark.parametrize("url", [END_USER, END_BEFORE])
def test_a_user_that_cannot_be_is_nobody_and_not_everybody(chief, pair, url, value):
    """A mistaken link ends nothing."""
    for body in (WHY, before(timezone.now(), confirm="everybody")):
        answer = chief.post(url, body, query_params={"user": value})
        assert answer.status_code == 404
    assert chief.get(END_USER).status_code == 404
    assert LoginSession.objects.live().exists()


@pytest.mark.parametrize("body", [{}, {"reason": "stolen"}, {"note": "x"}, {**WHY, "note": " "}])
def test_a_reason_and_a_note_are_required(chief, user, pair, body):
    """Until then nothing is ended, on any of the pages."""
    times = {name: value for name, value in before(timezone.now()).items() if name not in WHY}
    for url, extra in ((END_USER, {}), (END_BEFORE, {**times, "confirm": "anna"})):
        answer = chief.post(f"{url}?user={user.pk}", {**body, **extra})
        assert answer.status_code == 200
        assert answer.context["errors"]
    assert LoginSession.objects.live().exists()


# --- before a given time


def test_everything_before_a_time_ends_and_the_next_call_is_refused(chief, api, user, other_user):
    """First a number, then a word to type, then done; what started after goes on."""
    older, newer = [sessions.start(user), sessions.start(other_user)], sessions.start(user)
    for pair in older:
        backdate(pair)
    refreshed = sessions.refresh(older[0].refresh)
    body = before(an_hour_ago())
    counted = chief.post(END_BEFORE, body)
    assert "Sign-ins that will end: 2" in text_of(counted)
    assert "To confirm, type: everybody" in text_of(counted)
    assert api.protected(refreshed.access).status_code == 200

    answer = chief.post(END_BEFORE, {**body, "confirm": "everybody"}, follow=True)

    assert answer.redirect_chain == [(LIST, 302)]
    assert "2 sign-ins ended." in text_of(answer)
    assert api.protected(refreshed.access).json()["reason"] == "session_ended"
    assert api.refresh(refreshed.refresh).json()["reason"] == "session_ended"
    assert api.protected(older[1].access).status_code == 401
    assert api.protected(newer.access).status_code == 200
    assert LogEntry.objects.get().change_message.startswith("2 sign-ins ended. Revoked: Token")


def test_one_users_older_ones_end(desk, api, user, other_user):
    """With the user's name to type; without the permission to end everybody's."""
    older, newer, other = sessions.start(user), sessions.start(user), sessions.start(other_user)
    for pair in (older, other):
        backdate(pair)
    url, body = f"{END_BEFORE}?user={user.pk}", before(an_hour_ago())
    counted = desk.post(url, body)
    assert "Sign-ins that will end: 1" in text_of(counted)
    assert "To confirm, type: anna" in text_of(counted)

    desk.post(url, {**body, "confirm": "anna"})

    assert [api.protected(pair.access).status_code for pair in (older, newer, other)] == [
        401,
        200,
        200,
    ]


@pytest.mark.parametrize("typed", ["", "Everybody", "anna", "everybody!"])
def test_another_word_confirms_nothing(chief, api, pair, typed):
    """The choices stay, the word is asked for again."""
    backdate(pair)
    answer = chief.post(END_BEFORE, {**before(an_hour_ago()), "confirm": typed})

    assert answer.context["errors"]
    assert "Sign-ins that will end: 1" in text_of(answer)
    assert api.protected(pair.access).status_code == 200


def test_the_second_step_carries_the_first(chief, user):
    """What the page posts is what was counted, to the second."""
    fill(user, 5)
    at = LoginSession.objects.order_by("created_at")[2].created_at.replace(microsecond=0)
    page = chief.post(END_BEFORE, before(at)).content.decode()
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    hidden.pop("csrfmiddlewaretoken", None)

    assert hidden == before(at)
    chief.post(END_BEFORE, {**hidden, "confirm": "everybody"})
    assert LoginSession.objects.exclude(ended_at=None).count() == 2


def test_the_time_zone_is_said_and_meant(chief, user, settings):
    """14:00 is the operator's 14:00."""
    settings.TIME_ZONE = "Asia/Tokyo"
    pair = sessions.start(user)
    LoginSession.objects.update(
        created_at=timezone.datetime(2026, 1, 1, 4, 59, 59, tzinfo=timezone.timezone.utc)
    )
    form = text_of(chief.get(END_BEFORE))
    assert "Time zone: Asia/Tokyo (UTC+09:00). It is now" in form

    for clock, number in (("13:59:59", 0), ("14:00", 1)):
        body = {"before_0": "2026-01-01", "before_1": clock, **WHY}
        text = text_of(chief.post(END_BEFORE, body))
        assert f"Sign-ins that will end: {number}" in text, pair
        assert "Asia/Tokyo (UTC+09:00)" in text


@pytest.mark.parametrize("date", ["", "nonsense", "2999-01-01", "0001-01-01", "9999-12-31"])
def test_a_time_that_cannot_be_ends_nothing(chief, pair, date):
    """Neither one that is in the future, which would be a mistake."""
    body = {"before_0": date, "before_1": "14:00", **WHY}
    for extra in ({}, {"confirm": "everybody"}):
        assert chief.post(END_BEFORE, {**body, **extra}, follow=True).status_code == 200
    assert LoginSession.objects.live().exists()


@pytest.mark.parametrize("url", [END_USER, END_BEFORE])
def test_the_pages_say_what_goes_on_working(chief, user, pair, settings, url):
    """Services that only verify, and API tokens there; legacy tokens are refused, too."""
    settings.JWTAUTH = {
        "ACCESS_TOKEN_LIFETIME": 600,
        "API_TOKENS": {"MAX_LIFETIME": timedelta(days=90)},
        "LEGACY": {
            "UNTIL": "2999-01-01T00:00:00Z",
            "DECODER": "django_jwtauth.contrib.simplejwt.decode",
        },
    }
    url = f"{url}?user={user.pk}"

    def read():
        answer = chief.get(url) if END_USER in url else chief.post(url, before(timezone.now()))
        return text_of(answer)

    assert "keep accepting their access tokens for up to 10 minutes." in read()
    assert "LEGACY" not in read()
    assert "API tokens among them" not in read()
    fill(user, 1, kind=Kind.API_TOKEN)
    assert "API tokens among them are accepted until they expire, up to 90 days" in read()


def test_ending_single_sign_ins_leaves_legacy_tokens(chief, pair, settings):
    """Those that were not exchanged yet belong to none, and the page says so."""
    settings.JWTAUTH = {
        "LEGACY": {
            "UNTIL": "2999-01-01T00:00:00Z",
            "DECODER": "django_jwtauth.contrib.simplejwt.decode",
        },
    }
    text = text_of(chief.get(END, {"sid": pair.session_id.hex}))

    assert "accepted until" in text
    assert '(LEGACY["UNTIL"])' in text


# --- too many for a page


@pytest.mark.parametrize("one_user", [True, False])
def test_beyond_the_bound_the_command_takes_over(chief, user, monkeypatch, one_user):
    """The page ends nothing and shows the line; pasted into a terminal, the line does it."""
    monkeypatch.setattr(bulk, "MAX_IN_REQUEST", 3)
    fill(user, 5)
    note = """It's "odd" $(reboot) `x`\n; --all"""
    body = {**before(timezone.now() - timedelta(minutes=30)), "note": note}
    url = f"{END_USER}?user={user.pk}" if one_user else END_BEFORE
    answer = chief.post(url, {**body, "confirm": "everybody"})

    assert "Sign-ins that will end: 3+" in text_of(answer)
    assert LoginSession.objects.live().count() == 5
    python, manage, *words = shlex.split(answer.context["command"])
    assert [python, manage, words[0]] == ["python", "manage.py", "jwtauth_revoke"]
    assert answer.context["command"].splitlines() == [answer.context["command"]]
    call_command(*words, *([] if one_user else ["--no-input"]), stdout=io.StringIO())
    assert not LoginSession.objects.live().exists()
    row = LoginSession.objects.first()
    assert (row.ended_by_name, row.ended_via) == ("carla", "command")
    assert row.end_note == " ".join(note.split())


def test_the_bound_itself_is_done_by_the_page(chief, user, monkeypatch):
    """As many as the bound, not one more."""
    monkeypatch.setattr(bulk, "MAX_IN_REQUEST", 3)
    fill(user, 3)
    chief.post(f"{END_USER}?user={user.pk}", WHY)

    assert not LoginSession.objects.live().exists()


def test_ten_thousand_are_ended_within_a_request(chief, user):
    """In a second or two, with a bounded number of statements."""
    fill(user, bulk.MAX_IN_REQUEST, created_at=an_hour_ago())
    with CaptureQueriesContext(connection) as captured:
        chief.post(f"{END_USER}?user={user.pk}", WHY)

    assert not LoginSession.objects.live().exists()
    assert len(captured) < 100
