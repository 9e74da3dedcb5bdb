"""The quota: what a turn costs, and how much of the best possible rate is reached.

    python benchmarks/quota.py

The second part takes about 13 seconds, because 500 requests take three periods of 4 seconds at best.
"""

import asyncio
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / place) for place in ("", "functional")]

from counting import SERVERS  # noqa: E402 - stands beside the tests
from test_quota_servers import LIMIT, PAGES, fetch_all  # noqa: E402

from pocketsflow_async import RateLimit, RateLimiter  # noqa: E402


async def uncontended(turns: int = 100_000) -> float:
    """Seconds for a turn that nobody has to wait for."""
    quota = RateLimiter(RateLimit(sustained=turns * 10, burst=turns * 10, period=3600.0))
    start = time.perf_counter()
    for _ in range(turns):
        await quota.acquire()
    return (time.perf_counter() - start) / turns


async def in_a_row(waiters: int, rounds: int) -> float:
    """CPU seconds for each of so many calls that wait at once, tasks and all."""
    used = 0.0
    for _ in range(rounds):
        quota = RateLimiter(RateLimit(sustained=waiters, burst=waiters, period=0.5))
        for _ in range(waiters):
            await quota.acquire()
        start = time.process_time()
        tasks = [asyncio.create_task(quota.acquire()) for _ in range(waiters)]
        await asyncio.sleep(0)
        for _ in range(waiters):
            quota.release()
        await asyncio.gather(*tasks)
        used += time.process_time() - start
    return used / waiters / rounds


async def main() -> None:
    print(f"uncontended acquire: {min([await uncontended() for _ in range(5)]) * 1e6:.2f} µs")
    few, many = await in_a_row(10, 20), await in_a_row(10_000, 1)
    print(f"one of 10 waiters: {few * 1e6:.1f} µs; one of 10,000: {many * 1e6:.1f} µs; ratio {many / few:.2f}")

    async def timed(seed: int) -> tuple[int, int, float]:
        start = time.monotonic()
        refused, ids = await fetch_all(SERVERS[seed], seed)
        return refused, len(ids), time.monotonic() - start

    best = 3 * LIMIT.period
    for kind, (refused, pages, took) in zip(SERVERS, await asyncio.gather(*map(timed, range(4))), strict=True):
        told = f"{pages} of {PAGES} pages, {refused} times 429, {took:.2f} s"
        print(f"{kind.__name__}: {told}, {best / took:.3f} of the best possible rate")


if __name__ == "__main__":
    asyncio.run(main())
