"""Issue the core's tokens for the classes in ``tokens``, and sign changed ones again.

A token that is signed again differs only in claims that a project may set, and in times within
its sign-in.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from copy import deepcopy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import one_time, sessions
from ...claims import (
    ACCESS,
    ONE_TIME,
    RESERVED_CLAIMS,
    SIGN_IN_CLAIMS,
    Claims,
    TokenType,
    parse_jti,
)
from ...conf import moments
from ...signins import rows
from ...store.identity import saved_key
from ...tokens import TokenPair, encode, jws
from .move.configuration import names_subject
from .settings import api_settings
from .utils import datetime_to_epoch, make_utc

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

_MISSING = object()
# On a user: what was granted when the password was checked.
_ADMITTED = "_jwtauth_admitted"


class Admitted(NamedTuple):
    """The claims of a sign-in that may start, and whether it outlasts the browser's session."""

    claims: Claims | None = None
    remember: bool = True


class Issued(NamedTuple):
    """A token of the core, its claims, and the latest expiry that its row allows."""

    kind: TokenType
    raw: str
    claims: Claims
    ends: float

    @classmethod
    def of(cls, raw: str, claims: Claims | None = None) -> "Issued":
        # We have issued it, or it was verified before.
        claims = jws.read_object(jws.split(raw)[1]) if claims is None else claims
        return cls(claims["token_type"], raw, claims, claims["exp"])

    def show(self, user: Any) -> Claims:
        """Return what the token says to a project, which may change it."""
        flat = not any(isinstance(value, (dict, list)) for value in self.claims.values())
        return show(self.claims if flat else deepcopy(self.claims), user)


def of_pair(pair: TokenPair) -> tuple[Issued, Issued | None]:
    """Return access and refresh token; the latter is None if the old one stays in use."""
    access = Issued.of(pair.access)
    ends = moments.now().timestamp() + pair.refresh_expires_in
    refresh = Issued.of(pair.refresh) if pair.refresh is not None else None
    return access._replace(ends=max(ends, access.ends)), refresh


# --- what starts


class SigningIn:
    """A request to sign in that is in progress: the request, and the sign-in it has started."""

    def __init__(self, request: "HttpRequest | None" = None) -> None:
        self.request = request
        self.pair: TokenPair | None = None
        self._begun: dict[Any, TokenPair] = {}
        self._admitted: dict[Any, Admitted] = {}

    def admit(self, user: "AbstractBaseUser", claims: Claims, *, remember: bool) -> None:
        """Keep what is known for the sign-in of ``user``, whoever starts it."""
        self._admitted[saved_key(user)] = vars(user)[_ADMITTED] = Admitted(claims, remember)

    def start(self, user: "AbstractBaseUser") -> TokenPair:
        """Start the sign-in of ``user``, only once however often this is called."""
        key = saved_key(user)
        if key not in self._begun:
            claims, remember = vars(user).get(_ADMITTED) or self._admitted.get(key, Admitted())
            self._begun[key] = sessions.start(user, self.request, claims, remember=remember)
        self.pair = self._begun[key]
        return self.pair

    def abandon(self) -> None:
        """End the sign-in, because nobody gets its tokens."""
        for pair in self._begun.values():
            # Whatever else fails, the first failure is answered.
            with suppress(Exception):
                sessions.end(pair.session_id)


_under_way: ContextVar[SigningIn | None] = ContextVar("django_jwtauth.simplejwt", default=None)


@contextmanager
def signing_in(request: "HttpRequest | None") -> Iterator[SigningIn]:
    """Make ``for_user()`` part of the request in this block; end its sign-in if the block fails."""
    under_way = SigningIn(request)
    token = _under_way.set(under_way)
    try:
        yield under_way
    except Exception:
        under_way.abandon()
        raise
    finally:
        _under_way.reset(token)


def start(user: "AbstractBaseUser", request: "HttpRequest | None" = None) -> TokenPair:
    """Start the sign-in of the request in progress, or a separate one."""
    return (_under_way.get() or SigningIn(request)).start(user)


def start_one_time(user: "AbstractBaseUser", purpose: str, exp: float) -> Issued:
    """Issue a token that is neither an access nor a refresh token; see ``one_time.create``."""
    lifetime = timedelta(seconds=round(exp - moments.now().timestamp()))
    return Issued.of(one_time.create(user, purpose, lifetime=lifetime))


# --- what is shown and signed


def show(claims: Claims, user: Any) -> Claims:
    """Return the claims as in simplejwt: the user in ``USER_ID_CLAIM``, and its types."""
    shown = {name: value for name, value in claims.items() if name != "legacy"}
    if claims.get("token_type") == ONE_TIME:
        shown["token_type"] = claims.get("purpose")
    claim, field = api_settings.USER_ID_CLAIM, api_settings.USER_ID_FIELD
    if user is not None:
        shown.setdefault(claim, str(getattr(user, field, user.pk)))
    elif "sub" in claims and names_subject():
        shown.setdefault(claim, claims["sub"])
    return shown


def sign(issued: Issued, shown: Claims, payload: Claims) -> Issued:
    """Return the token with the claims in which ``payload`` differs from those ``shown``.

    Raises ``ValueError`` for a claim that the sign-in determines, one that is not JSON, or a
    lifetime that no token may have, and ``SessionEnded`` if the sign-in would have to be extended
    but has ended.
    """
    claims = dict(issued.claims)
    if "legacy" in claims:
        raise ValueError("A legacy token cannot be changed: exchange its refresh token first.")
    for name in shown.keys() | payload.keys():
        was, value = shown.get(name, _MISSING), payload.get(name, _MISSING)
        if value != was:
            _change(claims, name, value, was)
    ends = issued.ends
    if claims["exp"] > ends:
        claims["exp"] = ends = rows.extend(claims["sid"], claims["exp"])
    if (encoder := api_settings.JSON_ENCODER) is not None:
        claims = json.loads(json.dumps(claims, cls=encoder))
    return Issued(issued.kind, encode(issued.kind, claims), claims, ends)


def _change(claims: Claims, name: str, value: Any, was: Any) -> None:
    if name in ("exp", "iat") and value is not _MISSING:
        claims[name] = to_seconds(value)
    elif name == "jti" and claims["token_type"] == ACCESS and _is_of(value, claims["sid"]):
        claims[name] = value
    elif name == api_settings.USER_ID_CLAIM and str(value) == was:
        return
    elif name in RESERVED_CLAIMS or name == api_settings.USER_ID_CLAIM:
        raise ValueError(
            f"The claim {name!r} of a token cannot be changed, because the sign-in determines it. "
            "Set the issuer and the audience in JWTAUTH, and pass the user to for_user()."
        )
    elif name in SIGN_IN_CLAIMS and name in claims:
        # The claims of the hooks take precedence.
        return
    elif value is _MISSING:
        del claims[name]
    else:
        claims[name] = value


def to_seconds(value: Any) -> int:
    """Return a numeric date (RFC 7519, 2) for a claim."""
    # PyJWT accepts a datetime, too.
    return datetime_to_epoch(make_utc(value)) if isinstance(value, datetime) else int(value)


def _is_of(jti: Any, sid: Any) -> bool:
    """Return whether ``jti`` is one that an access token of the sign-in may have."""
    if not isinstance(jti, str) or not isinstance(sid, str):
        return False
    return jti.startswith(f"{sid}.") and parse_jti(jti) is not None
