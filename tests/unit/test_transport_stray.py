"""A response that nobody asked for is never taken for the response to the next request."""

import asyncio
import random
import select
import socket
import ssl
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import ClientSession, TCPConnector
from multidict import CIMultiDict
from servers import ScriptedServer, reply
from transports import failure, operation, request

from pocketsflow_async import APIConnectionError, Pocketsflow, RetryPolicy
from pocketsflow_async._executor import Executor
from pocketsflow_async._sending import Sending, Used, _look
from pocketsflow_async._transport import Transport

STRAY = b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a":"b"}'
BUSY = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
PARTS = {
    "a response": STRAY,
    "two responses": STRAY * 2,
    "half a head": STRAY[:25],
    "half a body": STRAY[:-3],
    "an interim response": b"HTTP/1.1 100 Continue\r\n\r\n",
    "noise": b"\x00\x01",
    "408": BUSY,
}


class Echo(ScriptedServer):
    """Responds to each request with its own target, and can write on a connection when nobody asked."""

    def __init__(self, *, at_once: bytes = b"", tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._echo, tls=tls)
        self.at_once = at_once
        self.writers: list[asyncio.StreamWriter] = []

    async def _echo(self, writer: asyncio.StreamWriter) -> bool:
        self.writers.append(writer)
        body = self.received[-1].target.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body) + self.at_once)
        self.at_once = b""
        await writer.drain()
        return True

    def write(self, text: bytes) -> None:
        """Write on the last connection, and do not let the client's event loop see it before it runs again."""
        self.writers[-1].write(text)

    @property
    def got(self) -> list[tuple[int, str]]:
        """The connection and target of each request."""
        return [(one.connection, one.target) for one in self.received]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs the certificate of the server."""
    return trustme.CA()


@pytest.fixture(params=["http", "https"])
def tls(request, authority) -> ssl.SSLContext | None:
    """The server's side of TLS, or nothing."""
    if request.param == "http":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(params=["our session", "a given session"])
async def connect(request, authority, transport):
    """Makes a transport with our own session or with a session of the user."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with ClientSession(connector=TCPConnector(ssl=context)) as session:

        def make(url: str) -> Transport:
            one = transport(url, session=session if request.param == "a given session" else None)
            if request.param == "our session":
                one._open()._connector._ssl = context
            return one

        yield make


async def body_of(one: Transport, target: str, **changes: Any) -> str:
    """The body of the response to a request for the target."""
    return (await one.send(request(target=target, **changes))).body.decode()


async def turns(count: int = 20) -> None:
    """Let the event loop read what has arrived."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("part", PARTS)
async def test_what_arrives_while_a_connection_is_idle_is_not_a_response(connect, tls, part):
    """The event loop has read it already when the next request is sent."""
    async with Echo(tls=tls) as server:
        one = connect(server.url)
        assert await body_of(one, "/a") == "/a"
        server.write(PARTS[part])
        await turns()

        found = [await body_of(one, "/b"), await body_of(one, "/c")]

    assert found == ["/b", "/c"]


@pytest.mark.parametrize("first", [1, 12, 25, len(STRAY) - 12])
async def test_a_response_that_arrives_in_two_parts_is_not_a_response(connect, tls, first):
    """If aiohttp keeps the first part to itself, the second makes the next attempt fail, and a read is retried."""
    async with Echo(tls=tls) as server:
        one = connect(server.url)
        assert await body_of(one, "/a") == "/a"
        server.write(STRAY[:first])
        await turns()

        async def rest(writer: asyncio.StreamWriter) -> bool:
            writer.write(STRAY[first:])
            return await server._echo(writer)

        server.script = [rest, server._echo]
        runner = Executor(one, None, RetryPolicy(attempts=2, base_delay=0.0))
        response = await runner.send(operation("GET"))

    assert response.body == b"/things"


@pytest.mark.parametrize("part", PARTS)
async def test_what_arrives_right_before_the_request_is_not_a_response(connect, tls, part):
    """It lies in the socket, and the event loop does not know of it yet."""
    async with Echo(tls=tls) as server:
        one = connect(server.url)
        assert await body_of(one, "/a") == "/a"
        server.write(PARTS[part])

        assert [await body_of(one, "/b"), await body_of(one, "/c")] == ["/b", "/c"]

    assert server.got == [(1, "/a"), (2, "/b"), (2, "/c")]


@pytest.mark.parametrize("part", PARTS)
async def test_what_comes_with_the_end_of_a_response_is_not_the_next_one(connect, tls, part):
    """A second response in the same segment belongs to nobody."""
    async with Echo(at_once=PARTS[part], tls=tls) as server:
        one = connect(server.url)
        try:
            assert await body_of(one, "/a") == "/a"
        except APIConnectionError:
            assert part == "noise"

        assert [await body_of(one, "/b"), await body_of(one, "/c")] == ["/b", "/c"]


@pytest.mark.parametrize("seed", range(3))
async def test_no_mixture_of_strays_becomes_a_response(connect, seed):
    """Whatever arrives when, a request is answered with its own response or fails; a write is never touched."""
    draw = random.Random(seed)
    async with Echo() as server:
        one = connect(server.url)
        for number in range(150):
            write = draw.random() < 0.2
            target = f"/{number}"
            try:
                assert await body_of(one, target, method="POST" if write else "GET", write=write) == target
            except APIConnectionError:
                assert not write
            for _ in range(draw.randint(0, 2)):
                text = draw.choice([STRAY, BUSY, b"\r\n", PARTS["an interim response"]])
                begin = draw.choice([0, 0, draw.randrange(len(text))])
                for writer in draw.sample(server.writers, min(2, len(server.writers))):
                    writer.write(text[begin : draw.randint(begin, len(text))] if draw.random() < 0.5 else text)
                await turns(draw.choice([0, 1, 20]))


@pytest.mark.parametrize("idle", [True, False], ids=["the loop knows", "the loop does not know"])
async def test_a_connection_that_ended_is_not_used(connect, tls, idle):
    """A server that closes an idle connection costs no attempt, even if the event loop has not heard of it."""
    async with Echo(tls=tls) as server:
        one = connect(server.url)
        await body_of(one, "/a")
        server.writers[-1].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        if idle:
            await turns()

        assert await body_of(one, "/b") == "/b"


async def test_several_connections_with_something_on_them_are_all_passed_over(connect):
    """The next connection is looked at like the first."""
    async with Echo() as server:
        one = connect(server.url)
        await asyncio.gather(*[body_of(one, "/a") for _ in range(4)])
        for writer in server.writers:
            writer.write(STRAY)

        assert await body_of(one, "/b") == "/b"

    assert len(server.received) == 5
    assert server.received[-1].connection == 5


async def test_a_quiet_connection_is_used_again(connect, tls):
    """Reads share their connection."""
    async with Echo(tls=tls) as server:
        one = connect(server.url)
        assert [await body_of(one, f"/{number}") for number in range(4)] == ["/0", "/1", "/2", "/3"]

    assert [connection for connection, _ in server.got] == [1, 1, 1, 1]


async def test_connections_that_were_closed_are_forgotten(transport):
    """A client that lives long holds no connections that are gone."""
    async with ScriptedServer(reply(keep=False)) as server:
        one = transport(server.url)
        for _ in range(5):
            await one.send(request())
            await one.send(request("POST", write=True))
            await turns()

    assert server.connections == 10
    assert len(one._used) <= 2


async def test_a_write_has_a_connection_of_its_own(connect, tls):
    """Nothing that was meant for an earlier request can reach a write, not even after it was sent."""
    async with Echo(tls=tls) as server:
        one = connect(server.url)
        await body_of(one, "/a")
        for target in ("/b", "/c"):
            assert await body_of(one, target, method="POST", body=b"{}", write=True) == target
        await body_of(one, "/d")

    assert server.got == [(1, "/a"), (2, "/b"), (3, "/c"), (1, "/d")]
    assert [got.header("Connection") for got in server.received] == [[], ["close"], ["close"], []]
    assert all(got.header("Proxy-Connection") == [] for got in server.received)


async def test_calls_that_may_change_something_are_writes():
    """A read keeps its connection, whatever its verb; everything else has its own."""
    async with (
        ScriptedServer(reply()) as server,
        Pocketsflow("pk_test_sandbox", base_url=server.url, rate_limit=None) as pf,
    ):
        await pf.request("GET", "/a")
        await pf.request("POST", "/b", json={})
        await pf.request("DELETE", "/c")
        await pf.request("GET", "/d")
        await Executor(pf._connection._executor.transport, None, RetryPolicy()).call(operation("POST", "safe"))

    assert [got.connection for got in server.received] == [1, 2, 3, 1, 1]


async def test_a_write_in_a_session_with_other_requests_has_its_own_connection():
    """The user's own requests leave connections behind that a write does not take."""
    async with (
        ScriptedServer(reply()) as server,
        ClientSession() as session,
        Pocketsflow("pk_test_sandbox", base_url=server.url, session=session, rate_limit=None) as pf,
    ):
        for _ in range(2):
            async with session.get(server.url + "/mine"):
                pass
            await pf.request("POST", "/b", json={})

    assert [got.connection for got in server.received] == [1, 2, 1, 3]


async def test_a_connection_of_the_users_own_requests_is_looked_at(transport):
    """What arrived on a connection that the client did not use before is not a response either."""
    async with Echo() as server, ClientSession() as session:
        one = transport(server.url, session=session)
        async with session.get(server.url + "/mine") as response:
            await response.read()
        server.write(STRAY)

        assert await body_of(one, "/b") == "/b"


async def test_a_write_through_a_proxy_has_its_own_connection(transport):
    """A proxy is told nothing that it does not know from browsers."""
    async with Echo() as proxy, ClientSession(proxy=proxy.url) as session:
        one = transport("http://api.invalid", session=session)
        await body_of(one, "/a")
        await body_of(one, "/b", method="POST", write=True)
        await body_of(one, "/c")

    assert [connection for connection, _ in proxy.got] == [1, 2, 1]


async def test_a_server_that_speaks_first_is_an_error(connect):
    """If new connections are unusable too, nothing was sent, so even a write is repeated by the policy."""
    async with Echo() as server:
        server.greeting = BUSY
        one = connect(server.url)
        error = await failure(one, request("POST", write=True))
        assert type(error) is APIConnectionError
        assert (error.received, error.temporary, server.received) == (False, True, [])
        assert "before the request was sent" in str(error)

        server.greeting = b""
        server.script = [reply()]
        await Executor(one, None, RetryPolicy(attempts=2)).call(operation("POST", "never"))


async def test_a_middleware_of_the_session_runs_once_for_each_connection(transport):
    """Another connection is taken within the one attempt, around the session's own middlewares."""
    ran: list[str] = []

    async def note(sent: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        ran.append(sent.url.path)
        return await handler(sent)

    async with Echo() as server, ClientSession(middlewares=[note]) as session:
        one = transport(server.url, session=session)
        await body_of(one, "/a")
        server.write(STRAY)
        await body_of(one, "/b")

    assert ran == ["/a", "/b", "/b"]


async def test_without_a_look_at_connections_none_is_used_twice():
    """Should a request of aiohttp have no `send` any more, connections are closed rather than trusted."""
    sent: Any = SimpleNamespace(headers=CIMultiDict(), proxy_headers=None, response=None)

    async def handler(_: object) -> Any:
        return "the response"

    assert await Sending("Bearer x", Used(), write=False)(sent, handler) == "the response"
    assert sent.headers["Connection"] == "close"
    assert sent.proxy_headers


@pytest.mark.parametrize("has_poll", [True, False])
def test_a_look_does_not_wait(monkeypatch, has_poll):
    """A socket is readable when something has arrived or its other end is closed, on every system."""
    if not has_poll:
        monkeypatch.delattr(select, "poll")
    here, there = socket.socketpair()
    with here, there:
        look: Callable[[], object] = _look(here)
        assert not look()
        there.send(b"x")
        assert look()
        here.recv(1)
        assert not look()
        there.close()
        assert look()
    assert not _look(None)()
