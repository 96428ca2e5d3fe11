"""Tokens that another package issued, accepted for a while: the group ``LEGACY``.

A legacy access token is accepted until it expires. A legacy refresh token belongs to a sign-in
that gets its row when the token is first exchanged. Until then there is no row to end. When the
user's other sign-ins end, the time is recorded instead, and legacy tokens that were issued
before it are refused.
"""

import hashlib
from datetime import datetime

from django.db import OperationalError, connections

from ..claims import Claims, TokenType
from ..conf import call_hook, get_settings, moments
from ..models import Cause, LoginSession
from ..store import database, lookup
from ..tokens.keyrings import get_token_tenancy

#: The kind of a record that refuses every legacy token issued before it.
LEGACY = "legacy"


def decode(raw: str, allowed: tuple[TokenType, ...], allow_expired: bool) -> Claims | None:
    """Return the claims of a legacy token, or None if it is not one or none is accepted.

    The claim ``legacy`` says whether the token was issued after the user's sign-ins were ended.
    Raises a ``TokenError`` and ``Unavailable``.
    """
    conf = get_token_tenancy().settings
    if conf.legacy_until() is None:
        return None
    claims: Claims | None = call_hook(conf.LEGACY.DECODER, raw, allowed, allow_expired)
    if claims is None:
        return None
    with database.reporting_unavailable():
        return {**claims, "legacy": not _is_refused(claims)}


def adopt(session: LoginSession) -> None:
    """Write the sign-in of a refresh token that is exchanged for the first time."""
    rows = database.sign_ins()
    with database.reporting_unavailable():
        try:
            rows.bulk_create([session], ignore_conflicts=True)
        except OperationalError:
            # Above READ COMMITTED, PostgreSQL raises this if a parallel request wrote the row.
            if connections[rows.db].in_atomic_block or not rows.filter(pk=session.pk).exists():
                raise


def refuse(subject: str | None, before: datetime, cause: Cause) -> None:
    """Refuse the legacy tokens of a user, or everybody's, that were issued before a time.

    ``subject``: the user's primary key as text, None for everybody. ``before``: aware.
    Does nothing if no legacy token is accepted.
    """
    until = get_settings().legacy_until()
    if until is None:
        return
    tokens = database.blacklisted_tokens()
    mark = _mark(subject)
    known = tokens.filter(jti=mark).first()
    if known and moments.aware(known.blacklisted_at) >= before:
        return
    columns = {
        "token_type": LEGACY,
        # No user_id, because the user may be about to be deleted.
        "subject": subject or "",
        "expires_at": moments.stored(until),
        **cause.blacklist_columns(),
        "blacklisted_at": moments.stored(before),
    }
    tokens.update_or_create(jti=mark, defaults=columns)


def _is_refused(claims: Claims) -> bool:
    # By the primary key, which stays when the value that sub names the user by is changed.
    key = lookup.find_key(claims)
    marks = [_mark(None), *([] if key is None else [_mark(str(key))])]
    tokens = database.blacklisted_tokens().filter(jti__in=marks)
    # A token without iat may have been issued at any time.
    issued = claims.get("iat", 0)
    refused = tokens.values_list("blacklisted_at", flat=True)
    return any(issued <= moments.aware(moment).timestamp() for moment in refused)


def _mark(subject: str | None) -> str:
    """Return the ``jti`` of the record, which fits into the column whatever the key is."""
    if subject is None:
        return LEGACY
    return f"{LEGACY}:{hashlib.sha256(subject.encode()).hexdigest()[:32]}"
