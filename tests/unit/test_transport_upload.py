"""Uploads on a real socket: what happens when the caller's own file or generator fails, or is left unread."""

import asyncio
import io
from collections.abc import AsyncIterator

import attrs
import pytest
from servers import ScriptedServer, drop, hang, reply
from transports import KEY, chain, request

from pocketsflow_async import APIConnectionError, APITimeoutError, InvalidArgumentError, RetryPolicy
from pocketsflow_async._executor import Executor
from pocketsflow_async._generated.pocketsflow_preview.bodies.images import ImageUpload
from pocketsflow_async._generated.pocketsflow_preview.operations import images
from pocketsflow_async._request import Request
from pocketsflow_async._upload import Form


def upload(content: object) -> Request:
    """A request that sends this content."""
    return request("POST", body=Form("images.upload", ImageUpload(file=content)))


class Source:
    """A caller's generator, which tells whether it was closed."""

    def __init__(self, *pieces: object, error: BaseException | None = None, endless: bool = False) -> None:
        self.pieces = pieces
        self.error = error
        self.endless = endless
        self.closed = False

    async def read(self) -> AsyncIterator[bytes]:
        try:
            for piece in self.pieces:
                yield piece
                await asyncio.sleep(0)
            if self.error is not None:
                raise self.error
            while self.endless:
                yield b"x" * 65536
        finally:
            self.closed = True


ERRORS = [ValueError("mine"), OSError(5, "disk"), TimeoutError(), ConnectionResetError(), RuntimeError("mine")]


@pytest.mark.parametrize("pieces", [(), (b"first",), (b"x" * 300_000,)], ids=["at once", "later", "much later"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_a_generator_that_fails_is_the_callers_matter(transport, error, pieces):
    """The error names the operation and the part, and its cause is the caller's own exception."""
    source = Source(*pieces, error=error)
    async with ScriptedServer(hang) as server:
        with pytest.raises(InvalidArgumentError, match=r"images\.upload: file could not be read to its end") as caught:
            await transport(server.url).send(upload(source.read()))

    assert caught.value.__cause__ is error
    assert source.closed
    for thing in chain(caught.value):
        assert type(thing).__module__.partition(".")[0] not in {"aiohttp", "yarl", "multidict"}, thing
        assert KEY not in f"{thing} {thing!r}"


async def test_a_generator_that_gives_text_is_the_callers_matter(transport):
    """Pieces are bytes."""
    async with ScriptedServer(hang) as server:
        with pytest.raises(InvalidArgumentError, match=r"TypeError.*'str'"):
            await transport(server.url).send(upload(Source("text").read()))


class BrokenFile(io.BytesIO):
    """A file on a broken disk."""

    def read(self, *_: object) -> bytes:
        raise OSError(5, "Input/output error")


async def test_a_file_that_fails_is_not_sent_again(transport):
    """A broken file is as broken at the next try, whatever may be repeated."""
    async with ScriptedServer(hang) as server:
        runner = Executor(transport(server.url), None, RetryPolicy(base_delay=0.0))
        call = runner.call(images.UPLOAD, body=ImageUpload(file=BrokenFile()))
        with pytest.raises(InvalidArgumentError, match="Input/output error") as caught:
            await call

    assert [attempt.outcome for attempt in caught.value.attempts] == ["InvalidArgumentError"]
    assert server.connections == 1


async def test_a_lost_connection_stays_one(transport):
    """When the server hangs up on an upload, that is no fault of the generator, which is closed."""
    source = Source(endless=True)
    async with ScriptedServer(drop) as server:
        with pytest.raises(APIConnectionError) as caught:
            await transport(server.url).send(upload(source.read()))

    assert caught.value.received
    assert source.closed


async def test_a_cancelled_upload_closes_its_generator(transport):
    """When the call ends, the caller's generator has ended too."""
    source = Source(endless=True)
    async with ScriptedServer(hang) as server:
        task = asyncio.create_task(transport(server.url).send(upload(source.read())))
        await server.got_one.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert source.closed


async def test_a_generator_that_waits_is_closed_with_a_cancelled_upload(transport):
    """A generator that waits for its next piece is cancelled where it waits, and has a moment to clean up."""
    source = Source(endless=True)
    stuck, cleaned = asyncio.Event(), asyncio.Event()

    async def waits() -> AsyncIterator[bytes]:
        async for piece in source.read():
            yield piece
            stuck.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                cleaned.set()

    async with ScriptedServer(hang) as server:
        task = asyncio.create_task(transport(server.url).send(upload(waits())))
        await stuck.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert cleaned.is_set()


async def test_an_upload_that_is_answered_early_closes_its_generator(transport):
    """A server may refuse an upload before it has read it all."""
    source = Source(endless=True)

    async def refuse(writer: asyncio.StreamWriter) -> bool:
        await reply(413)(writer)
        return await hang(writer)

    async with ScriptedServer(refuse) as server:
        answer = await transport(server.url).send(upload(source.read()))

    assert answer.status == 413
    assert source.closed


async def test_a_timed_out_upload_closes_its_generator(transport):
    """The timeout of a try covers the upload, and leaves nothing behind."""
    source = Source(endless=True)
    async with ScriptedServer(reply(), hang) as server:
        one = transport(server.url)
        await one.send(request())
        with pytest.raises(APITimeoutError) as caught:
            await one.send(attrs.evolve(upload(source.read()), timeout=0.1))

    assert caught.value.received
    assert source.closed
