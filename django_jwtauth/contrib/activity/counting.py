"""Count in memory, and add the counts to the table once a minute.

A refresh or a refusal costs no statement but that one. What a process has counted since then is
lost when it stops.
"""

import os
import threading
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from ... import signals
from ...conf import moments
from ...operations import activity
from .models import Tally

#: Seconds between two writes of one process.
WRITE_EVERY = 60
#: How long the counts of an hour are kept.
KEPT = timedelta(days=32)

REFRESHED, SIGN_IN, ACCESS, REFRESH = "refreshed", "sign_in", "access", "refresh"

Key = tuple[datetime, str, str]

_lock = threading.Lock()
_counts: "Counter[Key]" = Counter()
_written_at = time.monotonic()


def connect() -> None:
    """Count from now on, and show the counts in the admin."""
    receivers: list[tuple[Any, Callable[..., None]]] = [
        (signals.session_refreshed, _on_refreshed),
        (signals.sign_in_refused, _on_sign_in_refused),
        (signals.token_refused, _on_token_refused),
    ]
    for signal, receiver in receivers:
        signal.connect(receiver, dispatch_uid="django_jwtauth.contrib.activity")
    if read not in activity.sources:
        activity.sources.append(read)
    os.register_at_fork(after_in_child=_forget)


def _on_refreshed(**kwargs: Any) -> None:
    count(REFRESHED)


def _on_sign_in_refused(reason: str, **kwargs: Any) -> None:
    count(SIGN_IN, reason)


def _on_token_refused(token_type: str, reason: str, **kwargs: Any) -> None:
    count(token_type, reason)


def count(event: str, reason: str = "") -> None:
    """Count one ``event``; write what was counted if that is due, after the transaction."""
    global _written_at
    hour = moments.now().replace(minute=0, second=0, microsecond=0)
    now = time.monotonic()
    with _lock:
        _counts[hour, event, reason[:64]] += 1
        is_due = now - _written_at >= WRITE_EVERY
        if is_due:
            _written_at = now
    if is_due:
        # Whatever goes wrong is logged by Django, and is no reason to refuse the request.
        transaction.on_commit(write, using=router.db_for_write(Tally), robust=True)


def write() -> None:
    """Add to the table what this process has counted, and delete what is older than ``KEPT``."""
    with _lock:
        taken = dict(_counts)
        _counts.clear()
    using = router.db_for_write(Tally)
    try:
        # In the same order in every process, so that none waits for another in a circle.
        for key in sorted(taken):
            _add(using, key, taken[key])
            del taken[key]
        over = moments.stored(moments.now() - KEPT)
        Tally.objects.using(using).filter(hour__lt=over).delete()
    finally:
        with _lock:
            _counts.update(taken)


def _add(using: str, key: Key, number: int) -> None:
    hour, event, reason = key
    names = {"hour": moments.stored(hour), "event": event, "reason": reason}
    row = Tally.objects.using(using).filter(**names)
    if row.update(count=F("count") + number):
        return
    try:
        with transaction.atomic(using):
            row.create(**names, count=number)
    except IntegrityError:
        # Another process was faster.
        row.update(count=F("count") + number)


def _forget() -> None:
    global _lock
    # The parent writes what it has counted; its lock may be held by a thread that is not here.
    _lock = threading.Lock()
    _counts.clear()


def read(periods: list[activity.Interval]) -> list[activity.Series]:
    """Return the counts for the admin's page. One query."""
    edges = [period.since for period in periods]
    counts: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(periods))
    counts[REFRESHED, ""]  # Also when there was none.
    rows = Tally.objects.using(router.db_for_write(Tally)).filter(
        hour__gte=moments.stored(edges[0]), hour__lt=moments.stored(periods[-1].until)
    )
    for hour, event, reason, number in rows.values_list("hour", "event", "reason", "count"):
        counts[event, reason][bisect_right(edges, moments.aware(hour)) - 1] += number
    return [activity.Series(_name(*key), counts[key]) for key in sorted(counts)]


def _name(event: str, reason: str) -> str:
    names = {
        REFRESHED: _("Refreshes"),
        SIGN_IN: _("Sign-in refused: %(reason)s"),
        ACCESS: _("Access token refused: %(reason)s"),
        REFRESH: _("Refresh token refused: %(reason)s"),
    }
    return names.get(event, f"{event}: %(reason)s") % {"reason": reason}
