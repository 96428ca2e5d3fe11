"""Delete the rows that no token and no audit needs any more, in small batches.

The purge may run during traffic, be interrupted at any point, and run twice at the same time: a
batch locks its rows and skips those that are locked by another.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime
from typing import Any, NamedTuple

from django.db import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.db.models.signals import post_delete, pre_delete

from ..conf import moments
from ..models import BlacklistedToken, LoginSession
from ..store import database

BATCH_SIZE = 1000

#: How often a batch is tried, and the seconds before the second try, which double each time.
ATTEMPTS = 6
PAUSE = 0.1


class Purged(NamedTuple):
    """How many rows were deleted, or would be."""

    sessions: int = 0
    blacklisted_tokens: int = 0


def purge(
    *,
    batch_size: int = BATCH_SIZE,
    dry_run: bool = False,
    progress: Callable[[Purged], None] | None = None,
) -> Purged:
    """Delete what is past its retention; with ``dry_run``, only count it.

    ``progress`` is called after each batch. If a batch keeps failing, the database's error is
    raised; the batches before it stay deleted.
    """
    now = moments.now()
    tokens = database.blacklisted_tokens()
    sessions = database.sign_ins().purgeable(now)
    if dry_run:
        kept = tokens.exclude(pk__in=tokens.purgeable(now).values("pk"))
        unnamed = sessions.filter(~Exists(kept.filter(session=OuterRef("pk"))))
        return Purged(unnamed.count(), tokens.purgeable(now).count())

    done = Purged()
    for name, rows, moment in (
        ("blacklisted_tokens", tokens.purgeable(now), "expires_at"),
        ("sessions", sessions, "created_at"),
    ):
        for count in _delete_in_batches(rows, moment, batch_size):
            done = done._replace(**{name: getattr(done, name) + count})
            if progress:
                progress(done)
    return done


def _delete_in_batches(rows: QuerySet[Any], moment: str, size: int) -> Iterator[int]:
    """Delete ``rows``, oldest ``moment`` first, and yield the number deleted by each batch."""
    # SQLite before 3.32 accepts at most 999 parameters.
    size = min(size, connections[rows.db].features.max_query_params or size)
    reached: tuple[Any, datetime] | None = None
    while True:
        count, reached = _persistently(_delete_batch, rows, moment, reached, size)
        if reached is None:
            return
        yield count


def _delete_batch(
    rows: QuerySet[Any], moment: str, reached: tuple[Any, datetime] | None, size: int
) -> tuple[int, tuple[Any, datetime] | None]:
    """Delete the next rows; return their number and the last one, or None at the end."""
    if reached is not None:
        # The index begins with deleted rows, and skipping them takes longer each time.
        pk, last = reached
        rows = rows.filter(**{f"{moment}__gte": last}).exclude(**{moment: last, "pk__lte": pk})
    features = connections[rows.db].features
    # SQLite locks no rows, and a transaction that has read before it writes cannot wait.
    with transaction.atomic(rows.db) if features.has_select_for_update else nullcontext():
        locked = rows.order_by(moment, "pk").select_for_update(
            skip_locked=features.has_select_for_update_skip_locked
        )
        found = list(locked.values_list("pk", moment)[:size])
        if not found:
            return 0, None
        free = _unreferenced(rows, [pk for pk, _ in found])
        batch = rows.model._base_manager.using(rows.db).filter(pk__in=free)
        return _delete(batch) if free else 0, found[-1]


def _unreferenced(rows: QuerySet[Any], pks: list[Any]) -> list[Any]:
    """Return those to which no blacklisted token refers, because a record keeps its sign-in.

    A separate query for each batch. As part of the batch's query, PostgreSQL may join both
    tables each time.
    """
    if rows.model is not LoginSession:
        return pks
    tokens = database.blacklisted_tokens().filter(session__in=pks)
    named = set(tokens.values_list("session", flat=True))
    return [pk for pk in pks if pk not in named]


def _delete(rows: QuerySet[Any]) -> int:
    if _is_extended(rows.model):
        return rows.only("pk").delete()[1].get(rows.model._meta.label, 0)
    # delete() would load the sign-ins to set NULL in tokens that _unreferenced() has excluded.
    return rows._raw_delete(rows.db)


def _is_extended(model: type[Model]) -> bool:
    """Whether the project has signals or relations on these rows that need delete()."""
    related = {
        field.related_model
        for field in model._meta.get_fields(include_hidden=True)
        if field.auto_created and not field.concrete
    }
    listened = pre_delete.has_listeners(model) or post_delete.has_listeners(model)
    return listened or not related <= {BlacklistedToken}


def _persistently(step: Callable[..., Any], *args: Any) -> Any:
    """Call ``step``, again after a deadlock, a lock or a lost connection; return its result."""
    for attempt in range(1, ATTEMPTS):
        try:
            return step(*args)
        # IntegrityError: a token was blacklisted between the two statements of a batch.
        except (OperationalError, InterfaceError, IntegrityError):
            connection = connections[database.alias()]
            # The caller's transaction would be lost as well.
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            time.sleep(PAUSE * 2 ** (attempt - 1))
    return step(*args)
