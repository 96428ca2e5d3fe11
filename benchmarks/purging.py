"""The purge against simplejwt's, and against the least that deleting the rows takes.

``python -m benchmarks.purging`` is one purge in a process of its own: it prints seconds
and memory as JSON. Linux only.
"""

import json
import re
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

BATCH = 1000
TURNS = 3

DELETE = """
WITH found AS (
    SELECT id, {moment} FROM {table} WHERE {moment} >= %s AND {moment} < %s
    ORDER BY {moment} LIMIT %s
), deleted AS (DELETE FROM {table} USING found WHERE {table}.id = found.id)
SELECT count(*), max({moment}) FROM found
"""


def ours() -> None:
    call_command("jwtauth_purge", verbosity=0)


def simplejwt() -> None:
    call_command("flushexpiredtokens", verbosity=0)


def bare() -> None:
    """The same rows in the same batches, one statement each, nothing else looked at."""
    from django_jwtauth.models import BlacklistedToken, LoginSession

    cutoff = timezone.now() - timedelta(days=100)
    for model, moment in ((BlacklistedToken, "expires_at"), (LoginSession, "created_at")):
        sql = DELETE.format(table=model._meta.db_table, moment=moment)
        reached = cutoff.replace(year=2000)
        while reached:
            with connection.cursor() as cursor:
                cursor.execute(sql, [reached, cutoff, BATCH])
                _, reached = cursor.fetchone()


PURGES = {"simplejwt": simplejwt, "ours": ours, "bare": bare}


def compare_purges(rows: int, kept: int) -> dict[str, list[dict[str, float]]]:
    """Purge ``rows`` with each, in turns: half sign-ins or tokens issued, half blacklisted."""
    results: dict[str, list[dict[str, float]]] = {name: [] for name in PURGES}
    for _ in range(TURNS):
        for name, measured in results.items():
            fill(name, kept + 1, kept + rows // 2)
            measured.append(purge(name))
    return results


def fill(name: str, first: int, last: int) -> None:
    from . import filling

    old = timezone.now() - filling.OLD
    if name == "simplejwt":
        filling.add_simplejwt(first, last, expires_at=old)
    else:
        filling.add_sign_ins(first, last, created_at=old, expires_at=old)
    filling.vacuum()


def purge(name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.purging", name, connection.settings_dict["NAME"]]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def main(name: str, database: str) -> None:
    django.setup()
    connection.settings_dict["NAME"] = database
    connection.ensure_connection()
    before = peak_memory()
    start = time.perf_counter()
    PURGES[name]()
    seconds = time.perf_counter() - start
    json.dump({"seconds": seconds, "mib": peak_memory() - before}, sys.stdout)


def peak_memory() -> float:
    """Return the most memory that this process has had so far, in MiB."""
    # getrusage() would count what the parent had before exec().
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
