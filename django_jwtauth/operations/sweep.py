"""End the sign-ins that no request can use any more, which no receiver heard of."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from uuid import UUID

from ..models import Cause, LoginSession
from ..signins import endings
from ..store import database
from . import batches


def sweep(*, batch_size: int = batches.SIZE, progress: Callable[[int], None] | None = None) -> int:
    """End the sign-ins that no request can use any more; return how many.

    These belong to users who were deactivated or deleted, or whose password was changed, by an
    UPDATE, which calls no receiver. Examines every sign-in that is not over, ``batch_size`` at a
    time, and calls ``progress`` with the number so far after each batch. If a batch keeps
    failing, the database's error is raised; what was ended before stays ended.
    """
    live = database.sign_ins().live().select_related("user")
    total = 0
    for ended in batches.through(batches.in_order(live, "created_at", batch_size), _end):
        total += ended
        if progress:
            progress(total)
    return total


def _end(sessions: Sequence[LoginSession]) -> int:
    over: dict[Cause, list[UUID]] = defaultdict(list)
    for session in sessions:
        cause = endings.why_over(session)
        if cause is not None:
            over[cause].append(session.pk)
    return sum(database.sign_ins().filter(pk__in=pks).end_for(cause) for cause, pks in over.items())
