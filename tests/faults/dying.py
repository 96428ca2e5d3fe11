"""A process that dies at a chosen point of its work on the database."""

import multiprocessing
import os
import signal

from django.db import connection, connections

# The most points that are tried; nothing here has more.
MANY = 60


def count_points(work):
    """Yield 0, 1, 2 ... after a process died at that point of ``work``, until none is left.

    A point is before and after each statement and each commit, and the end of the work,
    when its answer has not left the process yet.
    """
    for point in range(MANY):
        if not _dies(work, point):
            return
        yield point
    raise AssertionError(f"Still not done after {MANY} points.")


def _dies(work, point):
    connections.close_all()
    process = multiprocessing.get_context("fork").Process(target=_run, args=(work, point))
    process.start()
    process.join(timeout=60)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _run(work, point):
    seen = 0

    def pass_point():
        nonlocal seen
        if seen == point:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    def around(execute, *args):
        pass_point()
        result = execute(*args)
        pass_point()
        return result

    connections.close_all()
    connection.ensure_connection()
    commit = connection._commit
    connection._commit = lambda: around(commit)
    with connection.execute_wrapper(around):
        work()
        pass_point()
