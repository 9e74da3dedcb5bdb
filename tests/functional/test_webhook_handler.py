import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from pocketsflow_async import Pocketsflow, webhooks
from pocketsflow_async._webhook_handler import Handler, MemoryStore
from pocketsflow_async.models import OrderEvent
from pocketsflow_async.sandbox import Sandbox

SECRET = "whsec_sandbox"
BODY = b'{"order":{"id":"65f0c0ffee00000000000003"}}'


@pytest.fixture
def heard() -> list[webhooks.Event]:
    return []


@pytest.fixture
def on_event(heard: list[webhooks.Event]):
    async def on_event(event: webhooks.Event) -> None:
        heard.append(event)

    return on_event


async def serve(handler: Handler) -> TestClient:
    app = web.Application()
    app.router.add_post("/hooks", handler)
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


@pytest.fixture
async def client(on_event) -> AsyncIterator[TestClient]:
    client = await serve(webhooks.aiohttp_handler(on_event, secret=SECRET))
    yield client
    await client.close()


async def post(client: TestClient, body: bytes = BODY, *, event: str = "order.completed", secret: str = SECRET) -> int:
    headers = {"X-Pocketsflow-Signature": webhooks.sign(body, secret), "X-Pocketsflow-Event": event}
    async with client.post("/hooks", data=body, headers=headers) as answer:
        return answer.status


async def test_a_delivery_is_handled_and_acknowledged(client: TestClient, heard: list[webhooks.Event]) -> None:
    """A verified delivery reaches the function, typed, and is answered with 200."""
    assert await post(client) == 200

    (event,) = heard
    assert event.type == "order.completed"
    assert isinstance(event.data, OrderEvent)


async def test_a_forged_delivery_is_refused(client: TestClient, heard: list[webhooks.Event]) -> None:
    """A delivery with another secret's signature is answered with 401 and reaches nobody."""
    assert await post(client, secret="whsec_other") == 401
    assert heard == []


async def test_a_delivery_that_comes_twice_is_handled_once(client: TestClient, heard: list[webhooks.Event]) -> None:
    """The same body and name again is acknowledged, but not handled; another name or body is."""
    statuses = [await post(client), await post(client), await post(client, event="order.refunded")]
    statuses.append(await post(client, BODY.replace(b"03", b"04")))

    assert statuses == [200] * 4
    assert len(heard) == 3


async def test_what_failed_is_handled_again(heard: list[webhooks.Event], caplog: pytest.LogCaptureFixture) -> None:
    """When the function raises, the delivery is not acknowledged, and a second one is handled."""

    async def on_event(event: webhooks.Event) -> None:
        heard.append(event)
        if len(heard) == 1:
            raise RuntimeError("no database")

    client = await serve(webhooks.aiohttp_handler(on_event, secret=SECRET))
    with caplog.at_level(logging.CRITICAL, "pocketsflow_async.webhooks"):
        statuses = [await post(client), await post(client), await post(client)]
    await client.close()

    assert statuses == [500, 200, 200]
    assert len(heard) == 2


async def test_slow_work_goes_on_but_is_not_acknowledged(heard: list[webhooks.Event]) -> None:
    """What takes too long is answered with 503 in time, goes on, and counts as handled once it is done."""
    proceed = asyncio.Event()

    async def on_event(event: webhooks.Event) -> None:
        await proceed.wait()
        heard.append(event)

    handler = webhooks.aiohttp_handler(on_event, secret=SECRET, answer_within=0.01)
    client = await serve(handler)
    early = [await post(client), await post(client)]
    proceed.set()
    await handler.drain()
    late = await post(client)
    await client.close()

    assert early == [503, 503]
    assert late == 200
    assert len(heard) == 1


@asynccontextmanager
async def connection(client: TestClient) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the server, closed to its end."""
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


BOMB = gzip.compress(bytes(10_000_000))
STRANGERS = {
    "no body": b"Content-Length: 0\r\n\r\n",
    "not signed": b"Content-Length: 2\r\n\r\n{}",
    "two signatures": b"X-Pocketsflow-Signature: a\r\nX-Pocketsflow-Signature: b\r\nContent-Length: 0\r\n\r\n",
    "odd signature": b"X-Pocketsflow-Signature: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
    "not gzip": b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
    "cut gzip": b"Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" + gzip.compress(BODY)[:12],
    "unknown encoding": b"Content-Encoding: x-none\r\nContent-Length: 4\r\n\r\nabcd",
    "too large": b"Content-Length: 3000000\r\n\r\n" + bytes(3_000_000),
    "a bomb": b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
}


@pytest.mark.parametrize("sent", STRANGERS.values(), ids=STRANGERS)
async def test_what_strangers_send_is_a_short_line(
    client: TestClient, heard: list[webhooks.Event], caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    """Before a signature matches, everything is answered with 4xx and logged in at most one line, never as an error."""
    async with connection(client) as (reader, writer):
        writer.write(b"POST /hooks HTTP/1.1\r\nHost: localhost\r\n" + sent)
        status = (await reader.readline()).split()[1]

    assert status.startswith(b"4")
    assert heard == []
    lines = [record for record in caplog.records if record.name != "aiohttp.access"]
    assert len(lines) <= 1
    assert all(record.levelno <= logging.WARNING and not record.exc_info for record in lines)
    assert all(len(record.getMessage()) < 200 for record in lines)


@pytest.mark.parametrize("rest", [b"zz\r\nabcd\r\n", b"4\r\n{}\r\n"], ids=["bad size", "cut chunk"])
async def test_what_is_not_http_is_answered_by_aiohttp(client: TestClient, rest: bytes) -> None:
    """A body that breaks the rules of HTTP is answered with 400, even if its head was read before."""
    async with connection(client) as (reader, writer):
        writer.write(b"POST /hooks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(rest)
        writer.write_eof()
        line = await reader.readline()

    assert line == b"" or line.split()[1] == b"400"


async def test_a_sender_that_leaves_is_no_error(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """A connection that ends within the body is not logged as an error."""
    async with connection(client) as (_, writer):
        writer.write(b"POST /hooks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc")
        await writer.drain()
        writer.transport.abort()
    await client.close()

    assert [record for record in caplog.records if record.levelno > logging.WARNING] == []


async def test_the_memory_store_forgets_in_time() -> None:
    """What was handled is remembered for a while and for so many deliveries, not for ever."""
    now = 0.0
    store = MemoryStore(keep=10, most=2, clock=lambda: now)
    for key in ("a", "b", "c"):
        assert await store.claim(key) == "new"
        assert await store.claim(key) == "running"
        await store.finish(key)

    assert await store.claim("d") == "new"
    assert await store.claim("b") == "done"
    assert await store.claim("a") == "new"
    now = 11.0
    assert await store.claim("c") == "new"


async def test_the_sandbox_delivers_to_the_handler(on_event, heard: list[webhooks.Event]) -> None:
    """A webhook registered through the API is delivered to, signed with the secret that was shown at creation."""
    secrets: list[str] = []
    app = web.Application()

    async def hooks(request: web.Request) -> web.Response:
        return await webhooks.aiohttp_handler(on_event, secret=secrets)(request)

    app.router.add_post("/hooks", hooks)
    client = TestClient(TestServer(app))
    await client.start_server()
    async with (
        Sandbox(orders=20, rate_limit=None) as sandbox,
        Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=None) as pf,
    ):
        webhook = await pf.webhooks.create(
            url=str(client.make_url("/hooks")), events=["order.completed", "order.refunded"]
        )
        secrets.append(webhook.secret or "")
        await pf.webhooks.test(webhook.id)
        order = next(one for one in await pf.orders.list().collect() if not one.is_refunded)
        await pf.refunds.create(order_id=order.id)
        await sandbox.delivered()
    await client.close()

    assert [event.type for event in heard] == ["order.completed", "order.refunded"]
    refunded = heard[1].data
    assert isinstance(refunded, OrderEvent)
    assert refunded.order is not None
    assert refunded.order.id == order.id


async def test_a_delivery_over_the_wire_with_any_client(client: TestClient, heard: list[webhooks.Event]) -> None:
    """The handler reads the raw body: compressed or chunked transfer does not break the signature."""

    async def pieces() -> AsyncIterator[bytes]:
        yield BODY[:7]
        yield BODY[7:]

    headers = {"X-Pocketsflow-Signature": webhooks.sign(BODY, SECRET), "X-Pocketsflow-Event": "order.completed"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(client.make_url("/hooks"), data=pieces(), headers=headers) as answer,
    ):
        assert answer.status == 200

    assert heard[0].body == BODY
