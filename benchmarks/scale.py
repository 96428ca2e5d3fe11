"""A million sign-ins and a million blacklisted tokens against almost none, on PostgreSQL.

``make bench-scale`` with ``DATABASE_URL``, or ``python -m benchmarks.scale --help``. Makes
two databases of its own, and takes turns between them. Needs pgbench.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from .measure import quartiles
from .purging import compare_purges
from .run import describe
from .scale_report import report
from .throughput import measure_throughput

FEW = 1000
CALLS = 40


def main() -> None:
    options = parse_options()
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    os.environ["JWTAUTH_BENCH"] = "scale"
    django.setup()
    if connection.vendor != "postgresql":
        raise SystemExit("DATABASE_URL must name a PostgreSQL server, like postgres://me@host/db.")
    name = connection.settings_dict["NAME"]
    with database(f"{name}_small") as small, database(f"{name}_large", options.keep) as large:
        document = {
            "environment": run_on(small, describe),
            "rows": options.rows,
            "seconds to fill": run_on(small, fill, FEW, FEW)
            + run_on(large, fill, options.users, options.rows),
            "bytes of a row": run_on(large, row_sizes, options.rows),
            "works": compare(small, large, options.rounds),
            "throughput": run_on(
                large, measure_throughput, options.rows, options.seconds, options.at_once
            ),
            "rows to purge": options.purge,
            "purges": run_on(large, compare_purges, options.purge, options.rows),
        }
    print(report(document))
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of each kind")
    parser.add_argument("--users", type=int, default=100_000, help="who own them")
    parser.add_argument("--purge", type=int, default=500_000, help="rows to purge")
    parser.add_argument("--rounds", type=int, default=60, help="turns of each database")
    parser.add_argument("--seconds", type=int, default=5, help="of each run for throughput")
    parser.add_argument(
        "--at-once", type=int, nargs="+", default=[1, 2, 4, 8], help="clients for throughput"
    )
    parser.add_argument("--keep", action="store_true", help="keep the large database")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    return parser.parse_args()


# --- two databases


@contextmanager
def database(name: str, keep: bool = False) -> Iterator[BaseDatabaseWrapper]:
    """Make a database and yield a connection to it; drop it in the end unless it is to be kept."""
    original = connection.settings_dict["NAME"]
    opened = connection.copy()
    opened.settings_dict["TEST"]["NAME"] = name
    use(opened)
    opened.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield opened
    finally:
        use(opened)
        opened.creation.destroy_test_db(original, verbosity=0, keepdb=keep)


def use(opened: BaseDatabaseWrapper) -> None:
    """Make it the default connection; the other one stays open, as in production."""
    connections["default"] = opened


def run_on(opened: BaseDatabaseWrapper, function: Callable[..., Any], *args: Any) -> Any:
    use(opened)
    return function(*args)


def fill(users: int, rows: int) -> float:
    from . import filling

    start = time.perf_counter()
    filling.fill(users, rows)
    return time.perf_counter() - start


def row_sizes(rows: int) -> dict[str, float]:
    """Return the bytes that a row takes with its indexes."""
    from rest_framework_simplejwt.token_blacklist import models as simplejwt

    from django_jwtauth.models import BlacklistedToken, LoginSession

    from .filling import table_bytes

    return {
        "sign-in": table_bytes(LoginSession) / rows,
        "blacklisted token": table_bytes(BlacklistedToken) / rows,
        "refresh of simplejwt, two rows": table_bytes(
            simplejwt.OutstandingToken, simplejwt.BlacklistedToken
        )
        / rows,
    }


# --- the same work on both


def compare(small: BaseDatabaseWrapper, large: BaseDatabaseWrapper, rounds: int) -> dict[str, Any]:
    """Return the time of each work on both databases; ratios are taken within a round."""
    from .sample import WORKS

    times: dict[str, dict[str, list[float]]] = {work: {"few": [], "many": []} for work in WORKS}
    turns = [("few", small), ("many", large)]
    for number in range(rounds):
        for work, prepare in WORKS.items():
            for name, opened in turns if number % 2 else reversed(turns):
                times[work][name].append(time_calls(run_on(opened, prepare, CALLS)))
    return {
        work: {
            **{name: statistics.median(seconds) * 1e6 for name, seconds in taken.items()},
            "ratio": quartiles(
                [one / other for one, other in zip(taken["many"], taken["few"], strict=True)]
            ),
        }
        for work, taken in times.items()
    }


def time_calls(calls: list[Callable[[], Any]]) -> float:
    """Return the seconds of one call; the first of them warms the connection up."""
    calls[0]()
    start = time.perf_counter()
    for call in calls[1:]:
        call()
    return (time.perf_counter() - start) / (len(calls) - 1)


if __name__ == "__main__":
    main()
