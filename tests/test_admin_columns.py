"""The columns of the list of sign-ins."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.http import user_agents
from django_jwtauth.models import Kind, LoginSession, Reason, Via
from tests.desk import LIST, text_of
from tests.rows import fill

User = get_user_model()


def row_of(answer):
    """The first row of the list, as read."""
    row = re.search(r"<th class=\"field-.*?</tr>", answer.content.decode(), re.S)[0]
    return " ".join(re.sub(r"<[^>]+>", " ", row).replace("&#x27;", "'").split())


def test_the_list_shows_a_sign_in_at_a_glance(desk, user, rf, monkeypatch):
    """User, status, device, address, when it started, when and from where it was last used."""
    monkeypatch.setattr(user_agents, "parse", None)
    request = rf.post("/", HTTP_USER_AGENT="Mozilla/5.0 (X11; rv:140.0) Gecko Firefox/140.0")
    pair = sessions.start(user, request)
    row = row_of(desk.get(LIST))

    assert re.fullmatch(
        r"anna Live Firefox 140 on Linux 127\.0\.0\.1 started: (?P<started>[\d-]+ [\d:]+)"
        r" last used: (?P=started) 127\.0\.0\.1",
        row,
    )
    then = timezone.now() + timedelta(days=2)
    LoginSession.objects.update(refreshed_at=then, refreshed_ip="2001:db8::7")
    expected = timezone.localtime(then).strftime("last used: %Y-%m-%d %H:%M 2001:db8::7")
    assert row_of(desk.get(LIST)).endswith(expected)
    LoginSession.objects.filter(pk=pair.session_id).end(
        reason=Reason.LEFT, via=Via.COMMAND, by=user
    )
    answer = desk.get(LIST)
    assert row_of(answer).startswith("anna Ended Person left Firefox")
    assert re.search(r'title="[^"]+, Command, anna"', answer.content.decode())


def test_a_device_is_called_what_its_owner_calls_it(desk, session):
    """The name wins over the user agent."""
    LoginSession.objects.update(name="Anna's phone", user_agent="okhttp/4.12", ip_address="::1")

    assert "anna Live Anna's phone ::1" in row_of(desk.get(LIST))


def test_what_a_theft_ended_is_marked(desk, session):
    """Not by its colour alone."""
    icons = set()
    for reason, kind in ((Reason.SIGNED_OUT, "ended"), (Reason.REUSED, "alarm")):
        LoginSession.objects.update(ended_at=timezone.now(), end_reason=reason)
        page = desk.get(LIST).content.decode()
        assert f'class="jwtauth-status jwtauth-{kind}"' in page
        icons.add(re.search(r' d="([^"]+)"', page)[1])

    assert len(icons) == 2


def test_the_list_of_api_tokens_has_what_matters_for_them(desk, user):
    """Name, owner, scopes, when and from where it was used, or that it never was."""
    new = api_tokens.create(user, "deploy")
    LoginSession.objects.update(scope="reports:read reports:write")
    answer = desk.get(LIST, {"kind": Kind.API_TOKEN})
    expires = timezone.localtime(new.session.expires_at).strftime("%Y-%m-%d %H:%M")

    assert answer.context["cl"].list_display[1:] == [
        *("token_name", "user_name", "state", "scopes", "used", "expires")
    ]
    assert row_of(answer) == (
        f"deploy anna Live reports:read reports:write last used: Never used expires: {expires}"
    )
    LoginSession.objects.update(last_used_at=new.session.created_at, last_used_ip="192.0.2.7")
    assert "192.0.2.7" in row_of(desk.get(LIST, {"kind": Kind.API_TOKEN}))


def test_the_list_of_one_time_tokens_has_what_matters_for_them(desk, user):
    """What each is for, and when it expires."""
    one_time.create(user, one_time.SIGN_IN)
    answer = desk.get(LIST, {"kind": Kind.ONE_TIME})

    assert re.match(r"sign_in anna Live - started: [\d-]+ [\d:]+ expires: ", row_of(answer))


def test_links_lead_to_the_list_of_each_kind(desk, user):
    """With the filters of this one, but not its page and its order."""
    answer = desk.get(LIST, {"kind": "api_token", "user": user.pk, "o": "1"})

    assert answer.context["kinds"] == [
        (f"?user={user.pk}", "All", False),
        (f"?user={user.pk}&kind=sign_in", "Sign-ins", False),
        (f"?user={user.pk}&kind=api_token", "API tokens", True),
        (f"?user={user.pk}&kind=one_time", "One-time tokens", False),
        (f"?user={user.pk}&kind=acting", "Operators acting for users", False),
    ]
    page = answer.content.decode()
    assert f'href="?user={user.pk}&amp;kind=api_token" aria-current="page">API tokens</a>' in page
    assert 'kind=sign_in" aria-current' not in page


def test_an_unknown_kind_shows_the_usual_columns(desk, session):
    """And no row."""
    answer = desk.get(LIST, {"kind": "x"})

    assert "device" in answer.context["cl"].list_display
    assert not answer.context["cl"].result_list


@pytest.mark.parametrize("kind", ["", *Kind])
def test_the_list_asks_as_much_of_many_rows_as_of_one(desk, user, django_assert_num_queries, kind):
    """None of the cells has a query of its own."""
    fill(user, 1, kind=kind or Kind.SIGN_IN)
    query = {"kind": kind} if kind else {"status": "live"}
    with CaptureQueriesContext(connection) as captured:
        desk.get(LIST, query)
    fill(user, 20, kind=kind or Kind.SIGN_IN, ip_address="2001:db8::1", user_agent="curl/8.1")
    with django_assert_num_queries(len(captured)):
        desk.get(LIST, query)


def test_the_list_says_in_which_time_zone_it_is(desk, session):
    """The times of logs may be in another."""
    assert "Times are in the time zone America/Chicago (UTC-0" in text_of(desk.get(LIST))


def deactivate(session):
    User.objects.update(is_active=False)


def change_password(session):
    User.objects.update(password="!")


STATUSES = {
    "Live": lambda session: None,
    "Ended": lambda session: LoginSession.objects.all().end(),
    "Expired": lambda session: LoginSession.objects.update(expires_at=timezone.now()),
    "User deactivated": deactivate,
    "Password changed": change_password,
    "User deleted": lambda session: LoginSession.objects.update(user=None),
}


@pytest.mark.parametrize("status", STATUSES)
def test_the_status_is_what_a_request_would_meet(admin_site_of, session, status):
    """A sign-in that nothing accepts any more is not called live, swept or not."""
    STATUSES[status](session)
    session = LoginSession.objects.get()

    assert admin_site_of(LoginSession).status(session) == status


def test_an_api_token_that_outlives_the_password_is_live(admin_site_of, user, settings):
    """As a request with it would find."""
    settings.JWTAUTH = {"API_TOKENS": {"SURVIVE_PASSWORD_CHANGE": True}}
    new = api_tokens.create(user, "deploy")
    change_password(new.session)

    assert sessions.authenticate(new.raw)
    assert admin_site_of(LoginSession).status(LoginSession.objects.get()) == "Live"


@pytest.fixture
def admin_site_of():
    return admin.site.get_model_admin
