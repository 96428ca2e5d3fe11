"""What the admin does with every user model. Run by ``tests/test_admin.py``."""

import re
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from django_jwtauth import sessions
from django_jwtauth.models import BlacklistedToken, LoginSession
from tests.conftest import PASSWORD

User = get_user_model()
FIRST, SECOND = User.EXAMPLES

LIST = reverse("admin:django_jwtauth_loginsession_changelist")
BLACKLIST = reverse("admin:django_jwtauth_blacklistedtoken_changelist")
WHY = {"reason": "stolen", "note": "Ticket 4711"}


@pytest.fixture
def user(db):
    return User.objects.create_user(FIRST, PASSWORD)


@pytest.fixture
def operator(db):
    return User.objects.create_user(SECOND, PASSWORD)


@pytest.fixture
def browser(operator, monkeypatch):
    """A browser in which ``operator`` is logged in; the models know nothing of an admin."""
    for name in ("is_staff", "is_active"):
        monkeypatch.setattr(User, name, True, raising=False)
    for name in ("has_perm", "has_module_perms"):
        monkeypatch.setattr(User, name, lambda *args: True, raising=False)
    monkeypatch.setattr(User, "get_all_permissions", lambda *args: set(), raising=False)
    # The admin shows users by it, so a name that is a number must be made text.
    monkeypatch.setattr(User, "__str__", lambda self: str(self.get_username()))
    client = Client()
    client.force_login(operator, "django.contrib.auth.backends.ModelBackend")
    return client


def users_of(answer):
    return [record.user for record in answer.context["cl"].result_list]


def test_the_lists_show_and_find_the_user(browser, user, operator):
    """By its user name, under whatever name the field goes."""
    for one in (user, operator):
        sessions.blacklist(sessions.start(one).access)

    for url in (LIST, BLACKLIST):
        assert set(users_of(browser.get(url))) == {user, operator}
        found = browser.get(url, {"q": str(FIRST)})
        assert users_of(found) == [user]
        assert str(FIRST) in found.content.decode()
        assert user in users_of(browser.get(url, {"q": str(user.pk)}))


def test_the_page_of_the_user_leads_to_its_sign_ins(browser, user, operator):
    """By its primary key, under whatever name that goes and of whatever kind."""
    for one in (user, operator):
        sessions.start(one)
    opts = User._meta
    page = browser.get(reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[user.pk]))
    (link,) = re.findall(rf'href="({LIST}\?user=[^"]+)"', page.content.decode())

    assert users_of(browser.get(link)) == [user]


def test_a_sign_in_is_ended_and_a_token_blacklisted(browser, api, user, operator):
    """From the list to the refused call, with the operator on record."""
    first, second = sessions.start(user), sessions.start(user)
    end = reverse("admin:django_jwtauth_loginsession_end")
    paste = reverse("admin:django_jwtauth_blacklistedtoken_add")
    body = {"sid": first.session_id.hex, **WHY}

    assert browser.get(end, body).status_code == 200
    assert browser.post(end, body).status_code == 302
    assert browser.post(paste, {"token": second.access, **WHY}).status_code == 302
    assert api.protected(first.access).json()["reason"] == "session_ended"
    assert api.protected(second.access).json()["reason"] == "blacklisted"
    row, record = LoginSession.objects.get(pk=first.session_id), BlacklistedToken.objects.get()
    assert (row.ended_by, row.ended_by_name) == (operator, str(SECOND))
    assert (record.blacklisted_by, record.blacklisted_by_name) == (operator, str(SECOND))
    assert {entry.user for entry in LogEntry.objects.all()} == {operator}
    for one in (row, record):
        page = reverse(f"admin:django_jwtauth_{one._meta.model_name}_change", args=[one.pk])
        assert browser.get(page).status_code == 200


def test_a_user_who_is_gone_is_not_called_live(browser, user):
    """Deleted for good or hidden by the manager: the list says so, and so does the record."""
    session = LoginSession.objects.get(pk=sessions.start(user).session_id)
    page = reverse("admin:django_jwtauth_loginsession_change", args=[session.pk])
    assert "Live" in browser.get(page).content.decode()
    user.delete()
    words = ("User deleted", "User hidden")

    for url in (LIST, page):
        text = browser.get(url).content.decode()
        assert any(one in text for one in words)


def test_all_sign_ins_of_the_user_are_ended(browser, api, user, operator):
    """From the link on the user's page to the refused call."""
    pair, other = sessions.start(user), sessions.start(operator)
    opts = User._meta
    page = browser.get(reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[user.pk]))
    end = reverse("admin:django_jwtauth_loginsession_end_user")
    (link,) = re.findall(rf'href="({end}\?user=[^"]+)"', page.content.decode())

    assert browser.get(link).status_code == 200
    assert browser.post(link, WHY).status_code == 302
    assert api.protected(pair.access).json()["reason"] == "session_ended"
    assert api.protected(other.access).status_code == 200
    find = reverse("admin:django_jwtauth_loginsession_find")
    assert str(FIRST) in browser.post(find, {"text": pair.access}).content.decode()


def test_the_command_knows_the_user_by_name(api, user):
    """Whatever the field is called, and whatever kind of value it holds."""
    pair = sessions.start(user)
    call_command("jwtauth_revoke", user=str(FIRST), reason="left", note="x", stdout=StringIO())

    assert api.protected(pair.access).json()["reason"] == "session_ended"
