import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.views.debug import ExceptionReporter

from django_jwtauth import api_tokens, sessions
from django_jwtauth.admin import BlacklistedTokenAdmin, LoginSessionAdmin, devices, user_page
from django_jwtauth.admin.records import BoundedPaginator
from django_jwtauth.admin.sessions import MAX_ENDED_AT_ONCE
from django_jwtauth.admin.wording import in_words, moment
from django_jwtauth.claims import find_sid
from django_jwtauth.models import BlacklistedToken, LoginSession, Reason, Via
from tests import forge
from tests.conftest import DESK
from tests.subproject import USER_MODELS, run_pytest

User = get_user_model()

LIST = reverse("admin:django_jwtauth_loginsession_changelist")
END = reverse("admin:django_jwtauth_loginsession_end")
BLACKLIST = reverse("admin:django_jwtauth_blacklistedtoken_changelist")
PASTE = reverse("admin:django_jwtauth_blacklistedtoken_add")
WHY = {"reason": "stolen", "note": "Ticket 4711"}


@pytest.fixture
def session(pair):
    """The sign-in of ``pair``."""
    return LoginSession.objects.get(pk=pair.session_id)


@pytest.fixture
def blacklisted(other_user):
    sessions.blacklist(sessions.start(other_user).access)
    return BlacklistedToken.objects.get()


def page_of(record, name="change"):
    return reverse(f"admin:django_jwtauth_{record._meta.model_name}_{name}", args=[record.pk])


def select(*records, **extra):
    """The body that the list posts for its action."""
    ids = [record.pk for record in records]
    return {"action": "end_selected", "index": "0", "_selected_action": ids, **extra}


def listed(answer):
    return list(answer.context["cl"].result_list)


def text_of(answer):
    """The page as read: no tags, one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).replace("\xa0", " ").split())


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


# --- the list of sign-ins


def test_the_list_shows_a_sign_in_at_a_glance(desk, user, rf, monkeypatch):
    """Status, user, device and, once it is over, how and by whom it was ended."""
    monkeypatch.setattr(devices, "parse", None)
    request = rf.post("/", HTTP_USER_AGENT="Mozilla/5.0 (X11) Firefox/140.0")
    sessions.start(user, request)
    row = text_of(desk.get(LIST))

    assert "anna Live (X11) Firefox/140.0, 127.0.0.1" in row
    LoginSession.objects.all().end(reason=Reason.LEFT, via=Via.COMMAND, by=user)
    row = text_of(desk.get(LIST))
    assert "anna Ended" in row
    assert "Person left, Command, anna" in row


def test_a_device_is_called_what_its_owner_calls_it(desk, session):
    """The name wins over the user agent."""
    LoginSession.objects.update(name="Anna's phone", user_agent="okhttp/4.12", ip_address="::1")

    assert "Anna&#x27;s phone, ::1" in desk.get(LIST).content.decode()


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


@pytest.mark.parametrize(
    ("status", "expected"), [("live", "a"), ("ended", "bd"), ("expired", "c"), (None, "abcd")]
)
def test_the_list_can_be_narrowed_by_status(desk, user, status, expected):
    """Each sign-in is in one of three groups."""
    for name in "abcd":
        sid = sessions.start(user).session_id
        LoginSession.objects.filter(pk=sid).update(name=name)
    LoginSession.objects.filter(name__in="bd").end()
    hour_ago = timezone.now() - timedelta(hours=1)
    LoginSession.objects.filter(name__in="cd").update(expires_at=hour_ago)
    found = listed(desk.get(LIST, {"status": status} if status else {}))

    assert {one.name for one in found} == set(expected)


@pytest.mark.parametrize(
    ("url", "parameter", "value"),
    [
        (LIST, "end_reason", "stolen"),
        (LIST, "ended_via", "admin"),
        (LIST, "user", "anna"),
        (BLACKLIST, "reason", "stolen"),
        (BLACKLIST, "via", "admin"),
        (BLACKLIST, "token_type", "refresh"),
        (BLACKLIST, "user", "anna"),
    ],
)
def test_the_lists_can_be_narrowed(desk, user, other_user, url, parameter, value):
    """By why, by channel, by kind and by user: one of two rows is left."""
    sessions.blacklist(sessions.start(user).refresh, reason=Reason.STOLEN, via=Via.ADMIN)
    sessions.blacklist(sessions.start(other_user).access, reason=Reason.LEFT, via=Via.API)
    if parameter == "user":
        value = user.pk
    answer = desk.get(url, {parameter: value})

    assert [record.user for record in listed(answer)] == [user]
    assert len(listed(desk.get(url))) == 2


def test_the_user_filter_names_the_user(desk, user, session):
    """It is shown once it is in use: there may be a million users to choose from."""
    names = [choice["display"] for choice in choices_of(desk.get(LIST, {"user": user.pk}), "user")]

    assert names == ["All", "anna"]
    assert choices_of(desk.get(LIST), "user") == []


def choices_of(answer, parameter):
    changelist = answer.context["cl"]
    return [
        choice
        for spec in changelist.filter_specs
        if getattr(spec, "parameter_name", "") == parameter
        for choice in spec.choices(changelist)
    ]


@pytest.mark.parametrize("value", ["", "x", "9" * 40, "-1"])
def test_a_user_that_cannot_be_is_no_error_of_the_server(desk, session, value):
    """A filter of nonsense shows nothing, or everything with a note."""
    answer = desk.get(LIST, {"user": value}, follow=True)

    assert answer.status_code == 200


@pytest.mark.parametrize("url", [LIST, BLACKLIST])
def test_search_finds_by_user_name_and_by_exact_id(desk, user, other_user, url):
    """Part of a name; a sign-in's id in either spelling; a jti, or a log line with one."""
    pairs = {name: sessions.start(one) for name, one in (("anna", user), ("bert", other_user))}
    for pair in pairs.values():
        sessions.blacklist(pair.access)
    claims = forge.claims_of(pairs["anna"].access)
    sid = claims["sid"]
    terms = [
        "ann",
        "ANNA",
        "Anna@example.org",
        str(user.pk),
        sid,
        sid.upper(),
        str(pairs["anna"].session_id),
        claims["jti"],
        f"refused: sid={sid} (session_ended)",
    ]

    for term in terms:
        assert [one.user for one in listed(desk.get(url, {"q": term}))] == [user], term
    for term in ("carl", "0" * 32, sid[:-1], "example.org"):
        assert listed(desk.get(url, {"q": term})) == [], term


def test_a_user_name_that_looks_like_an_id_is_found(desk, user):
    """Names of 32 hexadecimal digits exist; they are searched for when no id matches."""
    user.username = "0" * 32
    user.save()
    sessions.start(user)

    assert len(listed(desk.get(LIST, {"q": user.username}))) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0123456789abcdef0123456789abcdef:3", True),
        ("01234567-89ab-cdef-0123-456789abcdef", True),
        ("0123456789abcdef0123456789abcdef0", False),
        ("g123456789abcdef0123456789abcdef", False),
        ("", False),
    ],
)
def test_an_id_is_32_digits_and_no_part_of_more(text, found):
    """A digest in a log line is not taken for a sign-in."""
    assert (find_sid(text) is not None) is found


def test_what_is_not_shown_cannot_be_guessed_by_filtering(desk, session):
    """The query string of a list can probe any column; this one is closed."""
    assert desk.get(LIST, {"auth_hash__startswith": session.auth_hash[0]}).status_code == 400
    assert session.auth_hash not in desk.get(page_of(session)).content.decode()


def test_deleting_a_user_is_not_held_up_and_the_record_stays(admin_client, user, session):
    """Read-only records are no reason to keep an account."""
    answer = admin_client.post(
        reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"}, follow=True
    )

    assert not User.objects.filter(pk=user.pk).exists()
    assert "was deleted successfully" in text_of(answer)
    assert f"{user.pk} (deleted)" in text_of(admin_client.get(LIST))


def test_what_is_not_known_is_a_dash(desk, session):
    """The use of a sign-in is not written, and "None" is no word for people."""
    page = text_of(desk.get(page_of(session)))

    assert "Last used: -" in page
    assert "None" not in page


# --- at scale


def fill(user, number):
    """Make ``number`` sign-ins, each with a blacklisted token."""
    now = timezone.now()
    rows = LoginSession.objects.bulk_create(
        LoginSession(user=user, subject=str(user.pk), refreshed_at=now, expires_at=now)
        for _ in range(number)
    )
    BlacklistedToken.objects.bulk_create(
        BlacklistedToken(jti=f"{row.sid}.x", user=user, session=row, expires_at=now) for row in rows
    )


@pytest.mark.parametrize(
    ("url", "query"),
    [
        (LIST, {}),
        (LIST, {"status": "expired", "q": "ann"}),
        (LIST, {"user": "anna"}),
        (LIST, {"p": "1"}),
        (BLACKLIST, {}),
        (BLACKLIST, {"q": "ann", "token_type": ""}),
    ],
)
def test_a_list_costs_the_same_however_many_rows(desk, user, url, query):
    """As many statements at 1 000 rows as at 10, and none that counts the whole table."""
    if "user" in query:
        query = {"user": user.pk}
    counts = []
    for number in (10, 990):
        fill(user, number)
        with CaptureQueriesContext(connection) as captured:
            desk.get(url, query)
        counts.append(len(captured))
        for statement in captured:
            assert "COUNT(" not in statement["sql"] or "LIMIT 1000" in statement["sql"]

    # The overview, above an unfiltered list, takes five.
    assert counts[0] == counts[1] <= (8 if query else 13)


def test_a_detail_page_costs_the_same_however_many_rows(desk, user):
    """Neither the sign-in's tokens nor the user's sign-ins are listed without a bound."""
    counts = []
    for number in (10, 990):
        fill(user, number)
        with CaptureQueriesContext(connection) as captured:
            desk.get(page_of(LoginSession.objects.first()))
            desk.get(page_of(BlacklistedToken.objects.first()))
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_a_list_that_is_cut_says_so(desk, user, monkeypatch):
    """ "10 000 sign-ins" would be a lie when there are more."""
    note = "only the first 3 are counted and listed"
    monkeypatch.setattr(BoundedPaginator, "limit", 3)
    fill(user, 2)
    assert note not in text_of(desk.get(LIST))
    fill(user, 2)

    for url in (LIST, BLACKLIST):
        answer = desk.get(url)
        assert note in text_of(answer)
        assert answer.context["cl"].result_count == 3


def test_only_what_has_an_index_can_be_sorted_by(desk, user):
    """Sorting a million rows by a column without an index takes seconds."""
    fill(user, 2)
    headers = desk.get(LIST).content.decode()

    assert re.findall(r'class="sortable column-(\w+)', headers) == ["signed_in"]
    assert "sortable" not in desk.get(BLACKLIST).content.decode()


class LaggingReplica:
    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"


def test_the_pages_read_where_writes_go(settings, rf):
    """A replica that lags would show as live what was just ended."""
    settings.DATABASE_ROUTERS = [LaggingReplica()]

    for model in (LoginSession, BlacklistedToken):
        assert admin.site.get_model_admin(model).get_queryset(rf.get("/")).db == "default"


# --- blacklisting a token that is pasted


def test_a_pasted_access_token_is_refused_from_the_next_call_on(desk, api, pair):
    """Only that token: the sign-in goes on."""
    answer = desk.post(PASTE, {"token": pair.access, **WHY}, follow=True)

    assert answer.redirect_chain == [(BLACKLIST, 302)]
    assert "The token is blacklisted" in text_of(answer)
    assert api.protected(pair.access).json()["reason"] == "blacklisted"
    assert api.refresh(pair.refresh).status_code == 200


def test_a_pasted_refresh_token_ends_its_sign_in(desk, api, pair, session):
    """Every token of the sign-in is refused, the access tokens as well."""
    desk.post(PASTE, {"token": pair.refresh, **WHY})
    session.refresh_from_db()

    assert api.protected(pair.access).json()["reason"] == "session_ended"
    assert (session.end_reason, session.ended_via) == (Reason.STOLEN, Via.ADMIN)
    assert (session.ended_by_name, session.end_note) == ("olga", "Ticket 4711")


def test_the_record_says_who_blacklisted_it_when_and_why(desk, user, session, pair):
    """The list and the page show it; the admin's log has it, too."""
    desk.post(PASTE, {"token": pair.access, **WHY})
    record = BlacklistedToken.objects.get()

    assert (record.reason, record.via, record.note) == ("stolen", "admin", "Ticket 4711")
    assert (record.blacklisted_by.username, record.blacklisted_by_name) == ("olga", "olga")
    row = text_of(desk.get(BLACKLIST))
    assert f"...{record.jti[-16:]} Access anna" in row
    assert "Token or device stolen (Admin), olga" in row
    page = text_of(desk.get(page_of(record)))
    for words in (record.jti, session.sid, "Ticket 4711"):
        assert words in page
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.username) == (str(record.pk), "olga")
    assert entry.get_change_message() == "Revoked: Token or device stolen. Ticket 4711"


def test_a_token_that_was_broken_into_lines_is_read(desk, api, pair):
    """Terminals and mail programs wrap what is copied from them."""
    lines = "\r\n  ".join(pair.access[i : i + 60] for i in range(0, len(pair.access), 60))
    desk.post(PASTE, {"token": f"\n{lines}\n", **WHY})

    assert api.protected(pair.access).status_code == 401


def test_an_expired_token_can_be_put_on_record(desk, pair):
    """A token found in an old log is worth a record, and harms nobody."""
    raw = forge.altered(pair.access, exp=1)
    desk.post(PASTE, {"token": raw, **WHY})

    assert BlacklistedToken.objects.count() == 1


def test_pasting_again_keeps_the_first_record(desk, staff, pair):
    """Who was second is told so, and leaves no trace."""
    desk.post(PASTE, {"token": pair.access, **WHY})
    before = BlacklistedToken.objects.values().get()
    second = staff(*DESK, name="otto")
    answer = second.post(PASTE, {"token": pair.access, "reason": "other", "note": "x"}, follow=True)

    assert BlacklistedToken.objects.values().get() == before
    assert "was already blacklisted" in text_of(answer)
    assert LogEntry.objects.count() == 1


def forged(pair):
    return forge.sign(forge.header_of(pair.access), forge.claims_of(pair.access), b"x" * 32)


def of_unknown_sign_in(pair):
    LoginSession.objects.all().delete()
    return pair.access


REFUSED = {
    "garbage": (lambda pair: "very-secret-garbage", {}, "Token is invalid (malformed)"),
    "a forgery": (forged, {}, "Token is invalid (bad_signature)"),
    "an unknown sign-in": (of_unknown_sign_in, {}, "This token belongs to no sign-in here"),
    "no reason given": (lambda pair: pair.access, {"reason": ""}, "This field is required"),
    "no note given": (lambda pair: pair.refresh, {"note": ""}, "This field is required"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_that_is_not_blacklisted_is_forgotten(desk, pair, caplog, case):
    """The form says what is wrong; nothing pasted comes back, is stored or is logged."""
    make, missing, words = REFUSED[case]
    raw = make(pair)
    caplog.set_level("DEBUG", logger="django_jwtauth")
    answer = desk.post(PASTE, {"token": raw, **WHY, **missing})
    page = answer.content.decode()

    assert words in page
    for part in raw.split("."):
        assert part not in page
        assert part not in caplog.text
    assert not BlacklistedToken.objects.exists()
    assert not LogEntry.objects.exists()


def test_a_token_that_is_blacklisted_is_forgotten(desk, pair, caplog):
    """Neither the answer nor any row holds a part of it that could be used."""
    caplog.set_level("DEBUG", logger="django_jwtauth")
    answer = desk.post(PASTE, {"token": pair.access, **WHY}, follow=True)
    rows = [str(list(model.objects.values())) for model in (BlacklistedToken, LogEntry)]

    for part in pair.access.split("."):
        assert part not in answer.content.decode()
        assert part not in caplog.text
        assert part not in str(rows) + str(answer.wsgi_request.session.items())


def test_a_report_of_an_error_does_not_quote_the_token(desk, pair, monkeypatch):
    """Should the page fail, the mail to the admins shows stars."""

    def fail(*args):
        raise RuntimeError

    monkeypatch.setattr(BlacklistedTokenAdmin, "get_queryset", fail)
    with pytest.raises(RuntimeError) as caught:
        desk.post(PASTE, {"token": pair.access, **WHY})
    reporter = ExceptionReporter(None, caught.type, caught.value, caught.tb)
    ours = [
        frame for frame in reporter.get_traceback_frames() if "jwtauth/admin" in frame["filename"]
    ]

    assert [frame["function"] for frame in ours] == ["add_view", "_blacklist"]
    assert pair.access not in str(ours)
    request = dict(ours[0]["vars"])["request"]
    assert reporter.filter.get_post_parameters(request)["token"] != pair.access


def test_the_form_says_what_goes_on_working(desk, settings):
    """Services that only verify take an access token until it expires."""
    settings.JWTAUTH = {"ACCESS_TOKEN_LIFETIME": 600}

    assert "until it expires, up to 10 minutes after it was issued." in text_of(desk.get(PASTE))


# --- the link on the page of a user


def user_link(user):
    return f'href="{LIST}?user={user.pk}"'


def test_the_page_of_a_user_links_to_the_sign_ins(desk, user, session, other_user):
    """One click shows the sign-ins of this user and nobody else's."""
    sessions.start(other_user)
    page = desk.get(reverse("admin:auth_user_change", args=[user.pk])).content.decode()

    assert user_link(user) in page
    assert reverse("admin:auth_user_history", args=[user.pk]) in page
    assert listed(desk.get(LIST, {"user": user.pk})) == [session]


def test_the_link_is_for_those_who_may_follow_it(staff, user):
    """Without the permission to view sign-ins the page is as it was."""
    url = reverse("admin:auth_user_change", args=[user.pk])

    assert LIST not in staff("view_user").get(url).content.decode()


def test_the_page_to_add_a_user_has_no_link(admin_client):
    """Nobody is there yet."""
    assert f"{LIST}?user" not in admin_client.get(reverse("admin:auth_user_add")).content.decode()


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"change_form_template": "admin/change_form.html"},
        {"get_readonly_fields": lambda self, request, obj=None: ("username",)},
        {"get_fieldsets": lambda self, request, obj=None: [(None, {"fields": ["username"]})]},
    ],
)
@pytest.mark.parametrize("base", [UserAdmin, admin.ModelAdmin])
def test_the_link_does_not_care_how_the_user_admin_is_made(rf, admin_user, user, base, attributes):
    """Registered before or after ours, on a site of its own, by whatever class."""
    site = admin.AdminSite()
    site.register(LoginSession, LoginSessionAdmin)
    site.register(User, type("ProjectUserAdmin", (base,), attributes))
    assert site.get_urls()
    assert site.get_urls()
    request = rf.get("/")
    request.user = admin_user
    answer = site.get_model_admin(User).change_view(request, str(user.pk)).render()

    assert answer.content.decode().count(user_link(user)) == 1
    assert "admin/css/forms.css" in answer.content.decode()


def test_a_site_without_users_is_left_alone():
    """Sign-ins may be shown where users are not."""
    site = admin.AdminSite()
    site.register(LoginSession, LoginSessionAdmin)

    assert site.get_urls()
    user_page.add_link(admin.AdminSite())


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


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=1), "1 minute"),
        (timedelta(minutes=5), "5 minutes"),
        (timedelta(days=30), "30 days"),
        (timedelta(days=2.5), "2 days 12 hours"),
        (timedelta(days=365), "365 days"),
        (timedelta(hours=1, seconds=1), "1 hour 1 minute"),
    ],
)
def test_a_duration_is_rounded_up(duration, words):
    """It tells for how long something still works."""
    assert in_words(duration).replace("\xa0", " ") == words


def test_moments_are_in_the_operators_time_zone(settings):
    """As everywhere in the admin; without time zones, as stored."""
    noon = timezone.make_aware(timezone.datetime(2026, 11, 24, 12), timezone.timezone.utc)
    with timezone.override("Asia/Tokyo"):
        assert moment(noon).replace("\xa0", " ") == "Nov. 24, 2026 9 p.m."
    assert moment(noon.replace(tzinfo=None)).replace("\xa0", " ") == "Nov. 24, 2026 noon"


# --- other user models

# BareUser has no session auth hash, without which Django logs nobody in.
CAN_LOG_IN = [model for model in USER_MODELS if model != "BareUser"]


@pytest.mark.parametrize("model", CAN_LOG_IN)
def test_the_pages_work_with_every_user_model(model):
    """Nothing is assumed of the primary key, the user name or the default manager."""
    contract = "tests/admin_users/contract.py"
    run_pytest("tests.admin_users.settings", contract, JWTAUTH_TEST_USER=model)
