"""One client doing one thing so many times, in a process of its own; prints what it cost as JSON.

python benchmarks/clients.py CASE URL COUNT
"""

import asyncio
import itertools
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

KEY = "pk_test_sandbox"
SMALL_AT_ONCE = 50
PAGES_AT_ONCE = 8

Case = Callable[[str, int], Awaitable[tuple[float, float]]]


async def measured(work: Awaitable[object]) -> tuple[float, float]:
    """CPU seconds of this process, and seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    await work
    return time.process_time() - cpu, time.perf_counter() - wall


async def side_by_side(one: Callable[[int], Awaitable[object]], count: int, at_once: int) -> None:
    """Do it so many times, so many at once."""
    numbers: Iterator[int] = iter(range(1, count + 1))

    async def worker() -> None:
        for number in numbers:
            await one(number)

    await asyncio.gather(*[worker() for _ in range(at_once)])


async def aiohttp_small(url: str, count: int) -> tuple[float, float]:
    """Nothing but aiohttp and orjson."""
    import aiohttp
    import orjson

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def one(_: int) -> None:
            async with session.get(f"{url}/orders/65f0c0ffee00000000000001") as answer:
                orjson.loads(await answer.read())

        await side_by_side(one, SMALL_AT_ONCE, SMALL_AT_ONCE)
        return await measured(side_by_side(one, count, SMALL_AT_ONCE))


async def ours_small(url: str, count: int) -> tuple[float, float]:
    """This package, with its quota off."""
    from pocketsflow_async import Pocketsflow

    async with Pocketsflow(KEY, base_url=url, rate_limit=None) as pf:

        async def one(_: int) -> None:
            await pf.orders.get("65f0c0ffee00000000000001")

        await side_by_side(one, SMALL_AT_ONCE, SMALL_AT_ONCE)
        return await measured(side_by_side(one, count, SMALL_AT_ONCE))


async def ours_small_quota(url: str, count: int) -> tuple[float, float]:
    """This package, with a quota that never has to wait."""
    from pocketsflow_async import Pocketsflow, RateLimit

    async with Pocketsflow(KEY, base_url=url, rate_limit=RateLimit(10**7, 10**7)) as pf:

        async def one(_: int) -> None:
            await pf.orders.get("65f0c0ffee00000000000001")

        await side_by_side(one, SMALL_AT_ONCE, SMALL_AT_ONCE)
        return await measured(side_by_side(one, count, SMALL_AT_ONCE))


def _page(url: str, number: int) -> str:
    return f"{url}/orders?page={number}&pageSize=100"


async def aiohttp_pages(url: str, count: int) -> tuple[float, float]:
    """Nothing but aiohttp and orjson, without models."""
    import aiohttp
    import orjson

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def one(number: int) -> None:
            async with session.get(_page(url, number)) as answer:
                orjson.loads(await answer.read())

        await side_by_side(one, PAGES_AT_ONCE, PAGES_AT_ONCE)
        return await measured(side_by_side(one, count, PAGES_AT_ONCE))


async def aiohttp_bytes(url: str, count: int) -> tuple[float, float]:
    """Only aiohttp: read the bytes and drop them."""
    import aiohttp

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def one(number: int) -> None:
            async with session.get(_page(url, number)) as answer:
                await answer.read()

        await side_by_side(one, PAGES_AT_ONCE, PAGES_AT_ONCE)
        return await measured(side_by_side(one, count, PAGES_AT_ONCE))


async def ours_pages(url: str, count: int) -> tuple[float, float]:
    """This package: checked models."""
    from pocketsflow_async import Pocketsflow

    async with Pocketsflow(KEY, base_url=url, rate_limit=None) as pf:

        async def walk(pages: int) -> None:
            async for _ in _first(pf.orders.list().pages(concurrency=PAGES_AT_ONCE), pages):
                pass

        await walk(PAGES_AT_ONCE)
        return await measured(walk(count))


async def httpx_pages(url: str, count: int) -> tuple[float, float]:
    """The usual pair: httpx, and pydantic models of the fields that the answer has."""
    import httpx
    from httpx_models import OrdersPage

    limits = httpx.Limits(max_connections=PAGES_AT_ONCE)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, limits=limits) as client:

        async def one(number: int) -> None:
            answer = await client.get(_page(url, number))
            OrdersPage.model_validate_json(answer.content)

        await side_by_side(one, PAGES_AT_ONCE, PAGES_AT_ONCE)
        return await measured(side_by_side(one, count, PAGES_AT_ONCE))


async def _first(pages, count: int):
    """The first so many of an async generator, which is then closed."""
    numbers = itertools.count(1)
    try:
        async for page in pages:
            yield page
            if next(numbers) >= count:
                return
    finally:
        await pages.aclose()


CASES: dict[str, Case] = {
    function.__name__: function
    for function in (
        aiohttp_small,
        ours_small,
        ours_small_quota,
        aiohttp_pages,
        aiohttp_bytes,
        ours_pages,
        httpx_pages,
    )
}


def main() -> None:
    name, url, count = sys.argv[1:]
    cpu, wall = asyncio.run(CASES[name](url, int(count)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"cpu": cpu, "wall": wall, "count": int(count), "peak_kb": peak}))


if __name__ == "__main__":
    main()
