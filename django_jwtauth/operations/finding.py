"""Find what is known about a token, a ``jti``, a ``sid``, or a line of a log that contains one.

Nothing is written, and no token is kept: a :class:`Finding` contains what our own rows say, and
only those claims of the token that its signature proves.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from .. import one_time, sessions, tokens
from ..claims import (
    ACCESS,
    MAX_NUMERIC_DATE,
    ONE_TIME,
    REFRESH,
    Claims,
    find_jtis,
    find_sid,
    find_sids,
    token_type_of,
)
from ..conf import moments
from ..exceptions import BadSignature, MalformedToken, TokenError, WrongTokenType
from ..models import BlacklistedToken, LoginSession
from ..redacted import Redacted
from ..store import database, users

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

#: The longest text that is read, and the most findings in it.
MAX_LENGTH = 65_536
MAX_FINDINGS = 10
MAX_WORDS = 200

# A header that is JSON begins with {" and therefore with eyJ. Only the start of a word begins a
# search for the two dots; at each eyJ, it would take quadratic time.
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.)"
    r"([A-Za-z0-9_-]*?)(eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)"
)
_SCHEME = re.compile(r"^\s*([\w-]+:\s*)?(\w+\s+)?(?=eyJ)", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"[\s\"'=,;<>()\[\]{}]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """One token or sign-in. Without ``is_token``, the text contained only its id."""

    is_token: bool = False
    #: Why a request with the token is refused, or None if it is not.
    refusal: TokenError | None = None
    #: Whether one of our keys signed it; if not, the rest is only what the token claims.
    authentic: bool = True
    token_type: str = ""
    jti: str = ""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    user: "AbstractBaseUser | None" = None
    session: LoginSession | None = None
    blacklisted: BlacklistedToken | None = None


def find(text: str) -> list[Finding]:
    """Return what is known about the tokens and ids in ``text``, at most ``MAX_FINDINGS``.

    Tokens are reported whatever is wrong with them, ids only if they are known here. Raises
    ``Unavailable``.
    """
    text = Redacted(text[:MAX_LENGTH])
    with database.reporting_unavailable():
        whole = _unbroken(text)
        if _TOKEN.fullmatch(whole) and (finding := _inspect(whole)).authentic:
            return [finding]
        raws = dict.fromkeys(Redacted(match[2]) for match in _TOKEN.finditer(text))
        rest = _TOKEN.sub(r"\1 ", text)
        found = [_inspect(raw) for raw in islice(raws, MAX_FINDINGS)]
        known = {finding.session.pk for finding in found if finding.session}
        others = [one for one in _find_ids(rest) if not one.session or one.session.pk not in known]
        return (found + others)[:MAX_FINDINGS]


def without_tokens(text: str) -> str:
    """Return ``text`` without the tokens in it; "" if it is one whole token."""
    text = Redacted(text[:MAX_LENGTH])
    return "" if _TOKEN.fullmatch(_unbroken(text)) else Redacted(_TOKEN.sub(r"\1 ", text))


def _unbroken(text: Redacted) -> Redacted:
    # A terminal or a mail program may have broken the line.
    return Redacted("".join(_SCHEME.sub("", text).split()))


def holds_token(text: str) -> bool:
    """Return whether ``text`` contains a whole token, valid or not."""
    return _TOKEN.search(text) is not None


# --- a token


def _inspect(raw: Redacted) -> Finding:
    claims, refusal = None, None
    try:
        claims = _verify(raw)
    except TokenError as error:
        refusal = error.with_traceback(None)
        with suppress(TokenError):
            claims = tokens.decode(raw, ACCESS, REFRESH, ONE_TIME, allow_expired=True)
    authentic = claims is not None or not isinstance(refusal, (MalformedToken, BadSignature))
    said = claims if claims is not None else _read_unproven(raw)
    session = _find_session(said)
    finding = Finding(
        is_token=True,
        refusal=refusal,
        authentic=authentic,
        issued_at=_moment(said.get("iat")),
        expires_at=_moment(said.get("exp")),
        session=session,
        user=session.user if session else None,
    )
    if claims is None:
        return finding
    return replace(
        finding,
        token_type=claims["token_type"],
        jti=claims["jti"],
        user=session.user if session else next(iter(users.find_by_subject(claims["sub"])), None),
        blacklisted=_blacklist().filter(jti=claims["jti"]).first(),
    )


def _verify(raw: Redacted) -> Claims:
    """Return the claims of a token that is accepted where its kind is expected."""
    try:
        return sessions.verify(raw)[1]
    except WrongTokenType:
        return one_time.verify(raw)[1]


def _read_unproven(raw: Redacted) -> dict[str, Any]:
    """Return the unverified claims of a token, or {} if they cannot be read."""
    payload = raw.split(".")[1]
    try:
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _find_session(claims: dict[str, Any]) -> LoginSession | None:
    for name in ("sid", "jti"):
        value = claims.get(name)
        sid = find_sid(value) if isinstance(value, str) else None
        session: LoginSession | None = _sessions().filter(pk=sid).first() if sid else None
        if session:
            return session
    return None


def _moment(seconds: Any) -> datetime | None:
    if type(seconds) not in (int, float) or not 0 <= seconds <= MAX_NUMERIC_DATE:
        return None
    return moments.to_datetime(seconds)


# --- an id


def _find_ids(text: str) -> Iterator[Finding]:
    """Yield what is known about the ids in the text, in their order."""
    sids = list(dict.fromkeys(find_sids(text)))[:MAX_WORDS]
    jtis = dict(reversed(list(islice(find_jtis(text), MAX_WORDS))))
    # The jti of a legacy token has no recognisable form.
    words = [word for word in _BETWEEN_WORDS.split(text) if 0 < len(word) <= 255]
    jti_set = {*words[:MAX_WORDS], *jtis.values()}
    known = {one.pk: one for one in _sessions().filter(pk__in=sids)} if sids else {}
    refused = {one.jti: one for one in _blacklist().filter(jti__in=jti_set)} if jti_set else {}
    for sid in sids:
        if sid in known:
            session, jti = known[sid], jtis.get(sid, "")
            yield Finding(
                token_type=token_type_of(jti, session.kind) if jti else "",
                jti=jti,
                user=session.user,
                session=session,
                blacklisted=refused.pop(jti, None),
            )
    for record in refused.values():
        if record.session_id not in known:
            yield Finding(
                token_type=record.token_type,
                jti=record.jti,
                expires_at=record.expires_at,
                user=record.user,
                session=record.session,
                blacklisted=record,
            )


def _sessions() -> Any:
    return database.sign_ins().select_related("user")


def _blacklist() -> Any:
    rows = database.blacklisted_tokens()
    return rows.select_related("user", "session__user")
