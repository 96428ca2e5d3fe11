"""Moments with a time zone, whatever the database stores.

With ``USE_TZ = False``, a column holds local time, in which one hour of the year occurs twice
and another does not occur. To add to a moment or to compare two, convert them with ``aware()``;
to write one, convert it with ``stored()``.
"""

from datetime import datetime, timedelta, timezone

from django.conf import settings


def now() -> datetime:
    """Return the present moment, aware."""
    return datetime.now(timezone.utc)


def aware(moment: datetime) -> datetime:
    """Return the moment in a column as an aware one."""
    if moment.tzinfo is not None:
        return moment
    if _comes_twice(moment):
        microsecond, fold = moment.microsecond & ~1, moment.microsecond & 1
        moment = moment.replace(microsecond=microsecond, fold=fold)
    # Not astimezone(): for a time that the clocks skip, Python 3.12 changed its answer.
    seconds = moment.replace(microsecond=0).timestamp()
    return datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=moment.microsecond)


def stored(moment: datetime) -> datetime:
    """Return an aware moment as a column holds it.

    No column stores ``fold`` (PEP 495), which distinguishes the second of two equal local times
    from the first. For those, the last bit of the microseconds stores it.
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
    """Return how far apart two moments can be and still be in the wrong order in a column."""
    return timedelta(0) if settings.USE_TZ else timedelta(hours=1)


def to_datetime(seconds: float) -> datetime:
    """Return a numeric date (RFC 7519, 2) as a time that the database accepts."""
    return stored(datetime.fromtimestamp(seconds, timezone.utc))
