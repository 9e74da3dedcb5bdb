"""What fails before the request is written never arrived; what fails later may have."""

import asyncio
from typing import NoReturn

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver
from servers import ScriptedServer, drop, hang, reply, then_hang
from transports import Nowhere, failure, operation, request

from pocketsflow_async import APIConnectionError, APITimeoutError, RequestOptions, RetryPolicy
from pocketsflow_async._executor import Executor
from pocketsflow_async._transport import Transport


async def connected(one: Transport) -> None:
    """Leave a connection in the pool, so that the next request need not connect, however busy the machine is."""
    assert (await one.send(request())).status == 200


async def test_a_refused_connection_never_arrived(transport, closed_port):
    """The error says that the server has not seen the request, and keeps the system's own error as its cause."""
    error = await failure(transport(closed_port))

    assert type(error) is APIConnectionError
    assert not error.received
    assert "the connection was refused" in str(error)
    assert str(error).startswith(f"things.get at {closed_port}: ")
    assert isinstance(error.__cause__, OSError)


async def test_a_host_without_address_never_arrived(transport):
    """A name that nobody knows is told as such."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Nowhere())) as session:
        error = await failure(transport("http://nobody.invalid", session=session))

    assert type(error) is APIConnectionError
    assert not error.received
    assert "could not be resolved" in str(error)


class Slow(AbstractResolver):
    """Never finds a name."""

    async def resolve(self, *_: object, **__: object) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        pass


async def test_a_name_that_is_looked_up_for_too_long_never_arrived(transport):
    """The timeout of the try covers the look-up too."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Slow())) as session:
        error = await failure(transport("http://nobody.invalid", session=session, timeout=0.05))

    assert type(error) is APITimeoutError
    assert not error.received
    assert str(error).endswith("no connection within 0.05 s")


async def test_connecting_has_a_shorter_time_than_the_try(transport):
    """A server that takes the connection but does not shake hands is given half of the timeout."""
    async with ScriptedServer(reply()) as server:
        error = await failure(transport(server.url.replace("http:", "https:"), timeout=0.1))

    assert type(error) is APITimeoutError
    assert not error.received
    assert str(error).endswith("no connection within 0.05 s")


async def test_a_long_timeout_does_not_make_connecting_longer(transport):
    """Ten seconds are enough for a connection."""
    limits = transport("http://127.0.0.1", timeout=300.0)._timeout

    assert (limits.total, limits.sock_connect) == (300.0, 10.0)


async def test_a_write_that_did_not_connect_is_repeated(transport):
    """What timed out while connecting cannot have been acted on, so even a POST without a key goes again."""
    async with ScriptedServer(reply()) as server:
        one = transport(server.url.replace("http:", "https:"), timeout=0.1)
        with pytest.raises(APITimeoutError) as caught:
            await Executor(one, None, RetryPolicy(attempts=3, base_delay=0.0)).call(operation("POST", "never"))

    assert len(caught.value.attempts) == 3
    assert server.received == []


async def test_a_write_that_may_have_arrived_is_not_repeated(transport):
    """A POST without a key whose answer is late stays a single one."""
    async with ScriptedServer(reply(), hang) as server:
        one = transport(server.url)
        await connected(one)
        runner = Executor(one, None, RetryPolicy(attempts=3, base_delay=0.0))
        with pytest.raises(APITimeoutError) as caught:
            await runner.call(operation("POST", "never"), options=RequestOptions(timeout=0.05))

    assert caught.value.received
    assert len(server.received) == 2


async def test_waiting_for_a_connection_of_the_pool_never_arrived(transport):
    """Who found no free connection within the timeout has sent nothing."""
    connector = aiohttp.TCPConnector(limit=1)
    async with ScriptedServer(hang) as server, aiohttp.ClientSession(connector=connector) as session:
        one = transport(server.url, session=session)
        holder = asyncio.create_task(one.send(request()))
        await server.got_one.wait()
        error = await failure(one, request("POST", timeout=0.05))
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)

    assert type(error) is APITimeoutError
    assert not error.received
    assert str(error).endswith("no connection within 0.05 s")
    assert len(server.received) == 1


async def test_a_server_without_tls_never_arrived(transport):
    """Where no secure connection comes about, the request was not sent."""
    async with ScriptedServer(drop) as server:
        server.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        error = await failure(transport(server.url.replace("http:", "https:")))

    assert type(error) is APIConnectionError
    assert not error.received
    assert "no secure connection could be made" in str(error)


async def test_a_handshake_that_is_cut_never_arrived(transport):
    """A server that hangs up instead of shaking hands has seen no request."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        error = await failure(transport(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"))

    assert type(error) is APIConnectionError
    assert (error.received, error.temporary) == (False, True)


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
    async with ScriptedServer(reply(), act) as server:
        one = transport(server.url)
        await connected(one)
        error = await failure(one, request(timeout=0.05))

    assert type(error) is APITimeoutError
    assert error.received
    assert str(error).endswith("no complete answer within 0.05 s")


async def test_the_timeout_of_a_call_counts(transport):
    """A call may wait less than its client."""
    async with ScriptedServer(reply(), hang) as server:
        one = transport(server.url, timeout=50.0)
        await connected(one)
        error = await failure(one, request(timeout=0.05))

    assert "0.05 s" in str(error)
