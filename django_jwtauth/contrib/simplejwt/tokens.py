"""``Token`` and its kinds, with which code written for simplejwt creates and reads tokens.

A token for a user belongs to a sign-in, which ``for_user()`` starts. Reading a token first makes
the checks of ``sessions`` or ``one_time``; those of a subclass come after them and cannot remove
one.

New code should use :mod:`django_jwtauth.sessions`, which needs less.
"""

from collections.abc import Iterator, MutableMapping
from copy import deepcopy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, TypeVar
from uuid import uuid4

from django.utils.translation import gettext as _

from ... import one_time, sessions
from ...claims import ACCESS, REFRESH, RESERVED_CLAIMS, Claims, access_jti
from ...exceptions import RefreshTokenReused, WrongTokenType
from ...redacted import RedactedBytes, redact
from ...store import database
from . import issuing
from .backends import TokenBackend, read_text, read_unverified
from .exceptions import ExpiredTokenError as ExpiredTokenError
from .exceptions import TokenBackendError as TokenBackendError
from .exceptions import TokenBackendExpiredToken as TokenBackendExpiredToken
from .exceptions import TokenError, Unsupported, as_theirs, refuse_name
from .issuing import Issued
from .models import TokenUser as TokenUser
from .move.decoder import find_user
from .settings import api_settings
from .state import token_backend
from .token_blacklist.finding import TokenOfSignIn
from .token_blacklist.models import BlacklistedToken as BlacklistedToken
from .token_blacklist.models import OutstandingToken as OutstandingToken
from .utils import aware_utcnow, datetime_from_epoch, datetime_to_epoch
from .utils import format_lazy as format_lazy
from .utils import get_md5_hash_password as get_md5_hash_password
from .utils import logger as logger

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

T = TypeVar("T", bound="Token")
AuthUser = TypeVar("AuthUser")

# The claims of a token without a user; a sign-in determines them.
_MADE = frozenset({"token_type", "exp", "iat", "jti"})


class CheckedToken(RedactedBytes):
    """An encoded token that has been checked: ``answer`` is its user and its claims."""

    answer: tuple[Any, Claims]


class _Lifetime:
    """A class attribute with the value of a setting, read on access."""

    def __init__(self, setting: str) -> None:
        self.setting = setting

    def __get__(self, token: Any, owner: Any) -> timedelta:
        lifetime: timedelta = getattr(api_settings, self.setting)
        return lifetime


class Token(MutableMapping[str, Any]):
    """Base of the kinds. A subclass with its own ``token_type`` is a one-time token.

    ``str()`` is the encoded token, signed again if it was changed since it was issued or read.
    Reading, ``for_user()``, ``access_token`` of a token that was read, ``blacklist()`` and
    ``check_blacklist()`` query the database, so call them with ``sync_to_async`` in async code.
    """

    token_type: ClassVar[str | None] = None
    lifetime: Any = None

    #: The user, loaded when the token was checked or issued; None before that.
    loaded_user: Any = None

    # The core's token, and its access token if this is its refresh token.
    _issued: Issued | None = None
    _access: Issued | None = None
    _signed: tuple[Claims, str] | None = None
    _request: "HttpRequest | None" = None
    _given = _blacklisted = _checking = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("get_token_backend", "token_backend", "_token_backend"):
            if name in vars(cls):
                raise TypeError(
                    f"{cls.__name__}.{name} would never be used: tokens are signed and verified "
                    "by the keys in JWTAUTH['KEYS']. To add a check, override verify()."
                )

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        token = redact(token)
        if self.token_type is None or self.lifetime is None:
            raise TokenError(_("Cannot create token with no type or lifetime"))
        # Without its request.
        self.token = redact(bytes(token) if isinstance(token, bytes) else token)
        self.current_time = aware_utcnow()
        self.payload: Claims = {}
        if token is None:
            self.payload[api_settings.TOKEN_TYPE_CLAIM] = self.token_type
            self.set_exp(from_time=self.current_time, lifetime=self.lifetime)
            self.set_iat(at_time=self.current_time)
            self.set_jti()
        elif verify:
            self._read(token)
        else:
            with as_theirs():
                self.payload.update(issuing.show(read_unverified(read_text(token)), None))

    # --- what it says

    def __getitem__(self, name: str) -> Any:
        return self.payload[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.payload[name] = value

    def __delitem__(self, name: str) -> None:
        del self.payload[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.payload)

    def __len__(self) -> int:
        return len(self.payload)

    # Two tokens are never equal, even with the same claims.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.payload.get('jti')}>"

    def set_exp(
        self,
        claim: str = "exp",
        from_time: datetime | None = None,
        lifetime: timedelta | None = None,
    ) -> None:
        """Set when the token expires. Its sign-in ends after ``SESSION_LIFETIME`` at most."""
        begins = self.current_time if from_time is None else from_time
        self.payload[claim] = datetime_to_epoch(
            begins + (self.lifetime if lifetime is None else lifetime)
        )

    def set_iat(self, claim: str = "iat", at_time: datetime | None = None) -> None:
        """Set when the token was issued."""
        self.payload[claim] = datetime_to_epoch(self.current_time if at_time is None else at_time)

    def set_jti(self) -> None:
        """Turn it into another token of its kind.

        A refresh token that was read or issued is exchanged like in ``sessions.refresh``.
        """
        if self._issued is None:
            self.payload[api_settings.JTI_CLAIM] = uuid4().hex
        elif self._issued.kind == REFRESH and (self._given or self.token is not None):
            self._exchange(self._issued)
        elif self._issued.kind == ACCESS and (sid := self._issued.claims["sid"]):
            self.payload[api_settings.JTI_CLAIM] = access_jti(sid)

    # --- checked

    def verify(self) -> None:
        """Called once the token has passed the core's checks; a subclass may add its own."""
        self.check_exp()
        if api_settings.JTI_CLAIM not in self.payload:
            raise TokenError(_("Token has no id"))
        self.verify_token_type()
        self.check_blacklist()

    def verify_token_type(self) -> None:
        if api_settings.TOKEN_TYPE_CLAIM not in self.payload:
            raise TokenError(_("Token has no type"))
        if self.payload[api_settings.TOKEN_TYPE_CLAIM] != self.token_type:
            raise TokenError(_("Token has wrong type"))

    def check_exp(self, claim: str = "exp", current_time: datetime | None = None) -> None:
        """Raise a ``TokenError`` unless the time in the claim is in the future."""
        if claim not in self.payload:
            raise TokenError(_("Token has no '{}' claim").format(claim))
        now = self.current_time if current_time is None else current_time
        if datetime_from_epoch(self.payload[claim]) <= now - api_settings.LEEWAY:
            raise TokenError(_("Token '{}' claim has expired").format(claim))

    def check_blacklist(self) -> None:
        """Raise a ``TokenError`` if the token would be refused now. One query."""
        raw = self._known()
        # While the token is read, this is already known.
        if not self._checking and raw is not None:
            self._check(raw)

    def _read(self, token: Any) -> None:
        user, claims = self._check(token)
        self._adopt(Issued.of(read_text(token), claims), user)
        self._checking = True
        try:
            self.verify()
        finally:
            self._checking = False

    def _check(self, token: Any) -> tuple[Any, Claims]:
        """Return the user and the claims of an encoded token, or of one that was checked."""
        with as_theirs():
            known: tuple[Any, Claims] | None = getattr(token, "answer", None)
            return known or self._ask(read_text(token), getattr(token, "request", None))

    def _ask(self, raw: Any, request: "HttpRequest | None") -> tuple[Any, Claims]:
        """Return the user and the claims of a valid encoded token."""
        if self.token_type == ACCESS:
            if request is not None:
                return sessions.authenticate_request(raw, request)
            return sessions.authenticate(raw)
        if self.token_type == REFRESH:
            return _ask_refresh(raw)
        user, claims = one_time.verify(raw)
        if claims["purpose"] != self.token_type:
            raise WrongTokenType
        return user, claims

    def _known(self) -> str | None:
        """Return the core's encoded token, or None if it is not issued yet."""
        raw: str | None = self._issued.raw if self._issued else read_text(self.token)
        return raw

    # --- issued

    @classmethod
    def for_user(cls: type[T], user: "AbstractBaseUser", request: "HttpRequest | None" = None) -> T:
        """Return a token of a sign-in that starts now; an access token's has no refresh token.

        With ``request``, Django's own, its address and user agent are recorded. Raises a
        ``TokenError`` for an inactive user, and what else ``sessions.start`` raises.
        """
        token = cls()
        with as_theirs():
            token._start(user, request)
        return token

    def _start(self, user: "AbstractBaseUser", request: "HttpRequest | None" = None) -> None:
        if self.token_type not in (ACCESS, REFRESH):
            exp = issuing.to_seconds(self.payload.pop("exp"))
            self._adopt(issuing.start_one_time(user, str(self.token_type), exp), user)
            return
        self._access, refresh = issuing.of_pair(issuing.start(user, request))
        self._adopt(refresh if refresh and self.token_type == REFRESH else self._access, user)

    def _start_named(self) -> None:
        """Start the sign-in of the user whom the claims name."""
        name = self.payload.get(api_settings.USER_ID_CLAIM, self.payload.get("sub"))
        if self._blacklisted:
            raise TokenError(_("Token is blacklisted"))
        if name is None:
            raise Unsupported(
                f"{type(self).__name__}() without a user",
                "every token belongs to a user. Call for_user(user); to sign something else, "
                "django.core.signing.dumps(...)",
            )
        with as_theirs(), database.reporting_unavailable():
            self._start(find_user(str(name)))

    @property
    def is_made_here(self) -> bool:
        """Whether it was made without an encoded token, and is not issued yet."""
        return self.token is None and self._issued is None

    def _adopt(self, issued: Issued, user: Any) -> None:
        """Become this token, with the claims that were set before there was one."""
        mine = {name: value for name, value in self.payload.items() if name not in _MADE}
        if self.payload:
            mine.pop(api_settings.USER_ID_CLAIM, None)
            exp = self.payload.get("exp")
            if exp is not None and exp != self._standard_exp():
                mine["exp"] = exp
        self._issued, self.loaded_user = issued, user
        self.payload.clear()
        self.payload.update(issued.show(user), **mine)

    def _standard_exp(self) -> int | None:
        """Return the ``exp`` of a token without its own lifetime."""
        setting = _LIFETIMES.get(self.token_type or "")
        if setting is None:
            return None
        return datetime_to_epoch(self.current_time + getattr(api_settings, setting))

    def _exchange(self, issued: Issued) -> None:
        if self._blacklisted:
            raise Unsupported(
                "set_jti() after blacklist()",
                "that ended the sign-in. Leave blacklist() out: set_jti() exchanges the token, "
                "and the old one is refused from then on",
            )
        with as_theirs():
            pair = sessions.refresh(issued.raw, self._request)
        self._access, refresh = issuing.of_pair(pair)
        self._issued = refresh or issued
        shown = self._issued.show(self.loaded_user)
        for name in RESERVED_CLAIMS & self.payload.keys():
            del self.payload[name]
        self.payload.update({name: shown[name] for name in RESERVED_CLAIMS & shown.keys()})

    def __str__(self) -> str:
        self._given = True
        if self.is_made_here:
            self._start_named()
        issued = self._issued
        if issued is None:
            return self._unverified()
        shown = issued.show(self.loaded_user)
        if self.payload == shown:
            return issued.raw
        if self._signed is None or self._signed[0] != self.payload:
            with as_theirs():
                signed = issuing.sign(issued, shown, self.payload)
            self._issued = issued._replace(ends=signed.ends)
            self.payload["exp"] = signed.claims["exp"]
            self._signed = deepcopy(self.payload), signed.raw
        return self._signed[1]

    def _unverified(self) -> str:
        raw = read_text(self.token)
        if self.payload != issuing.show(read_unverified(raw), None):
            raise Unsupported(
                "Changing a token that was read with verify=False",
                f"it was not verified. Read it with {type(self).__name__}(raw)",
            )
        return str(raw)

    # --- refused

    def blacklist(self) -> tuple[BlacklistedToken, bool]:
        """Blacklist the token; a refresh token ends its sign-in.

        Returns the sign-in, looked up when it is used, and whether this object did so first.
        """
        raw, first = self._known(), not self._blacklisted
        with as_theirs():
            if isinstance(raw, TokenOfSignIn):
                sessions.end(raw.session.pk)
            # Nobody has a token that was never issued: there is nothing to refuse.
            elif raw is not None:
                sessions.blacklist(raw)
        self._blacklisted, self._access = True, None
        return BlacklistedToken.of(self.payload.get("sid")), first

    def outstand(self) -> None:
        """Nothing to do: the sign-in has its row."""

    @property
    def token_backend(self) -> TokenBackend:
        return token_backend

    def get_token_backend(self) -> TokenBackend:
        return token_backend


_LIFETIMES: dict[str, str] = {ACCESS: "ACCESS_TOKEN_LIFETIME", REFRESH: "REFRESH_TOKEN_LIFETIME"}


def _ask_refresh(raw: str) -> tuple[Any, Claims]:
    try:
        user, claims = sessions.verify(raw)
    except RefreshTokenReused:
        # Ends the sign-in and raises this again, as the theft would go unnoticed otherwise.
        sessions.refresh(raw)
        raise
    if claims["token_type"] != REFRESH:
        raise WrongTokenType
    return user, claims


class BlacklistMixin(Generic[T]):
    """Adds nothing: every token can be blacklisted, and is checked."""


class AccessToken(Token):
    """The token of a request. ``AccessToken(raw)`` makes a query, which loads ``user``."""

    token_type = ACCESS
    lifetime = _Lifetime("ACCESS_TOKEN_LIFETIME")


class RefreshToken(BlacklistMixin["RefreshToken"], Token):
    """``RefreshToken(raw)`` changes nothing, unless the token was superseded: see ``sessions``."""

    token_type = REFRESH
    lifetime = _Lifetime("REFRESH_TOKEN_LIFETIME")

    #: Claims of the refresh token that its access tokens do not have.
    no_copy_claims: tuple[str, ...] = ("token_type", "exp", "jti", "iat")
    access_token_class: type[AccessToken] = AccessToken

    @property
    def access_token(self) -> AccessToken:
        """Its access token. For a token that was read: one query, and nothing is exchanged."""
        if self.is_made_here:
            self._start_named()
        if self._access is None:
            with as_theirs():
                pair = sessions.refresh(str(self._known()), self._request, keep=True)
            self._access = issuing.of_pair(pair)[0]
        access = self.access_token_class()
        access._adopt(self._access, self.loaded_user)
        fixed = {*RESERVED_CLAIMS, api_settings.USER_ID_CLAIM}
        for name in self._left_out() - fixed:
            access.payload.pop(name, None)
        for name in self.payload.keys() - fixed - {*self.no_copy_claims}:
            access.payload[name] = self.payload[name]
        return access

    def _left_out(self) -> set[str]:
        shown = self._issued.show(self.loaded_user) if self._issued else {}
        return {*self.no_copy_claims, *(shown.keys() - self.payload.keys())}


class UntypedToken(Token):
    """A token of a sign-in, whether access or refresh token."""

    token_type = "untyped"  # noqa: S105
    lifetime = timedelta(0)

    def verify_token_type(self) -> None:
        """Accept either type."""

    def _ask(self, raw: Any, request: "HttpRequest | None") -> tuple[Any, Claims]:
        return sessions.verify(raw)

    def _start(self, user: "AbstractBaseUser", request: "HttpRequest | None" = None) -> NoReturn:
        raise Unsupported("UntypedToken.for_user()", "call that of RefreshToken or AccessToken")


def __getattr__(name: str) -> NoReturn:
    refuse_name(__name__, name)
