"""One quota for several clients, event loops and threads."""

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from pocketsflow_async import Pocketsflow, RateLimit, RateLimiter
from pocketsflow_async._shared_quota import _kept

LIMIT = RateLimit(sustained=5, burst=10, period=30.0)


def quota_of(key: str = "pk_test_shared", base_url: str = "https://one.invalid", limit=LIMIT) -> RateLimiter:
    """The quota of a new client."""
    quota = Pocketsflow(key, base_url=base_url, rate_limit=limit)._connection.quota
    assert quota is not None
    return quota


def test_clients_of_one_host_and_key_share_a_quota():
    """The path in the address does not matter: the server counts by key."""
    assert quota_of() is quota_of(base_url="https://ONE.invalid/v2")


@pytest.mark.parametrize(
    "other", [{"key": "pk_test_other"}, {"base_url": "https://two.invalid"}, {"limit": RateLimit(1, 2, 30.0)}]
)
def test_another_host_key_or_limit_has_a_quota_of_its_own(other):
    """What the server counts apart is counted apart; who states another limit sets a share aside."""
    one = quota_of()

    assert quota_of(**other) is not one


async def test_a_quota_outlives_its_client():
    """A new client begins where a closed one of the same key left off."""
    first = Pocketsflow("pk_test_outlives", base_url="https://one.invalid", rate_limit=LIMIT)
    for _ in range(4):
        await first._connection.quota.acquire()
        first._connection.quota.release()
    await first.aclose()
    del first
    gc.collect()

    second = Pocketsflow("pk_test_outlives", base_url="https://one.invalid", rate_limit=LIMIT)

    assert second.quota.used == 4


async def test_a_quota_with_nothing_to_remember_is_forgotten():
    """A program that serves many keys does not collect their quotas."""
    for number in range(50):
        pf = Pocketsflow(f"pk_test_{number}", base_url="https://one.invalid", rate_limit=RateLimit(1000, 1000, 0.001))
        await pf._connection.quota.acquire()
        pf._connection.quota.release()
        await pf.aclose()
    del pf
    await asyncio.sleep(0.01)
    quota_of()

    assert not [quota for quota in _kept if isinstance(quota, RateLimiter) and quota.limit.period == 0.001]


@pytest.mark.parametrize("priority", ["high", "normal", "low"])
def test_the_state_of_a_quota(priority):
    """Tokens, used, waiting and when a call would go."""

    async def run() -> None:
        pf = Pocketsflow("pk_test_state", base_url="https://one.invalid", rate_limit=RateLimiter(LIMIT))
        before = pf.quota
        await asyncio.gather(*[pf._connection.quota.acquire(priority) for _ in range(10)])
        waiter = asyncio.create_task(pf._connection.quota.acquire(priority))
        await asyncio.sleep(0)
        after = pf.quota
        waiter.cancel()

        assert (before.tokens, before.used, before.waiting, before.delay) == (10, 0, 0, 0)
        assert (round(after.tokens), after.used, after.under_way, after.waiting) == (0, 10, 10, 1)
        assert after.delay == pytest.approx(30.3, abs=0.2)
        assert (after.next_at - before.next_at).total_seconds() == pytest.approx(30.3, abs=0.2)

    asyncio.run(run())


def test_a_client_without_quota_says_so():
    """None where no quota is kept."""
    assert Pocketsflow("pk_test_none", rate_limit=None).quota is None


def test_two_event_loops_do_not_corrupt_a_quota():
    """Loops in several threads wait for one quota: all are served, and no window sees more than it may."""
    quota = RateLimiter(RateLimit(sustained=400, burst=40, period=0.1))
    start = Barrier(3)
    moments: list[float] = []

    async def one(patience: float | None) -> None:
        async with asyncio.timeout(patience):
            await quota.acquire()
        moments.append(asyncio.get_running_loop().time())  # one clock for all loops
        quota.release()

    async def many() -> int:
        start.wait()
        done = await asyncio.gather(*[one(0.02 if n % 3 else None) for n in range(200)], return_exceptions=True)
        assert all(isinstance(error, TimeoutError) for error in done if error is not None)
        return sum(error is None for error in done)

    with ThreadPoolExecutor(3) as threads:
        served = sum(threads.map(asyncio.run, [many() for _ in range(3)]))

    moments.sort()
    assert len(moments) == served >= 200
    assert all(later - earlier >= 0.1 for earlier, later in zip(moments, moments[40:], strict=False))
    assert (quota.state().waiting, quota.state().under_way) == (0, 0)


def test_a_loop_that_was_closed_holds_nobody_up():
    """Calls that a closed loop left in the row are passed over."""
    quota = RateLimiter(RateLimit(sustained=1000, burst=1, period=0.05))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(quota.acquire())
    left = loop.create_task(quota.acquire())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    async def another() -> None:
        waiting = asyncio.create_task(quota.acquire())
        await asyncio.sleep(0)
        quota.release()
        await waiting

    asyncio.run(another())

    assert quota.state().waiting == 0
    left._log_destroy_pending = False
