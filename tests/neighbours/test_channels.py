"""What the WebSocket middleware makes of a handshake, and what its application sees."""

import asyncio
import time

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser

from django_jwtauth import scopes, sessions
from django_jwtauth.contrib import channels
from django_jwtauth.contrib.channels import JWTAuthMiddleware
from django_jwtauth.exceptions import InsufficientScope
from tests import forge
from tests.neighbours.sockets import Application, Client, visit

# Channels closes connections where it finds none in autocommit.
pytestmark = pytest.mark.django_db(transaction=True)


def test_the_application_knows_who_it_is(pair):
    """The user, the claims, and nothing of the token: not in headers, not in subprotocols."""
    client = Client("bearer", pair.access, Cookie="theme=dark")

    scope = visit(client).scope

    assert scope["user"].get_username() == "anna"
    assert scope["auth"] == forge.claims_of(pair.access)
    assert scope["subprotocols"] == []
    assert dict(scope["headers"]) == {b"host": b"testserver", b"cookie": b"theme=dark"}
    assert pair.access in client.scope["subprotocols"]


def test_the_header_is_taken_out_too(pair):
    """So is it when the token came in the header; other credentials stay."""
    ours = visit(Client(Authorization=f"Bearer {pair.access}"))
    basic = visit(Client(Authorization="Basic YTpi"), required=False)

    assert ours.scope["user"].get_username() == "anna"
    assert b"authorization" not in dict(ours.scope["headers"])
    assert dict(basic.scope["headers"])[b"authorization"] == b"Basic YTpi"


def test_another_header(pair, settings):
    """It is read, hidden from error reports, and taken out; that of a proxy stays."""
    settings.JWTAUTH = {"AUTH_HEADER_NAME": "X-Api-Authorization"}
    headers = {"X-Api-Authorization": f"Bearer {pair.access}", "Authorization": "Basic YTpi"}
    client = Client(**headers)
    scope = visit(client).scope

    assert scope["user"].get_username() == "anna"
    assert b"x-api-authorization" not in dict(scope["headers"])
    assert dict(scope["headers"])[b"authorization"] == b"Basic YTpi"
    assert pair.access not in repr(client.scope["headers"])


def test_a_subprotocol_of_the_application(pair):
    """What follows the token is the application's to choose from, and its choice is the answer."""
    client = Client("bearer", pair.access, "graphql-transport-ws")

    app = visit(client, Application("graphql-transport-ws"))

    assert app.scope["subprotocols"] == ["graphql-transport-ws"]
    assert client.heard[0]["subprotocol"] == "graphql-transport-ws"


def test_the_answer_is_the_word_alone(pair):
    """Without a choice of the application, the answer is the word that the client offered."""
    client = Client("bearer", pair.access)

    visit(client)

    assert client.heard[0] == {"type": "websocket.accept", "subprotocol": "bearer"}


REFUSED = {
    "no token": ([], "not_authenticated"),
    "only other words": (["graphql-transport-ws"], "not_authenticated"),
    "the token alone": (["{raw}"], "not_authenticated"),
    "another case": (["Bearer", "{raw}"], "not_authenticated"),
    "the word alone": (["bearer"], "bad_header"),
    "two tokens": (["bearer", "{raw}", "bearer", "{raw}"], "bad_header"),
    "empty": (["bearer", ""], "malformed"),
    "too long": (["bearer", "x" * 60_000], "malformed"),
    "no ASCII": (["bearer", "\u2603\r\nSet-Cookie: a=b"], "malformed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal(pair, name, statements):
    """The application is not called, no query is made, and nothing is repeated to the client."""
    offered, reason = REFUSED[name]
    client = Client(*(text.replace("{raw}", pair.access) for text in offered))

    with statements(0):
        app = visit(client)

    assert app.scope is None
    assert client.heard == [
        {"type": "websocket.accept", "subprotocol": "bearer" if "bearer" in offered else None},
        {"type": "websocket.close", "code": 4401, "reason": reason},
    ]


def test_a_query_string_is_not_read(pair):
    """A token in the URL lets nobody in, whatever bytes surround it."""
    client = Client()
    client.scope["query_string"] = b"\xff&token=" + pair.access.encode()

    visit(client)

    assert client.close == (4401, "not_authenticated")


def test_a_client_that_left_at_once(pair):
    """A socket that is refused and gone already is not answered."""
    client = Client()
    client.inbox = asyncio.Queue()

    visit(client)

    assert client.heard == []


def test_strangers_where_they_are_welcome(db, user):
    """With required=False the scope says so, unless a middleware outside has found a user."""
    stranger = visit(Client(), required=False)
    client = Client()
    client.scope["user"] = user
    known = visit(client, required=False)

    assert isinstance(stranger.scope["user"], AnonymousUser)
    assert stranger.scope["auth"] is known.scope["auth"] is None
    assert known.scope["user"] == user


def test_a_bad_token_is_not_a_stranger(pair):
    """With required=False, too, what is sent must be good."""
    client = Client("bearer", pair.refresh)

    visit(client, required=False)

    assert client.close == (4401, "wrong_type")


def test_revoked_while_open(pair):
    """The client gets the code, the application hears of a disconnect, and is not listened to."""
    client = Client("bearer", pair.access)

    async def revoke(client):
        await client.answered.wait()
        await sessions.ablacklist(pair.refresh)
        await client.closed.wait()

    app = visit(client, until=revoke, check_interval=0.05)

    assert client.close == (4401, "session_ended")
    assert client.heard[-1]["type"] == "websocket.close"
    assert app.heard[-1] == {"type": "websocket.disconnect", "code": 4401}


def test_revoked_before_the_application_accepts(pair):
    """A socket that is still being opened is accepted first, as in every refusal."""

    async def slow(scope, receive, send):
        while (await receive())["type"] != "websocket.disconnect":
            pass
        await send({"type": "websocket.accept"})

    async def revoke(client):
        await sessions.ablacklist(pair.refresh)
        await client.closed.wait()

    client = Client("bearer", pair.access)
    visit(client, slow, until=revoke, check_interval=0.05)

    assert [message["type"] for message in client.heard] == [
        "websocket.accept",
        "websocket.close",
    ]


def test_a_check_that_fails_for_no_known_reason(pair, monkeypatch, caplog):
    """The socket is closed: it would go on unwatched. The log says why, without the token."""
    check = channels._authenticate
    calls = []

    async def broken(raw, request):
        calls.append(raw)
        if len(calls) > 1:
            raise ZeroDivisionError
        return await check(raw, request)

    monkeypatch.setattr(channels, "_authenticate", broken)
    client = Client("bearer", pair.access)

    visit(client, until=lambda client: client.closed.wait(), check_interval=0.05)

    assert client.close == (4503, "unavailable")
    assert "ZeroDivisionError" in caplog.text
    assert pair.access not in caplog.text


def test_a_check_that_never_ends(pair, monkeypatch):
    """A database that hangs does not keep a socket open."""
    monkeypatch.setattr(channels, "CHECK_TIMEOUT", 0.2)
    check = sessions.authenticate
    calls = []

    def hanging(raw, request):
        calls.append(raw)
        if len(calls) > 1:
            time.sleep(1)
        return check(raw, request)

    monkeypatch.setattr(channels, "_authenticate", channels.database_sync_to_async(hanging))
    client = Client("bearer", pair.access)

    visit(client, until=lambda client: client.closed.wait(), check_interval=0.05)

    assert client.close == (4503, "unavailable")


def test_checks_stop_with_the_application(pair, monkeypatch):
    """Whether the client leaves or the application fails, no task is left behind."""

    async def failing(scope, receive, send):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        visit(Client("bearer", pair.access), failing)


@pytest.mark.parametrize("accepted", [True, False])
def test_a_scope_that_the_application_finds_missing(user, accepted):
    """The socket is closed with 4403 and the reason that HTTP has, as a 403 would be sent."""

    async def asking(scope, receive, send):
        await receive()
        if accepted:
            await send({"type": "websocket.accept"})
        scopes.require(scope["auth"], ["news:read"])

    raw = sessions.start(user, claims={"scope": "profile"}).access
    client = Client("bearer", raw)
    visit(client, asking)

    assert client.close == (4403, InsufficientScope().body()["reason"])
    assert [message["type"] for message in client.heard] == ["websocket.accept", "websocket.close"]


def test_no_close_after_the_application_has_closed(pair):
    """Servers take nothing after a close: what the token does then is no matter."""

    async def leaving(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1000, "reason": ""})
        await asyncio.sleep(0.3)

    async def revoke(client):
        await client.closed.wait()
        await sessions.ablacklist(pair.refresh)

    client = Client("bearer", pair.access)
    visit(client, leaving, until=revoke, check_interval=0.05)

    assert len(client.heard) == 2


def test_other_protocols_pass(db):
    """HTTP and lifespan are none of its business."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    scope = {"type": "lifespan"}
    async_to_sync(JWTAuthMiddleware(app))(scope, None, None)

    assert seen == [scope]


@pytest.mark.parametrize("seconds", [0, -1])
def test_the_interval_is_a_time(seconds):
    """No interval at all would be a busy loop."""
    with pytest.raises(ValueError, match="check_interval"):
        JWTAuthMiddleware(Application(), check_interval=seconds)


class TestCookies:
    """The cookie of a browser signs in only what a page of this host has opened."""

    @pytest.fixture(autouse=True)
    def plain_http(self, settings):
        settings.JWTAUTH = {"COOKIES": {"SECURE": False}}

    def open(self, pair, origin=None, **options):
        headers = {"Cookie": f"jwtauth_access={pair.access}"}
        if origin is not None:
            headers["Origin"] = origin
        client = Client(**headers)
        app = visit(client, **options)
        return client.close or app.scope["user"].get_username()

    def test_they_are_not_read_unless_asked_for(self, pair):
        assert self.open(pair, "http://testserver") == (4401, "not_authenticated")

    def test_a_page_of_this_host(self, pair):
        assert self.open(pair, "http://testserver", cookies=True) == "anna"

    @pytest.mark.parametrize(
        "origin",
        [
            None,
            "",
            "null",
            "http://evil.example",
            "https://testserver",
            "http://testserver:8000",
            "http://testserver.evil.example",
        ],
    )
    def test_another_page(self, pair, origin):
        assert self.open(pair, origin, cookies=True) == (4403, "foreign_origin")

    def test_a_trusted_page(self, pair, settings):
        settings.CSRF_TRUSTED_ORIGINS = ["https://app.example.com"]

        assert self.open(pair, "https://app.example.com", cookies=True) == "anna"

    def test_a_host_that_is_not_ours(self, pair, settings):
        settings.ALLOWED_HOSTS = ["example.com"]

        assert self.open(pair, "http://testserver", cookies=True) == (4403, "foreign_origin")

    def test_a_token_of_its_own_needs_no_origin(self, pair, other_user):
        """With a token in the subprotocol, the cookie is not looked at."""
        other = sessions.start(other_user)
        client = Client("bearer", other.access, Cookie=f"jwtauth_access={pair.access}")

        assert visit(client, cookies=True).scope["user"].get_username() == "bert"
