"""``RefreshToken`` and ``AccessToken``, for code that was written against simplejwt.

For new code :mod:`django_jwtauth.sessions` says the same with less: ``start(user)``,
``authenticate(raw)``, ``verify(raw)``, ``blacklist(raw)``.
"""

from typing import TYPE_CHECKING, Any, cast

from ... import sessions
from ...claims import ACCESS, REFRESH, Claims
from ...exceptions import WrongTokenType
from ...redacted import redact
from ...tokens import decode

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest

    from ...tokens import TokenPair


class Token:
    """An encoded token and its claims, which are read by name. ``str()`` is the token."""

    def __init__(self, raw: str, payload: Claims) -> None:
        self._raw: str = redact(raw)
        self.payload = payload

    def __str__(self) -> str:
        return self._raw

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.payload.get('jti', 'not issued yet')}>"

    def __getitem__(self, name: str) -> Any:
        return self.payload[name]

    def __contains__(self, name: object) -> bool:
        return name in self.payload

    def get(self, name: str, default: Any = None) -> Any:
        return self.payload.get(name, default)

    def blacklist(self) -> None:
        """Refuse the token from now on; a refresh token ends its sign-in."""
        sessions.blacklist(str(self))


class AccessToken(Token):
    """``AccessToken(raw)`` verifies as a request would; raises a ``TokenError``."""

    def __init__(self, token: str) -> None:
        token = redact(token)
        super().__init__(token, sessions.authenticate(token)[1])

    @classmethod
    def for_user(cls, user: "AbstractBaseUser") -> "AccessToken":
        """Start a sign-in whose refresh token nobody gets."""
        return RefreshToken.for_user(user).access_token


class RefreshToken(Token):
    """``RefreshToken(raw)`` verifies and changes nothing; raises a ``TokenError``."""

    _user: "AbstractBaseUser | None" = None
    _request: "HttpRequest | None" = None
    _pair: "TokenPair | None" = None

    def __init__(self, token: str) -> None:
        token = redact(token)
        super().__init__(token, sessions.verify(token)[1])
        if self.payload["token_type"] != REFRESH:
            raise WrongTokenType

    @classmethod
    def for_user(
        cls, user: "AbstractBaseUser", request: "HttpRequest | None" = None
    ) -> "RefreshToken":
        """Prepare a sign-in, which starts when the token or its ``access_token`` is read.

        Until then claims may be added, ``token["name"] = value``, and both tokens carry
        them. With ``request``, address and user agent are recorded.
        """
        token = cls.__new__(cls)
        Token.__init__(token, "", {})
        token._user, token._request = user, request
        return token

    def __setitem__(self, name: str, value: Any) -> None:
        self._add({name: value})

    def complete(self, request: "HttpRequest", claims: Claims) -> "TokenPair":
        """Start the sign-in with what the check of the password found out; return its pair."""
        self._add(claims)
        self._request = request
        return cast("TokenPair", self._issue())

    def _add(self, claims: Claims) -> None:
        if self._user is None or self._pair is not None:
            raise TypeError("The token is issued: what it says cannot be changed any more.")
        self.payload.update(claims)

    def __getitem__(self, name: str) -> Any:
        if name not in self.payload:
            self._issue()
        return super().__getitem__(name)

    def __str__(self) -> str:
        self._issue()
        return self._raw

    @property
    def access_token(self) -> AccessToken:
        """The access token of a sign-in that ``for_user()`` started, the same each time."""
        pair = self._issue()
        if pair is None:
            raise TypeError("Call django_jwtauth.sessions.refresh(raw) for the next pair.")
        access = AccessToken.__new__(AccessToken)
        Token.__init__(access, pair.access, decode(pair.access, ACCESS))
        return access

    def _issue(self) -> "TokenPair | None":
        """Start the sign-in, once; None for a token that was only verified."""
        if self._user is not None and self._pair is None:
            self._pair = sessions.start(self._user, self._request, self.payload)
            self._raw = str(self._pair.refresh)
            self.payload = decode(self._raw, REFRESH)
        return self._pair
