"""Checks of the keys that sign and verify, and of ``SECRET_KEY``."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.encoding import force_bytes

from ..conf.values import Issuer
from ..tokens import keyrings
from ..tokens.keymaterial import HMAC_SECRET_BYTES, SECRET_MIN_VARIETY
from .configuration import sound_settings
from .ids import (
    BAD_KEY,
    EMPTY_KEYS,
    GUESSABLE_KEY,
    NO_ACTIVE_KEY,
    NO_SIGNING_KEY,
    OWN_ISSUER_LIMITED,
    TAG,
)


@register(TAG)
def check_keys(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check that every key can be used, and that one can sign now."""
    config = sound_settings()
    if config is None:
        return
    own = config.ISSUERS.get(config.ISSUER or "")
    if own and own != Issuer(own.jwks_url):
        yield Error(
            'JWTAUTH[\'ISSUERS\']: "claims" and "max_lifetime" are for other issuers; they do '
            "not limit the tokens of your own ISSUER.",
            hint=f"For {config.ISSUER!r}, set only the URL.",
            id=OWN_ISSUER_LIMITED,
        )
    for problem in keyrings.find_problems():
        yield Error(str(problem), id=BAD_KEY)
    if not config.KEYS and "KEYS" in getattr(settings, "JWTAUTH", {}) and not own:
        yield Warning(
            'JWTAUTH["KEYS"] is an empty list, so access tokens are signed with a secret derived '
            "from SECRET_KEY, and nothing but this project can verify them.",
            hint=(
                "If a key was removed because it leaked, put a new one in its place: run "
                "`python manage.py jwtauth_generate_key`. If no other program verifies the "
                'tokens, remove "KEYS".'
            ),
            id=EMPTY_KEYS,
        )
    ring = access_ring()
    if ring is None or ring.find_signer() or own:
        return
    if any(key.signing for key in ring.keys):
        yield Error(
            'JWTAUTH["KEYS"]: the "active_from" of every key that can sign is in the future, so '
            "nobody can sign in until then.",
            hint='Add a key without "active_from", or keep the one that has signed so far.',
            id=NO_ACTIVE_KEY,
        )
    else:
        yield Warning(
            'JWTAUTH["KEYS"] contains only public keys, so nobody can sign in here.',
            hint=(
                'Add a "private_key". If another service issues the tokens, add '
                f"{NO_SIGNING_KEY} to SILENCED_SYSTEM_CHECKS."
            ),
            id=NO_SIGNING_KEY,
        )


def access_ring() -> keyrings.KeyRing | None:
    """Return the key ring, or None if other checks report a bad key or a missing SECRET_KEY."""
    try:
        return keyrings.get_access_ring()
    except ImproperlyConfigured:
        return None


@register(TAG)
def check_secret_key(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check ``SECRET_KEY`` and its fallbacks, from which secrets are derived."""
    try:
        secrets: dict[str, Any] = {"SECRET_KEY": settings.SECRET_KEY}
    except ImproperlyConfigured:
        return
    for number, fallback in enumerate(settings.SECRET_KEY_FALLBACKS):
        secrets[f"SECRET_KEY_FALLBACKS[{number}]"] = fallback
    for name, secret in secrets.items():
        if _is_guessable(secret):
            yield Warning(
                f"{name} can be guessed, and tokens can be forged with it: it is shorter than 32 "
                f"characters or has fewer than {SECRET_MIN_VARIETY} different ones.",
                hint="Generate one with django.core.management.utils.get_random_secret_key().",
                id=GUESSABLE_KEY,
            )


def _is_guessable(secret: str | bytes | None) -> bool:
    value = force_bytes(secret or "", errors="replace")
    return len(value) < HMAC_SECRET_BYTES["HS256"] or len(set(value)) < SECRET_MIN_VARIETY
