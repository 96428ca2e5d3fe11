"""What one PostgreSQL primary carries: from pgbench, and from processes of Python.

pgbench sends the statements of an authenticated request and of a refresh and does nothing
else, so it shows what the server can do. ``python -m benchmarks.throughput`` is one
process that does the whole work: it prints how much it did as JSON.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

import django
from django.contrib.auth import get_user_model
from django.db import connection

# Prepared by each process before the clock starts: as many tokens as it remembers, and as
# many refreshes as it can do in the time, since each token is good for one.
PREPARED = {"authenticate": 1000, "refresh": 5000}

UPDATE = """
UPDATE django_jwtauth_loginsession SET generation = generation + 1, refreshed_at = now(),
expires_at = now() + interval '7 days' WHERE id = {sid} AND ended_at IS NULL
"""


def measure_throughput(rows: int, seconds: int, at_once: list[int]) -> dict[str, Any]:
    """Return what ``at_once`` clients or processes do, for each number of them."""
    return {
        "pgbench": {
            name: {count: run_pgbench(script, count, seconds) for count in at_once}
            for name, script in pgbench_scripts(rows).items()
        },
        "python": {
            name: {count: run_processes(name, count, seconds) for count in at_once}
            for name in PREPARED
        },
    }


# --- pgbench


def pgbench_scripts(rows: int) -> dict[str, str]:
    from django_jwtauth.store import compiled, lookup

    from . import filling

    users = get_user_model().objects.filter(username__startswith="filled")
    values = {
        "user": filling.owner(users, ":n"),
        "sid": filling.sid(":n"),
        "jti": f"replace({filling.sid(':n')}::text, '-', '') || '.0123456789abcdef'",
    }
    # One in ten sign-ins has ended.
    pick = f"\\set n 10 * random(0, {rows // 10 - 1}) + random(1, 9)\n"

    def statement(*columns: str) -> str:
        found = compiled.get_statement(connection.alias, get_user_model(), columns)
        return f"{found.sql % values};\n"

    find = statement(*lookup.REFRESH_COLUMNS)
    return {
        "authenticate": pick + statement(*lookup.SignInState._fields),
        "refresh": pick + find + " ".join(UPDATE.format(**values).split()) + ";\n",
    }


def run_pgbench(script: str, clients: int, seconds: int) -> dict[str, float]:
    """Return scripts per second, and milliseconds of one."""
    conf = connection.settings_dict
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [
            *("pgbench", "-n", "-f", file.name, f"-c{clients}", "-j2", f"-T{seconds}"),
            *("-h", conf["HOST"], "-p", str(conf["PORT"] or 5432), "-U", conf["USER"]),
            conf["NAME"],
        ]
        environment = {**os.environ, "PGPASSWORD": conf["PASSWORD"] or ""}
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, check=True, text=True
        )
    return {
        "per second": find_number(r"tps = ([\d.]+)", done.stdout),
        "milliseconds": find_number(r"latency average = ([\d.]+)", done.stdout),
    }


def find_number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, text
    return float(found[1])


# --- processes of Python


def run_processes(name: str, count: int, seconds: int) -> dict[str, float]:
    """Return calls per second of all together, and milliseconds of one."""
    database = connection.settings_dict["NAME"]
    command = [sys.executable, "-m", "benchmarks.throughput", name, database, str(seconds)]
    processes = [
        subprocess.Popen(
            [*command, str(part), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for part in range(count)
    ]
    for process in processes:
        process.stdout.readline()
    # All are ready: go.
    for process in processes:
        process.stdin.write("\n")
    answers = [json.loads(process.communicate()[0]) for process in processes]
    total = sum(answer["calls"] / answer["seconds"] for answer in answers)
    return {"per second": total, "milliseconds": 1000 * count / total}


def main(name: str, database: str, seconds: str, part: str, parts: str) -> None:
    django.setup()
    connection.settings_dict["NAME"] = database

    from .sample import Sample

    first, *calls = getattr(Sample(int(part), int(parts)), name)(PREPARED[name])
    first()
    if name == "authenticate":
        calls *= 100
    print("ready", flush=True)
    sys.stdin.readline()
    deadline = time.perf_counter() + int(seconds)
    start = time.perf_counter()
    done = 0
    for call in calls:
        call()
        done += 1
        if time.perf_counter() > deadline:
            break
    json.dump({"calls": done, "seconds": time.perf_counter() - start}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
