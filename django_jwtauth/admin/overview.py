"""The numbers above the lists. Each is counted only up to a limit."""

from collections import Counter
from datetime import datetime, timedelta

from django.utils.http import urlencode
from django.utils.translation import gettext as _

from ..conf import get_settings, moments
from ..models import Kind, Reason, Via
from ..store import database
from .wording import amount, label, moment

LIMIT = 10_000
DAY = timedelta(days=1)


def numbers() -> list[tuple[str, str, str]]:
    """Return labels, numbers as text, and the query string of the rows behind. Five queries."""
    now = moments.now()
    sessions = database.sign_ins()
    # By the index: older sign-ins cannot be live. API tokens are valid for longer.
    recent = sessions.of_kind(Kind.SIGN_IN).filter(
        created_at__gt=moments.stored(now - get_settings().max_session_age)
    )
    live = recent.live(now).order_by()[: LIMIT + 1].count()
    yesterday = moments.stored(now - DAY)
    # The column is also set when a sign-in ends as reused, which is counted below.
    elsewhere = sessions.filter(replayed_at__gt=yesterday).exclude(end_reason=Reason.REUSED)
    replayed = elsewhere.order_by()[: LIMIT + 1].count()
    ended = sessions.filter(ended_at__gt=yesterday).order_by("-ended_at")
    ends = list(ended.values_list("end_reason", "ended_via")[: LIMIT + 1])
    reasons = Counter(reason for reason, _via in ends[:LIMIT])
    reused = sum(via == Via.REUSE_DETECTION for _reason, via in ends[:LIMIT])
    by_reason = ", ".join(
        f"{label(Reason, reason)} {amount(count)}" for reason, count in reasons.most_common()
    )
    total = amount(len(ends), LIMIT)
    since = {"ended_at__gte": yesterday.isoformat()}
    by_reuse = {**since, "ended_via": Via.REUSE_DETECTION}
    return [
        (_("Live sign-ins"), amount(live, LIMIT), "kind=sign_in&status=live"),
        (
            _("Ended in the last 24 hours"),
            f"{total}: {by_reason}" if by_reason else total,
            urlencode(since),
        ),
        (_("Of these, because a refresh token was reused"), amount(reused), urlencode(by_reuse)),
        (
            _("Superseded tokens used from elsewhere in the last 24 hours"),
            amount(replayed, LIMIT),
            urlencode({"replayed_at__gte": yesterday.isoformat()}),
        ),
        (_("Oldest record"), _oldest(now), ""),
    ]


def _oldest(now: datetime) -> str:
    """Return the date of the oldest record, and whether the purge is overdue."""
    sessions, blacklist = database.sign_ins(), database.blacklisted_tokens()
    # Whether a row can be purged; with a day's grace, because the purge is daily.
    overdue = sessions.purgeable(now - DAY).exists() or blacklist.purgeable(now - DAY).exists()
    first = sessions.order_by("created_at").values_list("created_at", flat=True).first()
    since = moment(first) if first else "-"
    if overdue:
        return _("%(time)s: run jwtauth_purge") % {"time": since}
    return since
