"""Whatever a server sends, a response takes no more memory and time than is allowed."""

import asyncio
import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable, Iterable

import aiohttp
import pytest
from servers import Act, ScriptedServer, drop, raw, reply, then_hang
from transports import KEY, failure, operation, request

from pocketsflow_async import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    RetryPolicy,
    ServerError,
)
from pocketsflow_async._config import MAX_RESPONSE_SIZE
from pocketsflow_async._executor import Executor
from pocketsflow_async._response import error_from

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BAD = b"HTTP/1.1 400 Bad Request\r\n"


def sent(pieces: Iterable[bytes], *, keep: bool = False) -> Act:
    """Send piece after piece, as fast as the client takes them."""

    async def act(writer: asyncio.StreamWriter) -> bool:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return keep

    return act


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def with_length(body: bytes, more: bytes = b"") -> Act:
    """The body with its length."""
    return raw(OK + more + b"Content-Length: %d\r\n\r\n" % len(body) + body, keep=True)


def packed(body: bytes) -> Act:
    """The body, compressed."""
    return with_length(gzip.compress(body), b"Content-Encoding: gzip\r\n")


ROADS: dict[str, Callable[[bytes], Act]] = {
    "with its length": with_length,
    "in one chunk": lambda body: raw(CHUNKED + chunk(body) + chunk(b""), keep=True),
    "in many chunks": lambda body: sent([CHUNKED, *(chunk(bytes([one])) for one in body), chunk(b"")], keep=True),
    "to the end of the connection": lambda body: raw(OK + b"\r\n" + body),
    "compressed": packed,
    "compressed twice": lambda body: with_length(
        gzip.compress(zlib.compress(body)), b"Content-Encoding: deflate, gzip\r\n"
    ),
    "compressed, in chunks": lambda body: sent(
        [OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", chunk(gzip.compress(body)), chunk(b"")],
        keep=True,
    ),
}


@pytest.mark.parametrize("road", ROADS)
async def test_a_response_has_a_largest_size(transport, road):
    """As many bytes as are allowed are read; one more is an error that names the setting, and is not retried."""
    body = b"x" * 1000
    async with ScriptedServer(ROADS[road](body)) as server:
        exact = transport(server.url, max_response_size=1000)
        assert (await exact.send(request())).body == body
        small = transport(server.url, max_response_size=999)
        with pytest.raises(APIResponseError, match=r"larger than max_response_size, 999 bytes") as caught:
            await Executor(small, None, RetryPolicy()).call(operation("GET"))
        unlimited = transport(server.url, max_response_size=None)
        assert (await unlimited.send(request())).body == body

    assert str(caught.value).startswith(f"things.get at {server.url}: ")
    assert caught.value.status == 200
    assert len(caught.value.attempts) == 1
    assert len(server.received) == 3


async def test_a_response_that_is_too_large_is_not_read(transport):
    """The announced length is enough; the rest of the body is not waited for, and the connection is closed."""
    script = then_hang(OK + b"Content-Length: 1001\r\n\r\n"), reply()
    async with ScriptedServer(*script) as server:
        one = transport(server.url, max_response_size=1000)
        assert type(await failure(one)) is APIResponseError
        await one.send(request())

    assert [got.connection for got in server.received] == [1, 2]


async def test_the_length_of_a_response_without_body_is_of_no_matter(transport):
    """A HEAD may announce what a GET would bring."""
    async with ScriptedServer(raw(OK + b"Content-Length: 9999999999\r\n\r\n", keep=True)) as server:
        assert (await transport(server.url, max_response_size=1).send(request("HEAD"))).body == b""


async def test_a_body_without_end_is_cut_short(transport):
    """Chunks that never end are read up to the limit."""
    async with ScriptedServer(sent(itertools.chain([CHUNKED], itertools.repeat(chunk(b"x" * 65_536))))) as server:
        error = await failure(transport(server.url, max_response_size=1_000_000))

    assert type(error) is APIResponseError


def bomb(size: int) -> bytes:
    """A compressed body a thousandth of its size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)) + packer.flush()


async def test_a_bomb_takes_no_more_memory_than_allowed(transport):
    """What is compressed a thousandfold is decompressed in pieces, and not beyond the limit."""
    body = bomb(100_000_000)
    async with ScriptedServer(with_length(body, b"Content-Encoding: gzip\r\n")) as server:
        one = transport(server.url, max_response_size=2_000_000)
        await failure(one)
        tracemalloc.start()
        try:
            await failure(one)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 5_000_000


async def test_a_bomb_takes_no_more_time_than_allowed(transport):
    """Without a limit of size the timeout ends it, and others have their turn meanwhile."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    body = gzip.compress(bomb(4_000_000_000 // 100))
    async with ScriptedServer(with_length(body, b"Content-Encoding: gzip, gzip\r\n")) as server:
        one = transport(server.url, max_response_size=None)
        task = asyncio.create_task(others())
        found = await one.send(request())
        assert len(found.body) == 40_000_000
        assert turns > 20
        task.cancel()
        error = await failure(one, request(timeout=0.01))

    assert type(error) is APITimeoutError


def test_the_limit_is_64_mb():
    """More than any page of the API has, less than a small machine has."""
    assert MAX_RESPONSE_SIZE == 64 * 1024 * 1024


ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "interim responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 20),
    "an interim response, byte by byte": (b"HTTP/1.1 103 Early Hints\r\nX: ", b"x"),
    "headers": (OK, b"X: y\r\n" * 20),
    "one header": (OK + b"X: ", b"x" * 100),
    "the status line": (b"HTTP/1.1 200 ", b"x" * 100),
    "chunks": (CHUNKED, chunk(b"x")),
    "the extension of a chunk": (CHUNKED + b"1;", b"x=y;" * 20),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n" * 20),
    "a body to the end of the connection": (OK + b"\r\n", b"x"),
}


@pytest.mark.parametrize("part", ENDLESS)
async def test_nothing_goes_on_without_end(transport, part):
    """Whatever a server repeats for ever, the attempt ends with an error of ours when its time is over, or before."""
    begin, again = ENDLESS[part]
    async with ScriptedServer(sent(itertools.chain([begin], itertools.repeat(again)))) as server:
        error = await failure(transport(server.url), request(timeout=0.4))  # half of it for the connection

    assert type(error) in {APITimeoutError, APIConnectionError}
    assert error.received


async def failed(one: Awaitable[object]) -> APIStatusError:
    """The error of an error status."""
    return error_from(await one, "things.get")  # type: ignore[arg-type]


async def test_the_body_of_an_error_is_read_up_to_a_bound(transport):
    """An error that never ends is raised with what came of it, and its connection is closed."""
    head = BAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b'{"message":"no"}')
    script = sent(itertools.chain([head], itertools.repeat(chunk(b" " * 65_536)))), reply()
    async with ScriptedServer(*script) as server:
        one = transport(server.url)
        error = await failed(one.send(request()))
        await one.send(request())

    assert (type(error), error.message) == (BadRequestError, "no")
    assert [got.connection for got in server.received] == [1, 2]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(with_length(b'{"message":"no"}'), "no", id="plain"),
        pytest.param(packed(b'{"message":"no"}'), "no", id="compressed"),
        pytest.param(with_length(b'{"message":"no"}', b"Content-Encoding: gzip\r\n"), "no", id="not compressed"),
        pytest.param(with_length(gzip.compress(b'{"message":"no"}')), "no", id="not labelled"),
        pytest.param(with_length(b"no\xff", b"Content-Encoding: br\r\n"), "no\N{REPLACEMENT CHARACTER}", id="brotli"),
        pytest.param(with_length(b"no", b"Content-Encoding: " + b"gzip," * 9 + b"\r\n"), "no", id="many codings"),
        pytest.param(
            with_length(gzip.compress(b"no " * 9)[:-9], b"Content-Encoding: gzip\r\n"),
            "no n",
            id="end is missing",
        ),
        pytest.param(packed(b"no " + b"x" * 3_000_000), "no xxx", id="large"),
        pytest.param(with_length(bomb(100_000_000), b"Content-Encoding: gzip\r\n"), r"\x00\x00", id="bomb"),
        pytest.param(raw(OK + b"Content-Length: 9\r\n\r\nno"), "no", id="cut off"),
        pytest.param(then_hang(OK + b"Content-Length: 9\r\n\r\nno"), "no", id="late"),
    ],
)
@pytest.mark.parametrize("status", [b"400", b"500"])
async def test_an_error_status_is_known_whatever_its_body_is(transport, status, body, message):
    """Nothing that is wrong with the body of an error takes the place of its status."""

    async def act(writer: asyncio.StreamWriter) -> bool:
        write = writer.write
        writer.write = lambda text: write(text.replace(b" 200 OK", b" %b X" % status))  # type: ignore[method-assign]
        return await body(writer)

    async with ScriptedServer(act) as server:
        error = await failed(transport(server.url, timeout=0.1).send(request()))

    assert type(error) is (BadRequestError if status == b"400" else ServerError)
    assert error.message.startswith(message)


@pytest.mark.parametrize("read", [1 << 16, 1 << 17])
@pytest.mark.parametrize("shown", range(1, len(KEY) + 1, 4))
async def test_a_key_at_the_end_of_what_is_read_does_not_show(transport, shown, read):
    """Where the body of an error is cut off within the key, no part of the key is kept."""
    body = b"x" * (read - shown) + KEY.encode() + b"x" * 100
    async with ScriptedServer(raw(BAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)) as server:
        answer = await transport(server.url).send(request())

    assert set(answer.body) <= set(b"x*")
    assert len(answer.body) >= (1 << 16) - len(KEY)


ODD: dict[str, bytes] = {
    "more than its length": OK + b"Content-Length: 1\r\n\r\n{}",
    "both a length and chunks": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "204 with a body": b"HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("part", ODD)
async def test_what_is_no_valid_response_is_an_error_of_ours(transport, part):
    """A response that contradicts itself is not believed in part."""
    async with ScriptedServer(raw(ODD[part]), drop) as server:
        one = transport(server.url)
        error = await failure(one)

    assert type(error) is APIConnectionError
    assert error.received


async def test_a_flood_of_headers_is_read_or_refused(transport):
    """Newer versions of aiohttp have a largest number of headers."""
    head = OK + b"".join(b"X-%d: 1\r\n" % one for one in range(20_000))
    async with ScriptedServer(raw(head + b"Content-Length: 2\r\n\r\n{}")) as server:
        (found,) = await asyncio.gather(transport(server.url).send(request()), return_exceptions=True)

    assert type(found) is APIConnectionError or found.body == b"{}"


@pytest.mark.parametrize("status", [200, 205])
async def test_a_response_after_interim_ones_is_read(transport, status):
    """100 and 103 are not responses; a 205 may have a body."""
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with ScriptedServer(raw(early + b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % status)) as server:
        assert (await transport(server.url).send(request())).body == b"{}"


async def test_only_what_can_be_decoded_is_asked_for(transport):
    """Brotli and zstd are not, even if the libraries for them are there."""
    async with ScriptedServer(reply()) as server:
        await transport(server.url).send(request())

    assert server.received[0].header("Accept-Encoding") == ["gzip, deflate"]


async def test_a_middleware_may_read_the_body(transport):
    """A session's own middleware that has read the response leaves it for the client."""

    async def read(sent_: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        response = await handler(sent_)
        await response.read()
        return response

    async with (
        ScriptedServer(packed(b"x" * 1_000_000), reply(400, b"no")) as server,
        aiohttp.ClientSession(middlewares=[read]) as session,
    ):
        one = transport(server.url, session=session)
        assert (await one.send(request())).body == b"x" * 1_000_000
        assert (await one.send(request())).body == b"no"


async def test_without_a_timeout_only_connecting_has_a_limit(transport):
    """`timeout=None` waits for the response as long as it takes."""
    async with ScriptedServer(packed(b"{}")) as server:
        one = transport(server.url, timeout=None)
        assert (await one.send(request())).body == b"{}"

    assert (one._timeout.total, one._timeout.sock_connect) == (None, 10.0)
