import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any, NoReturn, Self

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from aiohttp.client_reqrep import ConnectionKey
from servers import ScriptedServer, drop, hang, raw, reply, then_hang

from pocketsflow_async import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    InvalidArgumentError,
    PocketsflowError,
    RequestOptions,
    RetryPolicy,
)
from pocketsflow_async._config import Secret
from pocketsflow_async._executor import Executor
from pocketsflow_async._operation import Operation
from pocketsflow_async._request import Request
from pocketsflow_async._transport import Transport

KEY = "pk_test_0123456789abcdef"


def request(method: str = "GET", **changes: Any) -> Request:
    """A request for /things."""
    fields = {"name": "things.get", "method": method, "target": "/things", "body": None, "headers": {}}
    return Request(**(fields | {"repeatable": True, "auth": True, "timeout": None} | changes))


class Transports:
    """Makes transports and closes them when the test is over."""

    def __init__(self) -> None:
        self.made: list[Transport] = []

    def __call__(self, url: str, *, timeout: float = 5.0, session: aiohttp.ClientSession | None = None) -> Transport:
        self.made.append(Transport(url, Secret(KEY), timeout=timeout, session=session))
        return self.made[-1]


@pytest.fixture
async def transport() -> AsyncIterator[Transports]:
    transports = Transports()
    yield transports
    for made in transports.made:
        await made.aclose()


async def test_the_key_goes_as_a_bearer_header(transport):
    """Each request has the key, says that it wants JSON and who it comes from, and a path prefix is kept."""
    async with ScriptedServer(reply(200, b'{"a":1}', X_Request_Id="r")) as server:
        answer = await transport(server.url + "/api/v9").send(request(target="/things/a%2Fb?x=1%26"))

    (got,) = server.received
    assert (got.method, got.target, got.body) == ("GET", "/api/v9/things/a%2Fb?x=1%26", b"")
    assert got.header("Authorization") == [f"Bearer {KEY}"]
    assert got.header("Accept") == ["application/json"]
    assert got.header("User-Agent")[0].startswith("pocketsflow-async/")
    assert got.header("Content-Type") == []
    assert (answer.status, answer.headers["x-request-id"], answer.body) == (200, "r", b'{"a":1}')


async def test_open_endpoints_are_not_sent_the_key(transport):
    """Where no key is needed, none goes."""
    async with ScriptedServer(reply()) as server:
        await transport(server.url).send(request(auth=False))

    assert server.received[0].header("Authorization") == []


async def test_a_body_goes_as_json(transport):
    """The bytes are sent as they are, with their kind."""
    async with ScriptedServer(reply()) as server:
        await transport(server.url).send(request("POST", body=b'{"a":1}', headers={"Idempotency-Key": "k"}))

    (got,) = server.received
    assert (got.method, got.body) == ("POST", b'{"a":1}')
    assert got.header("Content-Type") == ["application/json"]
    assert got.header("Idempotency-Key") == ["k"]


async def test_headers_of_a_call_replace_ours_in_any_case(transport):
    """A header is sent once, however it is spelled, and the next call has ours again."""
    async with ScriptedServer(reply()) as server:
        one = transport(server.url)
        await one.send(request(headers={"accept": "text/csv", "X-Trace": "t"}))
        await one.send(request())

    assert [got.header("Accept") for got in server.received] == [["text/csv"], ["application/json"]]
    assert [got.header("X-Trace") for got in server.received] == [["t"], []]


async def test_our_session_is_closed():
    """The session that we opened is closed with us, and nothing is sent afterwards."""
    async with ScriptedServer(reply()) as server:
        one = Transport(server.url, Secret(KEY), timeout=5.0)
        await one.send(request())
        session = one._owned
        await one.aclose()
        await one.aclose()

        assert session.closed
        with pytest.raises(ConfigurationError, match="closed"):
            await one.send(request())
    assert len(server.received) == 1


async def test_somebody_elses_session_stays_open(transport):
    """A session that was given is used, and not closed."""
    async with ScriptedServer(reply()) as server, aiohttp.ClientSession(headers={"X-Mine": "1"}) as session:
        one = transport(server.url, session=session)
        await one.send(request())
        await one.aclose()

        assert not session.closed
    assert server.received[0].header("X-Mine") == ["1"]


async def test_a_session_that_raises_for_status_does_no_harm(transport):
    """Error answers come back whole, even if the given session would raise them."""
    async with ScriptedServer(reply(404, b"{}")) as server, aiohttp.ClientSession(raise_for_status=True) as session:
        answer = await transport(server.url, session=session).send(request())

    assert (answer.status, answer.body) == (404, b"{}")


async def test_a_redirect_is_not_followed(transport):
    """The key does not travel to where a server points."""
    async with ScriptedServer(reply(302, b"", Location="/elsewhere")) as server:
        answer = await transport(server.url).send(request())

    assert (answer.status, len(server.received)) == (302, 1)


async def test_cookies_are_not_kept(transport):
    """Nothing that a server sets comes back to it."""
    async with ScriptedServer(reply(Set_Cookie="a=b")) as server:
        one = transport(server.url)
        await one.send(request())
        await one.send(request())

    assert [got.header("Cookie") for got in server.received] == [[], []]


async def test_compressed_answers_are_unpacked(transport):
    """The body is what the server meant."""
    packed = gzip.compress(b'{"a":1}')
    async with ScriptedServer(reply(200, packed, Content_Encoding="gzip")) as server:
        answer = await transport(server.url).send(request())

    assert answer.body == b'{"a":1}'


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def chain(error: BaseException) -> Iterator[object]:
    """Everything that hangs on an error: what it was raised from, its fields and arguments, all the way down."""
    todo: list[object] = [error]
    seen: set[int] = set()
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, BaseException):
            todo += [thing.__cause__, thing.__context__, *thing.args, *vars(thing).values()]
            if isinstance(thing, OSError):
                todo += [thing.strerror, thing.filename]
        elif isinstance(thing, dict):
            todo += [*thing, *thing.values()]
        elif isinstance(thing, list | tuple | set):
            todo += thing


async def failure(one: Transport, sent: Request | None = None) -> APIConnectionError:
    """The error of a request that fails, after a look that it gives nothing away."""
    with pytest.raises(PocketsflowError) as caught:
        await one.send(sent or request())
    error = caught.value
    for thing in chain(error):
        assert type(thing).__module__.partition(".")[0] not in {"aiohttp", "yarl", "multidict"}, thing
        assert KEY not in f"{thing} {thing!r}"
    return error


async def test_a_refused_connection_never_arrived(transport, closed_port):
    """The error says that the server has not seen the request, and keeps the system's own error as its cause."""
    error = await failure(transport(closed_port))

    assert type(error) is APIConnectionError
    assert not error.received
    assert "the connection was refused" in str(error)
    assert str(error).startswith(f"things.get at {closed_port}: ")
    assert isinstance(error.__cause__, OSError)


class Nowhere(AbstractResolver):
    """Knows no names."""

    async def resolve(self, host: str, *_: object, **__: object) -> NoReturn:
        raise OSError(None, f"no address for {host}")

    async def close(self) -> None:
        pass


async def test_a_host_without_address_never_arrived(transport):
    """A name that nobody knows is told as such."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Nowhere())) as session:
        error = await failure(transport("http://nobody.invalid", session=session))

    assert type(error) is APIConnectionError
    assert not error.received
    assert "could not be resolved" in str(error)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        pytest.param(drop, "before it answered", id="dropped after the request"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "before it answered", id="cut in the head"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"), "cut off", id="cut in the body"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), "cut off", id="cut in a chunk"
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
            "cut off|not valid",
            id="not what it says to be",
        ),
        pytest.param(raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "not valid HTTP", id="not HTTP"),
        pytest.param(raw(b"HTTP/1.1 banana\r\n\r\n"), "not valid HTTP", id="almost HTTP"),
        pytest.param(raw(b"\x15\x03\x01\x00\x02\x02\x16"), "not valid HTTP", id="TLS"),
    ],
)
async def test_a_lost_answer_may_have_arrived(transport, act, reason):
    """Once the request was sent, nobody can be sure that the server did not act on it."""
    async with ScriptedServer(act) as server:
        error = await failure(transport(server.url))

    assert type(error) is APIConnectionError
    assert error.received
    assert len(server.received) == 1
    assert any(part in str(error) for part in reason.split("|")), error


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(hang, id="no answer"),
        pytest.param(then_hang(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), id="half a body"),
        pytest.param(then_hang(b"HTTP/1.1 200"), id="half a head"),
    ],
)
async def test_a_slow_answer_times_out(transport, act):
    """The timeout covers the whole try, the body included."""
    async with ScriptedServer(act) as server:
        error = await failure(transport(server.url, timeout=0.05))

    assert type(error) is APITimeoutError
    assert error.received
    assert str(error).endswith("no complete answer within 0.05 s")


async def test_the_timeout_of_a_call_counts(transport):
    """A call may wait less than its client."""
    async with ScriptedServer(hang) as server:
        error = await failure(transport(server.url, timeout=50.0), request(timeout=0.05))

    assert "0.05 s" in str(error)


async def test_a_server_without_tls_never_arrived(transport):
    """Where no secure connection comes about, the request was not sent."""
    async with ScriptedServer(drop) as server:
        server.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        error = await failure(transport(server.url.replace("http:", "https:")))

    assert type(error) is APIConnectionError
    assert not error.received
    assert "no secure connection could be made" in str(error)


class FailingSession:
    """A session whose requests all fail with one error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def request(self, *_: object, **__: object) -> Self:
        return self

    async def __aenter__(self) -> NoReturn:
        raise self.error

    async def __aexit__(self, *_: object) -> None:
        pass


SOMEWHERE = ConnectionKey("host", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
BAD_CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")


@pytest.mark.parametrize(
    ("error", "kind", "received", "text"),
    [
        (aiohttp.ClientConnectorCertificateError(SOMEWHERE, BAD_CERTIFICATE), APIConnectionError, False, "certificate"),
        (aiohttp.ConnectionTimeoutError("slow"), APITimeoutError, False, "within 5 s"),
        (aiohttp.SocketTimeoutError("slow"), APITimeoutError, True, "within 5 s"),
        (TimeoutError(), APITimeoutError, True, "within 5 s"),
        (aiohttp.ClientOSError(104, "Connection reset"), APIConnectionError, True, "was lost (Connection reset)"),
        (ConnectionResetError(), APIConnectionError, True, "was lost (ConnectionResetError)"),
        (aiohttp.ClientError("odd"), APIConnectionError, True, "failed (ClientError)"),
        (aiohttp.InvalidURL("http://host"), InvalidArgumentError, None, "no address"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
async def test_each_failure_of_the_network_has_its_error(transport, error, kind, received, text):
    """Timeouts are told from other losses, and what certainly never arrived from what may have."""
    found = await failure(transport("https://host", session=FailingSession(error)))

    assert type(found) is kind
    assert getattr(found, "received", None) == received
    assert text in str(found)


async def test_a_cancelled_request_is_cancelled(transport):
    """Cancellation passes through as it is."""
    async with ScriptedServer(hang) as server:
        task = asyncio.create_task(transport(server.url).send(request()))
        await server.got_one.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def operation(method: str) -> Operation[Any]:
    """A call that may be repeated."""
    answer = "pocketsflow_async._generated.pocketsflow.wire.common:MESSAGE"
    return Operation(name="things.get", method=method, path="/things", answer=answer, idempotency="safe")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("attempts", [1, 3])
async def test_each_try_is_sent_once(transport, method, attempts):
    """On a reused connection that drops, the server sees one request for each of our tries and not one more."""
    async with ScriptedServer(reply(204, b""), drop) as server:
        runner = Executor(transport(server.url), None, RetryPolicy(attempts=attempts, base_delay=0.0))
        await runner.call(operation(method))
        with pytest.raises(APIConnectionError) as caught:
            await runner.call(operation(method), options=RequestOptions(timeout=2.0))

    assert [got.connection for got in server.received[:2]] == [1, 1]
    assert len(server.received) - 1 == attempts == len(caught.value.attempts)


async def test_errors_of_a_whole_call_give_nothing_away(transport):
    """Neither a lost answer after retries nor an error status carries the key or an object of aiohttp."""
    policy = RetryPolicy(attempts=2, base_delay=0.0)
    async with ScriptedServer(drop, drop, reply(404, b'{"error":"gone"}')) as server:
        runner = Executor(transport(server.url), None, policy)
        for kind in (APIConnectionError, APIStatusError):
            with pytest.raises(kind) as caught:
                await runner.call(operation("GET"))
            for thing in chain(caught.value):
                assert type(thing).__module__.partition(".")[0] not in {"aiohttp", "yarl", "multidict"}, thing
                assert KEY not in f"{thing} {thing!r}"
