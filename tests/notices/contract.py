"""Mails to users about new devices, changed passwords and API tokens, and the link in them."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections, transaction
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from django_jwtauth import api_tokens, sessions
from django_jwtauth.contrib.notices import checks, links, models
from django_jwtauth.contrib.notices.signals import new_device
from django_jwtauth.models import LoginSession, LoginSessionQuerySet, Reason
from tests.calls import run_command
from tests.conftest import PASSWORD

PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/{}.0.0.0 Mobile Safari/537.36"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
NOTICES = {"BASE_URL": "https://shop.example"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anna(transactional_db):
    return User.objects.create_user("anna", "anna@example.org", PASSWORD)


def sign_in(user, agent=LAPTOP, address="203.0.113.7"):
    request = RequestFactory().post("/", headers={"user-agent": agent}, REMOTE_ADDR=address)
    return sessions.start(user, request)


def subjects():
    return [message.subject for message in mail.outbox]


def link_in(message):
    return re.search(r"https://shop\.example(/notices/\S+)", message.body)[1]


# --- a new device


def test_a_new_device_is_told(anna):
    """Device, address and time, in text and HTML; nothing of a token."""
    sign_in(anna)
    pair = sign_in(anna, PHONE.format(142), "198.51.100.4")

    [message] = mail.outbox
    html = message.alternatives[0].content
    assert (message.to, message.subject) == (["anna@example.org"], "New sign-in to your account")
    for text in (message.body, html):
        assert "Chrome 142 on Android" in text
        assert "198.51.100.4" in text
        assert link_in(message) in text
        assert pair.access not in text
        assert pair.refresh not in text
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"


def test_the_first_sign_in_of_a_user_is_no_news(anna):
    sign_in(anna)

    assert mail.outbox == []


@pytest.mark.parametrize(
    ("agent", "address", "is_told"),
    [
        (PHONE.format(142), "203.0.113.7", False),
        # An update of the browser.
        (PHONE.format(143), "203.0.113.7", False),
        (PHONE.format(142), "198.51.100.4", True),
        (LAPTOP, "203.0.113.7", True),
        ("", "203.0.113.7", True),
    ],
)
def test_a_known_device_gets_no_mail(anna, agent, address, is_told):
    """The same kind of device in the same network is known."""
    sign_in(anna, PHONE.format(142))
    sign_in(anna, agent, address)

    assert bool(mail.outbox) is is_told


def test_a_network_is_known_that_a_refresh_came_from(anna):
    pair = sign_in(anna)
    away = RequestFactory().post("/", REMOTE_ADDR="198.51.100.4", headers={"user-agent": LAPTOP})
    sessions.refresh(pair.refresh, away)
    sign_in(anna, LAPTOP, "198.51.100.4")

    assert mail.outbox == []


def test_a_refresh_from_nowhere_makes_no_unknown_address_known(anna):
    """Code without a request may refresh; whoever hides an address is not therefore known."""
    sessions.refresh(sign_in(anna).refresh)
    hidden = {"user-agent": LAPTOP, "forwarded": "for=unknown"}
    sessions.start(anna, RequestFactory().post("/", headers=hidden, REMOTE_ADDR="10.0.0.1"))

    assert len(mail.outbox) == 1


def test_what_a_thief_used_does_not_become_known(anna):
    """Its sign-in was ended as stolen."""
    sign_in(anna)
    theirs = sign_in(anna, PHONE.format(142), "198.51.100.4")
    sessions.end(theirs.session_id, reason=Reason.STOLEN)
    sign_in(anna, PHONE.format(142), "198.51.100.4")

    assert len(mail.outbox) == 2


def test_a_browser_with_the_cookie_is_known_anywhere(anna):
    """A telephone that moves between networks."""
    browser = Client(headers={"user-agent": PHONE.format(142)})
    body = {"username": "anna", "password": PASSWORD}
    for address in ("203.0.113.7", "198.51.100.4"):
        browser.post(reverse("token_obtain_pair"), body, REMOTE_ADDR=address)
    assert mail.outbox == []

    stranger = Client(headers={"user-agent": PHONE.format(142)})
    stranger.post(reverse("token_obtain_pair"), body, REMOTE_ADDR="192.0.2.9")
    assert subjects() == ["New sign-in to your account"]


def test_a_known_device_costs_one_query_more(anna, settings):
    """And a refresh or a request costs none."""
    sign_in(anna)
    with CaptureQueriesContext(connection) as with_notices:
        pair = sign_in(anna)
    with CaptureQueriesContext(connection) as captured:
        sessions.authenticate(pair.access)
        pair = sessions.refresh(pair.refresh)
    settings.JWTAUTH = {"NOTICES": {}}
    with CaptureQueriesContext(connection) as without:
        sign_in(anna)
    with CaptureQueriesContext(connection) as expected:
        sessions.authenticate(pair.access)
        sessions.refresh(pair.refresh)

    assert len(with_notices) == len(without) + 1
    assert len(captured) == len(expected)


def test_nobody_can_bury_a_mail_among_others(anna, settings, caplog):
    """Each sign-in may name another device."""
    settings.JWTAUTH = {"NOTICES": NOTICES, "THROTTLES": {"RATES": {"notice": "3/day"}}}
    told = []

    def receive(session, **kwargs):
        told.append(session.user_agent)

    sign_in(anna)
    new_device.connect(receive)
    try:
        for number in range(6):
            sign_in(anna, "x" * (number + 1), "198.51.100.4")
    finally:
        new_device.disconnect(receive)

    assert (len(mail.outbox), len(told)) == (3, 6)
    events = [getattr(one, "event", "") for one in caplog.records]
    assert events.count("notice_not_sent") == 3
    # What the owner does next is still told.
    anna.set_password("another")
    anna.save()
    assert subjects()[-1] == "Your password was changed"


def test_the_signal_is_sent_without_mails_too(anna, settings):
    """For a project that has its own way to tell its users."""
    settings.JWTAUTH = {"NOTICES": {**NOTICES, "KINDS": ["password_changed"]}}
    told = []

    def receive(session, user, request, **kwargs):
        told.append((session.ip_address, user, request.path))

    new_device.connect(receive)
    try:
        sign_in(anna)
        sign_in(anna, PHONE.format(142), "198.51.100.4")
    finally:
        new_device.disconnect(receive)

    assert told == [("198.51.100.4", anna, "/")]
    assert mail.outbox == []


def test_nothing_is_sent_inside_the_transaction(anna):
    """A sign-in that is rolled back is no news, and a slow mail server holds no lock."""
    sign_in(anna)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        sign_in(anna, PHONE.format(142), "198.51.100.4")
        assert mail.outbox == []
        raise ZeroDivisionError

    assert mail.outbox == []


# --- passwords


def test_a_changed_password_is_told(anna):
    anna.set_password("another")
    anna.save()

    assert subjects() == ["Your password was changed"]
    # Saved again, or something else is saved.
    anna.save()
    User.objects.get().save()
    assert len(mail.outbox) == 1


def test_an_upgraded_hash_is_no_change(anna, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    User.objects.get().check_password(PASSWORD)

    assert mail.outbox == []


# --- API tokens


def test_a_new_api_token_is_told(anna):
    token = api_tokens.create(anna, "backup <b>script</b>")

    [message] = mail.outbox
    assert message.subject == "New API token in your account"
    assert "backup <b>script</b>" in message.body
    assert "backup &lt;b&gt;script" in message.alternatives[0].content
    assert token.raw not in message.body + message.alternatives[0].content


def test_a_token_that_will_expire_is_told_once(anna):
    """Within WARN_BEFORE, and not if it has ended."""
    api_tokens.create(anna, "soon", lifetime=timedelta(days=6))
    api_tokens.create(anna, "later", lifetime=timedelta(days=60))
    ended = api_tokens.create(anna, "ended", lifetime=timedelta(days=6))
    sessions.end(ended.session.id)
    mail.outbox.clear()

    assert run_command("jwtauth_notify") == "1 notice sent.\n"
    assert run_command("jwtauth_notify") == "0 notices sent.\n"
    [message] = mail.outbox
    assert "soon" in message.body
    assert message.subject == "An API token will expire soon"


def test_the_command_deletes_what_it_no_longer_needs(anna):
    api_tokens.create(anna, "script")
    models.Done.objects.update(done_at=timezone.now() - timedelta(days=20))
    run_command("jwtauth_notify")

    assert not models.Done.objects.exists()


def test_the_command_needs_its_kind(anna, settings):
    settings.JWTAUTH = {"NOTICES": {**NOTICES, "KINDS": ["new_device"]}}
    with pytest.raises(CommandError, match="api_token_expiring"):
        call_command("jwtauth_notify")


# --- what a thief can write in a mail


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("This was you: there is nothing to do. https://evil.example/help", "Unknown"),
        ("Mozilla/5.0 This was you", "Unknown"),
        ("evil.example/1", "Unknown"),
        ("x" * 40 + "/1 " + "y" * 99, "x" * 40 + " 1"),
        ("okhttp/4.12.0", "okhttp 4"),
        ("python-requests/2.32", "python-requests 2"),
        (LAPTOP, "Firefox 145 on Linux"),
        ("", "Unknown"),
    ],
)
def test_a_thief_does_not_write_to_the_owner(anna, agent, device):
    """Only what is recognised of the user agent is shown, in the mail and on the page."""
    sign_in(anna, PHONE.format(142))
    sign_in(anna, agent, "198.51.100.4")

    [message] = mail.outbox
    page = Client().get(link_in(message)).content.decode()
    assert f"Device: {device}\n" in message.body
    assert f"<td>{device}</td>" in message.alternatives[0].content
    assert f"<td>{device}</td>" in page
    assert "evil" not in message.body + message.alternatives[0].content + page


def test_the_name_of_a_token_is_one_short_line(anna):
    api_tokens.create(anna, "backup\n\n\u202eThis was us.\u2028" + "x" * 70)

    [message] = mail.outbox
    expected = "Name: backup This was us. " + "x" * 39 + "…\nDevice:"
    assert expected in message.body


# --- the link


def test_the_link_ends_the_sign_in_and_asks_for_a_new_password(anna):
    """Opening it ends nothing, because programs open links in mails."""
    own = sign_in(anna)
    theirs = sign_in(anna, PHONE.format(142), "198.51.100.4")
    link, visitor = link_in(mail.outbox[0]), Client()

    shown = visitor.get(link)
    assert "Chrome 142 on Android" in shown.content.decode()
    assert sessions.verify(theirs.refresh)

    done = visitor.post(link)
    assert "It has ended." in done.content.decode()
    assert 'href="/forgotten/"' in done.content.decode()
    row = LoginSession.objects.get(pk=theirs.session_id)
    assert (row.end_reason, row.ended_via, row.ended_by) == ("stolen", "api", anna)
    assert sessions.verify(own.refresh)


def test_a_link_works_once(anna):
    sign_in(anna)
    sign_in(anna, PHONE.format(142), "198.51.100.4")
    link, visitor = link_in(mail.outbox[0]), Client()
    visitor.post(link)

    for answer in (visitor.post(link), visitor.get(link)):
        assert "It had already ended." in answer.content.decode()
        assert "<form" not in answer.content.decode()


def test_after_a_changed_password_the_link_ends_everything_once(anna):
    """Also what began later with the new password; but not what begins after that."""
    anna.set_password("the thief's")
    anna.save()
    theirs, link = sessions.start(anna), link_in(mail.outbox[0])
    assert "all sign-ins" in Client().get(link).content.decode()
    Client().post(link)
    with pytest.raises(sessions.TokenError):
        sessions.verify(theirs.refresh)

    own = sessions.start(anna)
    Client().post(link)
    assert sessions.verify(own.refresh)


def test_of_many_who_press_one_ends(anna):
    sign_in(anna)
    sign_in(anna, PHONE.format(142), "198.51.100.4")
    link = link_in(mail.outbox[0])

    def press(_number):
        try:
            return "It has ended." in Client().post(link).content.decode()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(press, range(4))) == 1


@pytest.mark.parametrize("value", ["x", "x" * 5000, "a:b:c", "%00", "WyJyb3ciLCJ4Il0:1abcde:x"])
def test_a_link_that_was_not_made_here_leads_nowhere(anna, value):
    answer = Client().get(reverse("jwtauth_notice", args=[value]))

    assert answer.status_code == 404
    assert "not valid" in answer.content.decode()


def test_an_old_link_leads_nowhere(anna):
    sign_in(anna)
    sign_in(anna, PHONE.format(142), "198.51.100.4")
    with time_machine.travel(timezone.now() + timedelta(seconds=links.MAX_AGE + 5)):
        assert Client().get(link_in(mail.outbox[0])).status_code == 404


def test_a_link_whose_row_is_gone_leads_nowhere(anna):
    api_tokens.create(anna, "script")
    LoginSession.objects.all().delete()

    assert Client().post(link_in(mail.outbox[0])).status_code == 404


def test_the_page_gives_its_address_to_nobody(anna):
    api_tokens.create(anna, "script")
    answer = Client().get(link_in(mail.outbox[0]))

    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert not re.search(r"<script|style=", answer.content.decode())


def test_pressing_needs_the_form(anna):
    """Django's CSRF check, so that no other page presses it in a reader's browser."""
    api_tokens.create(anna, "script")

    assert Client(enforce_csrf_checks=True).post(link_in(mail.outbox[0])).status_code == 403


def test_nobody_has_to_sign_in_for_the_page(anna, settings):
    """A thief may have locked the owner out."""
    middleware = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, middleware]
    token = api_tokens.create(anna, "script")
    link = link_in(mail.outbox[0])

    assert Client().get(link).status_code == 200
    assert Client().post(link).status_code == 200
    assert LoginSession.objects.get(pk=token.session.pk).end_reason == "stolen"


@pytest.mark.parametrize("kind", ["row", "user"])
def test_a_database_that_fails_does_not_use_up_the_link(anna, kind, monkeypatch):
    """The link is the owner's only way to end it."""
    theirs = sessions.start(anna)
    if kind == "row":
        api_tokens.create(anna, "script")
    else:
        anna.set_password("the thief's")
        anna.save()
        theirs = sessions.start(anna)
    link, visitor = link_in(mail.outbox[0]), Client()

    def fail(self, cause):
        raise OperationalError("the server has gone away")

    with monkeypatch.context() as patched:
        patched.setattr(LoginSessionQuerySet, "end_for", fail)
        answer = visitor.post(link)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "in a minute" in answer.content.decode()
    assert sessions.verify(theirs.refresh)

    assert "It has ended." in visitor.post(link).content.decode()


def test_without_a_page_for_passwords_there_is_no_link_to_one(anna, settings):
    settings.ROOT_URLCONF = "tests.notices.bare_urls"
    api_tokens.create(anna, "script")

    assert (
        "Choose a new password</a>" not in Client().post(link_in(mail.outbox[0])).content.decode()
    )


# --- what goes wrong


def test_a_mail_server_that_is_down_stops_no_sign_in(anna, monkeypatch, caplog):
    def fail(message):
        raise ConnectionRefusedError("anna@example.org")

    sign_in(anna)
    monkeypatch.setattr(mail.EmailMultiAlternatives, "send", fail)
    pair = sign_in(anna, PHONE.format(142), "198.51.100.4")

    assert sessions.authenticate(pair.access)[0] == anna
    [record] = [one for one in caplog.records if getattr(one, "event", "") == "notice_failed"]
    assert (record.notice, record.error) == ("new_device", "ConnectionRefusedError")
    assert "anna@" not in caplog.text


def test_a_user_without_an_address_gets_no_mail(anna):
    anna.email = ""
    anna.save()
    api_tokens.create(anna, "script")

    assert mail.outbox == []


def test_a_name_of_several_lines_cannot_add_a_header(anna):
    api_tokens.create(anna, "script\nBcc: everybody@example.org")

    [message] = mail.outbox
    assert "\n" not in message.subject
    assert message.message()["Bcc"] is None


def german(user):
    assert user.get_username() == "anna"
    return "de"


def of_nobody(user):
    return "xx"


def broken(user):
    raise LookupError("anna@example.org")


@pytest.mark.parametrize(("hook", "language"), [(german, "de"), (of_nobody, "fr"), (broken, "fr")])
def test_the_project_knows_the_language_of_its_user(anna, settings, caplog, hook, language):
    """Whoever signs in with a stolen password must not choose it. A broken hook stops no mail."""
    path = f"{__name__}.{hook.__name__}"
    settings.JWTAUTH = {"NOTICES": {**NOTICES, "LANGUAGE": path}}
    with translation.override("fr"):
        api_tokens.create(anna, "script")

    assert f'lang="{language}"' in mail.outbox[0].alternatives[0].content
    assert "anna@" not in caplog.text


def test_the_mail_is_in_the_language_of_the_request(anna):
    with translation.override("de"):
        api_tokens.create(anna, "script")

    assert 'lang="de"' in mail.outbox[0].alternatives[0].content


# --- checks


def test_a_missing_origin_is_an_error(settings):
    assert checks.check_notices(None) == []
    settings.JWTAUTH = {}

    [message] = checks.check_notices(None)
    assert message.id == checks.NO_BASE_URL


def test_a_missing_page_is_an_error(settings):
    settings.ROOT_URLCONF = "tests.urls"

    [message] = checks.check_notices(None)
    assert message.id == checks.NO_PAGE


def test_without_an_origin_nothing_is_sent(anna, settings):
    settings.JWTAUTH = {}
    api_tokens.create(anna, "script")
    anna.set_password("another")
    anna.save()

    assert mail.outbox == []


def test_the_migrations_are_complete():
    call_command("makemigrations", "jwtauth_notices", check=True, dry_run=True, verbosity=0)


def test_the_text_of_a_row():
    assert str(models.Done(key="abc")) == "abc"
