"""Go through a large table in small steps, and repeat a step after a deadlock.

What each batch does is committed before the next is read, so locks are short, and an interrupted
walk has done part of its work and can be started again.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

from django.db import IntegrityError, InterfaceError, OperationalError, connections, transaction
from django.db.models import Q, QuerySet

from ..store import database

Row = TypeVar("Row")
Result = TypeVar("Result")

#: Rows of a batch.
SIZE = 1000

#: How often a batch is tried, and the seconds before the second try, which double each time.
ATTEMPTS = 6
PAUSE = 0.1

# Parameters of a statement besides the keys of a batch's rows.
_OTHERS = 50


def through(
    read: Callable[[Row | None], Sequence[Row]],
    do: Callable[[Sequence[Row]], Result],
    *,
    atomic: bool = False,
) -> Iterator[Result]:
    """Call ``do`` with one batch after the other, and yield what it returns.

    ``read`` returns the rows that follow a row, the first ones for None, and none at the end.

    After a deadlock, a lock or a lost connection a batch is read and done again, but not in the
    caller's transaction, which is lost. With ``atomic``, each batch is a transaction or savepoint
    of its own, which is repeated there as well, and also when another transaction's rows are in
    its way. If a batch keeps failing, the database's error is raised.
    """
    reached: Row | None = None
    while True:
        rows, result = _persistently(partial(_step, read, do, reached, atomic), atomic)
        if not rows:
            return
        yield result
        reached = rows[-1]


def in_order(rows: QuerySet[Any, Row], moment: str, size: int) -> Callable[[Any], list[Row]]:
    """Return what reads ``rows`` for through(), ``size`` at a time, by ``moment`` and key.

    They are instances, or named tuples with ``pk`` and ``moment``, the name of an indexed column.
    """
    size = bounded(size)

    def read(reached: Any) -> list[Row]:
        following = rows
        if reached is not None:
            last = getattr(reached, moment)
            # Always move on, because a transaction may still see a row as it was. The condition
            # on the moment alone lets the index skip what is done.
            further = Q(**{f"{moment}__gt": last}) | Q(pk__gt=reached.pk)
            following = rows.filter(further, **{f"{moment}__gte": last})
        return list(following.order_by(moment, "pk")[:size])

    return read


def bounded(size: int) -> int:
    """Return ``size``, or fewer if a statement cannot have so many parameters.

    SQLite before 3.32 accepts at most 999.
    """
    most = connections[database.alias()].features.max_query_params
    return min(size, most - _OTHERS) if most else size


def _step(
    read: Callable[[Row | None], Sequence[Row]],
    do: Callable[[Sequence[Row]], Result],
    reached: Row | None,
    atomic: bool,
) -> tuple[Sequence[Row], Result | None]:
    using = database.alias()
    # SQLite locks no rows, and a transaction that has read before it writes cannot wait.
    atomic = atomic and connections[using].features.has_select_for_update
    with transaction.atomic(using) if atomic else nullcontext():
        rows = read(reached)
        return rows, do(rows) if rows else None


def _persistently(step: Callable[[], Any], atomic: bool) -> Any:
    """Call ``step``, again after an error that may not come again; return its result."""
    passing = (OperationalError, *((InterfaceError, IntegrityError) if atomic else ()))
    for attempt in range(1, ATTEMPTS):
        connection = connections[database.alias()]
        try:
            return step()
        except passing:
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            elif not atomic:
                raise
            time.sleep(PAUSE * 2 ** (attempt - 1))
    return step()
