"""System checks: report what is wrong with the project's settings before a request meets it.

No message shows a key or a secret. Two checks read the database, with ``check --database`` and
in ``migrate``.
"""

import sys
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
from django.urls import NoReverseMatch, reverse
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
from .store import database, identity
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
SIMPLEJWT_SETTING = "jwtauth.E009"
BAD_SUBJECT_FIELD = "jwtauth.E010"
COOKIES_REFUSED = "jwtauth.E011"

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
EMPTY_KEYS = "jwtauth.W030"
NOT_SHORTER = "jwtauth.W032"

TOKENS_OF_FALLBACK = "jwtauth.W022"
NOT_IMPORTED = "jwtauth.W027"
STILL_ISSUED = "jwtauth.W028"
SIMPLEJWT_REMARK = "jwtauth.W029"
NO_ROTATION = "jwtauth.W026"
SUBJECTS_LOST = "jwtauth.W033"
HEADER_NOT_ALLOWED = "jwtauth.W034"
CSRF_COOKIE_KEPT_BACK = "jwtauth.W035"
NO_TRUSTED_SITE = "jwtauth.W036"
FOREIGN_DOMAIN = "jwtauth.W037"

# Only in ``check --deploy``.
ACCESS_TOO_LONG = "jwtauth.W010"
LEEWAY_TOO_LONG = "jwtauth.W011"
NO_ISSUER = "jwtauth.W012"
SECOND_FACTOR_SKIPPED = "jwtauth.W013"
ADDRESS_OF_THE_PROXY = "jwtauth.W014"
CACHE_NOT_SHARED = "jwtauth.W015"
COOKIES_NOT_SECURE = "jwtauth.W016"
CACHE_TOO_SMALL = "jwtauth.W023"
DERIVED_KEY_SIGNS = "jwtauth.W031"

# The most rows that one check reads, and how many are enough to see what became of all.
MAX_CHECKED = 10_000
SAMPLE = 100
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

# While a project moves, old processes may run beside new ones for this long.
DEPLOYMENT = timedelta(hours=1)
LONG_ACCESS = timedelta(hours=1)
# With NTP, clocks differ by far less.
LONG_LEEWAY = timedelta(minutes=1)
# Names that people write instead of JWTAUTH, or that other packages read.
NAMES_NOT_READ = ("JWT_AUTH", "DJANGO_JWTAUTH", "DJANGO_JWT_AUTH")
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


def _sound_settings() -> Settings | None:
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
    config = _sound_settings()
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
    config = _sound_settings()
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
def check_keys(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check that every key can be used, and that one can sign now."""
    config = _sound_settings()
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
    ring = _access_ring()
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


def _access_ring() -> keyrings.KeyRing | None:
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


@register(TAG)
def check_simplejwt(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check that the settings in ``SIMPLE_JWT`` still have their effect after the move."""
    config = _sound_settings()
    if config is None or not hasattr(settings, "SIMPLE_JWT"):
        return
    # Until the project moves, simplejwt itself reads them.
    in_use = "django_jwtauth.contrib.simplejwt.tokens" in sys.modules
    if not in_use and not config.LEGACY.DECODER:
        return
    # Imported here, so that a project that never had simplejwt does not load it.
    from .contrib.simplejwt import checks as simplejwt

    for problem in simplejwt.find_problems(in_use=in_use):
        kind, number = (Error, SIMPLEJWT_SETTING) if problem.fatal else (Warning, SIMPLEJWT_REMARK)
        yield kind(problem.message, id=number)


# Not under our tag as well: with ``--tag`` Django would run it unasked.
@register(Tags.database)
def check_api_tokens(databases: Sequence[str] | None = None, **kwargs: Any) -> Iterable[Warning]:
    """Check whether API tokens still need a fallback of ``SECRET_KEY``, and until when."""
    config, using = _sound_settings(), database.alias()
    if config is None or not settings.SECRET_KEY_FALLBACKS or using not in (databases or ()):
        return
    tokens = database.sign_ins().of_kind(Kind.API_TOKEN).live()
    newest = tokens.exclude(user=None).select_related("user").order_by("-expires_at")
    try:
        rows = newest[:MAX_CHECKED].iterator()
        until = next((row.expires_at for row in rows if rules.needs_fallback(row)), None)
    # The tables may not have been created yet.
    except DatabaseFailure:
        return
    if until:
        yield Warning(
            f"API tokens that expire as late as {until:%Y-%m-%d} were created under a SECRET_KEY "
            "that is now a fallback: they are refused once it leaves SECRET_KEY_FALLBACKS.",
            hint=(
                "Keep the fallback until then, or have them created anew. API tokens that are "
                "signed with a key in JWTAUTH['KEYS'] do not depend on SECRET_KEY."
            ),
            id=TOKENS_OF_FALLBACK,
        )


@register(Tags.database)
def check_legacy_sign_ins(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> Iterable[Warning]:
    """Check whether simplejwt's sign-ins have been imported, and whether it still adds more."""
    config, using = _sound_settings(), database.alias()
    if config is None or not config.legacy_until() or using not in (databases or ()):
        return
    # Imported here, so that a project that never had simplejwt does not load it.
    from .contrib.simplejwt.move import importer, tables

    try:
        theirs = tables.find_alias()
        if theirs is None:
            return
        left = importer.count_unimported(theirs)
        begun = database.sign_ins().of_kind(Kind.SIGN_IN)
        first = begun.aggregate(first=Min("created_at"))["first"]
        since = moments.aware(first) + DEPLOYMENT if first else None
        issued = tables.count_issued(theirs, since) if since else 0
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
    if since and issued:
        yield Warning(
            f"simplejwt has issued tokens ({issued}) since {since:%Y-%m-%d %H:%M} UTC, an hour "
            "after sign-ins began here: some code, or an old process, still calls it. "
            'They are refused once LEGACY["UNTIL"] has passed.',
            hint="`python manage.py jwtauth_doctor --from-simplejwt` lists the code.",
            id=STILL_ISSUED,
        )


@register(Tags.database)
def check_subjects(databases: Sequence[str] | None = None, **kwargs: Any) -> Iterable[Warning]:
    """Check whether the newest live sign-ins have a ``sub`` that still names their user."""
    config, using = _sound_settings(), database.alias()
    if config is None or using not in (databases or ()) or _subject_problem(config):
        return
    live = database.sign_ins().live().exclude(user=None).select_related("user")
    try:
        rows = list(live.order_by("-created_at")[:SAMPLE])
    # The tables may not have been created yet.
    except DatabaseFailure:
        return
    lost = sum(row.subject not in identity.texts_of(row.user) for row in rows)
    if lost:
        yield Warning(
            f"The tokens of {lost} of the {len(rows)} newest live sign-ins are refused: their "
            "`sub` is no longer what JWTAUTH['SUBJECT_FIELD'] or the primary key says.",
            hint=(
                "If you have changed SUBJECT_FIELD or removed it, these users must sign in again, "
                "unless you set it back. If values of the field were changed, they must, too."
            ),
            id=SUBJECTS_LOST,
        )


#: Checks that read the database, if ``databases`` names it.
DATABASE_CHECKS = (check_api_tokens, check_legacy_sign_ins, check_subjects)


def _is_guessable(secret: str | bytes | None) -> bool:
    value = force_bytes(secret or "", errors="replace")
    return len(value) < HMAC_SECRET_BYTES["HS256"] or len(set(value)) < SECRET_MIN_VARIETY


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
    config = _sound_settings()
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
    config = _sound_settings()
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
    config = _sound_settings()
    problem = config and _subject_problem(config)
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


def _subject_problem(config: Settings) -> str | None:
    name = config.SUBJECT_FIELD
    return None if name is None else identity.find_subject_problem(get_user_model(), name)


@register(TAG, deploy=True)
def check_deployment(**kwargs: Any) -> Iterable[CheckMessage]:
    """Check what is fine on a laptop but not in production."""
    config = _sound_settings()
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
    ring = _access_ring()
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
    config = _sound_settings()
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
