"""Times and periods as operators write them, in their own time zone."""

import time
from datetime import datetime, timedelta
from datetime import timezone as tz
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from django_jwtauth.operations.periods import Period, find_period, read_moment

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 15, 30, tzinfo=BERLIN)


@pytest.fixture
def berlin():
    """It is half past three in Berlin, on a Wednesday."""
    with time_machine.travel(NOW, tick=False), timezone.override(BERLIN):
        yield


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN) if text else None


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("today", "2026-11-25", "2026-11-26"),
        ("Yesterday", "2026-11-24", "2026-11-25"),
        ("2026-11-20", "2026-11-20", "2026-11-21"),
        ("2026-11-20 14:00", "2026-11-20T14:00", "2026-11-20T14:01"),
        ("2026-11-20T14:00:05", "2026-11-20T14:00:05", "2026-11-20T14:00:06"),
        ("2026-11-20T12:00:00.5Z", "2026-11-20T13:00:00.500", "2026-11-20T13:00:01.500"),
        ("2026-11-20 14:00:00,25+0300", "2026-11-20T12:00:00.250", "2026-11-20T12:00:01.250"),
        ("14:00", "2026-11-25T14:00", "2026-11-25T14:01"),
        ("from 9:00 to 10:30", "2026-11-25T09:00", "2026-11-25T10:30"),
        ("9:00-10:30", "2026-11-25T09:00", "2026-11-25T10:30"),
        ("9:00 \N{EN DASH} 10:30", "2026-11-25T09:00", "2026-11-25T10:30"),
        ("2026-11-20 09:00-10:00", "2026-11-20T09:00", "2026-11-20T10:00"),
        ("2026-11-20T09:00-10:00", "2026-11-20T20:00", "2026-11-20T20:01"),
        ("yesterday 23:00 to 1:00", "2026-11-24T23:00", "2026-11-25T01:00"),
        ("23:00 to 1:00", "2026-11-25T23:00", "2026-11-26T01:00"),
        ("between yesterday and 14:00", "2026-11-24", "2026-11-24T14:00"),
        ("2026-11-20..2026-11-21", "2026-11-20", "2026-11-22"),
        ("from 2026-11-20 to now", "2026-11-20", "2026-11-25T15:30"),
        ("since yesterday 14:00", "2026-11-24T14:00", ""),
        ("after 2026-11-20", "2026-11-20", ""),
        ("since 24h", "2026-11-24T15:30", ""),
        ("until yesterday", "", "2026-11-25"),
        ("before yesterday", "", "2026-11-24"),
        ("last 7 days", "2026-11-18T15:30", ""),
        ("past hour", "2026-11-25T14:30", ""),
        ("last 30m", "2026-11-25T15:00", ""),
        ("last 2 weeks", "2026-11-11T15:30", ""),
    ],
)
def test_a_period_is_read(berlin, text, since, until):
    """With what is around it left over."""
    period, rest = find_period(f"anna  {text} firefox")

    assert period == Period(at(since), at(until))
    assert rest.split() == ["anna", "firefox"]


@pytest.mark.parametrize(
    "text",
    [
        "anna",
        "todays",
        "anna-2026-11-20",
        "2026-13-01",
        "2026-11-31",
        "25:00",
        "0001-01-01",
        "9999-12-31",
        "from 1970-01-01",
        "since 99999w",
        "2026-11-20T10:00+99:00",
        "2001:db8::12:30",
        "12:30::1",
        "10.0.0.1",
        "5d",
        "a@2026-11-20",
        "\u0662\u0660\u0662\u0666-\u0661\u0661-\u0662\u0660x",
        "",
    ],
)
def test_what_is_no_period_is_left_alone(berlin, text):
    """Names, addresses, and days and times that do not exist."""
    assert find_period(text) == (None, text)


@pytest.mark.parametrize(
    "text", ["", "noon", "24h ago", "-5d", "24H30", "\0", "2026-11-20 14:00 x"]
)
def test_what_is_no_moment_is_refused(berlin, text):
    """With an example of what is."""
    with pytest.raises(ValueError, match="must be a time like"):
        read_moment(text)


def test_a_moment_is_read(berlin):
    """A day begins, or with ``ends`` is over."""
    assert read_moment("2026-11-20") == at("2026-11-20")
    assert read_moment("2026-11-20", ends=True) == at("2026-11-21")
    assert read_moment(" 14:00 ", ends=True) == at("2026-11-25T14:01")
    assert read_moment("now", ends=True) == read_moment("NOW") == NOW
    assert read_moment("2026-11-20 14:00-05:00") == datetime(2026, 11, 20, 19, tzinfo=tz.utc)


@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize(
    ("zone", "today", "hours"),
    [
        ("Europe/Berlin", "2027-03-29", 23),
        ("Europe/Berlin", "2027-11-01", 25),
        # Here midnight itself does not exist, or comes twice.
        ("Asia/Beirut", "2027-03-29", 23),
        ("America/Havana", "2027-11-08", 25),
    ],
)
def test_a_day_has_as_many_hours_as_on_the_clock(settings, use_tz, zone, today, hours):
    """When the clocks go forward or back, yesterday had 23 or 25."""
    settings.USE_TZ, settings.TIME_ZONE = use_tz, zone
    noon = datetime.fromisoformat(f"{today}T12:00").replace(tzinfo=ZoneInfo(zone))
    with time_machine.travel(noon.timestamp(), tick=False):
        period, _rest = find_period("yesterday")

        assert period.until - period.since == timedelta(hours=hours)
        assert period.until == read_moment("today")
        assert read_moment(noon.isoformat()) == noon


def test_the_zone_is_the_operators(settings):
    """Not the project's, if a middleware has activated another."""
    settings.TIME_ZONE = "UTC"
    with time_machine.travel(NOW), timezone.override("Asia/Tokyo"):
        assert read_moment("14:00") == datetime(2026, 11, 25, 5, tzinfo=tz.utc)


@pytest.mark.parametrize("unit", ["14:00 ", "2026-11-20", "from ", "last 9", "1", "since  \n", "-"])
def test_long_texts_take_no_long_time(unit):
    """However they repeat themselves."""
    text = unit * (60_000 // len(unit))
    start = time.monotonic()
    find_period(text)

    assert time.monotonic() - start < 2
