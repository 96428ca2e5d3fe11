"""The key rings: which keys sign and which verify.

Only this deployment verifies refresh tokens, so their secret is derived from ``SECRET_KEY``.
Access tokens are signed with ``JWTAUTH["KEYS"]`` or, without them, with another derived secret.
Each key has one algorithm (RFC 8725, 3.1).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from itertools import combinations
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

from ..conf import Problem, Tenancy, get_settings, get_tenancy, moments
from ..exceptions import NoTenant
from ..redacted import redact
from .keymaterial import Key, KeyProblem, find_conflict, load_key

_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


class KeyRing:
    """The keys for one kind of token, in the order of the settings."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)

    def current(self) -> "KeyRing":
        """Return the ring itself, because keys from the settings never change."""
        return self

    def find_signer(self) -> Key | None:
        """Return the newest active key that can sign, or None without one."""
        now = moments.now()
        able = [key for key in self.keys if key.signing and (key.active_from or _LONG_AGO) <= now]
        return max(able, key=lambda key: key.active_from or _LONG_AGO, default=None)

    def signer(self) -> Key:
        """Return the key that signs now; raises ``ImproperlyConfigured`` if none can."""
        signer = self.find_signer()
        if signer is None:
            raise ImproperlyConfigured(
                'JWTAUTH["KEYS"] has no active key that can sign: add a "private_key" '
                'or "secret" without "active_from", or with one in the past.'
            )
        return signer

    def candidates(self, algorithm: str, kid: str | None) -> list[Key]:
        """Return the keys that may have signed a token with this header."""
        return [
            key
            for key in self.keys
            if key.algorithm == algorithm and (kid is None or key.kid == kid)
        ]


def _derived(purpose: str, tenant: str | None, *, signs: bool) -> list[Key]:
    """Return the keys derived from SECRET_KEY and its fallbacks; only the first may sign.

    Each tenant has its own keys, though all share ``SECRET_KEY``.
    """
    salt = f"django_jwtauth.keys.{purpose}"
    # Everybody knows a key that is derived from an empty fallback.
    secrets = [settings.SECRET_KEY, *(old for old in settings.SECRET_KEY_FALLBACKS if old)]
    secrets = [redact(secret) for secret in secrets]
    values = [
        redact(salted_hmac(salt, tenant or "", secret, algorithm="sha256").digest())
        for secret in secrets
    ]
    signing = [values[0] if signs else None, *(None for _ in values[1:])]
    return [Key("HS256", None, *pair) for pair in zip(values, signing, strict=True)]


# A tenancy keeps its rings. setdefault() is atomic, so two threads get the same one.


def get_token_tenancy() -> Tenancy:
    """Return the tenancy in which to issue or read a token.

    Raises ``NoTenant`` outside every tenant.
    """
    tenancy = get_tenancy()
    if tenancy.tenant is None:
        raise NoTenant
    return tenancy


# A caller who already has the tenancy passes it.


def get_refresh_ring(tenancy: Tenancy | None = None) -> KeyRing:
    """Return the ring for refresh tokens: always derived from ``SECRET_KEY``."""
    return _get_own_ring("refresh", tenancy or get_token_tenancy())


def get_one_time_ring(tenancy: Tenancy | None = None) -> KeyRing:
    """Return the ring for one-time tokens: derived from ``SECRET_KEY``, only for them."""
    return _get_own_ring("one_time", tenancy or get_token_tenancy())


def _get_own_ring(purpose: str, tenancy: Tenancy) -> KeyRing:
    ring: KeyRing = tenancy.rings.get(purpose) or tenancy.rings.setdefault(
        purpose, KeyRing(_derived(purpose, tenancy.tenant, signs=True))
    )
    return ring


def get_access_ring(tenancy: Tenancy | None = None) -> KeyRing:
    """Return the ring for access tokens.

    Once ``KEYS`` is set, the derived secrets stop signing but still verify, so the deploy that
    sets it signs nobody out. Raises ``ImproperlyConfigured``.
    """
    tenancy = tenancy or get_token_tenancy()
    ring: KeyRing = tenancy.rings.get("access") or tenancy.rings.setdefault(
        "access", _load_access_ring(tenancy)
    )
    return ring


def _load_access_ring(tenancy: Tenancy) -> KeyRing:
    configured, problems = _load_configured(tenancy.settings.KEYS)
    if problems:
        raise ImproperlyConfigured(str(problems[0]))
    return KeyRing([*configured, *_derived("access", tenancy.tenant, signs=not configured)])


def find_problems() -> list[Problem]:
    """Return what is wrong with ``JWTAUTH["KEYS"]``; never shows key material.

    Raises ``ImproperlyConfigured`` if another setting is wrong.
    """
    return _load_configured(get_settings().KEYS)[1]


def _load_configured(
    entries: Iterable[Mapping[str, Any]],
) -> tuple[list[Key], list[Problem]]:
    keys: dict[int, Key] = {}
    problems: list[Problem] = []
    for number, entry in enumerate(entries):
        try:
            keys[number] = load_key(entry)
        except KeyProblem as error:
            problems.append(Problem(("KEYS",), f"entry {number}: {error}"))
    kids = [key.kid for key in keys.values() if key.kid]
    if len(set(kids)) < len(kids):
        problems.append(
            Problem(("KEYS",), 'has two keys with the same kid: set another "kid" for one of them.')
        )
    for (first, one), (second, other) in combinations(keys.items(), 2):
        if conflict := find_conflict(one, other):
            problems.append(Problem(("KEYS",), f"entries {first} and {second}: {conflict}"))
    return [*keys.values()], problems
