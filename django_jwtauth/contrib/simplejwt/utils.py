"""simplejwt's helpers, for code that imports them."""

import hashlib
import logging
from calendar import timegm
from datetime import datetime, timezone
from typing import Any

from django.conf import settings
from django.utils.functional import lazy

from ...conf import moments

logger = logging.getLogger("django_jwtauth")


def get_md5_hash_password(password: str) -> str:
    """Return the value of simplejwt's claim for ``CHECK_REVOKE_TOKEN``; no token here has it."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest().upper()


def make_utc(dt: datetime) -> datetime:
    """Return the moment in UTC if it has no time zone but ``USE_TZ`` requires one."""
    return dt.replace(tzinfo=timezone.utc) if settings.USE_TZ and dt.tzinfo is None else dt


def aware_utcnow() -> datetime:
    """Return the current time in UTC, without a time zone unless ``USE_TZ``."""
    return _as_settings_want(moments.now())


def datetime_to_epoch(dt: datetime) -> int:
    """Return seconds since the epoch; a moment without a time zone is in UTC."""
    return timegm(dt.utctimetuple())


def datetime_from_epoch(ts: float) -> datetime:
    """Return the moment in UTC, without a zone unless ``USE_TZ``."""
    return _as_settings_want(datetime.fromtimestamp(ts, timezone.utc))


def _as_settings_want(moment: datetime) -> datetime:
    return moment if settings.USE_TZ else moment.replace(tzinfo=None)


def _format(text: str, *args: Any, **kwargs: Any) -> str:
    return text.format(*args, **kwargs)


#: ``text.format()``, evaluated when it is shown.
format_lazy = lazy(_format, str)
