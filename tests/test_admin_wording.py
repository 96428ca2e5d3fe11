"""Durations and moments, as operators read them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from django_jwtauth.admin.wording import in_words, moment


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
        assert moment(noon).replace("\xa0", " ") == "Nov. 24, 2026 21:00"
    assert moment(noon.replace(tzinfo=None)).replace("\xa0", " ") == "Nov. 24, 2026 12:00"
