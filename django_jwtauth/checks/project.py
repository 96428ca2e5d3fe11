"""Checks of what surrounds this package: DRF, Django, cookies, the user model."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import router
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.settings import api_settings

from ..authentication import JWTAuthentication
from ..conf import Settings
from ..models import BlacklistedToken, LoginSession
from ..store import identity
from .configuration import sound_settings
from .ids import (
    ANSWERS_403,
    BAD_SUBJECT_FIELD,
    COOKIES_REFUSED,
    CSRF_COOKIE_KEPT_BACK,
    DJANGO_HAS_A_HOLE,
    FOREIGN_DOMAIN,
    HEADER_NOT_ALLOWED,
    NO_AUTH_HASH,
    NO_TRUSTED_SITE,
    OPEN_BY_DEFAULT,
    REST_FRAMEWORK_MISSING,
    SEVERAL_DATABASES,
    TAG,
)

#: Published vulnerabilities of Django that requests with our tokens reach, and the first patch
#: release of each series that fixes them. The project chooses which one to install.
DJANGO_HOLES: tuple[tuple[str, Mapping[tuple[int, int], int]], ...] = (
    (
        "its cache middleware and cache_page() can serve one bearer's answer to another",
        {(5, 2): 15, (6, 0): 6},
    ),
    (
        "its cache middleware and cache_page() can store an answer that depends on a cookie "
        "(CVE-2026-48588)",
        {(5, 2): 16, (6, 0): 7},
    ),
)


@register(TAG)
def check_rest_framework(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check what the defaults of DRF mean for the project's own views."""
    if not apps.is_installed("rest_framework"):
        yield Warning(
            "INSTALLED_APPS lacks 'rest_framework': an API view opened in a browser fails, because "
            "its templates are not found.",
            hint="Add 'rest_framework' to INSTALLED_APPS.",
            id=REST_FRAMEWORK_MISSING,
        )
    permissions: Sequence[Any] = api_settings.DEFAULT_PERMISSION_CLASSES
    if all(item is AllowAny for item in permissions):
        yield Warning(
            "A view without permission_classes is open to everybody, signed in or not.",
            hint=(
                "Set REST_FRAMEWORK['DEFAULT_PERMISSION_CLASSES'] to "
                "['rest_framework.permissions.IsAuthenticated']."
            ),
            id=OPEN_BY_DEFAULT,
        )
    classes: Sequence[Any] = api_settings.DEFAULT_AUTHENTICATION_CLASSES
    ours = [
        item for item in classes if isinstance(item, type) and issubclass(item, JWTAuthentication)
    ]
    challenge = getattr(classes[0], "authenticate_header", None) if ours else None
    if challenge is BaseAuthentication.authenticate_header:
        yield Warning(
            f"{classes[0].__name__} is first in DEFAULT_AUTHENTICATION_CLASSES, so a refused "
            "token is answered with 403. Clients refresh after a 401.",
            hint=f"Put {ours[0].__name__} first.",
            id=ANSWERS_403,
        )


@register(TAG)
def check_cross_origin(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check that django-cors-headers lets pages of other origins send the header for tokens."""
    config = sound_settings()
    if config is None or not apps.is_installed("corsheaders"):
        return
    allowed = getattr(settings, "CORS_ALLOW_HEADERS", ("authorization",))
    name = config.AUTH_HEADER_NAME
    if name.lower() not in [str(each).lower() for each in allowed]:
        yield Warning(
            f"CORS_ALLOW_HEADERS does not contain {name}, so pages of other origins cannot send "
            "their tokens.",
            hint=(
                "Add it: CORS_ALLOW_HEADERS = "
                f'[*corsheaders.defaults.default_headers, "{name.lower()}"]. If no such page sends '
                f"tokens in the header, add {HEADER_NOT_ALLOWED} to SILENCED_SYSTEM_CHECKS."
            ),
            id=HEADER_NOT_ALLOWED,
        )


@register(TAG)
def check_cookies(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check that browsers accept the cookies, and that Django's settings for CSRF go with them."""
    config = sound_settings()
    if config is None:
        return
    for_other_sites, domain = config.COOKIES.SAMESITE == "None", config.COOKIES.DOMAIN
    if for_other_sites and not config.COOKIES.SECURE:
        yield Error(
            "JWTAUTH['COOKIES']: browsers refuse cookies with SAMESITE 'None' that are not SECURE.",
            hint="Remove SECURE, or SAMESITE where you develop over plain http.",
            id=COOKIES_REFUSED,
        )
    name = "SESSION_COOKIE" if settings.CSRF_USE_SESSIONS else "CSRF_COOKIE"
    sent = getattr(settings, f"{name}_SAMESITE") == "None" and getattr(settings, f"{name}_SECURE")
    if for_other_sites and not sent:
        yield Warning(
            "JWTAUTH['COOKIES']['SAMESITE'] is 'None', but browsers do not send Django's "
            f"{name.lower().replace('_', ' ')} from pages of other sites, so these cannot sign in.",
            hint=f"Set {name}_SAMESITE = 'None' and {name}_SECURE = True.",
            id=CSRF_COOKIE_KEPT_BACK,
        )
    if for_other_sites and not settings.CSRF_TRUSTED_ORIGINS:
        yield Warning(
            "JWTAUTH['COOKIES']['SAMESITE'] is 'None' for pages of other sites, but "
            "CSRF_TRUSTED_ORIGINS is empty, so every request of theirs is refused.",
            hint="List their origins there, and in CORS_ALLOWED_ORIGINS.",
            id=NO_TRUSTED_SITE,
        )
    hosts = [str(host).lower().lstrip(".") for host in settings.ALLOWED_HOSTS]
    known = "*" in hosts or any(f".{host}".endswith(f".{domain}") for host in hosts)
    if domain and hosts and not known:
        yield Warning(
            f"JWTAUTH['COOKIES']['DOMAIN'] is {domain!r}, but no host in ALLOWED_HOSTS belongs to "
            "it, so browsers refuse the cookies.",
            hint="Name the domain of the hosts themselves, or one above them.",
            id=FOREIGN_DOMAIN,
        )


@register(TAG)
def check_django(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check that the installed Django has no vulnerability that matters here."""
    series, patch = django.VERSION[:2], django.VERSION[2]
    holes = [(what, fixed[series]) for what, fixed in DJANGO_HOLES if fixed.get(series, 0) > patch]
    if holes:
        major, minor = series
        release = f"{major}.{minor}.{max(fixed for _, fixed in holes)}"
        yield Warning(
            f"Django {django.get_version()} has a published vulnerability: "
            f"{'; '.join(what for what, _ in holes)}.",
            hint=f"Install Django {release}, or the newest of its series.",
            id=DJANGO_HAS_A_HOLE,
        )


@register(TAG)
def check_user_model(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check that the user model and its table have what this package needs."""
    user = get_user_model()
    if not hasattr(user, "get_session_auth_hash"):
        yield Warning(
            f"{user._meta.label} has no get_session_auth_hash(), so a new password does not end "
            "sign-ins that were started with the old one.",
            hint="Derive the model from AbstractBaseUser, or write the method.",
            id=NO_AUTH_HASH,
        )
    config = sound_settings()
    problem = config and subject_problem(config)
    if config and problem:
        yield Error(
            f"JWTAUTH['SUBJECT_FIELD']: {user._meta.label}.{config.SUBJECT_FIELD} {problem}.",
            hint="Name a field that never changes, like a UUIDField(unique=True).",
            id=BAD_SUBJECT_FIELD,
        )
    aliases = {
        model._meta.label: router.db_for_write(model)
        for model in (user, LoginSession, BlacklistedToken)
    }
    if len(set(aliases.values())) > 1:
        places = ", ".join(f"{label} in {alias!r}" for label, alias in aliases.items())
        yield Error(
            f"DATABASE_ROUTERS route models that one query joins to different databases: {places}.",
            hint="Route these models to the same database.",
            id=SEVERAL_DATABASES,
        )


def subject_problem(config: Settings) -> str | None:
    name = config.SUBJECT_FIELD
    return None if name is None else identity.find_subject_problem(get_user_model(), name)
