"""Ours, simplejwt and others side by side: ``make bench``, or ``python -m benchmarks --help``.

Every ratio comes from one run, in which the contenders take turns round by round.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .chart import draw
from .report import missed, tables
from .works import WORKS

PROFILES = {
    "HS256": [work.name for work in WORKS],
    "ES256": ["authenticate", "first_sight", "stateless"],
    "manager": ["authenticate", "first_sight"],
}


def main() -> None:
    options = parse_options()
    runs = [run(profile, options) for profile in options.profile]
    results = [
        result for run in runs for result in run["results"] if result["work"] in options.work
    ]
    environment = runs[0]["environment"]
    print(json.dumps(environment, indent=1), "", tables(results), sep="\n")
    for result in missed(results):
        print(f"\nOver the limit: {result['work']}, {result['profile']}")
    if options.json:
        document = {"environment": environment, "rounds": options.rounds, "results": results}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    if options.chart:
        options.chart.write_text(draw(results))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [work.name for work in WORKS]
    parser.add_argument("--rounds", type=int, default=60, help="turns of each contender")
    parser.add_argument("--work", nargs="+", choices=names, default=names)
    parser.add_argument("--profile", nargs="+", choices=PROFILES, default=list(PROFILES))
    parser.add_argument("--directory", help="for the SQLite file; by default in memory if possible")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--chart", type=Path, help="draw the results into this SVG file")
    return parser.parse_args()


def run(profile: str, options: argparse.Namespace) -> dict[str, Any]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "JWTAUTH_BENCH": profile,
        "JWTAUTH_BENCH_DIRECTORY": options.directory or "",
    }
    works = [name for name in PROFILES[profile] if name in options.work]
    command = [sys.executable, "-m", "benchmarks.run", str(options.rounds), *works]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


if __name__ == "__main__":
    main()
