"""Accounts in counters and in the log: by a keyed digest of the name, never by the name itself."""

import json

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections, router
from django.utils.crypto import salted_hmac

from . import spellings


def digests_of(username: str) -> list[str]:
    """Return the digests under which attempts with this name are logged, the current one first.

    There is one under ``SECRET_KEY``, and one under each of ``SECRET_KEY_FALLBACKS``. All spellings
    that the database treats as one account have the same. At most one statement, on MySQL. Raises
    ``Unavailable``.
    """
    name = spellings.fold(spellings.normalize(username))
    secrets = [settings.SECRET_KEY, *(old for old in settings.SECRET_KEY_FALLBACKS if old)]
    return [digest(name, secret) for secret in secrets]


def digest(value: str, secret: str | bytes | None = None) -> str:
    """Return 32 hex digits that do not reveal the value to anybody without ``SECRET_KEY``.

    Tenants with the same table of users share it; otherwise each would allow as many guesses.
    """
    users = get_user_model()
    connection = connections[router.db_for_write(users)]
    place = [str(connection.settings_dict.get(name, "")) for name in ("HOST", "PORT", "NAME")]
    # django-tenants has a schema for each tenant.
    schema = str(getattr(connection, "schema_name", ""))
    value = json.dumps([*place, schema, users._meta.db_table, value])
    made = salted_hmac("django_jwtauth.throttling", value, secret=secret, algorithm="sha256")
    return made.hexdigest()[:32]
