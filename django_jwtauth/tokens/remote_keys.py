"""The public keys of another deployment, fetched from its JWKS (RFC 7517).

PyJWT's own client is not used: it holds a lock during HTTP, reads without a limit and follows
redirects.
"""

import io
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from django.core.signals import setting_changed

from ..exceptions import Unavailable
from .keymaterial import Key, KeyProblem, load_key
from .keyrings import KeyRing

logger = logging.getLogger("django_jwtauth")

# All in seconds.
#: To connect, and again for the whole answer.
TIMEOUT = 3.0
MAX_AGE, MIN_MAX_AGE, MAX_MAX_AGE = 300, 10, 3600
#: The shortest time between two fetches because of an unknown kid or a failure.
COOLDOWN = 10
#: How long keys are used while the issuer does not answer.
STALE_LIMIT = 24 * 3600

MAX_BYTES = 256 * 1024
MAX_KEYS = 50

# Not "k": a secret that everybody can fetch is none.
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops")
_USUAL = {"RSA": "RS256", "OKP": "EdDSA"}
_OF_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class RemoteKeys:
    """The keys behind one URL. Thread-safe: one thread fetches, the others use the known keys."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Lock()
        self._ring: KeyRing | None = None
        self._tried = self._failing = False
        self._fetched = self._fresh_until = self._next_try = 0.0

    def candidates(self, algorithm: str, kid: str | None) -> list[Key]:
        """Return the keys that may have signed a token with this header.

        An unknown ``kid`` asks the issuer again, at most once in ``COOLDOWN``. Raises
        ``Unavailable`` if the issuer does not answer and no known key has this ``kid``.
        """
        found = self.current().candidates(algorithm, kid)
        now = time.monotonic()
        if not found:
            self._fetch(now)
            found = self._believed(now).candidates(algorithm, kid)
        if not found and self._failing:
            # A new key may have signed it.
            raise Unavailable
        return found

    def current(self) -> KeyRing:
        """Return the keys as last fetched, and fetch them if that is due."""
        now = time.monotonic()
        if now >= self._fresh_until:
            self._fetch(now)
        return self._believed(now)

    def _believed(self, now: float) -> KeyRing:
        if self._ring is None or now - self._fetched > STALE_LIMIT:
            raise Unavailable
        return self._ring

    def _fetch(self, now: float) -> None:
        # Only the first fetch is worth waiting for. Later there are keys to use, or the issuer
        # does not answer.
        if not self._lock.acquire(blocking=not self._tried):
            return
        try:
            if now < self._next_try:
                return
            self._next_try = now + COOLDOWN
            keys, max_age = fetch(self.url)
            self._ring = KeyRing(keys)
            self._fetched, self._fresh_until = now, now + max_age
            self._failing = False
        except (OSError, HTTPException, ValueError) as error:
            self._failing = True
            name = type(error).__name__
            logger.warning(
                "No JWKS from %s: %s",
                self.url,
                name,
                extra={"event": "jwks_unavailable", "url": self.url, "error": name},
            )
        finally:
            self._tried = True
            self._lock.release()


def fetch(url: str) -> tuple[list[Key], int]:
    """Return the usable keys at ``url``, and for how many seconds they are fresh.

    Raises ``OSError``, ``HTTPException`` or ``ValueError`` if there is no JWKS, or it takes too
    long or is too large.
    """
    request = Request(url, headers={"Accept": "application/jwk-set+json, application/json"})  # noqa: S310
    opener = build_opener(_HTTPHandler, _HTTPSHandler, _NoRedirect)
    try:
        with opener.open(request, timeout=TIMEOUT) as response:
            body = response.read(MAX_BYTES + 1)
            max_age = _max_age(response.headers.get("Cache-Control", ""))
    except HTTPError as error:
        error.close()
        raise
    if len(body) > MAX_BYTES:
        raise ValueError("too large")
    try:
        document = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    jwks = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(jwks, list):
        raise ValueError("not a JWKS")
    return [key for jwk in jwks[:MAX_KEYS] if (key := _load(jwk))], max_age


def _max_age(cache_control: str) -> int:
    found = re.search(r"\bmax-age=(\d{1,9})", cache_control)
    return min(max(int(found[1]), MIN_MAX_AGE), MAX_MAX_AGE) if found else MAX_AGE


def _load(jwk: Any) -> Key | None:
    """Load one public signature key, or return None: a bad key must not affect the others."""
    if not isinstance(jwk, Mapping):
        return None
    public = {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
    usual = _USUAL.get(str(jwk.get("kty"))) or _OF_CURVE.get(str(jwk.get("crv")))
    try:
        return load_key({"jwk": {"alg": usual, **public}})
    except KeyProblem:
        return None


# --- HTTP, bounded


class _Bounded(io.RawIOBase):
    """The server's answer, refused if all of it takes too long: a socket's timeout is per read."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = time.monotonic() + TIMEOUT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("too slow")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Bounded(sock))


class _HTTPConnection(HTTPConnection):
    response_class = _Response


class _HTTPSConnection(HTTPSConnection):
    response_class = _Response


class _HTTPHandler(HTTPHandler):
    def http_open(self, request: Request) -> HTTPResponse:
        return self.do_open(_HTTPConnection, request)


class _HTTPSHandler(HTTPSHandler):
    def https_open(self, request: Request) -> HTTPResponse:
        return self.do_open(_HTTPSConnection, request)


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        """Follow no redirect, because a key set is trusted for where it comes from."""


# --- One for each URL

_remote: dict[str, RemoteKeys] = {}
#: The number of key sets that are kept; each tenant may have its own.
MAX_URLS = 1000


def get_remote_keys(url: str) -> RemoteKeys:
    """Return the one key set for ``url`` in this process."""
    known = _remote.get(url)
    if known is None:
        # setdefault() is atomic, so two threads get the same one.
        known = _remote.setdefault(url, RemoteKeys(url))
        for surplus in list(_remote)[:-MAX_URLS]:
            _remote.pop(surplus, None)
    return known


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "JWTAUTH":
        _remote.clear()


setting_changed.connect(_forget, dispatch_uid="django_jwtauth.remote_keys")
