"""WebSockets: authenticate them, and close them when their token is refused.

It works with Channels' consumers and with any other ASGI application. Browsers cannot set the
``Authorization`` header of a WebSocket, so the token may also be offered as a subprotocol.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest

from .. import sessions
from ..conf import get_settings
from ..exceptions import AuthError, BadAuthorizationHeader, NotAuthenticated, Unavailable
from ..http.transport import get_cookie_token, get_header_token, header_name
from ..redacted import redact

logger = logging.getLogger("django_jwtauth")

#: The subprotocol that a client offers before its token, and that the server selects.
SUBPROTOCOL = "bearer"

# RFC 6455, 7.4.2: codes for applications. The HTTP status is added: 4401 or 4403.
_CLOSE_CODES = 4000

# Seconds to wait for a database that does not answer; sockets are not checked meanwhile.
CHECK_TIMEOUT = 15

_SECRET_HEADERS = (b"authorization", b"cookie", b"sec-websocket-protocol")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# As in Channels: closes a broken connection to the database, as no request ends here.
_authenticate = database_sync_to_async(sessions.authenticate)


class ForeignOrigin(AuthError):
    """A page of another site opened the socket, and a browser added the cookie."""

    status_code = 403
    reason = code = "foreign_origin"


class JWTAuthMiddleware:
    """Sets ``scope["user"]`` and ``scope["auth"]`` (the claims, a dict) of a WebSocket.

    ``required``: refuse a socket without a token; otherwise its user is that of an outer
    middleware, or an ``AnonymousUser``. ``check_interval``: the seconds between two checks of an
    open socket's token; each costs a query. ``cookies``: also accept the cookie with the access
    token, from pages of this host and of ``CSRF_TRUSTED_ORIGINS``.

    A refused socket is accepted and then closed, because browsers show no close code otherwise.
    So is a socket whose application lets a refusal escape, such as ``InsufficientScope``.
    """

    def __init__(
        self,
        app: Callable[[Scope, Receive, Send], Awaitable[None]],
        *,
        required: bool = True,
        check_interval: float = 60,
        cookies: bool = False,
    ) -> None:
        if not check_interval > 0:
            raise ValueError("check_interval must be a number of seconds greater than 0.")
        self.app = app
        self.required = required
        self.check_interval = check_interval
        self.cookies = cookies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        _redact(scope)
        socket = _Socket(receive, send, _answer(scope))
        # The client's address and cookies are read from a request.
        request = ASGIRequest({**scope, "method": "GET", "query_string": b""}, BytesIO())
        try:
            raw = redact(self.find_token(scope, request))
            if raw is None and self.required:
                raise NotAuthenticated
            user, claims = await _authenticate(raw, request) if raw is not None else (None, None)
        except AuthError as error:
            if (await receive())["type"] == "websocket.connect":
                await socket.refuse(error)
            return
        scope = _without_token(scope, request)
        if raw is None or claims is None:
            scope["auth"] = None
            scope.setdefault("user", AnonymousUser())
            try:
                await self.app(scope, socket.receive, socket.send)
            except AuthError as error:
                await socket.refuse(error)
            return
        scope["user"], scope["auth"] = user, claims
        watcher = asyncio.create_task(self.watch(raw, claims["exp"], request, socket))
        try:
            await self.app(scope, socket.receive, socket.send)
        except AuthError as error:
            if not socket.refused.is_set():
                watcher.cancel()
                await socket.refuse(error)
        finally:
            if socket.refused.is_set():
                # The close frame may still be on its way.
                await asyncio.wait({watcher})
            watcher.cancel()

    def find_token(self, scope: Scope, request: ASGIRequest) -> str | None:
        """Return the token of a socket, or None without one.

        Raises ``BadAuthorizationHeader`` for more than one (RFC 6750, 2), and
        ``ForeignOrigin``.
        """
        raw = get_header_token(request)
        offered = list(scope.get("subprotocols") or ())
        if SUBPROTOCOL in offered:
            _, *rest = offered[offered.index(SUBPROTOCOL) :]
            if raw is not None or not rest or SUBPROTOCOL in rest:
                raise BadAuthorizationHeader
            raw = rest[0]
        if raw is None and self.cookies:
            raw = get_cookie_token(request)
            if raw is not None and not _is_own_page(request):
                raise ForeignOrigin
        return raw

    async def watch(
        self, raw: str, expires_at: int, request: ASGIRequest, socket: "_Socket"
    ) -> None:
        """Check the token repeatedly, and close the socket once it is refused."""
        # Sockets that were opened together, as after a restart, are not checked together.
        wait = random.uniform(0, self.check_interval)  # noqa: S311
        try:
            while True:
                remaining = expires_at + get_settings().LEEWAY.total_seconds() - time.time()
                # Sleep may end a little early.
                await asyncio.sleep(max(min(wait, remaining), 0.1))
                await asyncio.wait_for(_authenticate(raw, request), CHECK_TIMEOUT)
                wait = self.check_interval
        except AuthError as error:
            await socket.refuse(error)
        except Exception as error:
            # A socket that is no longer checked must not stay open.
            name = type(error).__name__
            logger.error(
                "The token of an open socket could not be checked: %s",
                name,
                extra={"event": "socket_unchecked", "error": name},
            )
            await socket.refuse(Unavailable())


class _Socket:
    """Passes messages between server and application, until the socket must be closed."""

    def __init__(self, receive: Receive, send: Send, subprotocol: str | None) -> None:
        self._receive = receive
        self._send = send
        self._subprotocol = subprotocol
        self._accepted = False
        self._over = False
        self._code = 0
        self.refused = asyncio.Event()

    async def receive(self) -> Message:
        """Return the server's next message, or a disconnect once the socket was closed."""
        said = asyncio.ensure_future(self._receive())
        closed = asyncio.ensure_future(self.refused.wait())
        try:
            await asyncio.wait({said, closed}, return_when=asyncio.FIRST_COMPLETED)
            if self.refused.is_set():
                return {"type": "websocket.disconnect", "code": self._code}
            message = said.result()
            self._over |= message["type"] == "websocket.disconnect"
            return message
        finally:
            said.cancel()
            closed.cancel()

    async def send(self, message: Message) -> None:
        """Pass on what the application sends, unless the socket was closed."""
        if self.refused.is_set():
            return
        if message["type"] == "websocket.accept":
            self._accepted = True
            message = {**message, "subprotocol": message.get("subprotocol") or self._subprotocol}
        elif message["type"] != "websocket.send":
            self._over = True
        await self._send(message)

    async def refuse(self, error: AuthError) -> None:
        """Close with a code, and send the application a disconnect."""
        if self._over:
            return
        self._code = _CLOSE_CODES + error.status_code
        self.refused.set()
        # A server raises this if the client has already gone.
        with suppress(OSError):
            if not self._accepted:
                await self._send({"type": "websocket.accept", "subprotocol": self._subprotocol})
            await self._send(
                {"type": "websocket.close", "code": self._code, "reason": error.reason}
            )


def _redact(scope: Scope) -> None:
    """Redact the headers and the subprotocols in the scope itself.

    Middlewares around this one have the same scope among their local variables.
    """
    secret = (*_SECRET_HEADERS, _token_header())
    for name, hide in (("headers", partial(_redact_header, secret)), ("subprotocols", redact)):
        given = scope.get(name) or ()
        hidden = [hide(item) for item in given]
        if isinstance(given, list):
            given[:] = hidden
        else:
            scope[name] = hidden


def _redact_header(secret: tuple[bytes, ...], header: Any) -> Any:
    name, value = header
    return name, redact(value) if name.lower() in secret else value


def _token_header() -> bytes:
    return header_name().lower().encode()


def _answer(scope: Scope) -> str | None:
    # No other subprotocol is selected, because it may be a token.
    return SUBPROTOCOL if SUBPROTOCOL in (scope.get("subprotocols") or ()) else None


def _is_own_page(request: ASGIRequest) -> bool:
    """Return whether the page that opened the socket may act for its user.

    A browser sends cookies with a WebSocket from a page of any site, without CORS.
    """
    try:
        host = request.get_host()
    except DisallowedHost:
        return False
    scheme = "https" if request.scheme in ("https", "wss") else "http"
    own = {f"{scheme}://{host}", *settings.CSRF_TRUSTED_ORIGINS}
    return request.META.get("HTTP_ORIGIN", "") in own


def _without_token(scope: Scope, request: ASGIRequest) -> Scope:
    """Return a copy without the token, so that the application cannot log or repeat it."""
    offered = list(scope.get("subprotocols") or ())
    hidden = set()
    if SUBPROTOCOL in offered:
        position = offered.index(SUBPROTOCOL)
        del offered[position : position + 2]
        hidden.add(b"sec-websocket-protocol")
    if get_header_token(request) is not None:
        hidden.add(_token_header())
    headers = [pair for pair in scope["headers"] if pair[0].lower() not in hidden]
    return {**scope, "headers": headers, "subprotocols": offered}
