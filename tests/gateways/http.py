"""A client that sends what it is told to, also twice and with underscores."""

import json
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from tests.live.servers import DEADLINE, PASSWORD, USERNAME


class Answer(NamedTuple):
    status: int
    headers: dict
    text: str

    @property
    def json(self):
        return json.loads(self.text)

    def seen(self, name):
        """The values under which the API behind the gateway would read this header."""
        wanted = name.lower().replace("_", "-")
        return [
            value
            for header, value in self.json["headers"]
            if header.lower().replace("_", "-") == wanted
        ]


def ask(url, raw=None, *headers, body=None, method=None):
    """Send one request; ``headers`` are pairs."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=DEADLINE)
    data = None if body is None else urlencode(body).encode()
    try:
        connection.putrequest(
            method or ("GET" if data is None else "POST"),
            f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
        )
        if raw is not None:
            connection.putheader("Authorization", f"Bearer {raw}")
        if data is not None:
            connection.putheader("Content-Length", str(len(data)))
            if not any(name.lower() == "content-type" for name, value in headers):
                connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(data)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, response.read().decode())
    finally:
        connection.close()


def sign_in(server, **form):
    """The answer of the OAuth token endpoint to a name and a password."""
    body = {"grant_type": "password", "username": USERNAME, "password": PASSWORD, **form}
    answer = ask(f"{server}/oauth/token/", body=body)
    assert answer.status == 200, answer
    return answer.json


def revoke(server, raw):
    assert ask(f"{server}/oauth/revoke/", body={"token": raw}).status == 200
