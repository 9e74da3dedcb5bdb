import asyncio
import gzip
import ssl
from typing import NoReturn, Self

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from servers import ScriptedServer, drop, hang, raw, reply, reset, then_reset
from transports import KEY, chain, failure, operation, request

from pocketsflow_async import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    InvalidArgumentError,
    RetryPolicy,
)
from pocketsflow_async._config import Secret
from pocketsflow_async._credentials import Key
from pocketsflow_async._executor import Executor
from pocketsflow_async._transport import Transport


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


@pytest.mark.parametrize("base", ["", "/", "/token", "/token/"])
async def test_an_address_of_its_own_is_asked_as_it_was_given(transport, base):
    """Without a target the base address itself is asked; a slash at its end is part of it."""
    async with ScriptedServer(reply()) as server:
        await transport(server.url + base).send(request(target=""))

    assert server.received[0].target == (base or "/")


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
        one = Transport(server.url, Key(Secret(KEY)), timeout=5.0)
        await one.send(request())
        session = one._owned
        await one.aclose()
        await one.aclose()

        assert session.closed
        with pytest.raises(ConfigurationError, match="closed"):
            await one.send(request())
    assert len(server.received) == 1


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


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        pytest.param(drop, "before it answered", id="dropped after the request"),
        pytest.param(reset, "was lost", id="reset after the request"),
        pytest.param(
            then_reset(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "cut off|was lost", id="reset in the body"
        ),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "before it answered", id="cut in the head"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"), "cut off", id="cut in the body"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), "cut off", id="cut in a chunk"
        ),
        pytest.param(
            reply(200, gzip.compress(b"{}")[:-1], Content_Encoding="gzip"), "cut off", id="cut before it was sent"
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
        (aiohttp.ConnectionTimeoutError("slow"), APITimeoutError, False, "no connection within 2.5 s"),
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
