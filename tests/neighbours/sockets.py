"""WebSockets without a server: a client, an application, and the middleware between them."""

import asyncio

from asgiref.sync import async_to_sync

from django_jwtauth.contrib.channels import JWTAuthMiddleware


class Client:
    """One WebSocket without a server: ``heard`` is what the server was told to send."""

    def __init__(self, *subprotocols, **headers):
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        if subprotocols:
            pairs.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode()))
        self.scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": "/ws/",
            "query_string": b"",
            "headers": [(b"host", b"testserver"), *pairs],
            "subprotocols": list(subprotocols),
            "client": ["192.0.2.7", 4711],
            "server": ["testserver", 80],
        }
        self.heard = []
        self.answered, self.closed = asyncio.Event(), asyncio.Event()
        self.inbox = asyncio.Queue()
        self.inbox.put_nowait({"type": "websocket.connect"})

    async def send(self, message):
        self.heard.append(message)
        self.answered.set()
        if message["type"] == "websocket.close":
            self.closed.set()

    @property
    def close(self):
        return next(
            (
                (message["code"], message["reason"])
                for message in self.heard
                if message["type"] == "websocket.close"
            ),
            None,
        )


class Application:
    """Accepts, and notes its scope and all that it hears until the client is gone."""

    def __init__(self, subprotocol=None):
        self.subprotocol = subprotocol
        self.scope = None
        self.heard = []

    async def __call__(self, scope, receive, send):
        self.scope = scope
        while not self.heard or self.heard[-1]["type"] != "websocket.disconnect":
            self.heard.append(await receive())
            if len(self.heard) == 1:
                await send({"type": "websocket.accept", "subprotocol": self.subprotocol})
        await send({"type": "websocket.send", "text": "too late"})


def visit(client, app=None, *, until=None, **options):
    """Have the client open its socket, do something, and leave; return the application."""
    app = app or Application()

    async def scenario():
        middleware = JWTAuthMiddleware(app, **options)
        before = asyncio.all_tasks()
        task = asyncio.create_task(middleware(client.scope, client.inbox.get, client.send))
        if until:
            await asyncio.wait_for(until(client), 10)
        else:
            client.inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(task, 10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    async_to_sync(scenario)()
    return app
