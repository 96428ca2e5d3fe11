"""``TokenBackend``: encoded text to claims, for code that does not use a token class."""

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
    """Return an encoded token, text or bytes, as redacted text."""
    token = redact(token)
    return redact(token.decode(encoding, "replace") if isinstance(token, bytes) else token)


def read_unverified(raw: Any) -> Claims:
    """Return the unverified claims of a token; raises a ``TokenError`` if it is not a token."""
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
    """Takes the same arguments as simplejwt's. Keys and algorithms are those of ``JWTAUTH``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def decode(self, token: Any, verify: bool = True) -> Claims:
        """Return the claims of a token, once every rule of the package is checked. One query.

        With ``verify=False``, return the unchecked claims of any token, as in simplejwt.
        """
        token = read_text(token)
        if not verify:
            return read_unverified(token)
        with as_theirs(TokenBackendError):
            return sessions.verify(token)[1]

    def encode(self, payload: Claims) -> str:
        raise Unsupported(
            "TokenBackend.encode()",
            "a token belongs to a sign-in. Call RefreshToken.for_user(user)",
        )

    def get_leeway(self) -> timedelta:
        return get_settings().LEEWAY


def __getattr__(name: str) -> NoReturn:
    refuse_name(__name__, name)
