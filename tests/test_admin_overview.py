"""The overview above the list of sign-ins."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_jwtauth.admin import overview
from django_jwtauth.models import BlacklistedToken, LoginSession, Reason, Via
from tests.desk import (
    BLACKLIST,
    LIST,
    text_of,
)
from tests.rows import fill


def counted(lines):
    return {name: number for name, number, _query in lines}


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
    told = counted(desk.get(LIST).context["overview"])

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
        told = counted(overview.numbers())

    assert all(" LIMIT " in statement["sql"] for statement in captured)
    assert told["Live sign-ins"] == "3+"
    assert told["Ended in the last 24 hours"] == "3+: Person left 3"


def test_the_overview_of_nothing(desk):
    """A new installation."""
    told = counted(overview.numbers())

    assert told["Live sign-ins"] == "0"
    assert told["Ended in the last 24 hours"] == "0"
    assert told["Oldest record"] == "-"


@pytest.mark.parametrize(("days", "overdue"), [(60, False), (62, True)])
def test_the_overview_asks_for_a_purge(user, days, overdue):
    """Once a record could have gone a day ago: it is meant to be run daily."""
    moment = timezone.now() - timedelta(days=days)
    fill(user, 1, created_at=moment, expires_at=moment)
    oldest = counted(overview.numbers())["Oldest record"]

    assert ("run jwtauth_purge" in oldest) is overdue


@pytest.mark.parametrize(("days", "overdue"), [(30, False), (32, True)])
def test_blacklisted_tokens_ask_for_a_purge_too(user, days, overdue):
    """They go by when the token expired."""
    expired = timezone.now() - timedelta(days=days)
    BlacklistedToken.objects.create(jti="x", subject="1", expires_at=expired)
    oldest = counted(overview.numbers())["Oldest record"]

    assert ("run jwtauth_purge" in oldest) is overdue


def test_the_overview_stands_above_an_unfiltered_list(staff, desk, pair):
    """Not while somebody searches, and not for those who may not see sign-ins."""
    for url in (LIST, BLACKLIST):
        assert "Live sign-ins" in text_of(desk.get(url))
        assert "Live sign-ins" not in text_of(desk.get(url, {"q": "anna"}))
    other = staff("view_blacklistedtoken", name="otto")
    assert "Live sign-ins" not in text_of(other.get(BLACKLIST))


def test_each_number_leads_to_its_rows(desk, user):
    """The list that a number links to has as many rows."""
    rows = fill(user, 5)
    LoginSession.objects.filter(pk=rows[0].pk).end(reason=Reason.REUSED, via=Via.REUSE_DETECTION)
    LoginSession.objects.filter(pk=rows[1].pk).end()
    LoginSession.objects.filter(pk=rows[2].pk).update(replayed_at=timezone.now())
    lines = desk.get(LIST).context["overview"]

    found = [(number, desk.get(f"{LIST}?{query}")) for _name, number, query in lines if query]
    assert [number.partition(":")[0] for number, _answer in found] == ["3", "2", "1", "1"]
    assert [len(answer.context["cl"].result_list) for _number, answer in found] == [3, 2, 1, 1]
