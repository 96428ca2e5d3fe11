"""The key rings: who signs, who verifies.

Refresh tokens are this deployment's own business, so their secret is derived from
``SECRET_KEY``. Access tokens are signed by ``JWTAUTH["KEYS"]``, or, with none
configured, under another derived secret. One key has one algorithm (RFC 8725, 3.1).
"""

import functools
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.crypto import salted_hmac

from .conf import Problem, get_settings
from .keymaterial import Key, KeyProblem, load_key

_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


class KeyRing:
    """The keys for one kind of token, in the order of the settings."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)

    def current(self) -> "KeyRing":
        """Return the ring itself: keys from the settings do not change while it lives."""
        return self

    def find_signer(self) -> Key | None:
        """Return the newest activated key that can sign, None without one."""
        now = datetime.now(timezone.utc)
        able = [key for key in self.keys if key.signing and (key.active_from or _LONG_AGO) <= now]
        return max(able, key=lambda key: key.active_from or _LONG_AGO, default=None)

    def signer(self) -> Key:
        """Return the key that signs now. Raises ``ImproperlyConfigured`` when none can."""
        signer = self.find_signer()
        if signer is None:
            raise ImproperlyConfigured(
                'JWTAUTH["KEYS"] has no active key that can sign: add a "private_key" '
                'or "secret" without "active_from", or with one that has passed.'
            )
        return signer

    def candidates(self, algorithm: str, kid: str | None) -> list[Key]:
        """Return the keys that may have signed a token with this header."""
        return [
            key
            for key in self.keys
            if key.algorithm == algorithm and (kid is None or key.kid == kid)
        ]


def _derived(purpose: str, *, signs: bool) -> list[Key]:
    """Return the keys derived from SECRET_KEY and its fallbacks; only the first may sign."""
    salt = f"django_jwtauth.keys.{purpose}"
    # A key derived from nothing is known to everybody.
    secrets = [settings.SECRET_KEY, *(old for old in settings.SECRET_KEY_FALLBACKS if old)]
    values = [salted_hmac(salt, "", secret, algorithm="sha256").digest() for secret in secrets]
    signing = [values[0] if signs else None, *(None for _ in values[1:])]
    return [Key("HS256", None, *pair) for pair in zip(values, signing, strict=True)]


@functools.cache
def get_refresh_ring() -> KeyRing:
    """Return the ring for refresh tokens: always derived from ``SECRET_KEY``."""
    return KeyRing(_derived("refresh", signs=True))


@functools.cache
def get_one_time_ring() -> KeyRing:
    """Return the ring for one-time tokens: derived from ``SECRET_KEY``, for nothing else."""
    return KeyRing(_derived("one_time", signs=True))


@functools.cache
def get_access_ring() -> KeyRing:
    """Return the ring for access tokens.

    The derived secrets go on verifying when ``KEYS`` is set, so that the deploy that
    sets it signs nobody out; they stop signing. Raises ``ImproperlyConfigured``.
    """
    configured, problems = _load_configured()
    if problems:
        raise ImproperlyConfigured(str(problems[0]))
    return KeyRing([*configured, *_derived("access", signs=not configured)])


def find_problems() -> list[Problem]:
    """Return what is wrong with ``JWTAUTH["KEYS"]``; never shows key material.

    Raises ``ImproperlyConfigured`` while another setting is wrong.
    """
    return _load_configured()[1]


def _load_configured() -> tuple[list[Key], list[Problem]]:
    keys: list[Key] = []
    problems: list[Problem] = []
    for number, entry in enumerate(get_settings().KEYS):
        try:
            keys.append(load_key(entry))
        except KeyProblem as error:
            problems.append(Problem("KEYS", f"entry {number}: {error}"))
    kids = [key.kid for key in keys if key.kid]
    if len(set(kids)) < len(kids):
        problems.append(Problem("KEYS", 'has two keys with the same kid: give one another "kid".'))
    return keys, problems


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting in ("JWTAUTH", "SECRET_KEY", "SECRET_KEY_FALLBACKS"):
        get_access_ring.cache_clear()
        get_refresh_ring.cache_clear()
        get_one_time_ring.cache_clear()


setting_changed.connect(_forget, dispatch_uid="django_jwtauth.keys")
