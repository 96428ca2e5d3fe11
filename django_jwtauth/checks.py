"""System checks: what is wrong with the project's settings, told before a request finds out.

None shows a key or a secret. Two read the database, when ``check --database`` or ``migrate``
asks for that.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseFailure
from django.db import router
from django.db.models import Min
from django.utils.encoding import force_bytes
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.settings import api_settings

from . import conf
from .authentication import JWTAuthentication
from .conf import Settings, get_settings, moments
from .conf.values import Issuer
from .models import BlacklistedToken, Kind, LoginSession
from .signins import rules
from .store import database
from .tokens import keyrings
from .tokens.keymaterial import HMAC_SECRET_BYTES, SECRET_MIN_VARIETY

TAG = "jwtauth"

BAD_SETTING = "jwtauth.E001"
UNKNOWN_SETTING = "jwtauth.E002"
BAD_KEY = "jwtauth.E003"
NO_ACTIVE_KEY = "jwtauth.E004"
REFRESH_TOO_SHORT = "jwtauth.E005"
SEVERAL_DATABASES = "jwtauth.E006"
OWN_ISSUER_LIMITED = "jwtauth.E007"
BAD_TENANT = "jwtauth.E008"

NO_GRACE_PERIOD = "jwtauth.W001"
GRACE_PERIOD_TOO_LONG = "jwtauth.W002"
REFRESH_TOO_LONG = "jwtauth.W003"
NO_SIGNING_KEY = "jwtauth.W004"
GUESSABLE_KEY = "jwtauth.W005"
REST_FRAMEWORK_MISSING = "jwtauth.W006"
OPEN_BY_DEFAULT = "jwtauth.W007"
ANSWERS_403 = "jwtauth.W008"
NO_AUTH_HASH = "jwtauth.W009"
LEGACY_IGNORED = "jwtauth.W017"
LEGACY_CLIENTS_LOST = "jwtauth.W018"
NAME_NOT_READ = "jwtauth.W019"
DJANGO_HAS_A_HOLE = "jwtauth.W025"

TOKENS_OF_FALLBACK = "jwtauth.W022"
NOT_IMPORTED = "jwtauth.W027"
STILL_ISSUED = "jwtauth.W028"
NO_ROTATION = "jwtauth.W026"

# Only with ``check --deploy``.
ACCESS_TOO_LONG = "jwtauth.W010"
LEEWAY_TOO_LONG = "jwtauth.W011"
NO_ISSUER = "jwtauth.W012"
SECOND_FACTOR_SKIPPED = "jwtauth.W013"
ADDRESS_OF_THE_PROXY = "jwtauth.W014"
CACHE_NOT_SHARED = "jwtauth.W015"
COOKIES_NOT_SECURE = "jwtauth.W016"
CACHE_TOO_SMALL = "jwtauth.W023"

# Rows that one check reads at most.
MAX_CHECKED = 10_000
#: Published holes in Django that requests with our tokens reach, and the first patch release
#: of each series without them. Which one is installed is the project's choice.
DJANGO_HOLES: tuple[tuple[str, Mapping[tuple[int, int], int]], ...] = (
    (
        "its cache middleware and cache_page() can keep the answer to one bearer for others",
        {(5, 2): 15, (6, 0): 6},
    ),
    (
        "its cache middleware and cache_page() can keep an answer that depends on a cookie "
        "(CVE-2026-48588)",
        {(5, 2): 16, (6, 0): 7},
    ),
)

# Old processes may run beside new ones this long while a project moves.
DEPLOYMENT = timedelta(hours=1)
LONG_ACCESS = timedelta(hours=1)
# Clocks that NTP keeps differ by far less.
LONG_LEEWAY = timedelta(minutes=1)
# What people write for JWTAUTH, and other packages have.
NAMES_NOT_READ = ("JWT_AUTH", "DJANGO_JWTAUTH", "DJANGO_JWT_AUTH")
SECOND_FACTOR_APPS = ("allauth.mfa", "two_factor", "django_otp", "trench", "mfa")
# Fewer counters than this, and a guesser with some addresses pushes out those of an account.
FEW_ENTRIES = 10_000
CACHES_WITH_FEW_ENTRIES = (
    "django.core.cache.backends.db.DatabaseCache",
    "django.core.cache.backends.filebased.FileBasedCache",
)
CACHES_NOT_SHARED = (
    "django.core.cache.backends.dummy.DummyCache",
    "django.core.cache.backends.locmem.LocMemCache",
)


@register(TAG)
def check_settings(**kwargs: Any) -> Iterable[CheckMessage]:
    """Every value of ``JWTAUTH``, and every name in it that is no setting."""
    for problem in conf.find_problems():
        yield Error(str(problem), id=UNKNOWN_SETTING if problem.unknown else BAD_SETTING)
    for name in NAMES_NOT_READ:
        if hasattr(settings, name) and not hasattr(settings, "JWTAUTH"):
            yield Warning(
                f"The settings have {name} and no JWTAUTH: django-jwtauth reads only the latter.",
                hint=(
                    f"Rename it. If {name} is for another package, put {NAME_NOT_READ} into "
                    "SILENCED_SYSTEM_CHECKS."
                ),
                id=NAME_NOT_READ,
            )


def _sound_settings() -> Settings | None:
    """Return the settings, None while check_settings() has something to say about them."""
    bad = conf.find_problems() or conf.find_tenant_problem()
    return None if bad else get_settings()


@register(TAG)
def check_tenant(**kwargs: Any) -> Iterable[CheckMessage]:
    """What ``HOOKS["TENANT"]`` returns for the tenant that the checks run in, if there is one."""
    problem = None if conf.find_problems() else conf.find_tenant_problem()
    if problem:
        yield Error(
            problem,
            hint="Where there is no tenant, as in most commands, return None.",
            id=BAD_TENANT,
        )


@register(TAG)
def check_lifetimes(**kwargs: Any) -> Iterable[CheckMessage]:
    """Durations that are sound alone and not together."""
    config = _sound_settings()
    if config is None:
        return
    if config.REFRESH_TOKEN_LIFETIME < config.ACCESS_TOKEN_LIFETIME:
        yield Error(
            "JWTAUTH: REFRESH_TOKEN_LIFETIME is shorter than ACCESS_TOKEN_LIFETIME: when a "
            "client needs the refresh token, it has expired.",
            hint="Shorten ACCESS_TOKEN_LIFETIME, or lengthen REFRESH_TOKEN_LIFETIME.",
            id=REFRESH_TOO_SHORT,
        )
    if config.REFRESH_TOKEN_LIFETIME > config.SESSION_LIFETIME:
        yield Warning(
            "JWTAUTH: REFRESH_TOKEN_LIFETIME is longer than SESSION_LIFETIME: every sign-in "
            "ends after SESSION_LIFETIME all the same.",
            hint="Lengthen SESSION_LIFETIME, or shorten REFRESH_TOKEN_LIFETIME.",
            id=REFRESH_TOO_LONG,
        )
    if not config.ROTATE_REFRESH_TOKENS:
        yield Warning(
            "JWTAUTH: ROTATE_REFRESH_TOKENS is False: nobody notices a stolen refresh token, which "
            "is good until the sign-in ends.",
            hint=(
                "Set it to True once all clients keep the refresh token that a refresh answers. "
                f"Until then, put {NO_ROTATION} into SILENCED_SYSTEM_CHECKS."
            ),
            id=NO_ROTATION,
        )
        return
    if not config.REFRESH_GRACE_PERIOD:
        yield Warning(
            "JWTAUTH: REFRESH_GRACE_PERIOD is 0: two refreshes at once, or one that is "
            "repeated because its answer got lost, look like theft and end the sign-in.",
            hint="Give it some seconds; 30 is the default.",
            id=NO_GRACE_PERIOD,
        )
    if config.REFRESH_GRACE_PERIOD > config.ACCESS_TOKEN_LIFETIME:
        yield Warning(
            "JWTAUTH: REFRESH_GRACE_PERIOD is longer than ACCESS_TOKEN_LIFETIME: a stolen "
            "refresh token can be used from one refresh to the next, and nobody notices.",
            hint="Shorten REFRESH_GRACE_PERIOD; 30 seconds is the default.",
            id=GRACE_PERIOD_TOO_LONG,
        )


@register(TAG)
def check_legacy(**kwargs: Any) -> Iterable[CheckMessage]:
    """Whether legacy tokens are accepted, and the clients that hold them kept."""
    config = _sound_settings()
    if config is None:
        return
    if bool(config.LEGACY.DECODER) != bool(config.LEGACY.UNTIL):
        missing = "UNTIL" if config.LEGACY.DECODER else "DECODER"
        yield Warning(
            f"JWTAUTH['LEGACY']['{missing}'] is not set: no token of simplejwt's is accepted.",
            hint=f"Set {missing}, too, or neither.",
            id=LEGACY_IGNORED,
        )
    simplejwt = getattr(settings, "SIMPLE_JWT", None) or {}
    rotated = isinstance(simplejwt, Mapping) and simplejwt.get("ROTATE_REFRESH_TOKENS")
    if config.legacy_until() and config.ROTATE_REFRESH_TOKENS and not rotated:
        yield Warning(
            "JWTAUTH: ROTATE_REFRESH_TOKENS is on, and SIMPLE_JWT did not rotate: a client "
            "that goes on using its old refresh token is signed out, as if it were stolen.",
            hint=(
                "Set it to False. If all clients keep the refresh token of an answer, put "
                f"{LEGACY_CLIENTS_LOST} into SILENCED_SYSTEM_CHECKS."
            ),
            id=LEGACY_CLIENTS_LOST,
        )


@register(TAG)
def check_keys(**kwargs: Any) -> Iterable[CheckMessage]:
    """Keys that cannot be used, and whether one can sign now."""
    config = _sound_settings()
    if config is None:
        return
    own = config.ISSUERS.get(config.ISSUER or "")
    if own and own != Issuer(own.jwks_url):
        yield Error(
            'JWTAUTH[\'ISSUERS\']: "claims" and "max_lifetime" are for other issuers; nothing '
            "limits the tokens of your own ISSUER.",
            hint=f"Give {config.ISSUER!r} the URL alone.",
            id=OWN_ISSUER_LIMITED,
        )
    for problem in keyrings.find_problems():
        yield Error(str(problem), id=BAD_KEY)
    ring = _access_ring()
    if ring is None or ring.find_signer() or own:
        return
    if any(key.signing for key in ring.keys):
        yield Error(
            'JWTAUTH["KEYS"]: the "active_from" of every key that can sign is yet to come: '
            "nobody can sign in until then.",
            hint='Add a key without "active_from", or keep the one that signed so far.',
            id=NO_ACTIVE_KEY,
        )
    else:
        yield Warning(
            'JWTAUTH["KEYS"] has public keys only: nobody can sign in here.',
            hint=(
                'Add a "private_key". If another service issues the tokens, put '
                f"{NO_SIGNING_KEY} into SILENCED_SYSTEM_CHECKS."
            ),
            id=NO_SIGNING_KEY,
        )


def _access_ring() -> keyrings.KeyRing | None:
    """Return the key ring, None when a key is bad or SECRET_KEY missing: others tell that."""
    try:
        return keyrings.get_access_ring()
    except ImproperlyConfigured:
        return None


@register(TAG)
def check_secret_key(**kwargs: Any) -> Iterable[CheckMessage]:
    """``SECRET_KEY`` and its fallbacks, from which secrets are derived."""
    try:
        secrets: dict[str, Any] = {"SECRET_KEY": settings.SECRET_KEY}
    except ImproperlyConfigured:
        return
    for number, fallback in enumerate(settings.SECRET_KEY_FALLBACKS):
        secrets[f"SECRET_KEY_FALLBACKS[{number}]"] = fallback
    for name, secret in secrets.items():
        if _is_guessable(secret):
            yield Warning(
                f"{name} can be guessed, and tokens forged with it: it is shorter than 32 "
                f"characters or has fewer than {SECRET_MIN_VARIETY} different ones.",
                hint="Make one with django.core.management.utils.get_random_secret_key().",
                id=GUESSABLE_KEY,
            )


# Not by our tag, too: with ``--tag`` Django runs it unasked.
@register(Tags.database)
def check_api_tokens(databases: Sequence[str] | None = None, **kwargs: Any) -> Iterable[Warning]:
    """Whether a fallback of ``SECRET_KEY`` still keeps API tokens alive, and until when."""
    config, using = _sound_settings(), database.alias()
    if config is None or not settings.SECRET_KEY_FALLBACKS or using not in (databases or ()):
        return
    tokens = database.sign_ins().of_kind(Kind.API_TOKEN).live()
    newest = tokens.exclude(user=None).select_related("user").order_by("-expires_at")
    try:
        rows = newest[:MAX_CHECKED].iterator()
        until = next((row.expires_at for row in rows if rules.needs_fallback(row)), None)
    # The tables may not have been made yet.
    except DatabaseFailure:
        return
    if until:
        yield Warning(
            f"API tokens that expire as late as {until:%Y-%m-%d} were made under a SECRET_KEY "
            "that is a fallback now: they are refused once it leaves SECRET_KEY_FALLBACKS.",
            hint=(
                "Keep the fallback until then, or have them made anew. Those that are made while "
                "JWTAUTH['KEYS'] has a key to sign with do not depend on SECRET_KEY."
            ),
            id=TOKENS_OF_FALLBACK,
        )


@register(Tags.database)
def check_legacy_sign_ins(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> Iterable[Warning]:
    """Whether simplejwt's sign-ins have been imported, and whether it goes on making more."""
    config, using = _sound_settings(), database.alias()
    if config is None or not config.legacy_until() or using not in (databases or ()):
        return
    # Only here: a project that never had simplejwt does not load it.
    from .contrib.simplejwt.move import importer, tables

    try:
        theirs = tables.find_alias()
        if theirs is None:
            return
        left = importer.count_unimported(theirs)
        begun = database.sign_ins().of_kind(Kind.SIGN_IN)
        first = begun.aggregate(first=Min("created_at"))["first"]
        issued = tables.count_issued(theirs, moments.aware(first) + DEPLOYMENT) if first else 0
    except DatabaseFailure:
        return
    if left:
        number = f"At least {left}" if left == importer.BATCH_SIZE else f"{left}"
        yield Warning(
            f"{number} live tokens of simplejwt are not imported: a changed password does not "
            "end these sign-ins, and neither users nor operators see them.",
            hint="Run `python manage.py jwtauth_import_simplejwt` as soon as this is deployed, "
            "and again when the last process that runs the old code is gone.",
            id=NOT_IMPORTED,
        )
    if issued:
        yield Warning(
            f"simplejwt has issued {issued} tokens since {moments.aware(first):%Y-%m-%d %H:%M} "
            "UTC, when sign-ins began here: some code, or an old process, still asks it to. "
            'They are refused once LEGACY["UNTIL"] has passed.',
            hint="`python manage.py jwtauth_doctor --from-simplejwt` lists the code.",
            id=STILL_ISSUED,
        )


#: What reads the database, if ``databases`` names it.
DATABASE_CHECKS = (check_api_tokens, check_legacy_sign_ins)


def _is_guessable(secret: str | bytes | None) -> bool:
    value = force_bytes(secret or "", errors="replace")
    return len(value) < HMAC_SECRET_BYTES["HS256"] or len(set(value)) < SECRET_MIN_VARIETY


@register(TAG)
def check_rest_framework(**kwargs: Any) -> Iterable[CheckMessage]:
    """What the defaults of DRF mean for the project's own views."""
    if not apps.is_installed("rest_framework"):
        yield Warning(
            "INSTALLED_APPS lacks 'rest_framework': an API view opened in a browser fails, as "
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
            f"{classes[0].__name__} stands first in DEFAULT_AUTHENTICATION_CLASSES, so that a "
            "refused token is answered with 403. Clients refresh when they see 401.",
            hint=f"Put {ours[0].__name__} first.",
            id=ANSWERS_403,
        )


@register(TAG)
def check_django(**kwargs: Any) -> Iterable[CheckMessage]:
    """Whether the installed Django has a hole that matters here."""
    series, patch = django.VERSION[:2], django.VERSION[2]
    holes = [(what, fixed[series]) for what, fixed in DJANGO_HOLES if fixed.get(series, 0) > patch]
    if holes:
        major, minor = series
        release = f"{major}.{minor}.{max(fixed for _, fixed in holes)}"
        yield Warning(
            f"Django {django.get_version()} has a published hole: "
            f"{'; '.join(what for what, _ in holes)}.",
            hint=f"Install Django {release}, or the newest of its series.",
            id=DJANGO_HAS_A_HOLE,
        )


@register(TAG)
def check_user_model(**kwargs: Any) -> Iterable[CheckMessage]:
    """What is asked of the user model and its table."""
    user = get_user_model()
    if not hasattr(user, "get_session_auth_hash"):
        yield Warning(
            f"{user._meta.label} has no get_session_auth_hash(): a new password does not end "
            "the sign-ins made with the old one.",
            hint="Derive the model from AbstractBaseUser, or write the method.",
            id=NO_AUTH_HASH,
        )
    aliases = {
        model._meta.label: router.db_for_write(model)
        for model in (user, LoginSession, BlacklistedToken)
    }
    if len(set(aliases.values())) > 1:
        places = ", ".join(f"{label} in {alias!r}" for label, alias in aliases.items())
        yield Error(
            f"DATABASE_ROUTERS spread what one query joins over several databases: {places}.",
            hint="Route these models to one database.",
            id=SEVERAL_DATABASES,
        )


@register(TAG, deploy=True)
def check_deployment(**kwargs: Any) -> Iterable[CheckMessage]:
    """What is fine on a laptop and not in production."""
    config = _sound_settings()
    if config is None:
        return
    if config.ACCESS_TOKEN_LIFETIME > LONG_ACCESS:
        yield Warning(
            "JWTAUTH: ACCESS_TOKEN_LIFETIME is longer than an hour: a service that verifies "
            "without this database accepts a stolen token for that long.",
            hint="Shorten it; clients refresh by themselves. The default is 5 minutes.",
            id=ACCESS_TOO_LONG,
        )
    if config.LEEWAY > LONG_LEEWAY:
        yield Warning(
            "JWTAUTH: LEEWAY is longer than a minute: every token lives that much longer.",
            hint="Keep the clocks right with NTP, and LEEWAY at a few seconds.",
            id=LEEWAY_TOO_LONG,
        )
    if not config.COOKIES.SECURE:
        yield Warning(
            "JWTAUTH['COOKIES']['SECURE'] is False: browsers send the tokens over http, too.",
            hint="Leave it out in production.",
            id=COOKIES_NOT_SECURE,
        )
    ring = _access_ring()
    if not config.ISSUER and ring and not all(key.symmetric for key in ring.keys):
        yield Warning(
            "JWTAUTH: ISSUER is not set: whoever verifies with the public keys cannot tell "
            "whose tokens these are.",
            hint="Set ISSUER to the URL of this deployment, and AUDIENCE to the API it is for.",
            id=NO_ISSUER,
        )
    second_factor = [app for app in SECOND_FACTOR_APPS if apps.is_installed(app)]
    if second_factor and not config.HOOKS.SIGN_IN:
        yield Warning(
            f"{second_factor[0]} is installed and JWTAUTH['HOOKS']['SIGN_IN'] is not set: tokens "
            "are given for the password alone.",
            hint='Refuse, in HOOKS["SIGN_IN"], the users who owe a second factor.',
            id=SECOND_FACTOR_SKIPPED,
        )


@register(TAG, deploy=True)
def check_throttles(**kwargs: Any) -> Iterable[CheckMessage]:
    """Whether attempts to guess a password are counted, and for whom."""
    config = _sound_settings()
    if config is None:
        return
    if not config.HOOKS.CLIENT_IP and api_settings.NUM_PROXIES is None:
        yield Warning(
            "Nothing says whether requests come through a proxy. If they do, its address is "
            "taken for everybody's: the mistakes of one user lock out all, or nobody has an "
            "address and guesses are limited by account only.",
            hint=(
                "Set REST_FRAMEWORK['NUM_PROXIES'] to the number of proxies, 0 without one, or "
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
            f"JWTAUTH['THROTTLES']['CACHE'] is {alias!r}, a cache that processes do "
            "not share: each allows as many guesses of a password as all should.",
            hint="Use Redis or Memcached.",
            id=CACHE_NOT_SHARED,
        )
    if cache.get("BACKEND") in CACHES_WITH_FEW_ENTRIES and _max_entries(cache) < FEW_ENTRIES:
        yield Warning(
            f"JWTAUTH['THROTTLES']['CACHE'] is {alias!r}, a cache that throws entries "
            f"away when it has {_max_entries(cache)}: whoever guesses from several addresses "
            "pushes out the counts of an account, and guesses on.",
            hint=(
                f"Set OPTIONS['MAX_ENTRIES'] to at least {FEW_ENTRIES} in a cache of its own, or "
                "use Redis or Memcached."
            ),
            id=CACHE_TOO_SMALL,
        )


def _max_entries(cache: Mapping[str, Any]) -> int:
    """Return how many entries Django keeps, by an entry of ``CACHES``."""
    given: Any = (cache.get("OPTIONS") or {}).get("MAX_ENTRIES", cache.get("MAX_ENTRIES"))
    try:
        return int(given)
    # As Django does.
    except (TypeError, ValueError):
        return 300
