"""Which sign-in a token, its ``jti`` or a user's name leads to, and what stands for its token."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from ....claims import REFRESH, Claims, generation_jti, parse_jti
from ....conf import get_settings, moments
from ....exceptions import ExpiredToken, TokenError
from ....models import LoginSession
from ....redacted import Redacted, redact
from ....signins import legacy, rules
from ....store import identity, users
from ....tokens import decode
from ..move import importer
from ..move.decoder import session_id

_COMPARISONS = frozenset({"gt", "gte", "lt", "lte", "range"})


class TokenOfSignIn(Redacted):
    """What stands for the refresh token of a sign-in, which is stored nowhere: no token.

    A token class takes it, so that code may look at what it says, and blacklist it.
    """

    session: LoginSession

    @classmethod
    def of(cls, session: LoginSession) -> "TokenOfSignIn":
        token = cls(f"<the refresh token of sign-in {session.sid}>")
        token.session = session
        return token

    @property
    def answer(self) -> tuple[Any, Claims]:
        """The user and the claims of the token. Raises the ``TokenError`` that refuses it."""
        session = self.session
        rules.check_row(session)
        if not session.is_live():
            raise ExpiredToken
        return session.user, {
            "token_type": REFRESH,
            "sub": identity.subject_of(session.user),
            "sid": session.sid,
            "gen": session.generation,
            "jti": jti_of(session),
            "iat": int(moments.aware(session.refreshed_at).timestamp()),
            "exp": int(moments.aware(session.expires_at).timestamp()),
        }


def jti_of(session: LoginSession) -> str:
    """Return the ``jti`` of the refresh token that the sign-in holds now."""
    return generation_jti(session.sid, session.generation)


def find_sid(jti: Any) -> str:
    """Return the id of the sign-in that a ``jti`` belongs to, be it a legacy token's."""
    if (sid := parse_jti(str(jti))) is not None:
        return sid.hex
    importer.import_some("jti", str(jti))
    return session_id(str(jti)).hex


def import_of(lookup: str, value: Any) -> None:
    """Import the legacy tokens of the users that are asked for, while any are accepted."""
    if get_settings().legacy_until() is None or lookup == "isnull":
        return
    keys: Iterable[Any]
    if lookup in ("", "exact", "in"):
        keys = [getattr(each, "pk", each) for each in (value if lookup == "in" else [value])]
    else:
        # A comparison is with the key itself; anything else names a field of the user.
        name = f"pk__{lookup}" if lookup in _COMPARISONS else lookup
        keys = users.visible().filter(**{name: value}).values_list("pk", flat=True)
    for key in keys:
        if key is not None:
            importer.import_some("user_id", key)


def read_sid(raw: Any) -> str | None:
    """Return the id of the sign-in whose refresh token this is, expired or not."""
    if isinstance(raw, TokenOfSignIn):
        return raw.session.sid
    # A token object, too, as a column takes it.
    raw = redact(raw if isinstance(raw, str) else str(raw))
    with suppress(TokenError):
        return str(decode(raw, REFRESH, allow_expired=True)["sid"])
    with suppress(TokenError):
        claims = legacy.decode(raw, (REFRESH,), True)
        return None if claims is None else find_sid(claims["jti"])
    return None
