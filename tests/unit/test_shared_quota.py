"""One quota for several clients, event loops and threads."""

import asyncio
import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from loops import SteppedLoop, World

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


class Crowd:
    """Calls in several event loops on one clock, which share a limiter; a call that goes is answered when told so."""

    def __init__(self, world: World, limit: RateLimit) -> None:
        self.world = world
        self.quota = RateLimiter(limit, clock=lambda: world.now)
        self.went: list[tuple[str, float]] = []

    def calls(self, loop: SteppedLoop, *names: str, answered: bool = True) -> None:
        """Calls of that event loop."""
        for name in names:
            self.world.start(loop, self._call(name, answered=answered))
        self.world.run(self.world.now)

    async def _call(self, name: str, *, answered: bool) -> None:
        await self.quota.acquire()
        self.went.append((name, round(self.world.now, 2)))
        if answered:
            self.quota.release()


@pytest.fixture
def world() -> Iterator[World]:
    """Two event loops."""
    with World(2) as loops:
        yield loops


SECOND = RateLimit(sustained=10, burst=1, period=1.0)


@pytest.mark.parametrize(("state", "late"), [("stopped", 0.0), ("blocked", 0.1)])
def test_a_loop_that_stands_still_holds_nobody_up(world, state, late):
    """Calls of a loop that is stopped or blocked are passed over; when it goes on, their turn is the next one."""
    crowd = Crowd(world, SECOND)
    still, other = world.loops
    crowd.calls(still, "first", "early", "early too")
    crowd.calls(other, "a", "b", "c", "d")

    still.state = state
    world.run(2.5)
    still.state = "running"
    world.run(10.0)

    names, moments = zip(*crowd.went, strict=True)
    assert names == ("first", "a", "b", "early", "early too", "c", "d")
    assert moments == pytest.approx([0.0, *(1.01 * number + late for number in range(1, 7))])


@pytest.mark.parametrize(("state", "late"), [("stopped", 0.0), ("blocked", 0.1)])
def test_a_permit_that_is_not_picked_up_is_passed_on(world, state, late):
    """A loop that stands still just after its call was let through loses the permit, but not its place."""
    crowd = Crowd(world, SECOND)
    still, other = world.loops
    crowd.calls(still, "first", "early")
    crowd.calls(other, "a", "b")
    world.now = 1.02
    still.step()  # its timer lets the call through; the call itself would go in the next step
    taken = crowd.quota.state().under_way

    still.state = state
    world.run(1.5)
    still.state = "running"
    world.run(10.0)

    assert taken == 1
    names, moments = zip(*crowd.went, strict=True)
    assert names == ("first", "a", "early", "b")
    assert moments == pytest.approx([0.0, 1.02 + late, 2.03 + late, 3.04 + late])


def test_a_loop_that_was_closed_holds_nobody_up(world):
    """What it had let through, and its calls that wait, are forgotten."""
    crowd = Crowd(world, SECOND)
    closed, other = world.loops
    crowd.calls(closed, "first", "early", "early too")
    crowd.calls(other, "a")
    world.now = 1.02
    closed.step()

    closed.close()
    world.run(10.0)

    assert crowd.went == [("first", 0.0), ("a", pytest.approx(1.02, abs=0.11))]
    assert (crowd.quota.state().waiting, crowd.quota.state().under_way) == (0, 0)


@pytest.mark.parametrize("state", ["stopped", "blocked"])
def test_calls_in_flight_in_a_loop_that_stands_still_are_given_up_in_the_end(world, state):
    """When every place hangs on them for two minutes they are given up: two periods and one more, and others go."""
    crowd = Crowd(world, SECOND)
    still, other = world.loops
    crowd.calls(still, "in flight", answered=False)
    still.state = state
    crowd.calls(other, "a")

    world.run(200.0)

    assert crowd.went == [("in flight", 0.0), ("a", 123.0)]


def test_loops_that_run_are_served_in_order(world):
    """Calls of two loops go in the order in which they came, and each loop is woken a few times for each."""
    crowd = Crowd(world, RateLimit(sustained=100, burst=5, period=1.0))
    names = [str(number) for number in range(60)]
    for number, name in enumerate(names):
        crowd.calls(world.loops[number % 2], name)
    steps = world.steps

    world.run(100.0)

    assert [name for name, _ in crowd.went] == names
    assert crowd.went[-1][1] == pytest.approx(11 * 1.01, abs=0.1)
    assert world.steps - steps <= 6 * len(names)


def test_a_thread_that_is_blocked_holds_no_other_up():
    """Its call is at the head of the row, and it does not let go before a call of another thread went."""
    quota = RateLimiter(RateLimit(sustained=1000, burst=1, period=0.05))
    waiting, went = Event(), Event()

    async def blocked() -> bool:
        await quota.acquire()
        quota.release()
        call = asyncio.create_task(quota.acquire())
        await asyncio.sleep(0)
        waiting.set()
        in_time = went.wait(30)  # nothing runs in this event loop meanwhile
        await call
        quota.release()
        return in_time

    async def other() -> None:
        waiting.wait(30)
        await quota.acquire()
        went.set()
        quota.release()

    with ThreadPoolExecutor(2) as threads:
        in_time = threads.submit(asyncio.run, blocked())
        threads.submit(asyncio.run, other()).result()

        assert in_time.result()
