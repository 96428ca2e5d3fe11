"""Incidents of the whole project: what the page sees of keys, sessions and SECRET_KEY."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.utils import timezone

from django_jwtauth import api_tokens, sessions
from django_jwtauth.admin.incidents import leaks
from django_jwtauth.admin.incidents.case import Case
from django_jwtauth.models import LoginSession
from django_jwtauth.views import well_known
from tests.desk import INCIDENTS as PAGE
from tests.desk import text_of
from tests.keypairs import make_pem, needs_cryptography

pytestmark = pytest.mark.django_db

HS = {"algorithm": "HS256", "secret": "s3cret-and-long-enough-for-hs256-abcdefgh"}


def see(browser, what, **query):
    """The steps of the page, by their titles."""
    answer = browser.get(PAGE, {"what": what, **query})
    return {step.title: step for step in answer.context["plan"].steps}


@pytest.fixture
def case(rf, admin_user):
    request = rf.get("/", {"what": "database"})
    request.user = admin_user
    return Case(request, admin.site.get_model_admin(LoginSession), {})


def since(moment):
    local = timezone.localtime(moment)
    return {"since_0": f"{local:%Y-%m-%d}", "since_1": f"{local:%H:%M:%S}"}


# --- a signing key


@needs_cryptography
def test_a_leaked_key_is_followed_until_it_is_gone(desk, settings):
    """Added beside the old one it signs; only without the old one is the leak over."""
    old = {"algorithm": "ES256", "private_key": make_pem("ES256"), "kid": "old"}
    new = {"algorithm": "ES256", "private_key": make_pem("ES256"), "kid": "new"}
    told = []
    for keys in ([old], [new, old], [new]):
        settings.JWTAUTH = {"KEYS": keys}
        steps = see(desk, "signing_key", kid="old")
        place = steps["Put it in the place of the leaked key"]
        restart = steps["Stop all processes, then start them"]
        told.append((place.done, place.seen, restart.done))

    assert told == [
        (False, "This key signs now: old.", False),
        (True, "This key signs now: new.", False),
        (True, "This key signs now: new.", True),
    ]


@needs_cryptography
def test_the_keys_to_choose_from_are_named(desk, settings):
    """The operator need not open another page for them."""
    settings.JWTAUTH = {
        "KEYS": [{"algorithm": "ES256", "private_key": make_pem("ES256"), "kid": "2026-05"}, HS]
    }

    assert "This project has: 2026-05." in text_of(desk.get(PAGE, {"what": "signing_key"}))


def test_an_empty_list_is_not_a_replaced_key(desk, settings):
    """The derived key signs then, which no service can verify."""
    settings.JWTAUTH = {"KEYS": []}
    page = desk.get(PAGE, {"what": "signing_key", "kid": "old"})
    steps = {step.title: step for step in page.context["plan"].steps}

    assert steps["Put it in the place of the leaked key"].done is False
    assert "Never leave the list empty" in text_of(page)
    assert "No key is configured" in text_of(page)


@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        ([HS], "This key signs now: HS256."),
        ([{**HS, "active_from": "9999-01-01T00:00:00Z"}], "This key signs now: -."),
        ([{"algorithm": "HS256", "secret": "short"}], "shorter than the 32 bytes"),
    ],
    ids=["unnamed", "none", "broken"],
)
def test_keys_that_cannot_be_named_are_described(desk, settings, keys, seen):
    """A broken setting must not take away the page that helps."""
    settings.JWTAUTH = {"KEYS": keys}
    place = see(desk, "signing_key")["Put it in the place of the leaked key"]

    assert seen in place.seen
    assert place.done is None


def test_the_page_knows_how_long_copies_are_kept():
    """The time on the page is that of the header."""
    assert leaks.COPIES.total_seconds() == well_known.MAX_AGE


def test_older_api_tokens_are_counted(desk, user):
    """Those that were created before the new key was deployed."""
    title = "Have API tokens created anew"
    none = see(desk, "signing_key")[title]
    api_tokens.create(user, "ci")
    now = timezone.now()
    one = see(desk, "signing_key")[title]
    older = see(desk, "signing_key", **since(now + timedelta(seconds=2)))[title]
    newer = see(desk, "signing_key", **since(now - timedelta(hours=1)))[title]

    assert (none.done, none.seen) == (True, "No API token is live.")
    assert (one.done, one.seen) == (None, "1 API token is live.")
    assert older.done is False
    assert newer.done is True
    assert len(desk.get(older.buttons[0].url).context["cl"].result_list) == 1


# --- the database


@pytest.mark.parametrize(
    ("engine", "in_table"), [("db", True), ("cached_db", True), ("signed_cookies", False)]
)
def test_sessions_of_django_are_in_danger_if_a_table_has_them(case, settings, engine, in_table):
    """Whoever has a copy of the table is signed in."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    plan = leaks.database(case)

    assert (plan.steps[0].done is None) == in_table
    assert ("shell -c" in plan.steps[0].command) == in_table
    assert any("Browser sessions" in text for text in plan.dangers) == in_table


def test_the_command_on_the_page_deletes_the_sessions(desk):
    """It is copied at night, so it must work."""
    code = leaks.DELETE_SESSIONS.partition('-c "')[2].rstrip('"')
    exec(code)

    assert not Session.objects.exists()


def test_packages_that_keep_tokens_are_named(desk, case, monkeypatch):
    """Only those that are installed."""
    title = "Delete the tokens of other packages"
    none = see(desk, "database")[title]
    monkeypatch.setattr(leaks.apps, "is_installed", lambda app: app == "rest_framework.authtoken")
    one = leaks.database(case)

    assert (none.done, none.seen) == (True, "No such package is installed.")
    assert (one.steps[1].done, one.steps[1].seen) == (None, "rest_framework.authtoken")
    assert any("used as they are: rest_framework.authtoken." in text for text in one.dangers)


def test_legacy_tokens_are_thought_of(chief, settings):
    """The tables of the package that issued them may contain refresh tokens."""
    settings.JWTAUTH = {"LEGACY": {"DECODER": "json.dumps", "UNTIL": timezone.now() + timedelta(9)}}

    assert see(chief, "database")["Refuse legacy tokens"].buttons[0].url
    assert "legacy tokens of any user" in text_of(chief.get(PAGE, {"what": "secret_key"}))


# --- SECRET_KEY


def test_a_fallback_is_not_enough(desk, settings):
    """What it signed is still accepted."""
    title = "Replace SECRET_KEY without a fallback"
    without = see(desk, "secret_key")[title]
    settings.SECRET_KEY_FALLBACKS = ["x" * 50]
    # The operator's own session.
    step = leaks._replace_secret_key()

    assert (without.done, without.seen) == (None, "SECRET_KEY_FALLBACKS contains 0 keys.")
    assert (step.done, step.seen) == (False, "SECRET_KEY_FALLBACKS contains 1 key.")


@pytest.fixture
def deployed(user, pair):
    """``deployed()``: the query string for a SECRET_KEY that was deployed after ``pair``."""
    LoginSession.objects.update(created_at=timezone.now() - timedelta(hours=1))
    sessions.start(user)
    return since(timezone.now() - timedelta(minutes=30))


def test_sign_ins_that_the_old_key_began_are_tried(staff, settings, deployed):
    """With the old key they are accepted; with the new one, the lists just show them."""
    before = see(staff("view_loginsession"), "secret_key", **deployed)
    settings.SECRET_KEY = "another secret that is long enough for everybody: 0123456789"
    after = see(staff("view_loginsession", name="otto"), "secret_key", **deployed)
    LoginSession.objects.end(reason="compromised")
    ended = see(staff("view_loginsession", name="ina"), "secret_key", **deployed)

    restart, end = "Stop all processes, then start them", "End the old sign-ins"
    assert [steps[restart].done for steps in (before, after, ended)] == [False, True, True]
    assert [steps[end].done for steps in (before, after, ended)] == [False, False, True]
    assert "accepts 1 older sign-in." in before[restart].seen
    assert "accepts 0 older sign-ins." in after[restart].seen


def test_without_a_hash_nothing_is_concluded(desk, monkeypatch, deployed):
    """For a user model without one, the rows say nothing about SECRET_KEY."""
    monkeypatch.setattr(leaks, "get_user_model", lambda: object)

    assert see(desk, "secret_key", **deployed)["Stop all processes, then start them"].done is None


def test_what_keys_protect_is_said(desk, settings, user):
    """API tokens that a key in KEYS signed outlive SECRET_KEY, so they need not be replaced."""
    title, later = "Have API tokens created anew", since(timezone.now() + timedelta(seconds=2))
    api_tokens.create(user, "ci")
    assert see(desk, "secret_key", **later)[title].done is False
    settings.JWTAUTH = {"KEYS": [HS]}
    assert see(desk, "secret_key", **later)[title].done is None

    assert "KEYS, and API tokens that were signed with them." in text_of(
        desk.get(PAGE, {"what": "secret_key"})
    )
