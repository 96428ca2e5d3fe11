import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from django_jwtauth import sessions
from django_jwtauth.models import BlacklistedToken, LoginSession
from tests.conftest import DESK
from tests.desk import BLACKLIST, END, LIST, PASTE, WHY, page_of, select
from tests.subproject import USER_MODELS, run_pytest


@pytest.fixture
def blacklisted(other_user):
    sessions.blacklist(sessions.start(other_user).access)
    return BlacklistedToken.objects.get()


# --- who may do what


@pytest.mark.parametrize(
    ("url", "enough", "too_little"),
    [
        (LIST, ["view_loginsession"], ["end_sessions"]),
        (BLACKLIST, ["view_blacklistedtoken"], ["blacklist_token"]),
        (PASTE, ["blacklist_token"], ["view_blacklistedtoken", "end_sessions"]),
    ],
)
def test_a_page_opens_for_its_permission_only(staff, url, enough, too_little):
    """A view-only operator reads, and each act has a permission of its own."""
    assert staff(*enough).get(url).status_code == 200
    assert staff(*too_little, name="otto").get(url).status_code == 403


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("codenames", "status"),
    [
        ([], 403),
        (["view_loginsession"], 403),
        (["end_sessions"], 403),
        (["view_loginsession", "blacklist_token", "end_all_sessions"], 403),
        (["view_loginsession", "end_sessions"], 200),
    ],
)
def test_ending_needs_two_permissions(staff, session, method, codenames, status):
    """To see sign-ins and to end them: each without the other is not enough."""
    answer = getattr(staff(*codenames), method)(END, {"sid": session.sid})

    assert answer.status_code == status


def test_without_the_permission_a_forged_request_ends_nothing(staff, api, pair, session):
    """Neither the action nor the confirmation obeys who may only view."""
    browser = staff("view_loginsession")
    browser.post(LIST, select(session))
    browser.post(END, {"sid": session.sid, **WHY})

    assert api.protected(pair.access).status_code == 200


def test_without_the_permission_a_pasted_token_goes_on_working(staff, api, pair):
    """Viewing blacklisted tokens does not entitle to add one."""
    browser = staff("view_blacklistedtoken", "end_sessions")

    assert browser.post(PASTE, {"token": pair.access, **WHY}).status_code == 403
    assert api.protected(pair.access).status_code == 200


def test_buttons_are_shown_to_who_may_press_them(staff, session):
    """No dead end: what an operator may not do is not offered."""
    viewer = staff("view_loginsession", "view_blacklistedtoken")
    desk = staff(*DESK, name="otto")

    for browser, offered in ((viewer, False), (desk, True)):
        assert ("end_selected" in browser.get(LIST).content.decode()) is offered
        assert (END in browser.get(page_of(session)).content.decode()) is offered
        assert (PASTE in browser.get(BLACKLIST).content.decode()) is offered


@pytest.mark.parametrize("url", [LIST, END, BLACKLIST, PASTE])
def test_who_is_not_logged_in_is_sent_to_the_login(db, url):
    """The pages of our own are part of the admin."""
    answer = Client().get(url)

    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


@pytest.mark.parametrize("name", ["change", "delete"])
def test_nobody_edits_or_deletes_a_record(admin_client, session, blacklisted, name):
    """Not even a superuser: deleting a record would revive what it revoked."""
    for record in (session, blacklisted):
        assert admin_client.post(page_of(record, name), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in admin_client.get(LIST).content.decode()
    add = reverse("admin:django_jwtauth_loginsession_add")
    assert admin_client.post(add, {}).status_code == 403


def test_posting_needs_the_csrf_token(staff, session, pair):
    """Another site cannot make an operator's browser revoke."""
    browser = staff(*DESK)
    browser.handler.enforce_csrf_checks = True

    assert browser.post(END, {"sid": session.sid, **WHY}).status_code == 403
    assert browser.post(PASTE, {"token": pair.access, **WHY}).status_code == 403


def test_reading_changes_nothing(desk, session, blacklisted):
    """Whatever the query string says, GET leaves every row and the log alone."""
    before = [list(model.objects.values()) for model in (LoginSession, BlacklistedToken)]
    for url in (LIST, END, BLACKLIST, PASTE, page_of(session), page_of(blacklisted)):
        desk.get(url, {"sid": session.sid, "token": "x", **WHY})
        desk.get(url, select(session, post="yes"))

    assert [list(model.objects.values()) for model in (LoginSession, BlacklistedToken)] == before
    assert not LogEntry.objects.exists()


# --- looks


def test_the_pages_need_no_inline_script_or_style(desk, user, session, blacklisted):
    """A strict Content-Security-Policy does not break them."""
    answers = [
        desk.get(LIST),
        desk.get(LIST, {"user": user.pk}),
        desk.get(page_of(session)),
        desk.get(END, {"sid": session.sid}),
        desk.post(END, {"sid": session.sid}),
        desk.get(BLACKLIST),
        desk.get(page_of(blacklisted)),
        desk.get(PASTE),
        desk.post(PASTE, {"token": "x"}),
    ]

    for answer in answers:
        page = answer.content.decode()
        assert answer.status_code == 200
        assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", page)


# --- other user models

# BareUser has no session auth hash, without which Django logs nobody in.
CAN_LOG_IN = [model for model in USER_MODELS if model != "BareUser"]


@pytest.mark.parametrize("model", CAN_LOG_IN)
def test_the_pages_work_with_every_user_model(model):
    """Nothing is assumed of the primary key, the user name or the default manager."""
    contract = "tests/admin_users/contract.py"
    run_pytest("tests.admin_users.settings", contract, JWTAUTH_TEST_USER=model)
