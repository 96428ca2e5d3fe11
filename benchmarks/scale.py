"""A million sign-ins and a million blacklisted tokens against almost none, on PostgreSQL.

``make bench-scale`` with ``DATABASE_URL``, or ``python -m benchmarks.scale --help``. Makes
two databases of its own, and takes turns between them.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.db import connection
from django.utils import timezone

from .measure import quartiles
from .run import describe

FEW = 1000
CALLS = 30


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
            "environment": describe(),
            "rows": options.rows,
            "fill": run_on(small, fill, FEW, FEW) | run_on(large, fill, options.rows, 100_000),
            "works": compare(small, large, options.rounds),
            "purge": run_on(large, compare_purges, options.purge, options.rows),
        }
    print(json.dumps(document, indent=1))
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of each kind")
    parser.add_argument("--purge", type=int, default=500_000, help="rows to purge")
    parser.add_argument("--rounds", type=int, default=60, help="turns of each database")
    parser.add_argument("--keep", action="store_true", help="keep the large database")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    return parser.parse_args()


# --- two databases


@contextmanager
def database(name: str, keep: bool = False) -> Iterator[str]:
    """Make a database, and drop it in the end unless it is to be kept."""
    original = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    use(original)
    try:
        yield name
    finally:
        use(name)
        connection.creation.destroy_test_db(original, verbosity=0, keepdb=keep)


def use(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def run_on(name: str, function: Callable[..., dict[str, Any]], *args: Any) -> dict[str, Any]:
    use(name)
    return function(*args)


def fill(rows: int, users: int) -> dict[str, Any]:
    from rest_framework_simplejwt.token_blacklist import models as simplejwt

    from django_jwtauth.models import BlacklistedToken, LoginSession

    from . import filling

    start = time.perf_counter()
    filling.fill(users, rows)
    sizes = {
        "sign-in": filling.table_bytes(LoginSession),
        "blacklisted token": filling.table_bytes(BlacklistedToken),
        "refresh of simplejwt": filling.table_bytes(
            simplejwt.OutstandingToken, simplejwt.BlacklistedToken
        ),
    }
    return {
        "seconds": round(time.perf_counter() - start),
        "bytes": {what: round(size / rows) for what, size in sizes.items()},
    }


# --- the same work on both


def compare(small: str, large: str, rounds: int) -> dict[str, Any]:
    """Return the time of each work on both databases; ratios are taken within a round."""
    from .sample import WORKS

    times: dict[str, dict[str, list[float]]] = {work: {small: [], large: []} for work in WORKS}
    for number in range(rounds):
        for name in (small, large) if number % 2 else (large, small):
            use(name)
            for work, prepare in WORKS.items():
                times[work][name].append(time_calls(prepare(CALLS)))
    return {
        work: {
            "small": microseconds(taken[small]),
            "large": microseconds(taken[large]),
            "ratio": ratio(taken[large], taken[small]),
        }
        for work, taken in times.items()
    }


def ratio(own: list[float], other: list[float]) -> dict[str, float]:
    return quartiles([one / another for one, another in zip(own, other, strict=True)])


def time_calls(calls: list[Callable[[], Any]]) -> float:
    """Return the seconds of one call; the first of them warms the connection up."""
    calls[0]()
    start = time.perf_counter()
    for call in calls[1:]:
        call()
    return (time.perf_counter() - start) / (len(calls) - 1)


def microseconds(seconds: list[float]) -> float:
    return round(statistics.median(seconds) * 1e6, 1)


# --- purging


def compare_purges(rows: int, kept: int) -> dict[str, Any]:
    """Purge the same number of rows three times each, half of them sign-ins."""
    results: dict[str, list[dict[str, float]]] = {"bare": [], "ours": [], "simplejwt": []}
    for _ in range(3):
        for name, measured in results.items():
            measured.append(purge(name, kept + 1, kept + rows // 2))
    seconds = {name: [one["seconds"] for one in measured] for name, measured in results.items()}
    return {
        name: {
            "rows a second": round(rows / statistics.median(seconds[name])),
            "of bare": ratio(seconds[name], seconds["bare"]),
            "MiB": round(max(one["mib"] for one in measured), 1),
        }
        for name, measured in results.items()
    }


def purge(name: str, first: int, last: int) -> dict[str, float]:
    from . import filling

    old = timezone.now() - filling.OLD
    if name == "simplejwt":
        filling.add_simplejwt(first, last, expires_at=old)
    else:
        filling.add_sign_ins(first, last, created_at=old, expires_at=old)
    filling.vacuum()
    command = [sys.executable, "-m", "benchmarks.purging", name, connection.settings_dict["NAME"]]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


if __name__ == "__main__":
    main()
