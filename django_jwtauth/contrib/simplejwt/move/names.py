"""What to write for a name of simplejwt: the same under another prefix, or something else."""

from importlib import import_module
from typing import Any

THEIRS = "rest_framework_simplejwt"
HERE = "django_jwtauth.contrib.simplejwt"

SLIDING = "use a pair of tokens: a refresh token does what a sliding token did"
_SETTINGS = "read api_settings, or django_jwtauth.conf.get_settings()"
_ADMIN = "the admin has pages for sign-ins and for blacklisted tokens"
UNKNOWN = "there is nothing like it here"

#: Names that are not here, and what to do. Everything else is under HERE.
GONE = {
    "backends.ALLOWED_ALGORITHMS": "JWTAUTH['KEYS'] names the algorithm of each key",
    "backends.JWK_CLIENT_AVAILABLE": "JWTAUTH['ISSUERS'] fetches keys without PyJWT's client",
    "backends.Token": f"import it from {HERE}.tokens",
    "serializers.SlidingToken": SLIDING,
    "serializers.TokenObtainSlidingSerializer": SLIDING,
    "serializers.TokenRefreshSlidingSerializer": SLIDING,
    "settings.IMPORT_STRINGS": _SETTINGS,
    "settings.REMOVED_SETTINGS": _SETTINGS,
    "settings.USER_SETTINGS": _SETTINGS,
    "settings.reload_api_settings": "remove it: api_settings follows the settings by itself",
    "token_blacklist.admin": _ADMIN,
    "token_blacklist.admin.BlacklistedTokenAdmin": _ADMIN,
    "token_blacklist.admin.OutstandingTokenAdmin": _ADMIN,
    "tokens.SlidingToken": SLIDING,
    "views.TokenObtainSlidingView": SLIDING,
    "views.TokenRefreshSlidingView": SLIDING,
    "views.token_obtain_sliding": SLIDING,
    "views.token_refresh_sliding": SLIDING,
}


def relocate(value: Any) -> Any:
    """Return a dotted path of simplejwt with the prefix HERE; anything else unchanged."""
    if isinstance(value, str) and value.startswith(f"{THEIRS}."):
        return HERE + value.removeprefix(THEIRS)
    return value


def instead_of(name: str) -> str:
    """Return what replaces a dotted path of simplejwt, with or without its package."""
    if name == THEIRS:
        return f"-> {HERE}"
    short = name.removeprefix(f"{THEIRS}.")
    # A test that replaces a method names it, too.
    depth = 3 if short.startswith("token_blacklist.") else 2
    short = ".".join(short.split(".")[:depth])
    if short in GONE:
        return f"-- {GONE[short]}"
    return f"-> {HERE}.{short}" if _is_here(short) else f"-- {UNKNOWN}"


def _is_here(short: str) -> bool:
    for module, name in ((short, ""), short.rpartition(".")[::2]):
        try:
            found = import_module(f"{HERE}.{module}")
        except ModuleNotFoundError:
            continue
        return not name or hasattr(found, name)
    return False
