"""Clients that sign in, call and refresh without a pause, and write down every answer."""

import random
import threading
import time
from collections import Counter
from itertools import count

from tests.forge import header_of
from tests.live.servers import PASSWORD, USERNAME, call


class Traffic:
    """Continuous traffic against ``servers``, as through a load balancer, and ``service``.

    Use as a context manager; ``answers`` holds ``(what, url, status, body)`` of each request.
    """

    def __init__(self, servers, service, clients=2):
        self.servers = servers
        self.service = service
        self.answers = []
        #: the kid of the access token that each client holds
        self.kids = {}
        self.errors = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(seed,)) for seed in range(clients)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def counts(self):
        return Counter(what for what, *_ in self.answers)

    @property
    def refusals(self):
        return [answer for answer in self.answers if answer[2] != 200]

    @property
    def held(self):
        """The kids of all access tokens that clients hold."""
        return set(self.kids.values())

    def wait_for(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline and not self.errors, (self.errors, self.counts)
            time.sleep(0.02)

    def go_on(self, rounds=1):
        """Wait until every kind of request was answered again."""
        before = self.counts
        self.wait_for(lambda: all(self.counts[what] >= before[what] + rounds for what in before))

    def _run(self, seed):
        try:
            self._be_a_client(random.Random(seed))
        except Exception as error:
            self.errors.append(error)

    def _be_a_client(self, chance):
        for number in count():
            if number % 3 == 0:
                pair = self._ask(
                    "obtain", chance, {"username": USERNAME, "password": PASSWORD}, "/api/token/"
                )
            else:
                body = {"refresh": pair["refresh"]}
                pair = self._ask("refresh", chance, body, "/api/token/refresh/")
            # The same token for a part of its life only: this machine may be busy.
            started = time.monotonic()
            while time.monotonic() - started < 0.25:
                if self._stop.is_set():
                    return
                self._ask("call", chance, None, "/protected/", pair["access"])
                self._ask("service", chance, None, "/orders/", pair["access"], self.service)
                self._ask("jwks", chance, None, "/.well-known/jwks.json")
                # Two cores also run the servers.
                time.sleep(0.01)

    def _ask(self, what, chance, body, path, raw=None, server=None):
        server = server or chance.choice(self.servers)
        status, answer = call("GET" if body is None else "POST", server.url + path, body, raw)
        self.answers.append((what, server.url, status, answer))
        if body is not None:
            self.kids[threading.get_ident()] = header_of(answer["access"])["kid"]
        return answer
