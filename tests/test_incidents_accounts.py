"""Incidents of one account: what the page sees, and what it offers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from django_jwtauth import api_tokens, sessions
from django_jwtauth.models import LoginSession
from tests.conftest import DESK
from tests.desk import INCIDENTS as PAGE
from tests.desk import text_of
from tests.rows import fill

pytestmark = pytest.mark.django_db


def see(browser, what, **query):
    """The steps of the page, by their titles."""
    answer = browser.get(PAGE, {"what": what, **query})
    return {step.title: step for step in answer.context["plan"].steps}


# --- a device


def test_the_live_sign_ins_of_the_user_are_listed(desk, user, others):
    """Those that can be ended: no API token, no link, nobody else's, none that is over."""
    sessions.start(user)
    LoginSession.objects.filter(user=user, kind="sign_in").latest("created_at").delete()
    step = see(desk, "device", user=user.pk)["End the sign-in of the device"]

    assert step.done is False
    assert step.seen == "2 sign-ins of anna are live."
    assert len(step.rows) == 2
    assert all("anna" in row.cells["user"] for row in step.rows)
    assert [button.label for button in step.buttons] == ["End all sign-ins of anna"]


def test_a_device_without_a_sign_in_is_done(desk, user):
    """There is nothing to end."""
    step = see(desk, "device", user=user.pk)["End the sign-in of the device"]

    assert (step.done, step.seen, step.buttons) == (True, "No sign-in of anna is live.", [])


def test_an_end_of_another_day_or_reason_is_not_this_one(desk, user, pair):
    """Only what was ended as stolen within a day ticks the step off."""
    title = "End the sign-in of the device"
    sessions.start(user)
    row = LoginSession.objects.filter(pk=pair.session_id)
    row.end(reason="other", via="admin")
    other = see(desk, "device", user=user.pk)[title].done
    row.update(end_reason="stolen")
    stolen = see(desk, "device", user=user.pk)[title].done
    row.update(ended_at=timezone.now() - timedelta(days=1, seconds=1))

    assert (other, stolen) == (False, True)
    assert see(desk, "device", user=user.pk)[title].done is False


def test_api_tokens_on_the_device_are_counted(desk, user):
    """None is done; one may be on another device, so the page does not judge."""
    title = "End the API tokens that were on it"
    none = see(desk, "device", user=user.pk)[title]
    api_tokens.create(user, "ci")
    one = see(desk, "device", user=user.pk)[title]

    assert (none.done, none.seen, none.buttons) == (True, "No API token is live.", [])
    assert (one.done, one.seen) == (None, "1 API token is live.")
    rows = desk.get(one.buttons[0].url).context["cl"].result_list
    assert [row.name for row in rows] == ["ci"]


def test_without_a_user_the_steps_are_told(desk):
    """What to do can be read before it is known whose device it is."""
    for what in ("device", "taken_over", "left"):
        steps = see(desk, what)
        assert all(step.done is None and not step.seen for step in steps.values())


# --- an account


def test_a_new_password_is_seen(desk, user, pair):
    """By the sign-ins that it ended."""
    title = "Change the password or deactivate the user"
    open_step = see(desk, "taken_over", user=user.pk)[title]
    user.set_password("new")
    user.save()
    done = see(desk, "taken_over", user=user.pk)[title]

    assert (open_step.done, open_step.seen) == (None, "")
    assert done.done is True
    assert done.seen.startswith("The password of anna was changed (")


def test_a_deactivated_user_is_seen(desk, user, pair):
    """And has no sign-in any more."""
    user.is_active = False
    user.save()
    steps = see(desk, "taken_over", user=user.pk)

    assert steps["Change the password or deactivate the user"].seen == "anna is deactivated."
    assert steps["End all sign-ins of the user"].done is True


def test_all_that_is_live_counts(staff, user, others):
    """API tokens and links are sign-ins here."""
    step = see(staff(*DESK), "taken_over", user=user.pk)["End all sign-ins of the user"]

    assert (step.done, step.seen) == (False, "4 sign-ins of anna are live.")


# --- a person


def test_a_person_who_left_is_deactivated(desk, user, pair):
    """A new password is not enough, as the person may get a link for another."""
    before = see(desk, "left", user=user.pk)["Deactivate the user"]
    user.set_password("new")
    user.save()
    changed = see(desk, "left", user=user.pk)["Deactivate the user"]
    user.is_active = False
    user.save()
    after = see(desk, "left", user=user.pk)["Deactivate the user"]

    assert (before.done, before.seen) == (False, "anna is active.")
    assert (changed.done, changed.seen) == (False, "anna is active.")
    assert after.done is True


# --- a token


def test_the_sign_in_of_a_token_is_followed(desk, pair):
    """Once it is found, its end is ticked off."""
    sid = pair.session_id.hex
    unknown = see(desk, "token")["End its sign-in"]
    live = see(desk, "token", sid=sid)["End its sign-in"]
    LoginSession.objects.end(reason="stolen", via="admin")
    over = see(desk, "token", sid=sid)["End its sign-in"]

    assert (unknown.done, unknown.seen) == (None, "")
    assert (live.done, live.seen) == (False, "The sign-in has not been ended.")
    assert over.done is True
    assert over.seen.endswith("Token or device stolen.")


# --- an address


def test_sign_ins_from_an_address_are_listed(desk, user, other_user):
    """Started or used from there, by anybody, since the time or in the last 30 days."""
    (started,) = fill(user, 1, ip_address="192.0.2.1")
    (refreshed,) = fill(other_user, 1, refreshed_ip="192.0.2.1")
    fill(user, 1, ip_address="192.0.2.2")
    (used,) = fill(user, 1, last_used_ip="192.0.2.1", kind="api_token")
    fill(user, 1, ip_address="192.0.2.1", created_at=timezone.now() - timedelta(days=31))
    steps = see(desk, "address", address="192.0.2.1")
    step = steps["End the sign-ins from there"]

    assert step.done is False
    assert step.seen == "3 sign-ins were started or used from there; live: 3."
    assert sum("bert" in row.cells["user"] for row in step.rows) == 1
    assert {button.label for button in steps["Secure the accounts"].buttons} == {"anna", "bert"}
    form = desk.get(step.buttons[0].url)
    assert {one[0].pk for one in form.context["ending"]} == {started.pk, refreshed.pk, used.pk}
    assert len(desk.get(step.buttons[1].url).context["cl"].result_list) == 3
    later = timezone.localtime() + timedelta(minutes=1)
    query = {"since_0": f"{later:%Y-%m-%d}", "since_1": f"{later:%H:%M}"}
    none = see(desk, "address", address="192.0.2.1", **query)["End the sign-ins from there"]
    assert (none.done, none.rows) == (True, [])


def test_an_address_in_any_spelling(desk, user):
    """As a log or a proxy may write it."""
    fill(user, 1, ip_address="2001:db8::1")
    fill(user, 1, ip_address="192.0.2.77")
    for text in ("2001:0DB8:0:0:0:0:0:1", "[2001:db8::1]", "192.0.2.64/26", "192.0.2.77:4711"):
        page = desk.get(PAGE, {"what": "address", "address": text})
        assert "1 sign-in was started or used from there; live: 1." in text_of(page), text
        button = page.context["plan"].steps[0].buttons[1]
        assert len(desk.get(button.url).context["cl"].result_list) == 1, text


def test_what_is_no_address_is_told(desk):
    """And nothing is looked up."""
    page = desk.get(PAGE, {"what": "address", "address": "192.0.2"})

    assert "Enter a valid" in text_of(page)
    assert all(step.done is None for step in page.context["plan"].steps)
