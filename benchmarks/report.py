"""Results as a table for people, and as a chart for the documentation."""

from collections.abc import Iterable
from typing import Any

from .works import WORKS

Result = dict[str, Any]

BY_NAME = {work.name: work for work in WORKS}

HEADINGS = "", "µs", "ratio", "quartiles", "limit", "statements", "rows"


def tables(results: Iterable[Result]) -> str:
    """Return one Markdown table for each profile and work."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result["profile"], result["work"]), []).append(result)
    return "\n\n".join(
        f"{BY_NAME[work].title}, {profile}\n\n{table(group)}"
        for (profile, work), group in groups.items()
    )


def table(results: list[Result]) -> str:
    rows = [HEADINGS, ("-" * 24, *(["--:"] * 6)), *(row(result) for result in results)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def row(result: Result) -> tuple[str, ...]:
    ratio, limit = result["ratio"], limit_of(result)
    return (
        f"{result['contender']:24}",
        f"{result['microseconds']:.0f}",
        f"{ratio['median']:.2f}",
        f"{ratio['low']:.2f} to {ratio['high']:.2f}",
        "" if limit is None else f"{limit:.2f}",
        str(result["statements"]),
        f"{result['rows']:+d}",
    )


def limit_of(result: Result) -> float | None:
    """Return the limit that this result must keep, None when it has none."""
    work = BY_NAME[result["work"]]
    if result["contender"] != work.measured:
        return None
    return work.limits.get((result["profile"], result["database"]))


def missed(results: Iterable[Result]) -> list[Result]:
    return [
        result
        for result in results
        if (limit := limit_of(result)) is not None and result["ratio"]["median"] > limit
    ]
