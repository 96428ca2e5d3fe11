"""Tokens as simplejwt issues them, and the settings of a project that moves away from it."""

import time
import uuid
from datetime import datetime, timedelta, timezone

from django.conf import settings

from tests import forge, keypairs

DECODER = "django_jwtauth.contrib.simplejwt.decode"
WINDOW = timedelta(days=2)
OWN_KEY = "the-legacy-signing-key-which-has-sixty-four-bytes-for-hs512-too!"
SLIDING = {
    "AUTH_TOKEN_CLASSES": ["rest_framework_simplejwt.tokens.SlidingToken"],
    "SLIDING_TOKEN_LIFETIME": 300,
    "SLIDING_TOKEN_REFRESH_LIFETIME": 86400,
}


def moved(**changed):
    """``JWTAUTH`` of a project that moves."""
    until = datetime.now(timezone.utc) + WINDOW
    return {"LEGACY": {"DECODER": DECODER, "UNTIL": until}, "USER_ID_CLAIM": "user_id", **changed}


def legacy(user, kind="access", *, key=None, header=None, without=(), **claims):
    """A token like simplejwt's, signed with HS256."""
    now = int(time.time())
    given = {
        "token_type": kind,
        "exp": now + 300,
        "iat": now,
        "jti": uuid.uuid4().hex,
        "user_id": str(user.pk),
        **claims,
    }
    return forge.sign(
        {"alg": "HS256", "typ": "JWT", **(header or {})},
        {name: value for name, value in given.items() if name not in without},
        (key or settings.SECRET_KEY).encode(),
    )


def pem(algorithm):
    key = keypairs.make_key(algorithm)
    return {
        "ALGORITHM": algorithm,
        "SIGNING_KEY": keypairs.make_pem(algorithm, key),
        "VERIFYING_KEY": keypairs.make_public_pem(algorithm, key),
    }
