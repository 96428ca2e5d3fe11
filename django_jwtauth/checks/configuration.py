"""Checks of ``JWTAUTH`` itself: names, values, lifetimes, what other packages left."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from .. import conf
from ..conf import Settings, get_settings
from .ids import (
    BAD_SETTING,
    BAD_TENANT,
    GRACE_PERIOD_TOO_LONG,
    LEGACY_CLIENTS_LOST,
    LEGACY_IGNORED,
    NAME_NOT_READ,
    NO_GRACE_PERIOD,
    NO_ROTATION,
    NOT_SHORTER,
    REFRESH_TOO_LONG,
    REFRESH_TOO_SHORT,
    SIMPLEJWT_REMARK,
    SIMPLEJWT_SETTING,
    TAG,
    UNKNOWN_SETTING,
)

# Names that people write instead of JWTAUTH, or that other packages read.
NAMES_NOT_READ = ("JWT_AUTH", "DJANGO_JWTAUTH", "DJANGO_JWT_AUTH")


@register(TAG)
def check_settings(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check every value of ``JWTAUTH``, and every name in it that is not a setting."""
    for problem in conf.find_problems():
        yield Error(str(problem), id=UNKNOWN_SETTING if problem.unknown else BAD_SETTING)
    for name in NAMES_NOT_READ:
        if hasattr(settings, name) and not hasattr(settings, "JWTAUTH"):
            yield Warning(
                f"The settings contain {name}, but django-jwtauth reads only JWTAUTH.",
                hint=(
                    f"Rename it to JWTAUTH. If {name} is for another package, add "
                    f"{NAME_NOT_READ} to SILENCED_SYSTEM_CHECKS."
                ),
                id=NAME_NOT_READ,
            )


def sound_settings() -> Settings | None:
    """Return the settings, or None if check_settings() or check_tenant() reports an error."""
    bad = conf.find_problems() or conf.find_tenant_problem()
    return None if bad else get_settings()


@register(TAG)
def check_tenant(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check what ``HOOKS["TENANT"]`` returns for the tenant that the checks run in, if any."""
    problem = None if conf.find_problems() else conf.find_tenant_problem()
    if problem:
        yield Error(
            problem,
            hint="If there is no tenant, as in most commands, return None.",
            id=BAD_TENANT,
        )


@register(TAG)
def check_lifetimes(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check durations that are valid on their own but not together."""
    config = sound_settings()
    if config is None:
        return
    if config.REFRESH_TOKEN_LIFETIME < config.ACCESS_TOKEN_LIFETIME:
        yield Error(
            "JWTAUTH: REFRESH_TOKEN_LIFETIME is shorter than ACCESS_TOKEN_LIFETIME, so the "
            "refresh token has expired by the time a client needs it.",
            hint="Shorten ACCESS_TOKEN_LIFETIME, or lengthen REFRESH_TOKEN_LIFETIME.",
            id=REFRESH_TOO_SHORT,
        )
    if config.REFRESH_TOKEN_LIFETIME > config.SESSION_LIFETIME:
        yield Warning(
            "JWTAUTH: REFRESH_TOKEN_LIFETIME is longer than SESSION_LIFETIME, but every sign-in "
            "ends after SESSION_LIFETIME.",
            hint="Lengthen SESSION_LIFETIME, or shorten REFRESH_TOKEN_LIFETIME.",
            id=REFRESH_TOO_LONG,
        )
    short = config.SESSION_LIFETIME_NOT_REMEMBERED
    if short is not None and short >= config.SESSION_LIFETIME:
        yield Warning(
            "JWTAUTH: SESSION_LIFETIME_NOT_REMEMBERED is not shorter than SESSION_LIFETIME, so "
            "users who do not ask to be remembered are signed in for as long as those who do.",
            hint="Shorten SESSION_LIFETIME_NOT_REMEMBERED, or lengthen SESSION_LIFETIME.",
            id=NOT_SHORTER,
        )
    if not config.ROTATE_REFRESH_TOKENS:
        yield Warning(
            "JWTAUTH: ROTATE_REFRESH_TOKENS is False, so a stolen refresh token works until the "
            "sign-in ends, and nobody notices.",
            hint=(
                "Set it to True once all clients store the refresh token that a refresh returns. "
                f"Until then, add {NO_ROTATION} to SILENCED_SYSTEM_CHECKS."
            ),
            id=NO_ROTATION,
        )
        return
    if not config.REFRESH_GRACE_PERIOD:
        yield Warning(
            "JWTAUTH: REFRESH_GRACE_PERIOD is 0, so two refreshes at once, or one that is "
            "repeated because its answer was lost, look like theft and end the sign-in.",
            hint="Set it to some seconds; 30 is the default.",
            id=NO_GRACE_PERIOD,
        )
    if config.REFRESH_GRACE_PERIOD > config.ACCESS_TOKEN_LIFETIME:
        yield Warning(
            "JWTAUTH: REFRESH_GRACE_PERIOD is longer than ACCESS_TOKEN_LIFETIME, so a stolen "
            "refresh token can be used from one refresh to the next, and nobody notices.",
            hint="Shorten REFRESH_GRACE_PERIOD; 30 seconds is the default.",
            id=GRACE_PERIOD_TOO_LONG,
        )


@register(TAG)
def check_legacy(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check that legacy tokens are accepted, and that clients which hold them stay signed in."""
    config = sound_settings()
    if config is None:
        return
    if bool(config.LEGACY.DECODER) != bool(config.LEGACY.UNTIL):
        missing = "UNTIL" if config.LEGACY.DECODER else "DECODER"
        yield Warning(
            f"JWTAUTH['LEGACY']['{missing}'] is not set, so no legacy token is accepted.",
            hint="Set both DECODER and UNTIL, or neither.",
            id=LEGACY_IGNORED,
        )
    simplejwt = getattr(settings, "SIMPLE_JWT", None) or {}
    rotated = isinstance(simplejwt, Mapping) and simplejwt.get("ROTATE_REFRESH_TOKENS")
    if config.legacy_until() and config.ROTATE_REFRESH_TOKENS and not rotated:
        yield Warning(
            "JWTAUTH: ROTATE_REFRESH_TOKENS is on, but SIMPLE_JWT did not rotate: a client "
            "that continues to use its old refresh token is signed out, as if it were stolen.",
            hint=(
                "Set it to False. If all clients store the refresh token of each answer, add "
                f"{LEGACY_CLIENTS_LOST} to SILENCED_SYSTEM_CHECKS."
            ),
            id=LEGACY_CLIENTS_LOST,
        )


@register(TAG)
def check_simplejwt(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check that the settings in ``SIMPLE_JWT`` still have their effect after the move."""
    config = sound_settings()
    if config is None or not hasattr(settings, "SIMPLE_JWT"):
        return
    # Until the project moves, simplejwt itself reads them.
    in_use = "django_jwtauth.contrib.simplejwt.tokens" in sys.modules
    if not in_use and not config.LEGACY.DECODER:
        return
    # Imported here, so that a project that never had simplejwt does not load it.
    from ..contrib.simplejwt import checks as simplejwt

    for problem in simplejwt.find_problems(in_use=in_use):
        kind, number = (Error, SIMPLEJWT_SETTING) if problem.fatal else (Warning, SIMPLEJWT_REMARK)
        yield kind(problem.message, id=number)
