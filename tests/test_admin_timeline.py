"""The page of one sign-in tells what happened to it, in order of time."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone as django_timezone

from django_jwtauth import api_tokens, one_time, sessions
from django_jwtauth.admin import timeline
from django_jwtauth.admin.wording import moment_to_the_second
from django_jwtauth.exceptions import RefreshTokenReused
from django_jwtauth.models import LoginSession, Reason, Via
from tests.desk import page_of

PHONE = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Firefox/140.0"
OWNER, ELSEWHERE = "203.0.113.7", "198.51.100.66"


@pytest.fixture(autouse=True)
def headers_as_they_are(monkeypatch):
    """As short as they are called on the page."""
    monkeypatch.setattr(timeline, "readable", lambda header: header.removeprefix("Mozilla/5.0 "))


def told(answer):
    """The events of the page: of each the texts of its elements, without the time."""
    (listed,) = re.findall(
        r'<ol class="jwtauth-timeline">(.*?)</ol>', answer.content.decode(), re.S
    )
    events = []
    for item in re.findall(r"<li.*?</li>", listed, re.S):
        item = re.sub(r"<time.*?</time>|<span aria-hidden.*?</span>", "", item, flags=re.S)
        parts = re.findall(r"<(?:strong|span|small|a)\b[^>]*>(.*?)</(?:strong|span|small|a)>", item)
        events.append([re.sub(r"<[^>]+>", "", part).replace("&#x27;", "'") for part in parts])
    return events


def at(rf, address, agent=PHONE):
    return rf.post("/", REMOTE_ADDR=address, HTTP_USER_AGENT=agent)


def test_a_new_sign_in_has_started_and_will_expire(desk, user, rf):
    """What has not happened is not there, not even as a dash."""
    pair = sessions.start(user, at(rf, OWNER))
    session = LoginSession.objects.get(pk=pair.session_id)

    header = PHONE.removeprefix("Mozilla/5.0 ")
    assert told(desk.get(page_of(session))) == [
        ["Signed in", f"{OWNER}, {header}", PHONE],
        ["Expires"],
    ]


def test_a_single_refresh_is_not_counted(desk, user, rf):
    """Only from the second on there are others before it."""
    sessions.refresh(sessions.start(user, at(rf, OWNER)).refresh, at(rf, OWNER))

    assert [event[0] for event in told(desk.get(page_of(LoginSession.objects.get())))] == [
        "Signed in",
        "Refreshed",
        "Expires",
    ]


def test_a_reuse_is_told_from_both_sides(desk, user, rf):
    """Start, refresh, reuse and end stand one below the other, each with address and device."""
    pair = sessions.start(user, at(rf, OWNER, "Firefox"))
    second = sessions.refresh(pair.refresh, at(rf, OWNER, "Firefox"))
    sessions.refresh(second.refresh, at(rf, "2001:db8::7", "Firefox"))
    with pytest.raises(RefreshTokenReused):
        sessions.refresh(pair.refresh, at(rf, ELSEWHERE, "curl"))
    session = LoginSession.objects.get()
    events = told(desk.get(page_of(session)))

    assert [event[:2] for event in events] == [
        ["Signed in", f"{OWNER}, Firefox"],
        ["Last of 2 refreshes", "2001:db8::7, Firefox"],
        ["Superseded refresh token came back, and was refused", f"{ELSEWHERE}, curl"],
        ["Ended: Refresh token reused", "Reuse detection"],
        ["Would have expired"],
    ]
    assert events[1][2] == f"Networks, the latest first: 2001:db8::/64, {OWNER}"
    assert events[2][2].startswith("Whoever sent it, or whoever refreshed the sign-in last, has")


def test_what_was_accepted_once_is_told_so(desk, session):
    """It is no proof of theft; an operator who ends the sign-in has done so for other reasons."""
    now = django_timezone.now()
    LoginSession.objects.update(replayed_at=now, replayed_ip=ELSEWHERE, refreshed_at=now)
    LoginSession.objects.all().end(reason=Reason.STOLEN, via=Via.ADMIN, note="Ticket <4711>")
    events = told(desk.get(page_of(session)))

    assert events[2][:2] == [
        "Superseded refresh token came back, and was accepted once",
        ELSEWHERE,
    ]
    assert events[3] == ["Ended: Token or device stolen", "Admin", "Ticket &lt;4711&gt;"]


def test_events_are_in_order_of_time(desk, session):
    """Also what expired before it was swept, and a token that was blacklisted in between."""
    start = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
    LoginSession.objects.update(
        created_at=start,
        refreshed_at=start + timedelta(hours=1),
        expires_at=start + timedelta(hours=2),
        ended_at=start + timedelta(hours=3),
        end_reason="a reason of the project",
        ended_via=Via.CODE,
        ended_by_name="robot",
    )
    page = desk.get(page_of(session))

    assert [event[0] for event in told(page)] == [
        "Signed in",
        "Last refreshed",
        "Would have expired",
        "Ended: a reason of the project",
    ]
    assert told(page)[3][1] == "Project code, robot"
    times = re.findall(r'<time datetime="([^"]+)">', page.content.decode())
    assert times == sorted(times)


def test_what_is_over_has_expired(desk, session):
    """Nobody ended it."""
    LoginSession.objects.update(expires_at=django_timezone.now() - timedelta(days=1))

    assert ["Expired"] in told(desk.get(page_of(session)))


def test_a_token_tells_when_it_was_made_and_used(desk, user, rf):
    """API tokens and one-time tokens are told in their own words."""
    api = api_tokens.create(user, "export").session
    used = django_timezone.now() + timedelta(seconds=1)
    LoginSession.objects.filter(pk=api.pk).update(last_used_at=used, last_used_ip=OWNER)
    once = one_time.create(user, one_time.SIGN_IN)
    one_time.consume(once, one_time.SIGN_IN)
    link = LoginSession.objects.get(kind="one_time")

    assert told(desk.get(page_of(api))) == [
        ["API token created"],
        ["Last used", OWNER],
        ["Expires"],
    ]
    assert told(desk.get(page_of(link))) == [
        ["One-time token created"],
        ["Ended: Used (one-time)", "API, anna"],
        ["Would have expired"],
    ]


def test_who_acts_for_the_user_is_told_with_the_reason(desk, session):
    """The first question about such a row is who it was, and why."""
    LoginSession.objects.update(kind="acting", actor_name="olga", acting_reason="Ticket 4711")

    assert told(desk.get(page_of(session)))[0] == [
        "An operator began to act for the user",
        "olga",
        "Ticket 4711",
    ]


def test_blacklisted_tokens_are_told_with_a_link(desk, pair, session):
    """Who, how and why, and where their own record is."""
    claims = sessions.blacklist(pair.access, reason="stolen", via="admin", by="robot", note="Gist")
    page = desk.get(page_of(session))

    record = session.blacklisted_tokens.get()
    assert told(page)[1] == [
        "Token blacklisted: Access",
        "Token or device stolen, Admin, robot",
        "Gist",
        claims["jti"],
    ]
    assert f'href="{page_of(record)}"' in page.content.decode()


def test_who_may_not_see_blacklisted_tokens_sees_when(staff, pair, session):
    """That there was one belongs to the sign-in; who did it and why, to the other list."""
    sessions.blacklist(pair.access, note="Gist")
    page = staff("view_loginsession").get(page_of(session))

    assert told(page)[1] == ["Token blacklisted"]
    assert "Gist" not in page.content.decode()


def test_only_the_first_blacklisted_tokens_are_told(desk, user, session, monkeypatch):
    """A page has an end, whatever a client blacklists."""
    monkeypatch.setattr(timeline, "MAX_TOKENS", 2)
    session.blacklisted_tokens.model.objects.bulk_create(
        session.blacklisted_tokens.model(
            jti=f"{session.sid}.{number}", session=session, expires_at=session.expires_at
        )
        for number in range(3)
    )

    assert len(told(desk.get(page_of(session)))) == 4


def test_the_page_costs_one_statement_more_than_the_row(desk, pair, session):
    """Whatever happened: the operator and their permissions, the row, its user, the tokens."""
    counts = []
    # Django remembers content types from the first page on.
    desk.get(page_of(session))
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            desk.get(page_of(session))
        counts.append(len(captured))
        sessions.blacklist(pair.refresh)
    tokens = [one for one in captured if 'FROM "django_jwtauth_blacklistedtoken"' in one["sql"]]

    # MySQL tells how its collation compares names.
    mysql = connection.vendor == "mysql"
    assert counts == [8 if mysql else 7] * 2
    assert len(tokens) == 1 or mysql


def test_a_long_header_is_written_once(desk, user, rf, monkeypatch):
    """The second time it says nothing new."""
    monkeypatch.setattr(timeline, "readable", lambda header: header and "Firefox")
    pair = sessions.start(user, at(rf, OWNER))
    sessions.refresh(pair.refresh, at(rf, OWNER))
    page = desk.get(page_of(LoginSession.objects.get()))

    assert [event[-1] for event in told(page)] == [PHONE, f"{OWNER}, Firefox", "Expires"]


def test_an_unknown_address_is_said_to_be_one(desk, user, rf):
    """A device without an address has something to show."""
    sessions.start(user, rf.post("/", HTTP_USER_AGENT="curl", HTTP_X_FORWARDED_FOR="x"))

    assert told(desk.get(page_of(LoginSession.objects.get())))[0] == [
        "Signed in",
        "unknown address, curl",
    ]


def test_header_and_address_cannot_write_html(desk, user, rf):
    """What a client sent is text."""
    sessions.start(user, at(rf, OWNER, "<script>alert(1)</script>"))

    assert b"<script>alert" not in desk.get(page_of(LoginSession.objects.get())).content


def test_times_have_seconds_and_their_zone(desk, session, settings):
    """They are compared with each other, and with lines of a log."""
    noon = datetime(2026, 11, 24, 12, 3, 4, tzinfo=timezone.utc)
    with django_timezone.override("Asia/Tokyo"):
        assert moment_to_the_second(noon) == "Nov. 24, 2026 21:03:04"
    assert moment_to_the_second(noon.replace(tzinfo=None)) == "Nov. 24, 2026 12:03:04"
    assert "Times are in America/Chicago (UTC" in desk.get(page_of(session)).content.decode()
