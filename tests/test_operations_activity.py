"""What started and ended, by the hour and by the day."""

import itertools
from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_jwtauth.models import Kind, LoginSession, Reason
from django_jwtauth.operations import activity
from tests.rows import DAY, make_sessions

NOON = datetime(2026, 3, 15, 12, 30, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def noon(settings):
    settings.TIME_ZONE = "UTC"
    with time_machine.travel(NOON, tick=False):
        yield


def numbers(periods):
    return {series.name: series.counts for series in activity.read(periods)}


def test_what_started_and_ended_is_counted_in_its_hour():
    """Kinds and reasons apart; the oldest hour comes first, and what is older is left out."""
    make_sessions(timedelta(0), timedelta(minutes=29), timedelta(minutes=31), 23 * HOUR, 24 * HOUR)
    make_sessions(HOUR, kind=Kind.API_TOKEN)
    [row] = make_sessions(2 * HOUR)
    LoginSession.objects.filter(pk=row.pk).end(reason=Reason.STOLEN)

    found = numbers(activity.last_hours())

    assert found["Sign-ins started"] == [1, *[0] * 20, 1, 1, 2]
    assert found["API tokens created"] == [*[0] * 22, 1, 0]
    assert found["Ended: Token or device stolen"] == [*[0] * 23, 1]
    # Also where there was none.
    assert found["Ended: Refresh token reused"] == [0] * 24
    assert "One-time tokens created" not in found


def test_the_edge_of_an_hour_belongs_to_the_next():
    make_sessions(timedelta(minutes=30), timedelta(minutes=30, microseconds=1))

    assert numbers(activity.last_hours())["Sign-ins started"][-2:] == [1, 1]


def test_days_are_those_of_the_time_zone(settings):
    """In March, a day of New York is an hour shorter; no row is counted twice or not at all."""
    settings.TIME_ZONE = "America/New_York"
    days = activity.last_days(9)

    assert [(day.until - day.since) / HOUR for day in days] == [24, 23, *[24] * 7]
    assert days[-1].since == datetime(2026, 3, 15, 4, tzinfo=timezone.utc)
    assert all(day.until == later.since for day, later in itertools.pairwise(days))

    make_sessions(*(HOUR * past for past in range(9 * 24)))
    assert sum(numbers(days)["Sign-ins started"]) == 8 * 24 - 1 + 9


def test_hours_begin_where_the_clock_of_the_time_zone_shows_them(settings):
    settings.TIME_ZONE = "Asia/Kolkata"

    assert activity.last_hours(1)[0].since == datetime(2026, 3, 15, 12, 30, tzinfo=timezone.utc)


def test_local_time_in_the_columns(settings):
    """With USE_TZ off, the columns contain the local time."""
    settings.USE_TZ = False
    now = datetime.now()
    LoginSession.objects.create(subject="1", created_at=now, refreshed_at=now, expires_at=now)

    assert numbers(activity.last_hours())["Sign-ins started"][-1] == 1


def test_a_count_stops_at_the_limit(monkeypatch):
    """One row more than the limit says that there are more."""
    monkeypatch.setattr(activity, "LIMIT", 3)
    make_sessions(*[timedelta(0)] * 7, DAY)

    with CaptureQueriesContext(connection) as captured:
        assert numbers(activity.last_days())["Sign-ins started"][-2:] == [1, 4]

    assert len(captured) == 2
    assert all(one["sql"].count(" LIMIT ") == 30 for one in captured)


def test_a_reason_of_the_project_is_shown_as_it_is():
    [row] = make_sessions(HOUR)
    LoginSession.objects.filter(pk=row.pk).end(reason="moved_away")

    assert numbers(activity.last_days())["Ended: moved_away"][-1] == 1


def test_an_app_may_add_what_leaves_no_row(monkeypatch):
    monkeypatch.setattr(
        activity, "sources", [lambda periods: [activity.Series("Rain", [7] * len(periods))]]
    )

    assert numbers(activity.last_days(2))["Rain"] == [7, 7]
