"""The incident desk: find, end in bulk, keys, overview, export."""

import csv
import io
import re
import shlex
from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.views.debug import ExceptionReporter

from django_jwtauth import exceptions, sessions
from django_jwtauth.admin import LoginSessionAdmin, bulk, devices, export, overview
from django_jwtauth.admin.find import VERDICTS
from django_jwtauth.api_tokens import create as create_api_token
from django_jwtauth.models import BlacklistedToken, Cause, LoginSession, Reason, Via
from django_jwtauth.one_time import consume
from django_jwtauth.one_time import create as create_one_time
from django_jwtauth.operations import finding, revocation
from tests import forge
from tests.conftest import DESK
from tests.keypairs import make_pem, needs_cryptography
from tests.rows import fill

User = get_user_model()

LIST = reverse("admin:django_jwtauth_loginsession_changelist")
BLACKLIST = reverse("admin:django_jwtauth_blacklistedtoken_changelist")
FIND = reverse("admin:django_jwtauth_loginsession_find")
END = reverse("admin:django_jwtauth_loginsession_end")
END_USER = reverse("admin:django_jwtauth_loginsession_end_user")
END_BEFORE = reverse("admin:django_jwtauth_loginsession_end_before")
KEYS = reverse("admin:django_jwtauth_loginsession_keys")
EXPORT = reverse("admin:django_jwtauth_loginsession_export")
EXPORT_BLACKLIST = reverse("admin:django_jwtauth_blacklistedtoken_export")
BY_JTI = reverse("admin:django_jwtauth_blacklistedtoken_add")
WHY = {"reason": "stolen", "note": "Ticket 4711"}


@pytest.fixture
def chief(staff):
    """Who may end everybody's sign-ins."""
    return staff(*DESK, "end_all_sessions", name="carla")


def text_of(answer):
    """The page as read: no tags, one space."""
    page = re.sub(r"<[^>]+>", " ", answer.content.decode()).replace("\xa0", " ")
    return " ".join(page.replace("&#x27;", "'").split())


def before(moment, **extra):
    """The body of the page that ends what started before, as the operator's time zone has it."""
    local = timezone.localtime(moment)
    return {"before_0": f"{local:%Y-%m-%d}", "before_1": f"{local:%H:%M:%S}", **WHY, **extra}


def an_hour_ago():
    return timezone.now() - timedelta(hours=1)


def backdate(pair, hours=2):
    created_at = timezone.now() - timedelta(hours=hours)
    LoginSession.objects.filter(pk=pair.session_id).update(created_at=created_at)


def rows_of(answer, number=0):
    """What is told of one thing that was found."""
    return {
        name: re.sub(r"<[^>]+>", "", str(value)).replace("\xa0", " ")
        for name, value in answer.context["stories"][number]["rows"]
    }


def buttons_of(answer):
    return [text for story in answer.context["stories"] for _url, text in story["buttons"]]


# --- who may do what

MAY = [
    (FIND, ["view_loginsession"]),
    (KEYS, ["view_loginsession"]),
    (EXPORT, ["view_loginsession"]),
    (EXPORT_BLACKLIST, ["view_blacklistedtoken"]),
    (END_BEFORE, ["view_loginsession", "end_all_sessions"]),
    (END_BEFORE + "?user={user}", ["view_loginsession", "end_sessions"]),
    (END_USER + "?user={user}", ["view_loginsession", "end_sessions"]),
]


@pytest.mark.parametrize(("url", "codenames"), MAY)
def test_a_page_opens_with_its_permissions_and_not_with_all_others(staff, user, url, codenames):
    """View-only rights and the one permission are enough; lacking any of them is too little."""
    every = {*DESK, "end_all_sessions"}
    url = url.format(user=user.pk)

    assert staff(*codenames).get(url).status_code == 200
    for number, codename in enumerate(codenames):
        browser = staff(*every - {codename}, name=f"otto{number}")
        assert browser.get(url).status_code == 403
        assert browser.post(url, before(timezone.now(), confirm="everybody")).status_code == 403


@pytest.mark.parametrize("url", [url for url, _codenames in MAY])
def test_who_is_not_logged_in_is_sent_to_the_login(user, url):
    """The pages are part of the admin."""
    answer = Client().get(url.format(user=user.pk))

    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


def test_without_the_permission_a_forged_request_ends_nothing(staff, user, pair, api):
    """Neither of one user nor of everybody."""
    browser = staff("view_loginsession", "blacklist_token", "view_user", "change_user")
    browser.post(f"{END_USER}?user={user.pk}", WHY)
    browser.post(END_BEFORE, before(timezone.now(), confirm="everybody"))
    browser.post(f"{END_BEFORE}?user={user.pk}", before(timezone.now(), confirm="anna"))

    assert api.protected(pair.access).status_code == 200


def test_reading_changes_nothing(chief, user, pair):
    """Whatever the query string says, GET ends nothing and logs nothing."""
    rows = list(LoginSession.objects.values())
    everything = {"user": user.pk, "text": pair.access, **before(timezone.now(), confirm="anna")}
    for url, _codenames in MAY:
        chief.get(url.format(user=user.pk))
        chief.get(url.partition("?")[0], everything)
        chief.get(url.partition("?")[0], {"user": user.pk, "post": "yes"})

    assert list(LoginSession.objects.values()) == rows
    assert not LogEntry.objects.exists()
    assert not BlacklistedToken.objects.exists()


@pytest.mark.parametrize("url", [FIND, END_USER, END_BEFORE])
def test_posting_needs_the_csrf_token(chief, user, pair, url):
    """Another site cannot make an operator's browser act or look."""
    chief.handler.enforce_csrf_checks = True
    answer = chief.post(f"{url}?user={user.pk}", {**WHY, "text": pair.access})

    assert answer.status_code == 403
    assert LoginSession.objects.live().exists()


def test_buttons_are_shown_to_who_may_press_them(staff, user, pair):
    """No dead end, on the list, on the page of the sign-in, of the user, and beside a finding."""
    session = LoginSession.objects.get()
    pages = [
        LIST,
        f"{LIST}?user={user.pk}",
        reverse("admin:django_jwtauth_loginsession_change", args=[session.pk]),
        reverse("admin:auth_user_change", args=[user.pk]),
    ]
    viewer = staff("view_loginsession", "view_user")
    chief = staff(*DESK, "end_all_sessions", name="carla")
    seen = "".join(viewer.get(page).content.decode() for page in pages)
    offered = "".join(chief.get(page).content.decode() for page in pages)

    assert FIND in seen
    assert END_USER not in seen
    assert END_BEFORE not in seen
    assert offered.count(f'href="{END_USER}?user={user.pk}"') == 3
    assert f'href="{END_BEFORE}"' in offered
    assert f'href="{END_BEFORE}?user={user.pk}"' in offered
    assert buttons_of(viewer.post(FIND, {"text": pair.access})) == []
    assert buttons_of(chief.post(FIND, {"text": pair.access})) == [
        "End this sign-in",
        "End all sign-ins of anna",
        "Blacklist only this token",
    ]


# --- find


def forged(raw):
    return forge.sign(forge.header_of(raw), forge.claims_of(raw), b"x" * 32)


def ended(raw):
    LoginSession.objects.all().end(
        reason=Reason.LEFT, via=Via.ADMIN, by=User.objects.get(username="anna"), note="T 1"
    )
    return raw


def blacklisted(raw):
    revocation.refuse(
        forge.claims_of(raw)["jti"], Cause(reason="stolen", via=Via.COMMAND, by="root", note="T 2")
    )
    return raw


def deactivated(raw):
    User.objects.filter(username="anna").update(is_active=False)
    return raw


def refreshed_twice(raw):
    LoginSession.objects.update(generation=2)
    return raw


# What was pasted, and what is told of its state.
STATES = {
    "valid": ("access", lambda raw: raw, "Valid: it is accepted."),
    "valid refresh": ("refresh", lambda raw: raw, "Valid: it is accepted."),
    "expired": ("access", lambda raw: forge.altered(raw, exp=1), "Expired: it is refused."),
    "forged": ("access", forged, "Bad signature: no key of this site signed it, so it is refused."),
    "cut off": ("access", lambda raw: raw[:-10], "Damaged, or not a token of this site"),
    "unsigned": ("access", lambda raw: raw.rpartition(".")[0] + ".", "Damaged"),
    "ended": ("access", ended, "Its sign-in has ended or is unknown: it is refused."),
    "blacklisted": ("access", blacklisted, "Blacklisted: it is refused."),
    "deactivated": ("access", deactivated, "Its user is deactivated: it is refused."),
    "superseded": ("refresh", refreshed_twice, "Superseded by a newer refresh token."),
}


@pytest.mark.parametrize("case", STATES)
def test_a_pasted_token_tells_its_story(desk, user, pair, case):
    """Whose, of which sign-in, and what a request with it meets, whatever is wrong with it."""
    kind, make, state = STATES[case]
    answer = desk.post(FIND, {"text": make(getattr(pair, kind))})
    rows = rows_of(answer)

    assert rows["State"].startswith(state)
    assert rows["User"] == "anna"
    assert rows["Sign-in"] == pair.session_id.hex
    assert rows["Issued"]
    assert state in text_of(answer)


def test_every_refusal_has_words():
    """No reason that a token can be refused for is told as a code."""
    reasons = {
        error.reason
        for error in vars(exceptions).values()
        if isinstance(error, type)
        and issubclass(error, exceptions.TokenError)
        and error is not exceptions.TokenError
        and hasattr(error, "reason")
    }
    # It is refused for its kind nowhere: any kind is asked for.
    assert reasons - {"wrong_type"} <= set(VERDICTS)


def test_what_a_forged_token_says_is_told_as_such(desk, pair):
    """It names a sign-in that has nothing to do with it, perhaps; its jti and kind are not told."""
    answer = desk.post(FIND, {"text": forged(pair.access)})

    assert "The claims of this token prove nothing." in text_of(answer)
    assert not {"jti", "Kind"} & rows_of(answer).keys()
    assert "Nobody vouches" not in text_of(desk.post(FIND, {"text": pair.access}))


def test_by_whom_and_why_it_ended_is_told(desk, pair):
    """Who acted, through what, why, and the note; of the sign-in and of the token."""
    blacklisted(pair.access)
    ended(pair.access)
    rows = rows_of(desk.post(FIND, {"text": pair.access}))

    assert rows["Ended"].endswith("anna, Admin. Person left. T 1")
    assert rows["Blacklisted"].endswith("root, Command. Token or device stolen. T 2")


def test_the_record_of_blacklisting_is_for_who_may_see_it(staff, pair):
    """Others learn when, and that the token is refused."""
    blacklisted(pair.access)
    rows = rows_of(staff("view_loginsession").post(FIND, {"text": pair.access}))

    assert rows["State"] == "Blacklisted: it is refused."
    assert "T 2" not in str(rows)
    assert "root" not in str(rows)


@pytest.mark.parametrize(
    "text",
    [
        "{sid}",
        "{SID}",
        "{uuid}",
        "{jti}",
        "{refresh_jti}",
        "2026-11-24 03:00:01 WARNING Sign-in {sid} is at generation 3",
        'trace=0123456789abcdef0123456789abcdef {{"sid": "{sid}"}}',
        "Superseded refresh token for sign-in {sid}: sign-in ended",
        "GET /x 401 jti={jti}, took 3 ms",
        "GET /x HTTP/1.1\r\nAuthorization: Bearer {access}\r\nAccept: */*",
        "Authorization: Bearer {access}",
        "Bearer {access}",
        '{{"access": "{access}", "x": 1}}',
        "token={access}&x=1",
    ],
)
def test_a_line_of_a_log_is_enough(desk, pair, text):
    """An id or a token anywhere in it leads to the sign-in."""
    names = {
        "sid": pair.session_id.hex,
        "SID": pair.session_id.hex.upper(),
        "uuid": str(pair.session_id),
        "jti": forge.claims_of(pair.access)["jti"],
        "refresh_jti": forge.claims_of(pair.refresh)["jti"],
        "access": pair.access,
    }
    answer = desk.post(FIND, {"text": text.format(**names)})

    assert [rows_of(answer)["Sign-in"]] == [pair.session_id.hex]
    assert len(answer.context["stories"]) == 1
    if "{access}" in text:
        assert rows_of(answer)["State"] == "Valid: it is accepted."


def test_a_token_that_was_broken_into_lines_is_read(desk, pair):
    """Terminals and mail programs wrap what is copied from them."""
    lines = "\r\n  ".join(pair.access[i : i + 60] for i in range(0, len(pair.access), 60))

    for text in (lines, f"Bearer {lines}\n"):
        assert rows_of(desk.post(FIND, {"text": text}))["State"] == "Valid: it is accepted."


def test_the_next_word_is_no_part_of_a_token(desk, pair):
    """A line that begins with a token and goes on with words."""
    rows = rows_of(desk.post(FIND, {"text": f"{pair.access} was\nrefused"}))

    assert rows["State"] == "Valid: it is accepted."


def test_several_things_are_told_one_by_one(desk, user, other_user):
    """A pair and the id of another sign-in; what is mentioned twice is told once."""
    pair, other = sessions.start(user), sessions.start(other_user)
    body = f"{pair.access} {pair.refresh} {pair.access} {pair.session_id} {other.session_id}"
    answer = desk.post(FIND, {"text": body})

    assert [rows_of(answer, n)["User"] for n in range(3)] == ["anna", "anna", "bert"]
    assert len(answer.context["stories"]) == 3


def test_a_whole_log_is_cut(desk, user):
    """Ten are told of, with a bounded number of queries."""
    pairs = [sessions.start(user) for _ in range(12)]
    text = "\n".join(pair.access for pair in pairs)
    with CaptureQueriesContext(connection) as captured:
        answer = desk.post(FIND, {"text": text})

    assert len(answer.context["stories"]) == finding.MAX_FINDINGS
    assert len(captured) < 90


def test_a_blacklisted_legacy_jti_is_found(desk, user):
    """It has no form of its own and no sign-in; the record is known all the same."""
    BlacklistedToken.objects.create(
        jti="legacy-17", token_type="access", user=user, subject=str(user.pk),
        expires_at=timezone.now(), reason="stolen", via="command", note="T 3",
    )  # fmt: skip
    rows = rows_of(desk.post(FIND, {"text": "refused: legacy-17"}))

    assert (rows["jti"], rows["User"]) == ("legacy-17", "anna")
    assert rows["Blacklisted"].endswith("T 3")


def test_api_tokens_and_one_time_tokens_are_found(desk, user):
    """They are told by their kind, and whether they are still good."""
    api_token = create_api_token(user, "deploy").raw
    magic_link = create_one_time(user, "sign_in")

    assert rows_of(desk.post(FIND, {"text": api_token}))["State"] == "Valid: it is accepted."
    assert rows_of(desk.post(FIND, {"text": api_token}))["Device"].startswith("API token, deploy")
    rows = rows_of(desk.post(FIND, {"text": magic_link}))
    assert (rows["State"], rows["Kind"]) == ("Valid: it is accepted.", "One-time")
    consume(magic_link, "sign_in")
    rows = rows_of(desk.post(FIND, {"text": magic_link}))
    assert rows["State"].startswith("Its sign-in has ended")


def test_a_legacy_token_is_described_and_starts_nothing(desk, user, settings):
    """A refresh token of simplejwt would start a sign-in when seen; looking at it does not."""
    settings.JWTAUTH = {
        "LEGACY": {
            "UNTIL": "2999-01-01T00:00:00Z",
            "DECODER": "django_jwtauth.contrib.simplejwt.decode",
        },
    }
    exp = int(timezone.now().timestamp()) + 600
    header, key = {"alg": "HS256", "typ": "JWT"}, settings.SECRET_KEY.encode()
    for kind, name in (("access", "Access"), ("refresh", "Refresh")):
        claims = {"token_type": kind, "user_id": str(user.pk), "jti": "a" * 32, "exp": exp}
        rows = rows_of(desk.post(FIND, {"text": forge.sign(header, claims, key)}))
        assert (rows["State"], rows["Kind"]) == ("Valid: it is accepted.", name)
        assert rows["User"] == "anna"

    assert not LoginSession.objects.exists()


@pytest.mark.parametrize(
    "text", ["nonsense", "0" * 32, "0" * 32 + ":1", "é" * 100, "\ud800".encode("utf-8", "replace")]
)
def test_what_is_not_known_here_is_said_so(desk, pair, text):
    """Neither an error nor an empty page."""
    assert "Nothing was found" in text_of(desk.post(FIND, {"text": text}))


@pytest.mark.parametrize(
    "text", ["", " ", "x" * (finding.MAX_LENGTH + 1), "\x00", "eyJ.", "eyJ.x.y", "eyJ!.eyJ.x"]
)
def test_whatever_is_pasted_is_no_error_of_the_server(desk, pair, text):
    """Nothing, too much, control characters, or half a token."""
    assert desk.post(FIND, {"text": text}).status_code == 200


UNPROVEN = [
    {"sid": ["0" * 32]},
    {"sid": 1},
    {"sid": "0" * 32, "iat": 10**30, "exp": -1},
    {"iat": float("inf")},
    {"jti": "<script>alert(1)</script>", "sub": "<script>"},
    [],
    {"sid": None, "jti": {}},
]


@pytest.mark.parametrize("claims", UNPROVEN)
def test_a_hostile_token_says_nothing(desk, pair, claims):
    """What nobody signed is neither shown nor able to break the page."""
    raw = f"{forge.segment({'alg': 'HS256', 'typ': 'at+jwt'})}.{forge.segment(claims)}.x"
    answer = desk.post(FIND, {"text": raw})

    assert answer.status_code == 200
    assert "alert(1)" not in answer.content.decode()


@pytest.mark.parametrize("case", ["valid", "forged", "expired", "unsigned", "nothing", "too long"])
def test_what_was_pasted_is_forgotten(desk, pair, caplog, case):
    """It is not shown again, stored or logged, whatever becomes of it."""
    caplog.set_level("DEBUG")
    if case in STATES:
        text = STATES[case][1](pair.access)
    else:
        text = f"{pair.access} " * (1 if case == "nothing" else 999)
        LoginSession.objects.all().delete()
    rows = list(LoginSession.objects.values())
    answer = desk.post(FIND, {"text": text})
    kept = caplog.text + str(answer.wsgi_request.session.items()) + str(answer.headers)

    for part in (part for part in pair.access.split(".") if len(part) > 1):
        assert part not in answer.content.decode()
        assert part not in kept
    assert list(LoginSession.objects.values()) == rows
    assert not LogEntry.objects.exists()


def test_a_report_of_an_error_does_not_quote_what_was_pasted(desk, pair, monkeypatch):
    """Should the page fail, neither our frames nor the body of the request show it."""

    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(finding, "_find_session", fail)
    with pytest.raises(RuntimeError) as caught:
        desk.post(FIND, {"text": pair.access})
    reporter = ExceptionReporter(None, caught.type, caught.value, caught.tb)
    frames = reporter.get_traceback_frames()
    ours = [frame for frame in frames if "jwtauth" in frame["filename"]]

    assert [frame["function"] for frame in ours] == ["find_view", "find", "_inspect"]
    for frame in ours:
        shown = {name: value for name, value in frame["vars"] if name != "request"}
        assert pair.access not in str(shown), frame["function"]
    request = dict(ours[0]["vars"])["request"]
    assert reporter.filter.get_post_parameters(request)["text"] != pair.access


def test_a_database_that_is_down_is_said_so(desk, pair, monkeypatch):
    """It never means that a token is bad."""

    def fail(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr(finding, "_sessions", fail)
    answer = desk.post(FIND, {"text": pair.session_id.hex})

    assert "Temporarily unavailable, try again" in text_of(answer)


def test_the_buttons_lead_to_the_act(desk, api, user, pair):
    """From the finding to the refused call."""
    answer = desk.post(FIND, {"text": pair.access})
    (story,) = answer.context["stories"]
    end, end_user, blacklist = (url for url, _text in story["buttons"])

    assert desk.get(blacklist).status_code == 200
    desk.post(blacklist, WHY)
    assert api.protected(pair.access).json()["reason"] == "blacklisted"
    assert desk.get(end).status_code == desk.get(end_user).status_code == 200
    desk.post(end_user, WHY)
    assert api.refresh(pair.refresh).json()["reason"] == "session_ended"
    assert LogEntry.objects.count() == 2


def test_a_token_is_blacklisted_by_its_jti(desk, pair):
    """The page names it; a second time nothing changes; an unknown one is not found."""
    url = f"{BY_JTI}?jti={forge.claims_of(pair.access)['jti']}"

    assert forge.claims_of(pair.access)["jti"] in text_of(desk.get(url))
    assert desk.post(url, {}).status_code == 200
    assert not BlacklistedToken.objects.exists()
    assert "The token is blacklisted" in text_of(desk.post(url, WHY, follow=True))
    assert "was already blacklisted" in text_of(desk.post(url, WHY, follow=True))
    assert BlacklistedToken.objects.get().blacklisted_by_name == "olga"
    assert desk.get(f"{BY_JTI}?jti={'0' * 32}.{'0' * 16}").status_code == 404
    assert desk.post(f"{BY_JTI}?jti=x", WHY).status_code == 404


CLERK = ("view_loginsession", "view_blacklistedtoken", "blacklist_token")
# What ends a sign-in, or a record of its own, when it is blacklisted.
ENDING = {
    "refresh token": lambda user: sessions.start(user).refresh,
    "expired refresh token": lambda user: forge.altered(sessions.start(user).refresh, exp=1),
    "API token": lambda user: create_api_token(user, "deploy").raw,
    "one-time token": lambda user: create_one_time(user, "download"),
    "link": lambda user: create_one_time(user, "sign_in"),
}


@pytest.mark.parametrize("kind", ENDING)
def test_blacklisting_alone_ends_no_sign_in(staff, user, kind):
    """Whoever may only blacklist tokens ends nothing: not by pasting, nor by jti, nor by a POST."""
    clerk, raw = staff(*CLERK), ENDING[kind](user)
    url = f"{BY_JTI}?jti={forge.claims_of(raw)['jti']}"

    pasted = clerk.post(BY_JTI, {**WHY, "token": raw})
    assert "do not have permission" in str(pasted.context["adminform"].form.errors["token"])
    assert clerk.get(url).status_code == clerk.post(url, WHY).status_code == 403
    assert clerk.post(url, {**WHY, "token": raw}).status_code == 403
    assert "blacklistedtoken/add/?jti" not in clerk.post(FIND, {"text": raw}).content.decode()
    assert not LoginSession.objects.exclude(ended_at=None).exists()
    assert not BlacklistedToken.objects.exists()


@pytest.mark.parametrize("form", ["{sid}:0", "{sid}:7", "{sid}:4294967295"])
def test_blacklisting_alone_ends_no_sign_in_by_its_id(staff, user, pair, form):
    """A jti that was never given out is one of a refresh token by its form."""
    clerk = staff(*CLERK)
    url = f"{BY_JTI}?jti={form.format(sid=pair.session_id.hex)}"

    assert clerk.get(url).status_code == clerk.post(url, WHY).status_code == 403
    assert LoginSession.objects.get().ended_at is None


@pytest.mark.parametrize("kind", ENDING)
def test_with_both_permissions_it_ends(staff, user, kind):
    """Blacklisting and ending sign-ins."""
    clerk, raw = staff(*CLERK, "end_sessions"), ENDING[kind](user)

    clerk.post(BY_JTI, {**WHY, "token": raw})

    assert LoginSession.objects.get().ended_at is not None


def test_blacklisting_alone_refuses_one_access_token(staff, user, pair, api):
    """Pasted, or by its jti; the sign-in goes on."""
    clerk, other = staff(*CLERK), sessions.refresh(pair.refresh)

    clerk.post(BY_JTI, {**WHY, "token": pair.access})
    clerk.post(f"{BY_JTI}?jti={forge.claims_of(other.access)['jti']}", WHY)

    assert api.protected(pair.access).json()["reason"] == "blacklisted"
    assert api.protected(other.access).json()["reason"] == "blacklisted"
    assert api.refresh(other.refresh).status_code == 200


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
    answer = desk.get(f"{END_USER}?user={user.pk}")

    assert "Whoever knows the password can sign in again." in text_of(answer)
    assert reverse("admin:auth_user_change", args=[user.pk]) in answer.content.decode()


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
    text = text_of(chief.get(url) if END_USER in url else chief.post(url, before(timezone.now())))

    assert "keep accepting their access tokens for up to 10 minutes." in text
    assert "API tokens among them are accepted until they expire" in text
    assert "LEGACY" not in text


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


# --- keys


@needs_cryptography
def test_the_keys_are_told_with_their_states(desk, settings):
    """Which one signs, which one will, and which only verify; derived ones by their setting."""
    settings.SECRET_KEY_FALLBACKS = ["x" * 50]
    soon = timezone.now() + timedelta(days=1)
    settings.JWTAUTH = {
        "KEYS": [
            {"algorithm": "ES256", "private_key": make_pem("ES256"), "kid": "now"},
            {
                "algorithm": "RS256",
                "private_key": make_pem("RS256"),
                "kid": "next",
                "active_from": soon,
            },
            {"algorithm": "HS256", "secret": "s3cret-and-long-enough-for-hs256-abcdefgh"},
        ]
    }
    rows = desk.get(KEYS).context["rows"]

    assert [(row["kid"], row["algorithm"], row["state"], row["origin"]) for row in rows] == [
        ("now", "ES256", "Signing", "KEYS"),
        ("next", "RS256", "Next: signs later, verifies now", "KEYS"),
        ("-", "HS256", "Verifies only", "KEYS"),
        ("-", "HS256", "Verifies only", "SECRET_KEY"),
        ("-", "HS256", "Verifies only", "SECRET_KEY_FALLBACKS"),
        ("-", "HS256", "Signing", "SECRET_KEY"),
        ("-", "HS256", "Verifies only", "SECRET_KEY_FALLBACKS"),
    ]
    assert rows[1]["active_from"] != "-"


@needs_cryptography
def test_no_key_material_is_shown(desk, settings):
    """Neither of a secret nor of either half of a key pair."""
    secret = "s3cret-and-long-enough-for-hs256-abcdefgh"
    pem = make_pem("ES256")
    settings.JWTAUTH = {
        "KEYS": [
            {"algorithm": "HS256", "secret": secret},
            {"algorithm": "ES256", "private_key": pem, "kid": "a"},
        ]
    }
    page = desk.get(KEYS).content.decode()

    assert secret not in page
    assert settings.SECRET_KEY not in page
    assert not any(line in page for line in str(pem).splitlines() if len(line) > 20)


def test_keys_that_cannot_be_read_are_said_so(desk, settings):
    """The page tells what the check tells."""
    settings.JWTAUTH = {"KEYS": [{"algorithm": "HS256", "secret": "short"}]}
    answer = desk.get(KEYS)

    assert answer.status_code == 200
    assert "shorter than the 32 bytes" in text_of(answer)


def test_trusted_issuers_are_named(desk, settings):
    """Their keys are theirs, but that they are trusted is worth knowing."""
    settings.JWTAUTH = {
        "ISSUER": "https://api.example.org",
        "ISSUERS": {"https://sso.example.org": "https://sso.example.org/jwks.json"},
    }

    assert "https://sso.example.org" in text_of(desk.get(KEYS))


# --- overview


def test_the_overview_counts(desk, user):
    """Live ones, those that ended within a day by reason, and reuse detections among them."""
    now = timezone.now()
    fill(user, 2)
    rows = fill(user, 5)

    def end(some, **record):
        LoginSession.objects.filter(pk__in=[one.pk for one in some]).end(**record)

    end(rows[:1], reason=Reason.REUSED, via=Via.REUSE_DETECTION)
    end(rows[1:3], reason=Reason.STOLEN, via=Via.ADMIN)
    end(rows[3:], reason=Reason.LEFT)
    LoginSession.objects.filter(end_reason=Reason.LEFT).update(ended_at=now - timedelta(hours=25))
    # Of what was reused the column is written, too; that is counted by its reason.
    LoginSession.objects.exclude(end_reason__in=[Reason.STOLEN, Reason.LEFT]).update(
        replayed_at=now
    )
    told = dict(desk.get(LIST).context["overview"])

    assert told["Live sign-ins"] == "2"
    assert told["Superseded tokens used from elsewhere in the last 24 hours"] == "2"
    assert told["Ended in the last 24 hours"] == (
        "3: Token or device stolen 2, Refresh token reused 1"
    )
    assert told["Of these, because a refresh token was reused"] == "1"
    assert told["Oldest record"].startswith(timezone.localtime(now).strftime("%b. %"[:2]))


def test_the_overview_stops_counting(desk, user, monkeypatch):
    """ "10,000+" and not a minute of waiting."""
    monkeypatch.setattr(overview, "LIMIT", 3)
    fill(user, 4)
    LoginSession.objects.bulk_create(
        LoginSession(
            user=user,
            subject="1",
            refreshed_at=timezone.now(),
            expires_at=timezone.now(),
            ended_at=timezone.now(),
            end_reason="left",
        )
        for _ in range(5)
    )
    with CaptureQueriesContext(connection) as captured:
        told = dict(overview.numbers())

    assert all(" LIMIT " in statement["sql"] for statement in captured)
    assert told["Live sign-ins"] == "3+"
    assert told["Ended in the last 24 hours"] == "3+: Person left 3"


def test_the_overview_of_nothing(desk):
    """A new installation."""
    told = dict(overview.numbers())

    assert told["Live sign-ins"] == "0"
    assert told["Ended in the last 24 hours"] == "0"
    assert told["Oldest record"] == "-"


@pytest.mark.parametrize(("days", "overdue"), [(60, False), (62, True)])
def test_the_overview_asks_for_a_purge(user, days, overdue):
    """Once a record could have gone a day ago: it is meant to be run daily."""
    moment = timezone.now() - timedelta(days=days)
    fill(user, 1, created_at=moment, expires_at=moment)
    oldest = dict(overview.numbers())["Oldest record"]

    assert ("run jwtauth_purge" in oldest) is overdue


@pytest.mark.parametrize(("days", "overdue"), [(30, False), (32, True)])
def test_blacklisted_tokens_ask_for_a_purge_too(user, days, overdue):
    """They go by when the token expired."""
    expired = timezone.now() - timedelta(days=days)
    BlacklistedToken.objects.create(jti="x", subject="1", expires_at=expired)
    oldest = dict(overview.numbers())["Oldest record"]

    assert ("run jwtauth_purge" in oldest) is overdue


def test_the_overview_stands_above_an_unfiltered_list(staff, desk, pair):
    """Not while somebody searches, and not for those who may not see sign-ins."""
    for url in (LIST, BLACKLIST):
        assert "Live sign-ins" in text_of(desk.get(url))
        assert "Live sign-ins" not in text_of(desk.get(url, {"q": "anna"}))
    other = staff("view_blacklistedtoken", name="otto")
    assert "Live sign-ins" not in text_of(other.get(BLACKLIST))


# --- export


def exported(answer):
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_list_as_it_is_filtered_is_exported(desk, user, other_user):
    """What the list shows for the same query string, to be opened elsewhere."""
    sessions.start(other_user)
    pair = sessions.start(user)
    LoginSession.objects.filter(pk=pair.session_id).end(
        reason=Reason.LEFT, via=Via.ADMIN, by=other_user, note="T 1"
    )
    page = desk.get(LIST, {"user": user.pk}).content.decode()
    (url,) = re.findall(rf'href="({EXPORT}[^"]*)"', page)
    answer = desk.get(url.replace("&amp;", "&"))
    (row,) = exported(answer)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="loginsessions-\d{8}T\d{6}Z\.csv"', answer["Content-Disposition"]
    )
    assert "no-store" in answer["Cache-Control"]
    assert (row["sid"], row["user"], row["end_reason"]) == (pair.session_id.hex, "anna", "left")
    assert (row["ended_via"], row["ended_by_name"], row["end_note"]) == ("admin", "bert", "T 1")
    assert timezone.datetime.fromisoformat(row["ended_at"]).tzinfo


def test_blacklisted_tokens_are_exported(desk, pair):
    """By their jti, with who, when and why."""
    sessions.blacklist(pair.access, reason=Reason.STOLEN, note="T 2")
    (row,) = exported(desk.get(EXPORT_BLACKLIST))

    assert row["jti"] == forge.claims_of(pair.access)["jti"]
    assert (row["user"], row["reason"], row["note"]) == ("anna", "stolen", "T 2")


def test_no_secret_is_exported(desk, user, pair):
    """Neither the hash that ties a sign-in to its password nor anything of a token."""
    sessions.blacklist(pair.access)
    session = LoginSession.objects.get()
    for url in (EXPORT, EXPORT_BLACKLIST):
        text = str(exported(desk.get(url)))
        assert session.auth_hash not in text
        assert user.password not in text
        for raw in (pair.access, pair.refresh):
            assert not any(part in text for part in raw.split("."))


SIGNS = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
BEFORE = ["", " ", "\t", "\r", "\n", '"', ' "', "\ufeff", "\u200b", "\u3000", "\0"]
BEFORE += [f"x{separator}{space}" for separator in ",;|\t\n\r\v\f\u2028" for space in ("", ' "')]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", BEFORE)
def test_a_spreadsheet_calculates_nothing(before, sign):
    """What a client chose as its name stays text, as OWASP says: a quote goes in front."""
    assert export.cell(f"{before}{sign}1") == f"{before}'{sign}1"
    assert export.cell(f"{before}{sign}{sign}1;{sign}") == f"{before}'{sign}{sign}1;'{sign}"


@pytest.mark.parametrize("separator", [",", ";", "|", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("quote", ['"', None])
def test_no_cell_begins_a_formula_whatever_separates_them(desk, pair, separator, quote):
    """The reader of the file chooses, in a dialogue or by the language of the program."""
    hostile = [f'{first}{space}=cmd|"/c calc"!A1' for first in ",;|\t\n" for space in ("", ' "')]
    for text in hostile:
        LoginSession.objects.update(name=text, user_agent=f"a{text}", end_note=f'"{text}"')
        body = b"".join(desk.get(EXPORT).streaming_content).decode()
        cells = body.split(separator)
        if quote and len(separator) == 1 and separator != "\n":
            lines = csv.reader(io.StringIO(body, newline=""), delimiter=separator, quotechar=quote)
            cells = [each for line in lines for each in line]
        for each in cells:
            assert not each.lstrip(' \t\r\n"').startswith(tuple(SIGNS))


def test_the_formula_is_quoted_in_every_column(desk, pair):
    """That a stranger can write."""
    text = "x;=1"
    LoginSession.objects.update(name=text, user_agent=text, end_note=text)
    (row,) = exported(desk.get(EXPORT))

    for name in ("name", "user_agent", "end_note"):
        assert row[name] == "x;'=1"


@pytest.mark.parametrize(
    "text",
    ["Anna's phone", 'a "b", c', "2 = 2", "line\nline", "", "a-b", 'a"-b', "T-2; x - y", "1|2"],
)
def test_what_is_no_formula_is_exported_as_it_is(desk, pair, text):
    """Quotes, commas and lines arrive as they were."""
    LoginSession.objects.update(name=text)

    assert exported(desk.get(EXPORT))[0]["name"] == text


def test_an_export_is_cut(desk, user, monkeypatch):
    """And says so in its last line."""
    monkeypatch.setattr(export, "LIMIT", 2)
    fill(user, 3)
    rows = exported(desk.get(EXPORT))

    assert len(rows) == 3
    assert rows[-1]["sid"] == "Only the first 2 rows were exported."


@pytest.mark.parametrize("query", [{"user": "x"}, {"status": "no"}, {"q": "\x00"}, {"p": "99"}])
def test_an_export_of_nonsense_is_no_error_of_the_server(desk, pair, query):
    """It exports nothing, or what the list would show."""
    assert desk.get(EXPORT, query).status_code in (200, 302, 400)


# --- devices


IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [(IPHONE, "Mobile Safari 17 (iOS)"), ("nonsense", "nonsense"), ("", "")],
)
def test_a_device_is_named(user_agent, words):
    """Browser and system, where ua-parser is installed and knows them."""
    pytest.importorskip("ua_parser", reason="ua-parser is not installed: devices are shown raw")

    assert devices.readable(user_agent) == words


def test_without_the_parser_a_device_is_shown_as_it_came(monkeypatch):
    """Only the prefix that every browser has is left out."""
    monkeypatch.setattr(devices, "parse", None)

    assert devices.readable(IPHONE) == IPHONE.removeprefix("Mozilla/5.0 ")


# --- looks and scale


PAGES = [FIND, KEYS, END_BEFORE, END_USER + "?user={user}", END_BEFORE + "?user={user}"]


def test_the_pages_need_no_inline_script_or_style(chief, user, pair):
    """A strict Content-Security-Policy does not break them."""
    answers = [chief.get(url.format(user=user.pk)) for url in PAGES]
    answers += [
        chief.post(FIND, {"text": pair.access}),
        chief.post(FIND, {"text": "x"}),
        chief.post(END_BEFORE, before(timezone.now())),
        chief.get(LIST),
    ]
    for answer in answers:
        page = answer.content.decode()
        assert answer.status_code == 200
        assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("url", PAGES)
def test_a_page_costs_the_same_however_many_rows(chief, user, url):
    """As many statements at 1 000 rows as at 10, none of which counts a whole table."""
    url = url.format(user=user.pk)
    costs = []
    for number in (10, 990):
        fill(user, number)
        with CaptureQueriesContext(connection) as captured:
            chief.get(url)
            chief.post(url, before(timezone.now(), text=user.username))
        # Ending itself takes a few per chunk; this page ends at once.
        if END_USER not in url:
            costs.append(len(captured))
        for statement in captured:
            assert "COUNT(" not in statement["sql"] or "LIMIT 1000" in statement["sql"]

    assert len(set(costs)) <= 1


def test_the_pages_are_on_every_site():
    """Whoever registers the sign-ins on a site of their own has the desk there."""
    site = admin.AdminSite(name="desk")
    site.register(LoginSession, LoginSessionAdmin)
    names = {pattern.name for pattern in site.get_model_admin(LoginSession).urls}

    assert {
        f"django_jwtauth_loginsession_{name}"
        for name in ("find", "end", "end_user", "end_before", "keys", "export")
    } <= names


LISTS = ["loginsession", "blacklistedtoken"]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("before", ["", "Bearer ", "Authorization: Bearer ", '"', "x "])
def test_a_token_in_the_search_is_repeated_in_no_link(desk, pair, name, before):
    """It is in the address already; history, links and what they lead to must not have it, too."""
    url = reverse(f"admin:django_jwtauth_{name}_changelist")
    for raw in (pair.access, pair.refresh, "eyJhbGciOiJub25lIn0.eyJzdWIiOiI3In0."):
        for query in ({"q": before + raw}, {"q": before + raw, "user": "1"}, {"status": raw}):
            answer = desk.get(url, query)
            assert answer.status_code == 302
            assert raw not in answer["Location"]
            page = desk.get(answer["Location"])
            assert raw not in page.content.decode()
            assert "Find a token" in page.content.decode()
            assert ("user=" in answer["Location"]) is ("user" in query)


def test_a_token_in_the_filters_of_a_list_is_not_handed_on(desk, pair):
    """Pages beside the list lead back to it as it was."""
    session = LoginSession.objects.get()
    filters = {"_changelist_filters": f"q={pair.access}"}
    for page, args in (("change", [session.pk]), ("find", []), ("keys", [])):
        url = reverse(f"admin:django_jwtauth_loginsession_{page}", args=args)
        assert pair.access not in desk.get(url, filters).content.decode()


@pytest.mark.parametrize("text", ["anna", "eyJohnson.smith", "eyJ.x", "a.b.c", "0" * 32])
def test_other_searches_stay_in_the_links(desk, pair, text):
    """As the admin has it."""
    answer = desk.get(reverse("admin:django_jwtauth_loginsession_changelist"), {"q": text})

    assert answer.status_code == 200
    assert f"?q={text}" in answer.content.decode()
