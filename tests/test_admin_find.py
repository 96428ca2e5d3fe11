"""Find: what is pasted, and what is told of it."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.views.debug import ExceptionReporter

from django_jwtauth import exceptions, sessions
from django_jwtauth.admin.find import VERDICTS
from django_jwtauth.api_tokens import create as create_api_token
from django_jwtauth.models import BlacklistedToken, Cause, LoginSession, Reason, Via
from django_jwtauth.one_time import consume
from django_jwtauth.one_time import create as create_one_time
from django_jwtauth.operations import finding, revocation
from tests import forge
from tests.desk import (
    FIND,
    PASTE,
    WHY,
    text_of,
)

User = get_user_model()


def rows_of(answer, number=0):
    """What is told of one thing that was found."""
    return {
        name: re.sub(r"<[^>]+>", "", str(value)).replace("\xa0", " ")
        for name, value in answer.context["stories"][number]["rows"]
    }


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

    assert rows["Ended"].endswith(", anna, Admin: Person left. T 1")
    assert ".." not in rows["Ended"] + rows["Blacklisted"]
    assert rows["Blacklisted"].endswith("root, Command: Token or device stolen. T 2")


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
    url = f"{PASTE}?jti={forge.claims_of(pair.access)['jti']}"

    assert forge.claims_of(pair.access)["jti"] in text_of(desk.get(url))
    assert desk.post(url, {}).status_code == 200
    assert not BlacklistedToken.objects.exists()
    assert "The token is blacklisted" in text_of(desk.post(url, WHY, follow=True))
    assert "was already blacklisted" in text_of(desk.post(url, WHY, follow=True))
    assert BlacklistedToken.objects.get().blacklisted_by_name == "olga"
    assert desk.get(f"{PASTE}?jti={'0' * 32}.{'0' * 16}").status_code == 404
    assert desk.post(f"{PASTE}?jti=x", WHY).status_code == 404


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
    url = f"{PASTE}?jti={forge.claims_of(raw)['jti']}"

    pasted = clerk.post(PASTE, {**WHY, "token": raw})
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
    url = f"{PASTE}?jti={form.format(sid=pair.session_id.hex)}"

    assert clerk.get(url).status_code == clerk.post(url, WHY).status_code == 403
    assert LoginSession.objects.get().ended_at is None


@pytest.mark.parametrize("kind", ENDING)
def test_with_both_permissions_it_ends(staff, user, kind):
    """Blacklisting and ending sign-ins."""
    clerk, raw = staff(*CLERK, "end_sessions"), ENDING[kind](user)

    clerk.post(PASTE, {**WHY, "token": raw})

    assert LoginSession.objects.get().ended_at is not None


def test_blacklisting_alone_refuses_one_access_token(staff, user, pair, api):
    """Pasted, or by its jti; the sign-in goes on."""
    clerk, other = staff(*CLERK), sessions.refresh(pair.refresh)

    clerk.post(PASTE, {**WHY, "token": pair.access})
    clerk.post(f"{PASTE}?jti={forge.claims_of(other.access)['jti']}", WHY)

    assert api.protected(pair.access).json()["reason"] == "blacklisted"
    assert api.protected(other.access).json()["reason"] == "blacklisted"
    assert api.refresh(other.refresh).status_code == 200
