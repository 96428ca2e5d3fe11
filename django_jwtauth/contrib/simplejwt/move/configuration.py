"""The project's ``SIMPLE_JWT``, which says how the tokens were issued."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model

from ....store import identity

PLAIN_ACCESS = "rest_framework_simplejwt.tokens.AccessToken"

#: What simplejwt 5.5.1 takes for a name that is not set. ``SIGNING_KEY``: see get().
DEFAULTS: Mapping[str, Any] = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "ROTATE_REFRESH_TOKENS": False,
    "BLACKLIST_AFTER_ROTATION": False,
    "UPDATE_LAST_LOGIN": False,
    "ALGORITHM": "HS256",
    "SIGNING_KEY": None,
    "VERIFYING_KEY": "",
    "AUDIENCE": None,
    "ISSUER": None,
    "JSON_ENCODER": None,
    "JWK_URL": None,
    "LEEWAY": 0,
    "AUTH_HEADER_TYPES": ("Bearer",),
    "AUTH_HEADER_NAME": "HTTP_AUTHORIZATION",
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "user_id",
    "USER_AUTHENTICATION_RULE": (
        "rest_framework_simplejwt.authentication.default_user_authentication_rule"
    ),
    "AUTH_TOKEN_CLASSES": (PLAIN_ACCESS,),
    "TOKEN_TYPE_CLAIM": "token_type",
    "JTI_CLAIM": "jti",
    "TOKEN_USER_CLASS": "rest_framework_simplejwt.models.TokenUser",
    "SLIDING_TOKEN_REFRESH_EXP_CLAIM": "refresh_exp",
    "SLIDING_TOKEN_LIFETIME": timedelta(minutes=5),
    "SLIDING_TOKEN_REFRESH_LIFETIME": timedelta(days=1),
    **{
        f"{name}_SERIALIZER": f"rest_framework_simplejwt.serializers.{serializer}"
        for name, serializer in {
            "TOKEN_OBTAIN": "TokenObtainPairSerializer",
            "TOKEN_REFRESH": "TokenRefreshSerializer",
            "TOKEN_VERIFY": "TokenVerifySerializer",
            "TOKEN_BLACKLIST": "TokenBlacklistSerializer",
            "SLIDING_TOKEN_OBTAIN": "TokenObtainSlidingSerializer",
            "SLIDING_TOKEN_REFRESH": "TokenRefreshSlidingSerializer",
        }.items()
    },
    "CHECK_REVOKE_TOKEN": False,
    "REVOKE_TOKEN_CLAIM": "hash_password",
    "CHECK_USER_IS_ACTIVE": True,
}


def given() -> Mapping[str, Any]:
    """Return ``SIMPLE_JWT`` as the project wrote it, or nothing if it is not a dict."""
    simplejwt = getattr(settings, "SIMPLE_JWT", None)
    return simplejwt if isinstance(simplejwt, Mapping) else {}


def get(name: str) -> Any:
    """Return a setting of simplejwt's, or its default."""
    if name == "SIGNING_KEY" and name not in given():
        return settings.SECRET_KEY
    return given().get(name, DEFAULTS[name])


def get_claim_name(setting: str) -> str:
    """Return the claim that a setting names. None was issued as JSON writes it."""
    name = get(setting)
    return "null" if name is None else str(name)


def get_leeway() -> float:
    """Return ``LEEWAY`` in seconds; 0 for what is neither a number nor a ``timedelta``.

    simplejwt refused every token with such a value.
    """
    leeway = get("LEEWAY")
    if isinstance(leeway, timedelta):
        return leeway.total_seconds()
    return float(leeway) if isinstance(leeway, (int, float)) else 0


def uses_sliding_tokens() -> bool:
    """Return whether the project accepted other tokens than plain access tokens."""
    # By its name here, where the prefix was changed in SIMPLE_JWT, too.
    plain = (PLAIN_ACCESS, "django_jwtauth.contrib.simplejwt.tokens.AccessToken")
    return any(path not in plain for path in get("AUTH_TOKEN_CLASSES"))


def names_primary_key() -> bool:
    """Return whether tokens name their user by what is the primary key."""
    key = get_user_model()._meta.pk
    return get("USER_ID_FIELD") in ("pk", key.name, key.attname)


def names_subject() -> bool:
    """Return whether they name their user by what ``sub`` is here."""
    name = identity.subject_name(get_user_model())
    return names_primary_key() if name == "pk" else get("USER_ID_FIELD") == name
