"""The results of ``scale`` as tables for people."""

from collections.abc import Iterable
from statistics import median
from typing import Any

# The most that a work may take with a million rows of what it takes with few.
LIMITS = {"authenticate": 1.15}
# The most that a purge may take of simplejwt's time, and in MiB.
PURGE_LIMITS = {"ours": (1.5, 50)}


def report(document: dict[str, Any]) -> str:
    environment = document["environment"]
    rows = document["rows"]
    return "\n\n".join(
        [
            f"{environment['database']}, {environment['cpus']} CPUs; "
            f"{rows:,} sign-ins and {rows:,} blacklisted tokens against few",
            works(document["works"]),
            "Bytes of a row with its indexes",
            table(("", "bytes"), ((k, f"{v:.0f}") for k, v in document["bytes of a row"].items())),
            *throughput(document["throughput"]),
            f"Purging {document['rows to purge']:,} rows",
            purges(document["purges"], document["rows to purge"]),
        ]
    )


def works(results: dict[str, Any]) -> str:
    headings = "", "few, µs", "many, µs", "ratio", "quartiles", "limit"
    return table(
        headings,
        (
            (
                work,
                f"{result['few']:.0f}",
                f"{result['many']:.0f}",
                f"{result['ratio']['median']:.2f}",
                f"{result['ratio']['low']:.2f} to {result['ratio']['high']:.2f}",
                f"{LIMITS[work]:.2f}" if work in LIMITS else "",
            )
            for work, result in results.items()
        ),
    )


def throughput(results: dict[str, Any]) -> Iterable[str]:
    for program, by_work in results.items():
        yield f"A second, by {program}"
        counts = list(next(iter(by_work.values())))
        yield table(
            ("at once", *map(str, counts)),
            (
                (work, *(f"{done['per second']:,.0f}" for done in by_count.values()))
                for work, by_count in by_work.items()
            ),
        )


def purges(results: dict[str, list[dict[str, float]]], rows: int) -> str:
    seconds = {name: [turn["seconds"] for turn in turns] for name, turns in results.items()}
    headings = "", "rows a second", "of simplejwt", "lowest to highest", "limit", "MiB", "limit"
    lines = []
    for name, times in seconds.items():
        ratios = [own / other for own, other in zip(times, seconds["simplejwt"], strict=True)]
        limits = PURGE_LIMITS.get(name, ("", ""))
        lines.append(
            (
                name,
                f"{rows / median(times):,.0f}",
                f"{median(ratios):.2f}",
                f"{min(ratios):.2f} to {max(ratios):.2f}",
                str(limits[0]),
                f"{max(turn['mib'] for turn in results[name]):.0f}",
                str(limits[1]),
            )
        )
    return table(headings, lines)


def table(headings: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    rule = "---", *["--:"] * (len(headings) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [headings, rule, *lines])
