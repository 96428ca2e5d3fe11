"""An operator acts for a user from the admin: the token is shown once, and ends at log-out."""

import re

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_jwtauth import exceptions, sessions
from django_jwtauth.models import Kind, LoginSession, Via
from tests.calls import reason_of
from tests.conftest import Client

pytestmark = pytest.mark.django_db

ACT = reverse("admin:django_jwtauth_loginsession_act")
LIST = reverse("admin:django_jwtauth_loginsession_changelist")
WHAT = {"reason": "Ticket 4711", "minutes": "30"}


@pytest.fixture
def helper(staff):
    return staff("view_loginsession", "impersonate_user", "view_user")


@pytest.fixture
def url(user):
    return f"{ACT}?user={user.pk}"


def token_in(answer):
    (raw,) = re.findall(r'<pre class="jwtauth-token"[^>]*>(.+)</pre>', answer.content.decode())
    return raw


def acting_rows():
    return LoginSession.objects.filter(kind=Kind.ACTING)


def test_a_token_is_shown_once_and_recorded(helper, user, url):
    """From the form to a call with what is on the answer."""
    assert helper.get(url).status_code == 200
    answer = helper.post(url, WHAT)
    raw = token_in(answer)

    assert Client().protected(raw).json() == {"user": "anna"}
    row = acting_rows().get()
    operator = User.objects.get(username=row.actor_name)
    assert (row.user, row.acting_reason) == (user, "Ticket 4711")
    sentence = f"{operator.username} acts for anna, because: Ticket 4711"
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.change_message) == (ADDITION, sentence)
    for page in (
        f"{LIST}?kind=acting",
        LIST,
        reverse("admin:django_jwtauth_loginsession_change", args=[row.pk]),
    ):
        text = helper.get(page).content.decode()
        assert sentence in text
        assert raw not in text
    assert raw not in str([one.get_decoded() for one in Session.objects.all()])


def test_it_ends_when_the_operator_signs_out_of_the_admin(helper, url):
    """Both times; the sign-in from which the operator acted ends, too."""
    raws = [token_in(helper.post(url, WHAT)) for _ in range(2)]
    own = LoginSession.objects.filter(kind=Kind.SIGN_IN)
    assert own.live().count() == 2

    helper.post(reverse("admin:logout"))

    assert {reason_of(sessions.authenticate, raw) for raw in raws} == {"acting_ended"}
    assert {*own.values_list("ended_via", flat=True)} == {Via.ADMIN}
    assert not own.live().exists()


def test_the_list_says_that_the_operators_sign_in_is_over(helper, url):
    """Before a request has ended the row."""
    helper.post(url, WHAT)
    LoginSession.objects.filter(kind=Kind.SIGN_IN).end()
    assert "Sign-in of the operator over" in helper.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 256}, "reason"),
        ({"minutes": "61"}, "minutes"),
        ({"minutes": "0"}, "minutes"),
    ],
)
def test_what_is_wrong_is_shown(helper, url, body, field):
    """Nothing is written."""
    answer = helper.post(url, {**WHAT, **body})
    assert field in answer.context["adminform"].form.errors
    assert not LoginSession.objects.exists()


def test_who_may_not_act_gets_no_page(helper, staff, user, url):
    """Without the permission, and for a user who may do more."""
    assert staff("view_loginsession", name="viewer").get(url).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="change_user"))
    assert helper.get(url).status_code == 403
    assert helper.post(url, WHAT).status_code == 403
    assert helper.get(f"{ACT}?user=999").status_code == 404
    assert not LoginSession.objects.exists()


def test_a_refusal_is_shown_and_leaves_no_sign_in(helper, user, url, monkeypatch):
    """An inactive user, a superuser's own page, and a database that does not answer."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    answer = helper.post(url, WHAT)
    assert "This user is inactive." in answer.content.decode()

    def fail(*args, **kwargs):
        raise exceptions.Unavailable

    monkeypatch.setattr("django_jwtauth.admin.acting.acting.start", fail)
    assert "(unavailable)" in helper.post(url, WHAT).content.decode()
    assert not LoginSession.objects.exists()


def test_the_users_page_has_a_button(helper, staff, user):
    """For whoever has the permission."""
    page = reverse("admin:auth_user_change", args=[user.pk])
    assert f"{ACT}?user={user.pk}" in helper.get(page).content.decode()
    viewer = staff("view_loginsession", "view_user", name="viewer")
    assert ACT not in viewer.get(page).content.decode()


def test_signing_out_with_a_token_reads_no_session(pair):
    """Django's signal is sent then, too, and finds a session that nobody has read."""
    client = Client()
    client.cookies["sessionid"] = "x" * 32
    with CaptureQueriesContext(connection) as captured:
        client.blacklist(refresh=pair.refresh)
    assert not any("django_session" in query["sql"] for query in captured)
