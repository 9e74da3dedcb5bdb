"""Limiters on virtual time."""

import asyncio

from fakes import now

from pocketsflow_async import RateLimit, RateLimiter

TOLERANCE = 1e-4
"""Seconds that the turns of a virtual loop may add up to."""


def limiter(sustained: int = 100, burst: int = 200, period: float = 60.0) -> RateLimiter:
    """A limiter on the virtual loop's time."""
    return RateLimiter(RateLimit(sustained, burst, period), clock=asyncio.get_running_loop().time)


def look(quota: RateLimiter) -> None:
    """Let the limiter look at the calls that wait here, as its timer would."""
    quota._serve(quota._waiters[asyncio.get_running_loop()])


async def send(quota: RateLimiter, number: int, *, latency: float = 0.0) -> list[float]:
    """So many requests at once; gives the moments at which they went."""
    moments: list[float] = []

    async def one() -> None:
        await quota.acquire()
        moments.append(now())
        if latency:
            await asyncio.sleep(latency)
        quota.release()

    await asyncio.gather(*[one() for _ in range(number)])
    return moments
