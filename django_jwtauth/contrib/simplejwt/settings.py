"""``api_settings``: simplejwt's settings, read on access.

``JWTAUTH`` takes precedence over ``SIMPLE_JWT``, and some settings have a fixed value here.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

from django.utils.module_loading import import_string

from ...conf import Settings, get_settings
from ...http.transport import header_key
from ...tokens import keyrings
from .exceptions import Unsupported, refuse_name
from .move import configuration
from .move.configuration import DEFAULTS
from .move.names import HERE, THEIRS, relocate
from .utils import format_lazy as format_lazy

#: Settings with a fixed value. Code that reads one of the first two would otherwise do itself
#: what is done here anyway.
DECIDED: Mapping[str, Any] = {
    "BLACKLIST_AFTER_ROTATION": False,
    "CHECK_REVOKE_TOKEN": False,
    "CHECK_USER_IS_ACTIVE": True,
    "JTI_CLAIM": "jti",
    "TOKEN_TYPE_CLAIM": "token_type",
}
#: The settings that both have under the same name.
SHARED = DEFAULTS.keys() & {field.name for field in fields(Settings)}
_IMPORTED = ("AUTH_TOKEN_CLASSES", "JSON_ENCODER", "TOKEN_USER_CLASS", "USER_AUTHENTICATION_RULE")


class APISettings:
    """Each setting is an attribute, as in simplejwt. Nothing is cached."""

    defaults = DEFAULTS

    @property
    def user_settings(self) -> dict[str, Any]:
        """The project's ``SIMPLE_JWT``."""
        return dict(configuration.given())

    def reload(self) -> None:
        """Nothing to do."""

    def __getattr__(self, name: str) -> Any:
        if name in DECIDED:
            return DECIDED[name]
        if name not in DEFAULTS:
            raise AttributeError(f"Invalid API setting: {name!r}")
        if name in _ASKED:
            return _ASKED[name]()
        if name in SHARED:
            return getattr(get_settings(), name)
        value = relocate(configuration.get(name))
        return _import(value) if name in _IMPORTED else value


def _import(value: Any) -> Any:
    return import_string(value) if isinstance(value, str) else value


def _algorithm() -> str:
    return keyrings.get_access_ring().signer().algorithm


def _audience() -> Any:
    audience = get_settings().AUDIENCE
    return audience[0] if len(audience) == 1 else list(audience) or None


def _user_id_claim() -> str:
    claim: str = get_settings().USER_ID_CLAIM or configuration.get("USER_ID_CLAIM")
    return claim


def _token_classes() -> tuple[Any, ...]:
    """Return the classes that are tried in turn; an AccessToken accepts legacy sliding tokens."""
    paths = configuration.get("AUTH_TOKEN_CLASSES")
    named = [configuration.PLAIN_ACCESS if path in _SLIDING else path for path in paths]
    return tuple(_import(relocate(path)) for path in dict.fromkeys(named))


def _key() -> Any:
    raise Unsupported(
        "api_settings.SIGNING_KEY and VERIFYING_KEY",
        "tokens are signed by JWTAUTH['KEYS'] or a derived secret. To read one, call "
        "django_jwtauth.sessions.verify(raw)",
    )


_SLIDING = (f"{THEIRS}.tokens.SlidingToken", f"{HERE}.tokens.SlidingToken")
_ASKED = {
    # As a key of request.META, as in simplejwt.
    "AUTH_HEADER_NAME": header_key,
    "ALGORITHM": _algorithm,
    "AUDIENCE": _audience,
    "AUTH_TOKEN_CLASSES": _token_classes,
    "SIGNING_KEY": _key,
    "USER_ID_CLAIM": _user_id_claim,
    "VERIFYING_KEY": _key,
}

api_settings = APISettings()


def __getattr__(name: str) -> NoReturn:
    refuse_name(__name__, name)
