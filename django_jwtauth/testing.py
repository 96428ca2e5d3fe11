"""For the tests of projects: clients that sign in with real tokens.

DRF's ``force_authenticate()`` skips everything that this package does, including permissions
that read the token. These clients get a real token without hashing a password, and send it with
each request.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.test import AsyncClient
from rest_framework.test import APIClient

from . import sessions, tokens
from .claims import ACCESS
from .conf import get_settings
from .http.transport import header_key, header_name, set_token_cookies
from .tokens import TokenPair

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

HOUR = 3600


class JWTClient(APIClient):
    """DRF's ``APIClient``, which can sign in."""

    pair: TokenPair | None = None

    def sign_in(
        self,
        user: "AbstractBaseUser",
        *,
        scope: str | None = None,
        claims: Mapping[str, Any] | None = None,
        cookies: bool = False,
    ) -> TokenPair:
        """Sign ``user`` in, and send the access token from now on; return both tokens.

        ``scope`` and ``claims`` go into the tokens of the sign-in. With ``cookies``, both
        tokens are sent as by a browser.
        """
        self.forget()
        self.pair = sessions.start(user, claims=_carried(scope, claims))
        if cookies:
            response = HttpResponse()
            set_token_cookies(response, self.pair, "/")
            self.cookies.update(response.cookies)
        else:
            self.send(self.pair.access)
        return self.pair

    def sign_out(self) -> None:
        """End the sign-in, and stop sending its token."""
        if self.pair is not None:
            sessions.end(self.pair.session_id)
        self.forget()

    def send(self, raw: str) -> None:
        """Send this token from now on, even an expired one or an API token."""
        self.credentials(**{header_key(): _header(raw)})

    def forget(self) -> None:
        """Send no token from now on. The sign-in stays live."""
        self.pair = None
        self.credentials()
        self.cookies.clear()


class AsyncJWTClient(AsyncClient):
    """Django's ``AsyncClient``, which can sign in."""

    pair: TokenPair | None = None
    _header: str = ""

    async def sign_in(
        self,
        user: "AbstractBaseUser",
        *,
        scope: str | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> TokenPair:
        """Sign ``user`` in, and send the access token from now on; return both tokens."""
        self.pair = await sessions.astart(user, claims=_carried(scope, claims))
        self.send(self.pair.access)
        return self.pair

    def send(self, raw: str) -> None:
        """Send this token from now on, whatever it is."""
        self._header = _header(raw)

    def forget(self) -> None:
        """Send no token from now on. The sign-in stays live."""
        self.pair, self._header = None, ""

    async def request(self, **request: Any) -> Any:
        headers = request.get("headers", [])
        ours = header_name().lower().encode("ascii")
        if self._header and not any(name == ours for name, _ in headers):
            request["headers"] = [*headers, (ours, self._header.encode("ascii"))]
        return await super().request(**request)


def make_expired_token(
    user: "AbstractBaseUser", *, scope: str | None = None, claims: Mapping[str, Any] | None = None
) -> str:
    """Return an access token that expired an hour ago; its sign-in is live."""
    issued = sessions.start(user, claims=_carried(scope, claims)).access
    ended = int(time.time()) - HOUR
    past = {**tokens.decode(issued, ACCESS), "iat": ended - HOUR, "exp": ended}
    return tokens.encode(ACCESS, past)


def make_revoked_token(
    user: "AbstractBaseUser", *, scope: str | None = None, claims: Mapping[str, Any] | None = None
) -> str:
    """Return an access token whose sign-in has ended; it has not expired."""
    pair = sessions.start(user, claims=_carried(scope, claims))
    sessions.end(pair.session_id)
    return pair.access


def _carried(scope: str | None, claims: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**(claims or {}), **({"scope": scope} if scope else {})}


def _header(raw: str) -> str:
    return f"{get_settings().AUTH_HEADER_TYPES[0]} {raw}"
