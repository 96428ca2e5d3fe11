"""Minutes of mixed traffic on four processes, with a database restart and a key rotation.

``python -m benchmarks.soak --seconds 300``. Needs gunicorn, psycopg and the programs of
PostgreSQL; makes a cluster of its own in a temporary folder. Ends with exit code 1 after
any wrong answer: a 5xx but 503 around the restart, a refused token that was good, an
accepted one that was not, a sign-in that got lost.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from base64 import urlsafe_b64decode
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from .soak_server import Cluster, Server

CLIENTS = 8
PASSWORD = "correct horse battery staple"
# A client asks again so long after a 503: less than the grace period, as clients should.
PATIENCE = 25
# Every process finds its connection dead once more after the restart.
AFTERMATH = 5


class Answer(NamedTuple):
    status: int
    body: Any


class Record:
    """What was answered, and what of it was wrong. Shared by all clients."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.wrong: list[str] = []
        self.restart: tuple[float, float] | None = None
        self.late: list[float] = []
        # Tokens that must never be good again.
        self.revoked: list[tuple[str, str]] = []

    def add(self, what: str, answer: Answer) -> None:
        with self.lock:
            self.answers[what, answer.status] += 1
            if answer.status == 503:
                self.late.append(time.monotonic())

    def blame(self, text: str) -> None:
        with self.lock:
            self.wrong.append(f"{time.strftime('%X')} {text}")

    def finish(self) -> None:
        begin, end = self.restart or (0.0, 0.0)
        outside = [moment for moment in self.late if not begin <= moment <= end + AFTERMATH]
        if outside:
            self.wrong.append(f"{len(outside)} answers of 503 with no restart near")


class Client(threading.Thread):
    """One user, whose devices sign in, call, refresh, retry, sign out and get robbed."""

    def __init__(self, number: int, port: int, record: Record, stop: threading.Event) -> None:
        super().__init__(name=f"user{number}")
        self.port, self.record, self.stop = port, record, stop
        self.random = random.Random(number)
        self.devices: list[dict[str, str]] = []

    def run(self) -> None:
        steps = [
            (self.call, 8),
            (self.refresh, 4),
            (self.retry_refresh, 1),
            (self.try_revoked, 4),
            (self.sign_in, 3),
            (self.sign_out, 1),
            (self.replay, 1),
            (self.forget_password, 1),
            (self.send_garbage, 1),
        ]
        steps_, weights = zip(*steps, strict=True)
        try:
            while not self.stop.is_set():
                if not self.devices:
                    self.sign_in()
                self.random.choices(steps_, weights)[0]()
                time.sleep(self.random.random() * 0.05)
            self.check_all()
        except Exception as error:
            self.record.blame(f"{self.name} gave up: {error!r}")

    # --- asking

    def ask(self, what: str, path: str, body: Any = None, token: str | None = None) -> Answer:
        """Ask until the answer is no 503."""
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self.ask_once(path, body, token)
            self.record.add(what, answer)
            if answer.status != 503 or time.monotonic() > deadline:
                return answer
            time.sleep(0.2)

    def ask_once(self, path: str, body: Any, token: str | None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            content = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, content, headers)
            response = connection.getresponse()
            raw = response.read()
            if response.status == 503 and not response.getheader("Retry-After"):
                self.record.blame("503 without Retry-After")
            return Answer(response.status, json.loads(raw) if raw[:1] in b"{[" else raw)
        finally:
            connection.close()

    def expect(self, status: int, what: str, *args: Any, **kwargs: Any) -> Any:
        answer = self.ask(what, *args, **kwargs)
        if answer.status != status:
            self.record.blame(f"{what}: {answer.status} instead of {status}: {answer.body}")
        return answer.body if answer.status == status else {}

    # --- steps

    def sign_in(self) -> None:
        body = {"username": self.name, "password": PASSWORD}
        pair = self.expect(200, "sign in", "/api/token/", body)
        if pair and len(self.devices) < 6:
            self.devices.append(pair)

    def pick(self) -> dict[str, str]:
        return self.random.choice(self.devices)

    def call(self) -> None:
        me = self.expect(200, "call", "/api/me/", token=self.pick()["access"])
        if me and me["username"] != self.name:
            self.record.blame(f"{self.name} was taken for {me['username']}")

    def refresh(self) -> None:
        device = self.pick()
        device.update(
            self.expect(200, "refresh", "/api/token/refresh/", {"refresh": device["refresh"]})
        )

    def retry_refresh(self) -> None:
        """The answer got lost: the same token again gives the same token."""
        device = self.pick()
        body = {"refresh": device["refresh"]}
        first = self.expect(200, "refresh", "/api/token/refresh/", body)
        second = self.expect(200, "refresh again", "/api/token/refresh/", body)
        if first and second and first["refresh"] != second["refresh"]:
            self.record.blame("two successors of one token")
        device.update(second or first)

    def sign_out(self) -> None:
        device = self.pick()
        self.devices.remove(device)
        self.expect(200, "sign out", "/api/token/blacklist/", {"refresh": device["refresh"]})
        self.expect(401, "call after sign-out", "/api/me/", token=device["access"])
        self.revoke(device)

    def replay(self) -> None:
        """A thief presents a token of two generations ago: the sign-in is over."""
        device = self.pick()
        self.devices.remove(device)
        stolen = dict(device)
        for _ in range(2):
            device.update(
                self.expect(200, "refresh", "/api/token/refresh/", {"refresh": device["refresh"]})
            )
        self.expect(401, "replay", "/api/token/refresh/", {"refresh": stolen["refresh"]})
        self.expect(401, "call after replay", "/api/me/", token=device["access"])
        self.revoke(device)
        self.revoke(stolen)

    def revoke(self, device: dict[str, str]) -> None:
        with self.record.lock:
            self.record.revoked += [
                ("access", device["access"]),
                ("refresh", device["refresh"]),
            ]
            del self.record.revoked[:-2000]

    def try_revoked(self) -> None:
        with self.record.lock:
            if not self.record.revoked:
                return
            kind, raw = self.random.choice(self.record.revoked)
        if kind == "access":
            self.expect(401, "revoked access", "/api/me/", token=raw)
        else:
            self.expect(401, "revoked refresh", "/api/token/refresh/", {"refresh": raw})

    def forget_password(self) -> None:
        body = {"username": self.name, "password": "wrong"}
        self.expect(401, "wrong password", "/api/token/", body)

    def send_garbage(self) -> None:
        raw = self.pick()["access"]
        self.expect(401, "garbage", "/api/me/", token=raw[:-10] + "A" * 10)

    def check_all(self) -> None:
        """No sign-in got lost."""
        for device in self.devices:
            self.expect(200, "call at the end", "/api/token/verify/", {"token": device["refresh"]})
            self.expect(
                200, "refresh at the end", "/api/token/refresh/", {"refresh": device["refresh"]}
            )


def key_id(token: str) -> str:
    """Return the kid of an access token."""
    header = token.partition(".")[0]
    return str(json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])


def run(seconds: int, folder: Path) -> Record:
    cluster = Cluster(folder)
    cluster.start()
    record, stop = Record(), threading.Event()
    try:
        server = Server(folder, cluster)
        server.start(CLIENTS, PASSWORD)
        clients = [Client(number, server.port, record, stop) for number in range(CLIENTS)]
        started = time.monotonic()
        try:
            for client in clients:
                client.start()
            time.sleep(seconds / 3)
            begin = time.monotonic()
            cluster.control("restart")
            record.restart = (begin, time.monotonic())
            print(f"database restarted in {record.restart[1] - begin:.1f} s")
            time.sleep(seconds / 6)
            before = {key_id(d["access"]) for c in clients for d in c.devices}
            server.rotate()
            time.sleep(max(0, seconds - (time.monotonic() - started)))
            after = {key_id(d["access"]) for c in clients for d in c.devices}
            if not after - before:
                record.blame("the new key signed nothing")
            print(f"keys in use: {len(before)} before the rotation, {len(after)} at the end")
        finally:
            stop.set()
            for client in clients:
                client.join()
            server.stop()
        print(f"{sum(record.answers.values())} answers in {time.monotonic() - started:.0f} s")
        errors = [
            line
            for line in (folder / "gunicorn.log").read_text().splitlines()
            if "Traceback" in line
        ]
        if errors:
            record.blame(f"{len(errors)} tracebacks in the server's log")
    finally:
        cluster.control("stop")
    record.finish()
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        record = run(seconds, folder)
    for (what, status), count in sorted(record.answers.items()):
        print(f"{what:20} {status} {count:7}")
    print(f"{len(record.wrong)} wrong answers")
    for text in record.wrong[:20]:
        print(text)
    sys.exit(bool(record.wrong))


if __name__ == "__main__":
    main()
