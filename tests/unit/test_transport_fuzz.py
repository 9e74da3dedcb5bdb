"""Thousands of broken answers: each ends in a response or in an error of our tree, and leaves nothing behind."""

import asyncio
import copy
import gc
import gzip
import random
import zlib
from collections.abc import Callable

from fakes import pickled
from transports import KEY, Transports, chain, request

from pocketsflow_async import APIConnectionError, APIResponseError, APITimeoutError, PocketsflowError
from pocketsflow_async._response import Response, error_from

COUNT = 4000
BODY = b'{"a": [1, 2, 3], "b": "text"}'
LENGTH = b"Content-Length: %d" % len(BODY)
STATUS_LINES = [
    *(b"HTTP/1.1 %s X" % status for status in (b"99", b"999", b"abc", b"", b"-1", b"0", b"1000", b"20", b"2 00")),
    *(b"HTTP/1.1 %d X" % status for status in (101, 102, 103, 199, 204, 205, 206, 301, 304, 407, 417, 418, 426, 599)),
    *(b"%s 200 OK" % version for version in (b"HTTP/0.9", b"HTTP/1.0", b"HTTP/2", b"HTTP/9.9", b"HTTP/1", b"http/1.1")),
    *(b"HTTP/1.1 200" + end for end in (b"", b" ", b"\tOK", b" \xff\xfe", b" " + b"x" * 9000, b" \x00")),
    *(b"", b"200 OK", b"\x00\x00", b"ICY 200 OK", b"<html>", b"\x16\x03\x01\x00\x2a", b"\r\n\r\n"),
]
HEADERS = [
    *(b"Content-Length: " + value for value in (b"0", b"-1", b"+5", b"5", b"99999", b"9" * 30, b"0x1d", b"", b"1,1")),
    LENGTH + b"\r\n" + LENGTH,
    LENGTH + b"\r\nContent-Length: 7",
    *(
        b"Transfer-Encoding: " + value
        for value in (b"chunked", b"identity", b"gzip, chunked", b"chunked, chunked", b"x")
    ),
    *(
        b"Content-Encoding: " + value
        for value in (b"gzip", b"deflate", b"br", b"zstd", b"gzip, gzip", b"identity", b"nonsense", b"", b"GZIP")
    ),
    *(b"Connection: " + value for value in (b"close", b"keep-alive", b"upgrade", b"\xff")),
    *(b"Upgrade: websocket", b"Trailer: X", b": nameless", b"no colon", b"Space : x", b" folded", b"\tfolded"),
    *(b"X: " + value for value in (b"x" * 9000, b"\x00", b"\xff\xfe\x80", "ключ".encode(), b"a\rb", b"a\nb")),
    *(b"\xff: x", b"X\x00Y: 1", b"x" * 9000 + b": 1", b"\r\n".join(b"X-%d: 1" % number for number in range(300))),
    *(b"Set-Cookie: " + value for value in (b"", b"=", b"a=b; Max-Age=x", b"\xff=\xff")),
    *(b"Location: " + value for value in (b"http://[", b"//", b"\xff", b"http://other.invalid/")),
    *(b"Retry-After: " + value for value in (b"-1", b"soon", b"1e999", b"\xff")),
    *(b"Content-Type: " + value for value in (b"", b"text/html; charset=nonsense", b"\xff")),
]
BODIES = [
    *(b"", b"{", b"\x00", b"\xff\xfe", b"null", b"[]", b"<html>", BODY * 3000, BODY + b"extra"),
    *(gzip.compress(BODY), gzip.compress(BODY)[:-5], zlib.compress(BODY), gzip.compress(b"\x00" * 500_000)),
    *(b"1d\r\n" + BODY + b"\r\n0\r\n\r\n", b"1d\r\n" + BODY + b"\r\n", b"1d;x=" + b"y" * 9000 + b"\r\n" + BODY),
    *(
        b"zz\r\n" + BODY,
        b"-1\r\n" + BODY,
        b"f" * 20 + b"\r\n" + BODY,
        b"1\r\n" + BODY + b"\r\n0\r\n\r\n",
        b"\r\n0\r\n\r\n",
    ),
    *(b"0\r\nX: 1\r\n\r\n", b"0\r\n" + b"X: 1\r\n" * 300 + b"\r\n", b"0\r\nX: \xff\x00\r\n\r\n", b"0\n\n"),
]
INTERIM = [
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
    b"HTTP/1.1 199 \xff\r\n\r\n",
]


def broken_answer(draw: random.Random) -> bytes:
    """Something like an answer, with one to three things wrong with it."""
    line, headers, body, before = b"HTTP/1.1 200 OK", [LENGTH, b"Content-Type: application/json"], BODY, b""
    damage: list[Callable[[bytes], bytes]] = []
    for _ in range(draw.randint(1, 3)):
        kind = draw.randrange(8)
        if kind == 0:
            line = draw.choice(STATUS_LINES)
        elif kind == 1:
            headers[0] = draw.choice(HEADERS)
        elif kind == 2:
            headers.insert(draw.randint(0, len(headers)), draw.choice(HEADERS))
        elif kind == 3:
            body = draw.choice(BODIES)
        elif kind == 4:
            headers[0], body = b"Transfer-Encoding: chunked", draw.choice(BODIES)
        elif kind == 5:
            before = draw.choice(INTERIM) * draw.choice([1, 2, 500])
        elif kind == 6:
            damage.append(lambda text: text[: draw.randint(0, len(text))])
        else:
            damage.append(lambda text: noise(text, draw))
    answer = before + b"\r\n".join([line, *headers]) + b"\r\n\r\n" + body
    for harm in damage:
        answer = harm(answer)
    return answer


def noise(text: bytes, draw: random.Random) -> bytes:
    """The text with a few bytes changed, put in or left out."""
    bytes_ = bytearray(text)
    for _ in range(draw.randint(1, 4)):
        place = draw.randint(0, max(len(bytes_) - 1, 0))
        bytes_[place : place + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
    return bytes(bytes_)


async def answer_broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request with what its number draws, and mostly hangs up afterwards."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            draw = random.Random(head.partition(b" HTTP/")[0])
            writer.write(broken_answer(draw))
            await writer.drain()
            if draw.random() < 0.9:
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def check(error: PocketsflowError) -> None:
    """An error can be printed, copied and pickled, and nothing of the network or the key hangs on it."""
    restored = pickled(error)
    assert repr(restored) == repr(copy.copy(error)) == repr(error)
    assert str(restored) == str(error)
    for thing in chain(error):
        assert type(thing).__module__.partition(".")[0] not in {"aiohttp", "yarl", "multidict"}, thing
        assert KEY not in f"{thing} {thing!r}"


async def test_any_answer_ends_in_a_response_or_an_error_of_ours():
    """Whatever a server sends, the caller sees our tree only, and no task or connection is left without an owner."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    numbers = iter(range(COUNT))
    outcomes: set[str] = set()

    async def outcome(number: int) -> Response | PocketsflowError:
        try:
            return await one.send(request(target=f"/things/{number}"))
        except PocketsflowError as error:
            return error

    async def work() -> None:
        for number in numbers:
            found = await outcome(number)
            if isinstance(found, Response):
                assert isinstance(found.body, bytes)
                outcomes.add(str(found.status))
                if not 200 <= found.status < 300:
                    check(error_from(found, "things.get"))
            else:
                assert type(found) in {APIConnectionError, APITimeoutError, APIResponseError}
                assert type(found) is not APIConnectionError or found.received
                check(found)
                outcomes.add(str(found).partition(": ")[2])

    async with await asyncio.start_server(answer_broken, "127.0.0.1", 0) as server, Transports() as transports:
        one = transports(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=0.5)
        await asyncio.gather(*[work() for _ in range(16)])
    gc.collect()

    assert complaints == []
    assert next(numbers, None) is None
    assert {"200", "999", "the answer is not valid HTTP", "the answer was cut off"} <= outcomes
