"""Checks for production: with ``check --deploy`` only."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from django.urls import NoReverseMatch, reverse
from rest_framework.settings import api_settings

from ..conf import Settings
from .configuration import sound_settings
from .ids import (
    ACCESS_TOO_LONG,
    ADDRESS_OF_THE_PROXY,
    CACHE_NOT_SHARED,
    CACHE_TOO_SMALL,
    COOKIES_NOT_SECURE,
    DERIVED_KEY_SIGNS,
    LEEWAY_TOO_LONG,
    NO_ISSUER,
    SECOND_FACTOR_SKIPPED,
    TAG,
)
from .keys import access_ring

LONG_ACCESS = timedelta(hours=1)
# With NTP, clocks differ by far less.
LONG_LEEWAY = timedelta(minutes=1)
SECOND_FACTOR_APPS = ("allauth.mfa", "two_factor", "django_otp", "trench", "mfa")
# With fewer counters, a guesser with several addresses can push out those of an account.
FEW_ENTRIES = 10_000
CACHES_WITH_FEW_ENTRIES = (
    "django.core.cache.backends.db.DatabaseCache",
    "django.core.cache.backends.filebased.FileBasedCache",
)
CACHES_NOT_SHARED = (
    "django.core.cache.backends.dummy.DummyCache",
    "django.core.cache.backends.locmem.LocMemCache",
)


@register(TAG, deploy=True)
def check_deployment(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check what is fine on a laptop but not in production."""
    config = sound_settings()
    if config is None:
        return
    if config.ACCESS_TOKEN_LIFETIME > LONG_ACCESS:
        yield Warning(
            "JWTAUTH: ACCESS_TOKEN_LIFETIME is longer than an hour: a service that verifies "
            "without this database accepts a stolen token for that long.",
            hint="Shorten it; clients refresh automatically. The default is 5 minutes.",
            id=ACCESS_TOO_LONG,
        )
    if config.LEEWAY > LONG_LEEWAY:
        yield Warning(
            "JWTAUTH: LEEWAY is longer than a minute, so every token is valid that much longer.",
            hint="Synchronise the clocks with NTP, and set LEEWAY to a few seconds.",
            id=LEEWAY_TOO_LONG,
        )
    if not config.COOKIES.SECURE:
        yield Warning(
            "JWTAUTH['COOKIES']['SECURE'] is False, so browsers send the tokens over http, too.",
            hint="Remove it in production.",
            id=COOKIES_NOT_SECURE,
        )
    ring = access_ring()
    if not config.ISSUER and ring and not all(key.symmetric for key in ring.keys):
        yield Warning(
            "JWTAUTH: ISSUER is not set, so services that verify with the public keys cannot tell "
            "who issued a token.",
            hint="Set ISSUER to the URL of this deployment, and AUDIENCE to the API it is for.",
            id=NO_ISSUER,
        )
    if sign := _sign_of_verifiers(config):
        yield Warning(
            f"{sign}, so other programs seem to verify the tokens. They cannot: JWTAUTH['KEYS'] "
            "is not set, and access tokens are signed with a secret derived from SECRET_KEY.",
            hint=(
                "Run `python manage.py jwtauth_generate_key`, and put the key into KEYS. If no "
                f"other program verifies the tokens, add {DERIVED_KEY_SIGNS} to "
                "SILENCED_SYSTEM_CHECKS."
            ),
            id=DERIVED_KEY_SIGNS,
        )
    second_factor = [app for app in SECOND_FACTOR_APPS if apps.is_installed(app)]
    if second_factor and not config.HOOKS.SIGN_IN:
        yield Warning(
            f"{second_factor[0]} is installed, but JWTAUTH['HOOKS']['SIGN_IN'] is not set, so a "
            "password alone is enough to get tokens.",
            hint='In HOOKS["SIGN_IN"], refuse users who have not given their second factor.',
            id=SECOND_FACTOR_SKIPPED,
        )


def _sign_of_verifiers(config: Settings) -> str:
    """Return what suggests that others verify the tokens although the derived key signs, or ""."""
    if config.KEYS or (config.ISSUER or "") in config.ISSUERS:
        return ""
    for name in ("ISSUER", "AUDIENCE"):
        if getattr(config, name):
            return f"JWTAUTH['{name}'] is set"
    try:
        # A project of commands only has no URLs.
        published = getattr(settings, "ROOT_URLCONF", None) and reverse("jwtauth_jwks")
    except NoReverseMatch:
        published = None
    return f"{published} publishes the public keys" if published else ""


@register(TAG, deploy=True)
def check_throttles(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check that attempts to guess a password are counted, and for the right client."""
    config = sound_settings()
    if config is None:
        return
    if not config.HOOKS.CLIENT_IP and api_settings.NUM_PROXIES is None:
        yield Warning(
            "No setting says whether requests come through a proxy. If they do, all seem to come "
            "from its address: the mistakes of one user lock out everybody, or nobody has an "
            "address and guesses are limited by account only.",
            hint=(
                "Set REST_FRAMEWORK['NUM_PROXIES'] to the number of proxies (0 for none), or "
                "set JWTAUTH['HOOKS']['CLIENT_IP']."
            ),
            id=ADDRESS_OF_THE_PROXY,
        )
    guesses = ("address", "account", "account_everywhere")
    if not any(config.THROTTLES.RATES[name] for name in guesses):
        return
    alias = config.THROTTLES.CACHE
    cache = settings.CACHES[alias]
    if cache.get("BACKEND") in CACHES_NOT_SHARED:
        yield Warning(
            f"JWTAUTH['THROTTLES']['CACHE'] is {alias!r}, a cache that processes do not share, "
            "so each process allows as many guesses as all of them together should.",
            hint="Use Redis or Memcached.",
            id=CACHE_NOT_SHARED,
        )
    if cache.get("BACKEND") in CACHES_WITH_FEW_ENTRIES and _max_entries(cache) < FEW_ENTRIES:
        yield Warning(
            f"JWTAUTH['THROTTLES']['CACHE'] is {alias!r}, a cache that drops entries "
            f"when it has {_max_entries(cache)}: a guesser with several addresses can push out "
            "the counts of an account, and continue to guess.",
            hint=(
                f"Use a separate cache with OPTIONS['MAX_ENTRIES'] of at least {FEW_ENTRIES}, or "
                "use Redis or Memcached."
            ),
            id=CACHE_TOO_SMALL,
        )


def _max_entries(cache: Mapping[str, Any]) -> int:
    """Return how many entries Django keeps, by an entry of ``CACHES``."""
    given: Any = (cache.get("OPTIONS") or {}).get("MAX_ENTRIES", cache.get("MAX_ENTRIES"))
    try:
        return int(given)
    # Django does the same.
    except (TypeError, ValueError):
        return 300
