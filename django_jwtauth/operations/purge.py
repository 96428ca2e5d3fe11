"""Delete the rows that no token and no audit needs any more, in small batches.

The purge may run during traffic, be interrupted at any point, and run twice at the same time: a
batch locks its rows and skips those that are locked by another.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connections
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.db.models.signals import post_delete, pre_delete

from ..conf import moments
from ..models import BlacklistedToken, LoginSession
from ..store import database
from . import batches


class Purged(NamedTuple):
    """How many rows were deleted, or would be."""

    sessions: int = 0
    blacklisted_tokens: int = 0


def purge(
    *,
    batch_size: int = batches.SIZE,
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
    skip = connections[rows.db].features.has_select_for_update_skip_locked
    locked = rows.select_for_update(skip_locked=skip).values_list("pk", moment, named=True)

    def delete(found: Sequence[Any]) -> int:
        free = _unreferenced(rows, [row.pk for row in found])
        batch = rows.model._base_manager.using(rows.db).filter(pk__in=free)
        return _delete(batch) if free else 0

    return batches.through(batches.in_order(locked, moment, size), delete, atomic=True)


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
