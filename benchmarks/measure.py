"""Times every contender round by round, so that noise of the machine hits all of them alike."""

import statistics
import time
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from .contender import Contender
from .works import Work


def measure(contenders: Sequence[Contender], work: Work, rounds: int) -> list[dict[str, Any]]:
    """Return one result for each contender that can do the work.

    A ratio is taken within a round, and the median and quartiles are those of the ratios.
    """
    able = [contender for contender in contenders if hasattr(contender, work.name)]
    counts = {contender.name: count_statements(contender, work) for contender in able}
    seconds: dict[str, list[float]] = {contender.name: [] for contender in able}
    for number in range(rounds):
        first = number % len(able)
        for contender in able[first:] + able[:first]:
            seconds[contender.name].append(time_calls(contender, work))
    return [
        {
            "work": work.name,
            "contender": name,
            "microseconds": round(statistics.median(times) * 1e6, 1),
            "ratio": quartiles(
                [own / other for own, other in zip(times, seconds[work.reference], strict=True)]
            ),
            **counts[name],
        }
        for name, times in seconds.items()
    ]


def time_calls(contender: Contender, work: Work) -> float:
    """Return the seconds that one call takes, on average of one round."""
    calls = getattr(contender, work.name)(work.calls)
    start = time.perf_counter()
    for call in calls:
        call()
    return (time.perf_counter() - start) / len(calls)


def count_statements(contender: Contender, work: Work) -> dict[str, int]:
    """Return what one call runs (BEGIN and COMMIT included) and leaves in the tables."""
    warm_up, call = getattr(contender, work.name)(2)
    warm_up()
    before = count_rows()
    with CaptureQueriesContext(connection) as captured:
        call()
    return {"statements": len(captured), "rows": count_rows() - before}


def count_rows() -> int:
    return sum(model._default_manager.count() for model in apps.get_models())


def quartiles(values: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(values, n=4)
    return {"median": round(middle, 3), "low": round(low, 3), "high": round(high, 3)}
