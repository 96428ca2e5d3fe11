"""Installed packages that use simplejwt themselves: what their tokens are, and what to do."""

from collections.abc import Iterator
from importlib import metadata
from typing import Any

from django.apps import apps
from django.conf import settings

from . import source
from .names import THEIRS
from .source import Finding, is_theirs

_PAGE = "see the page on moving here"
_APP = f"{THEIRS}.token_blacklist"
_DISTRIBUTION = "djangorestframework-simplejwt"


def describe() -> Iterator[Finding]:
    """Yield what to do about each app that is installed and makes or reads simplejwt's tokens."""
    installed = {config.name.partition(".")[0] for config in apps.get_app_configs()}
    if source.is_led_here():
        asked, concerned = _ASKED_WITH_ALIAS, {*_ASKED_WITH_ALIAS}
    else:
        asked, concerned = _ASKED, {*_ASKED, *_find_dependents(installed)}
    for package in sorted(installed & concerned):
        told = asked.get(package, _ask_any)(package)
        if told:
            yield Finding("INSTALLED_APPS", package, f"-- {told}")


def _ask_dj_rest_auth(package: str) -> str | None:
    options: Any = getattr(settings, "REST_AUTH", None) or {}
    serializer = options.get("JWT_TOKEN_CLAIMS_SERIALIZER")
    if not _uses_tokens(options) or (serializer and not is_theirs(str(serializer))):
        return None
    return f"logging in and registering make tokens of simplejwt: {_PAGE}, dj-rest-auth"


def _ask_logout(package: str) -> str | None:
    """Ask dj-rest-auth with the alias, with which everything else works by itself."""
    if not _uses_tokens(getattr(settings, "REST_AUTH", None) or {}) or apps.is_installed(_APP):
        return None
    return (
        f'its logout ends the sign-in only while "{_APP}" is in INSTALLED_APPS: {_PAGE}, '
        "dj-rest-auth"
    )


def _uses_tokens(options: Any) -> bool:
    return bool(options.get("USE_JWT", getattr(settings, "REST_USE_JWT", False)))


def _ask_djoser(package: str) -> str:
    options: Any = getattr(settings, "DJOSER", None) or {}
    strategy = options.get("SOCIAL_AUTH_TOKEN_STRATEGY")
    if strategy and not str(strategy).startswith("djoser."):
        return f"its routes under jwt/ are simplejwt's views: {_PAGE}, djoser"
    return (
        "its routes under jwt/ are simplejwt's views, and SOCIAL_AUTH_TOKEN_STRATEGY makes "
        f"simplejwt's tokens: {_PAGE}, djoser"
    )


def _ask_spectacular(package: str) -> str | None:
    if apps.is_installed("django_jwtauth.contrib.spectacular"):
        return None
    return (
        'add "django_jwtauth.contrib.spectacular" to INSTALLED_APPS: the views and classes of '
        "contrib.simplejwt keep their names in the schema"
    )


def _ask_any(package: str) -> str:
    return f"imports simplejwt itself: {_PAGE}, packages that use simplejwt"


_ASKED = {
    "dj_rest_auth": _ask_dj_rest_auth,
    "djoser": _ask_djoser,
    "drf_spectacular": _ask_spectacular,
}
#: With ``alias.install()``, the imports of every package are led here.
_ASKED_WITH_ALIAS = {"dj_rest_auth": _ask_logout, "drf_spectacular": _ask_spectacular}


def _find_dependents(installed: set[str]) -> set[str]:
    """Return the packages whose distribution says that it needs simplejwt."""
    found = set()
    for package, names in metadata.packages_distributions().items():
        if package in installed and package != THEIRS and not package.startswith("django_jwtauth"):
            needs = [need for name in names for need in metadata.requires(name) or ()]
            if any(need.lower().replace("_", "-").startswith(_DISTRIBUTION) for need in needs):
                found.add(package)
    return found
