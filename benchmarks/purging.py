"""One purge in a process of its own: prints rows, seconds and memory as JSON."""

import json
import resource
import sys
import time
from datetime import timedelta

import django
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

BATCH = 1000

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


PURGES = {"ours": ours, "simplejwt": simplejwt, "bare": bare}


def main(name: str, database: str) -> None:
    django.setup()
    connection.settings_dict["NAME"] = database
    connection.ensure_connection()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    PURGES[name]()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    json.dump({"seconds": seconds, "mib": (peak - before) / 1024}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
