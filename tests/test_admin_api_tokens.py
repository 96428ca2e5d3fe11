"""An operator makes an API token for a user in the admin: shown once, kept nowhere."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from django_jwtauth import api_tokens, sessions
from django_jwtauth.acting import covers
from django_jwtauth.models import Kind, LoginSession
from tests.conftest import DESK, Client

pytestmark = pytest.mark.django_db

CREATE = reverse("admin:django_jwtauth_loginsession_create_api_token")
LIST = reverse("admin:django_jwtauth_loginsession_changelist")
WHAT = {"name": "deploy", "scope": "", "days": "90", "note": "Ticket 4711"}
MAY = ("view_loginsession", "create_api_token")


@pytest.fixture
def maker(staff):
    return staff(*MAY)


@pytest.fixture
def url(user):
    return f"{CREATE}?user={user.pk}"


def token_in(answer):
    (raw,) = re.findall(r'<pre class="jwtauth-token"[^>]*>(.+)</pre>', answer.content.decode())
    return raw


def errors_in(answer):
    return answer.context["adminform"].form.errors


def test_a_token_is_made_and_shown(maker, user, url):
    """From the form to a call with what is on the answer."""
    assert maker.get(url).status_code == 200
    answer = maker.post(url, WHAT)
    raw = token_in(answer)

    assert answer.status_code == 200
    assert Client().protected(raw).json() == {"user": "anna"}
    row = LoginSession.objects.get()
    assert (row.kind, row.name, row.user) == (Kind.API_TOKEN, "deploy", user)
    assert row.expires_at - row.created_at == timedelta(days=90)
    # Neither the form again nor a button that would make another.
    assert 'name="days"' not in answer.content.decode()
    assert 'type="submit" class="default"' not in answer.content.decode()


def test_it_is_shown_once_and_kept_nowhere(maker, url):
    """No cache, message, session, log or later page has it."""
    answer = maker.post(url, WHAT)
    raw = token_in(answer)

    assert "no-store" in answer.headers["Cache-Control"]
    assert not list(answer.wsgi_request._messages)
    assert all(raw not in str(one.get_decoded()) for one in Session.objects.all())
    assert all(raw not in str(one.__dict__) for one in LogEntry.objects.all())
    assert raw not in repr(answer.context_data)
    row = LoginSession.objects.get()
    change = reverse("admin:django_jwtauth_loginsession_change", args=[row.pk])
    for page in (url, LIST, change, reverse("admin:index")):
        assert raw not in maker.get(page).content.decode()


def test_who_made_it_is_on_record(maker, url):
    """The history of the row says who, for whom and why."""
    maker.post(url, WHAT)

    entry, row = LogEntry.objects.get(), LoginSession.objects.get()
    assert entry.action_flag == ADDITION
    assert (entry.user.get_username(), entry.object_id) == ("olga", str(row.pk))
    for word in ("anna", "deploy", "Ticket 4711"):
        assert word in entry.get_change_message()


def test_no_token_without_its_record(maker, url):
    """Where the log cannot be written, nothing is made."""

    def no_log(execute, sql, params, many, context):
        if sql.startswith("INSERT") and "django_admin_log" in sql:
            raise OperationalError("full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(no_log), pytest.raises(OperationalError):
        maker.post(url, WHAT)
    assert not LoginSession.objects.exists()


@pytest.mark.parametrize("lacking", MAY)
def test_both_permissions_are_needed(staff, url, lacking):
    """All others together, the desk's and those for users, make none."""
    every = {*DESK, "end_all_sessions", "change_user", "add_user", *MAY}
    browser = staff(*every - {lacking})

    assert browser.get(url).status_code == 403
    assert browser.post(url, WHAT).status_code == 403
    assert not LoginSession.objects.exists()


def test_who_is_not_logged_in_is_sent_to_the_login(url):
    """An access token opens no page of the admin either."""
    assert Browser().post(url, WHAT).url.startswith(reverse("admin:login"))


def test_a_forged_form_makes_none(maker, url):
    """Another site cannot have the operator's browser make one."""
    strict = Browser(enforce_csrf_checks=True)
    strict.cookies = maker.cookies

    assert strict.post(url, WHAT).status_code == 403
    assert not LoginSession.objects.exists()


def test_asking_for_the_page_makes_none(maker, user):
    """Whatever the query string says."""
    assert maker.get(CREATE, {"user": user.pk, **WHAT}).status_code == 200
    assert not LoginSession.objects.exists()


def make_superuser(user):
    user.is_superuser = True
    user.save()


def give_a_permission(user):
    user.user_permissions.add(Permission.objects.get(codename="delete_user"))


@pytest.mark.parametrize("gains", [make_superuser, give_a_permission])
def test_nobody_gets_more_than_they_have(maker, staff, user, url, gains):
    """A token acts as its user: not for one who may do what the operator may not."""
    gains(user)

    assert maker.get(url).status_code == 403
    assert maker.post(url, WHAT).status_code == 403
    assert not LoginSession.objects.exists()
    operator = get_user_model().objects.get(username="olga")
    make_superuser(operator)
    assert maker.post(url, WHAT).status_code == 200


def test_all_permissions_do_not_make_a_superuser(maker, user, url):
    """A superuser may also do what no permission stands for."""
    operator = get_user_model().objects.get(username="olga")
    operator.user_permissions.set(Permission.objects.all())
    make_superuser(user)

    assert maker.post(url, WHAT).status_code == 403


def test_staff_whose_permissions_cannot_be_listed():
    """A user model with has_perm() alone: a colleague may be able to do anything."""
    by, colleague = SimpleNamespace(pk=1, is_staff=True), SimpleNamespace(pk=2, is_staff=True)
    customer = SimpleNamespace(pk=3, is_staff=False)

    assert not covers(by, colleague)
    assert covers(by, customer)
    assert covers(by, by)


def test_for_one_who_may_the_same_it_is_made(staff, user, url):
    """What the operator may do as well gives nothing away."""
    give_a_permission(user)

    assert staff(*MAY, "delete_user").post(url, WHAT).status_code == 200


@pytest.mark.parametrize("pk", ["", "0", "x", "nul\0", "9" * 30])
def test_for_nobody_it_is_404(maker, pk):
    """No user, no page."""
    assert maker.get(CREATE, {"user": pk}).status_code == 404
    assert maker.post(f"{CREATE}?user=0", WHAT).status_code == 404


def test_scopes_are_those_of_the_user(maker, user, url, settings):
    """What the hook allows is made; one more is an error in the form, and nothing is made."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": "tests.hooks.two_scopes"}}

    answer = maker.post(url, {**WHAT, "scope": "reports:read users:delete"})
    assert "users:delete" in str(errors_in(answer)["scope"])
    assert not LoginSession.objects.exists()

    answer = maker.post(url, {**WHAT, "scope": "reports:read"})
    assert sessions.authenticate(token_in(answer))[1]["scope"] == "reports:read"


def test_the_form_shows_the_scopes_and_an_emptied_field_asks_for_none(maker, url, settings):
    """What a token may be used for is what stands in the form."""
    settings.JWTAUTH = {"HOOKS": {"SCOPES": "tests.hooks.two_scopes"}}
    assert 'value="reports:read reports:write"' in maker.get(url).content.decode()

    answer = maker.post(url, WHAT)

    assert sessions.authenticate(token_in(answer))[1]["scope"] == ""


def test_without_scopes_in_the_project_a_token_has_no_limit(maker, url):
    """An empty field is then all that can be said."""
    assert "This project has no scopes" in maker.get(url).content.decode()
    assert "scope" not in sessions.authenticate(token_in(maker.post(url, WHAT)))[1]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "nul\0"}, "name"),
        ({"days": ""}, "days"),
        ({"days": "0"}, "days"),
        ({"days": "-1"}, "days"),
        ({"days": "366"}, "days"),
        ({"days": "9" * 400}, "days"),
        ({"note": ""}, "note"),
        ({"scope": "x" * 256}, "scope"),
        ({"scope": '"<script>'}, "scope"),
        ({"scope": "\x01"}, "scope"),
    ],
)
def test_what_is_wrong_is_told_by_field(maker, url, wrong, field):
    """Nothing is made, nothing is an error of the server, and nothing is markup."""
    answer = maker.post(url, {**WHAT, **wrong})

    assert answer.status_code == 200
    assert list(errors_in(answer)) == [field]
    assert "<script>" not in answer.content.decode().replace('<script src="', "")
    assert not LoginSession.objects.exists()


def test_the_longest_lifetime_is_the_setting(maker, url, settings):
    """One day more than API_TOKENS["MAX_LIFETIME"] is an error; under a day, a day is asked for."""
    settings.JWTAUTH = {"API_TOKENS": {"MAX_LIFETIME": timedelta(days=7)}}
    assert list(errors_in(maker.post(url, {**WHAT, "days": "8"}))) == ["days"]

    settings.JWTAUTH = {"API_TOKENS": {"MAX_LIFETIME": timedelta(hours=1)}}
    assert 'value="1"' in maker.get(url).content.decode()
    maker.post(url, {**WHAT, "days": "1"})
    assert LoginSession.objects.get().expires_at < timezone.now() + timedelta(hours=1)


def test_refusals_are_told(maker, user, url, settings):
    """A user who is deactivated, or has too many, gets none."""
    settings.JWTAUTH = {"API_TOKENS": {"MAX_PER_USER": 1}}
    api_tokens.create(user, "first")
    assert "too_many_tokens" in maker.post(url, WHAT).content.decode()
    assert LoginSession.objects.count() == 1

    user.is_active = False
    user.save()
    assert "user_inactive" in maker.post(url, WHAT).content.decode()


def test_a_name_is_no_markup(maker, url):
    """What an operator types is text on every page."""
    answer = maker.post(url, {**WHAT, "name": "<b>x</b>"})

    assert "<b>x</b>" not in answer.content.decode()
    assert "<b>x</b>" not in maker.get(LIST).content.decode()


def test_the_page_is_found(staff, user):
    """From the user's page and from the list of one user, for those who may."""
    maker, desk = staff(*MAY, "view_user"), staff(*DESK, name="otto")
    user_page = reverse("admin:auth_user_change", args=[user.pk])
    link = f'href="{CREATE}?user={user.pk}"'

    for page in (user_page, f"{LIST}?user={user.pk}"):
        assert link in maker.get(page).content.decode()
        assert link not in desk.get(page).content.decode()
    assert CREATE not in maker.get(LIST).content.decode()
