"""What every contender has in common: users, and requests as a WSGI server makes them."""

import itertools
import json
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory
from rest_framework.request import Request

PASSWORD = "benchmark"

Calls = list[Callable[[], Any]]

_numbers = itertools.count()


def make_users(count: int) -> list[Any]:
    """Return new users: who signs in must not have a thousand sign-ins already."""
    model = get_user_model()
    password = make_password(PASSWORD)
    names = [f"user{next(_numbers)}" for _ in range(count)]
    model.objects.bulk_create([model(username=name, password=password) for name in names])
    return list(model.objects.filter(username__in=names))


class Contender:
    """One package under measurement.

    A work is a method named as in ``works``: it prepares and returns ``count`` calls, of
    which only the making is timed. Who cannot do a work has no such method.
    """

    name: str

    def __init__(self) -> None:
        (self.user,) = make_users(1)
        self.server = WSGIHandler()

    def http(self, method: str, path: str, body: Any = None, **headers: str) -> Callable[[], bytes]:
        """Return a call that sends the request to the WSGI application, and must get a 2xx."""
        content = b"" if body is None else json.dumps(body).encode()
        environ = RequestFactory().generic(method, path, content, "application/json").environ
        return partial(self._send, {**environ, **headers}, content)

    def _send(self, environ: dict[str, Any], content: bytes) -> bytes:
        told: list[str] = []
        response = self.server(
            {**environ, "wsgi.input": BytesIO(content)}, lambda status, headers: told.append(status)
        )
        answer = b"".join(response)
        response.close()
        if not told[0].startswith("2"):
            raise AssertionError(f"{self.name}: {told[0]} {answer!r}")
        return answer

    def credentials(self, user: Any) -> dict[str, str]:
        return {"username": user.username, "password": PASSWORD}


def drf_request(**headers: str) -> Request:
    """Return what an authentication class is given."""
    return Request(RequestFactory().get("/", **headers))
