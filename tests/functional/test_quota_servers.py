"""The quota on a real network, against each way in which a server may count."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from counting import SERVERS

from pocketsflow_async import Pocketsflow, RateLimit, RequestOptions, RetryPolicy

LIMIT = RateLimit(sustained=100, burst=200, period=4.0)
JITTER = 0.02
PAGES = 500


class Pages:
    """A list of one order a page, which counts, refuses and lags."""

    def __init__(self, kind, seed: int) -> None:
        self.counter = kind(LIMIT)
        self.chance = random.Random(seed)
        self.start = time.monotonic()
        self.refused = 0

    async def answer(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.chance.uniform(0, JITTER))
        admitted = self.counter.admits(time.monotonic() - self.start)
        self.refused += not admitted
        await asyncio.sleep(self.chance.uniform(0, JITTER))
        if not admitted:
            return web.json_response({"error": "too many"}, status=429)
        page = int(request.query["page"])
        told = {"totalCount": PAGES, "totalPages": PAGES, "currentPage": page, "pageSize": 1, "hasMore": page < PAGES}
        return web.json_response({"orders": [{"_id": f"{page:024x}"}], "pagination": told})


@asynccontextmanager
async def served(pages: Pages) -> AsyncIterator[str]:
    """The address at which the pages are served."""
    app = web.Application()
    app.router.add_get("/orders", pages.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def fetch_all(kind, seed: int) -> tuple[int, list[str]]:
    """How often the server refused, and the ids of all orders."""
    pages = Pages(kind, seed)
    once = RequestOptions(retry=RetryPolicy(attempts=1))
    async with (
        served(pages) as url,
        Pocketsflow("pk_test_sandbox", base_url=url, rate_limit=LIMIT) as pf,
    ):
        orders = await pf.orders.list(page_size=1, options=once).collect(concurrency=64)
    return pages.refused, [order.id for order in orders]


@pytest.mark.once
async def test_no_way_of_counting_leads_to_a_429() -> None:
    """500 pages with up to 20 ms of jitter on each way, and not one refusal, from any of four kinds of servers."""
    outcomes = await asyncio.gather(*[fetch_all(kind, seed) for seed, kind in enumerate(SERVERS)])

    assert [refused for refused, _ in outcomes] == [0, 0, 0, 0]
    assert all(ids == [f"{page:024x}" for page in range(1, PAGES + 1)] for _, ids in outcomes)
