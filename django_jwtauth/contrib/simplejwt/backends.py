"""``TokenBackend``: encoded text to claims, for code that did not ask a token class."""

from copy import deepcopy
from datetime import timedelta
from typing import Any, NoReturn

from ... import sessions
from ...claims import Claims
from ...conf import get_settings
from ...exceptions import MalformedToken
from ...redacted import redact
from ...tokens import jws
from .exceptions import TokenBackendError, Unsupported, as_theirs, refuse_name
from .exceptions import TokenBackendExpiredToken as TokenBackendExpiredToken
from .utils import format_lazy as format_lazy


def read_text(token: Any, encoding: str = "utf-8") -> Any:
    """Return an encoded token, text or bytes, as text that no error report shows."""
    return redact(token.decode(encoding, "replace") if isinstance(token, bytes) else token)


def read_unverified(raw: Any) -> Claims:
    """Return what a token says, whoever made it. Raises a ``TokenError`` for no token."""
    if not isinstance(raw, str) or len(raw) > jws.MAX_LENGTH:
        raise TokenBackendError(TokenBackendError.default_detail)
    with as_theirs(TokenBackendError):
        header, payload = jws.split(raw)
        jws.read_header(header)
        claims = jws.read_object(payload)
        try:
            # So that nobody fails later who compares or copies what a stranger nested.
            return deepcopy(claims)
        except RecursionError:
            raise MalformedToken from None


class TokenBackend:
    """Takes the arguments of simplejwt's. Keys and algorithms are those of ``JWTAUTH``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def decode(self, token: Any, verify: bool = True) -> Claims:
        """Return the claims of a token that is good, by every rule of the package: a query.

        With ``verify=False`` of any token, unchecked, as in simplejwt.
        """
        raw = read_text(token)
        if not verify:
            return read_unverified(raw)
        with as_theirs(TokenBackendError):
            return sessions.verify(raw)[1]

    def encode(self, payload: Claims) -> str:
        raise Unsupported(
            "TokenBackend.encode()",
            "a token belongs to a sign-in. Call RefreshToken.for_user(user)",
        )

    def get_leeway(self) -> timedelta:
        return get_settings().LEEWAY


def __getattr__(name: str) -> NoReturn:
    refuse_name(__name__, name)
