import asyncio
from decimal import Decimal

import pytest
from aiohttp import ClientSession, TCPConnector
from fakes import until
from servers import ScriptedServer, drop, hang, reply

from pocketsflow_async import (
    APIConnectionError,
    APIResponseError,
    ConfigurationError,
    InvalidArgumentError,
    NotFoundError,
    Pocketsflow,
    RateLimit,
    RateLimiter,
    RequestOptions,
    RetryPolicy,
)

KEY = "pk_test_0123456789abcdef"
NO_RETRY = RetryPolicy(attempts=1)

ORDER = b'{"_id":"a","grossAmount":29.90}'


async def test_a_call_goes_all_the_way():
    """A generated method sends its request and gives back a model."""
    async with ScriptedServer(reply(200, ORDER)) as server, Pocketsflow(KEY, base_url=server.url) as pf:
        order = await pf.orders.get("a b")

    assert order.gross_amount == Decimal("29.90")
    assert server.received[0].target == "/orders/a%20b"
    assert server.received[0].header("Authorization") == [f"Bearer {KEY}"]


async def test_a_client_opens_itself_and_is_closed_by_hand():
    """Without `async with` the first call opens the client and aclose closes it."""
    async with ScriptedServer(reply(200, ORDER)) as server:
        pf = Pocketsflow(KEY, base_url=server.url)
        await asyncio.gather(*[pf.orders.get("a") for _ in range(5)])
        await pf.aclose()
        await pf.aclose()

    assert len(server.received) == 5


async def test_a_closed_client_refuses_calls():
    """After closing, a call is refused and opens nothing."""
    async with ScriptedServer(reply(200, ORDER)) as server:
        pf = Pocketsflow(KEY, base_url=server.url)
        await pf.aclose()

        for call in (pf.orders.get("a"), pf.request("GET", "/a"), pf.orders.list().collect(), pf.__aenter__()):
            with pytest.raises(ConfigurationError, match="closed"):
                await call
    assert server.received == []


async def test_a_client_that_is_closed_while_it_opens_stays_closed():
    """Closing during the first call leaves no session behind."""
    async with ScriptedServer(reply(200, ORDER)) as server:
        pf = Pocketsflow(KEY, base_url=server.url)
        call = asyncio.create_task(pf.orders.get("a"))
        await asyncio.sleep(0)

        await pf.aclose()

        with pytest.raises(ConfigurationError, match="closed"):
            await call
    assert server.received == []


async def test_a_call_that_waits_while_the_client_is_closed_ends():
    """A call that waits for the rate limit, for an hour here, ends when the client is closed, and sends nothing."""
    limiter = RateLimiter(RateLimit(sustained=1, burst=1, period=3600.0))
    async with ScriptedServer(reply(200, ORDER)) as server:
        pf = Pocketsflow(KEY, base_url=server.url, rate_limit=limiter)
        await pf.orders.get("a")
        call = asyncio.create_task(pf.orders.get("b"))
        await until(lambda: limiter.state().waiting == 1)

        await pf.aclose()

        with pytest.raises(ConfigurationError, match="closed while the call waited"):
            await call
    assert len(server.received) == 1
    assert (limiter.state().waiting, limiter.state().used) == (0, 1)


async def test_a_call_that_is_cancelled_before_it_is_written_does_not_count():
    """It waited for a free connection: the server cannot have seen it, so its permit is put back."""
    limiter = RateLimiter(RateLimit(sustained=1, burst=2, period=3600.0))
    async with (
        ScriptedServer(hang) as server,
        ClientSession(connector=TCPConnector(limit=1)) as session,
        Pocketsflow(KEY, base_url=server.url, rate_limit=limiter, session=session) as pf,
    ):
        written = asyncio.create_task(pf.orders.get("a"))
        await server.got_one.wait()
        unwritten = asyncio.create_task(pf.orders.get("b"))
        await until(lambda: limiter.state().under_way == 2)

        for call in (unwritten, written):
            call.cancel()
        await asyncio.gather(written, unwritten, return_exceptions=True)

    assert (limiter.state().under_way, limiter.state().used) == (0, 1)


async def test_a_call_under_way_while_the_client_is_closed_ends():
    """Closing cuts off what is under way with an error of ours."""
    async with ScriptedServer(hang) as server:
        pf = Pocketsflow(KEY, base_url=server.url, retry=NO_RETRY)
        call = asyncio.create_task(pf.orders.get("a"))
        await server.got_one.wait()

        await pf.aclose()

        with pytest.raises(APIConnectionError):
            await call


async def test_any_endpoint_can_be_asked():
    """`request` sends what it is given with the key and the retries, and gives back plain data."""
    async with (
        ScriptedServer(drop, reply(200, b'{"a":[1.5,null]}')) as server,
        Pocketsflow(KEY, base_url=server.url, retry=RetryPolicy(base_delay=0.0)) as pf,
    ):
        found = await pf.request("get", "/any/thing", params={"x": True, "y": None})

    assert found == {"a": [1.5, None]}
    assert [(got.method, got.target) for got in server.received] == [("GET", "/any/thing?x=true")] * 2
    assert server.received[1].header("Authorization") == [f"Bearer {KEY}"]


async def test_a_write_to_any_endpoint_is_sent_once():
    """Without a key of idempotency nobody knows whether a lost write was done; with one it is repeated."""
    async with (
        ScriptedServer(drop, drop, reply(201, b"")) as server,
        Pocketsflow(KEY, base_url=server.url, retry=RetryPolicy(base_delay=0.0)) as pf,
    ):
        with pytest.raises(APIConnectionError):
            await pf.request("POST", "/any", json={"a": Decimal("1.10")})
        sent_once = len(server.received) == 1
        options = RequestOptions(idempotency_key="k")
        answer = await pf.request("POST", "/any", json=None, options=options)

    assert sent_once
    assert answer is None
    assert [got.body for got in server.received] == [b'{"a":1.10}', b"null", b"null"]
    assert [got.header("Idempotency-Key") for got in server.received] == [[], ["k"], ["k"]]


async def test_errors_of_any_endpoint_are_ours():
    """Error statuses, bodies that are no JSON and bad paths are told as everywhere else."""
    async with (
        ScriptedServer(reply(404, b'{"error":"gone"}'), reply(200, b"<html>")) as server,
        Pocketsflow(KEY, base_url=server.url) as pf,
    ):
        with pytest.raises(NotFoundError, match="gone"):
            await pf.request("GET", "/a")
        with pytest.raises(APIResponseError, match="not JSON"):
            await pf.request("GET", "/a")
        with pytest.raises(InvalidArgumentError, match="no path"):
            await pf.request("GET", "/../a")

    assert len(server.received) == 2


async def test_clients_may_share_a_quota():
    """Two clients with one limiter together keep its limit: what the one has used, the other waits for."""
    limiter = RateLimiter(RateLimit(sustained=1, burst=1, period=3600))
    async with (
        ScriptedServer(reply(200, ORDER)) as server,
        Pocketsflow(KEY, base_url=server.url, rate_limit=limiter) as one,
        Pocketsflow(KEY, base_url=server.url, rate_limit=limiter) as other,
    ):
        await one.orders.get("a")
        second = asyncio.create_task(other.orders.get("b"))
        while not limiter.state().waiting:  # noqa: ASYNC110 - it is on its way
            await asyncio.sleep(0)
        second.cancel()

    assert len(server.received) == 1


async def test_raw_pages_go_all_the_way():
    """Raw records come as the server wrote them."""
    async with (
        ScriptedServer(reply(200, b'{"orders":[{"_id" : "a"}]}')) as server,
        Pocketsflow(KEY, base_url=server.url) as pf,
    ):
        found = [bytes(one) async for page in pf.orders.list().raw_pages() for one in page.items]

    assert found == [b'{"_id" : "a"}']


async def test_resources_are_made_once():
    """A resource is the same object each time, and all of them are there."""
    pf = Pocketsflow(KEY)

    assert pf.orders is pf.orders
    assert pf.subscription_offers is not pf.subscriptions
