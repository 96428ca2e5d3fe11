"""Moments that have a zone, whatever the database keeps.

With ``USE_TZ = False`` a column holds local time, in which one hour of the year comes
twice and one not at all. Whoever adds to a moment or compares two takes ``aware()`` ones;
what is written is ``stored()``.
"""

from datetime import datetime, timedelta, timezone

from django.conf import settings


def now() -> datetime:
    """Return the present moment, aware."""
    return datetime.now(timezone.utc)


def aware(moment: datetime) -> datetime:
    """Return the moment that a column holds, aware."""
    if moment.tzinfo is not None:
        return moment
    if _comes_twice(moment):
        microsecond, fold = moment.microsecond & ~1, moment.microsecond & 1
        moment = moment.replace(microsecond=microsecond, fold=fold)
    return moment.astimezone(timezone.utc)


def stored(moment: datetime) -> datetime:
    """Return an aware moment as a column holds it.

    No column has room for ``fold`` (PEP 495), which tells the second of two equal local
    times from the first: of those, the last bit of the microseconds says it.
    """
    if settings.USE_TZ:
        return moment
    local = datetime.fromtimestamp(moment.timestamp())
    if _comes_twice(local):
        local = local.replace(microsecond=local.microsecond & ~1 | local.fold)
    return local


def _comes_twice(local: datetime) -> bool:
    return local.replace(fold=0).timestamp() != local.replace(fold=1).timestamp()


def uncertainty() -> timedelta:
    """Return how far apart two moments can be that columns hold in the wrong order."""
    return timedelta(0) if settings.USE_TZ else timedelta(hours=1)


def to_datetime(seconds: float) -> datetime:
    """Return the time of a numeric date (RFC 7519, 2), as the database takes it."""
    return stored(datetime.fromtimestamp(seconds, timezone.utc))
