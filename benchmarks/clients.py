"""One client doing one thing so many times, in a process of its own; prints what it cost as JSON.

python benchmarks/clients.py CASE URL COUNT
"""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing

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

        async def walk(count: int) -> None:
            numbers = itertools.count(1)
            async with aclosing(pf.orders.list().pages(concurrency=PAGES_AT_ONCE)) as pages:
                async for page in pages:
                    del page  # at once, as the other cases drop what they read
                    if next(numbers) >= count:
                        return

        await walk(PAGES_AT_ONCE)
        return await measured(walk(count))


async def ours_export(url: str, count: int) -> tuple[float, float]:
    """This package: pages of raw records to a JSON Lines file."""
    import tempfile

    from pocketsflow_async import Pocketsflow
    from pocketsflow_async.export import export

    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        async with Pocketsflow(KEY, base_url=f"{url}/{PAGES_AT_ONCE}", rate_limit=None) as pf:
            await export(pf, ["orders"], to=few, concurrency=PAGES_AT_ONCE)
        async with Pocketsflow(KEY, base_url=f"{url}/{count}", rate_limit=None) as pf:
            return await measured(export(pf, ["orders"], to=many, concurrency=PAGES_AT_ONCE))


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


async def ours_stall(url: str, _: int) -> tuple[float, float]:
    """The longest time for which the event loop did nothing else while the first request was made."""
    import pocketsflow_async

    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before - 0.001)
            before = time.perf_counter()

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.01)
    async with pocketsflow_async.Pocketsflow(KEY, base_url=url) as pf:
        await pf.orders.get("65f0c0ffee00000000000001")
    watching.cancel()
    return 0.0, longest


async def nothing(_: str, __: int) -> tuple[float, float]:
    """What costs no time at all."""
    return 0.0, 0.0


async def _held(url: str, pages: int, read: Callable[[bytes], list[object]]) -> tuple[float, float]:
    """Bytes for each of the orders of so many pages that are held at once, as tracemalloc counts them."""
    import tracemalloc

    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(_page(url, 1)) as answer:
        body = await answer.read()
    read(body)
    tracemalloc.start()
    held = [read(bytes(bytearray(body))) for _ in range(pages)]
    size, _ = tracemalloc.get_traced_memory()
    return size / sum(map(len, held)), 0.0


def _models(body: bytes) -> list[object]:
    from pocketsflow_async._generated.pocketsflow.wire.orders import LIST_PAGE

    return list(LIST_PAGE.decode(body).items)


def _dicts(body: bytes) -> list[object]:
    import orjson

    orders: list[object] = orjson.loads(body)["orders"]
    return orders


def _with_news(read: Callable[[bytes], list[object]]) -> Callable[[bytes], list[object]]:
    """The same of orders that have a field which the spec does not know."""
    return lambda body: read(body.replace(b'"userId":', b'"somethingNew":7,"userId":'))


async def ours_held(url: str, pages: int) -> tuple[float, float]:
    """Orders held as models."""
    return await _held(url, pages, _models)


async def dicts_held(url: str, pages: int) -> tuple[float, float]:
    """Orders held as dicts of what orjson reads."""
    return await _held(url, pages, _dicts)


async def ours_held_extra(url: str, pages: int) -> tuple[float, float]:
    """Orders held as models that keep unknown fields."""
    return await _held(url, pages, _with_news(_models))


async def dicts_held_extra(url: str, pages: int) -> tuple[float, float]:
    """The same orders as dicts."""
    return await _held(url, pages, _with_news(_dicts))


_FIRST = """
import asyncio
async def main():
    from pocketsflow_async import Pocketsflow
    async with Pocketsflow("{key}", base_url="{url}") as pf:
        await pf.orders.get("65f0c0ffee00000000000001")
asyncio.run(main())
"""
_FIRST_AIOHTTP = """
import asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession(headers={{"Authorization": "Bearer {key}"}}) as session:
        async with session.get("{url}/orders/65f0c0ffee00000000000001") as answer:
            await answer.json()
asyncio.run(main())
"""
SCRIPTS = {
    "nothing_import": "pass",
    "ours_import": "import pocketsflow_async",
    "ours_first": _FIRST,
    "aiohttp_first": _FIRST_AIOHTTP,
}
"""What is measured from the start of a bare interpreter to its end."""


def interpreter(script: str, rounds: int = 10) -> float:
    """The shortest time that a fresh interpreter took for a script, in seconds."""
    times: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", script], check=True)
        times.append(time.perf_counter() - start)
    return min(times)


CASES: dict[str, Case] = {
    function.__name__: function
    for function in (
        aiohttp_small,
        ours_small,
        ours_small_quota,
        aiohttp_pages,
        aiohttp_bytes,
        ours_pages,
        ours_export,
        ours_stall,
        nothing,
        ours_held,
        dicts_held,
        ours_held_extra,
        dicts_held_extra,
        httpx_pages,
    )
}


def main() -> None:
    name, url, count = sys.argv[1:]
    if name in SCRIPTS:
        cpu, wall = 0.0, interpreter(SCRIPTS[name].format(key=KEY, url=url))
    else:
        cpu, wall = asyncio.run(CASES[name](url, int(count)))
    print(json.dumps({"cpu": cpu, "wall": wall, "ms": wall * 1000, "kb": cpu / 1000, "count": int(count)}))


if __name__ == "__main__":
    main()
