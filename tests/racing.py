"""Run the same call many times at once, on connections of their own."""

import json
import threading
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from django.db import connection, connections
from rest_framework.test import APIClient


def race(calls: Sequence[Callable[[], Any]], *, isolation: str | None = None) -> list[Any]:
    """Start all ``calls`` at the same moment, one thread each; return what they returned.

    An exception is returned in place of a result. ``isolation`` is set for the session
    of each thread's connection.
    """
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(number: int) -> None:
        try:
            set_isolation(isolation)
            barrier.wait(timeout=30)
            results[number] = calls[number]()
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def set_isolation(level: str | None) -> None:
    """Set the isolation level of this connection's session; SQLite has only one."""
    connection.ensure_connection()
    if level is None or connection.vendor == "sqlite":
        return
    statement = {
        "postgresql": f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}",
        "mysql": f"SET SESSION TRANSACTION ISOLATION LEVEL {level}",
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(statement)


class SlowBody(BytesIO):
    """JSON that is sent only after ``meanwhile`` was called: ``client.post(url, **body.sent)``."""

    def __init__(self, content: Any, *, meanwhile: Callable[[], Any]) -> None:
        text = json.dumps(content)
        super().__init__(text.encode())
        self.meanwhile = meanwhile
        self.sent = {"data": text, "content_type": "application/json", "wsgi.input": self}

    def read(self, *args: Any) -> bytes:
        self.meanwhile()
        return super().read(*args)


def on_a_new_connection(call):
    """What ``call`` returns in a thread, which has connections of its own."""
    result = []

    def run():
        try:
            result.append(call())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result[0]


def post(path, **body):
    """Answer a request of a client that shows a 500 as one."""
    return APIClient(raise_request_exception=False).post(f"/api/{path}", body, format="json")
