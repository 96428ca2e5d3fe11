from datetime import timedelta

import pytest

from django_jwtauth.conf import durations


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        ({"minutes": 5}, "5 minutes"),
        ({"seconds": 300}, "5 minutes"),
        ({"days": 30}, "30 days"),
        ({"days": 2.5}, "2 days 12 hours"),
        ({"days": 365}, "365 days"),
        ({"days": 36500}, "36500 days"),
        ({"hours": 24}, "1 day"),
        ({"seconds": 90}, "1 minute 30 seconds"),
        ({"seconds": 1}, "1 second"),
        ({"seconds": 0.5}, "0.5 seconds"),
        ({"days": 1, "seconds": 1}, "1 day 1 second"),
        ({"hours": 1, "minutes": 1, "seconds": 1.25}, "1 hour 1 minute 1.25 seconds"),
        ({}, "0 seconds"),
    ],
)
def test_a_duration_is_told_as_people_say_it(duration, words):
    """All of it, nothing rounded off, and one of a unit is not many."""
    assert durations.words(timedelta(**duration)) == words


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("60s", 60), ("5m", 300), ("12h", 43200), ("90d", 7776000)]
)
def test_a_time_is_read(text, seconds):
    """A number is seconds, as in the API; a letter behind it makes it longer."""
    assert durations.parse(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5h", "9w", "90 d", "9999999999d", "٣d", "1d\n"])
def test_another_time_is_refused(text):
    """With the forms that there are."""
    with pytest.raises(ValueError, match='"90d"'):
        durations.parse(text)


def test_a_lifetime_is_neither_clipped_nor_none():
    """The error has both: what is allowed and what was asked for."""
    day = timedelta(days=1)
    durations.check(day, day, "It")
    durations.check(durations.SECOND, day, "It")
    with pytest.raises(
        ValueError, match=r"^It may be valid for at most 1 day, not 1 day 1 second.$"
    ):
        durations.check(day + durations.SECOND, day, "It")
    for lifetime in (timedelta(0), -day, timedelta(microseconds=999_999)):
        with pytest.raises(ValueError, match=r"^It must be valid for at least a second.$"):
            durations.check(lifetime, day, "It")
