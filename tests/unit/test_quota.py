import asyncio

import pytest
from fakes import Clock, now, settle, virtual_time
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketsflow_async import RateLimit, RateLimiter

TOLERANCE = 1e-4
"""Seconds that the turns of a virtual loop may add up to."""


def limiter(sustained: int = 100, burst: int = 200, period: float = 60.0) -> RateLimiter:
    """A limiter on the virtual loop's time."""
    return RateLimiter(RateLimit(sustained, burst, period), clock=asyncio.get_running_loop().time)


class Timer:
    """A timer that a test sets off by hand."""

    def cancel(self) -> None:
        """Nobody will set it off."""


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


@virtual_time
async def test_a_burst_goes_at_once_and_not_one_more():
    """200 requests go at once; the next one goes a period and the margin after the first answers."""
    moments = await send(limiter(), 201)

    assert moments[199] < TOLERANCE
    assert moments[200] == pytest.approx(60.6, abs=TOLERANCE)


@virtual_time
async def test_after_the_burst_the_bucket_gives_what_it_refilled():
    """When the window opens after a burst, the 100 that were refilled go at once, then one every 0.6 seconds."""
    moments = await send(limiter(), 320)

    assert moments[200:300] == pytest.approx([60.6] * 100, abs=TOLERANCE)
    assert moments[300:] == pytest.approx([61.2 + 0.6 * number for number in range(20)], abs=TOLERANCE)


@pytest.mark.parametrize(("number", "periods"), [(200, 0), (300, 1), (400, 2), (600, 4), (1000, 8)])
@virtual_time
async def test_many_requests_take_as_long_as_the_limits_demand(number, periods):
    """600 requests take 4 periods and 1000 take 8, and only the margin of a hundredth of a period on top."""
    moments = await send(limiter(), number)

    assert periods * 60.0 - TOLERANCE <= moments[-1] <= periods * 60.0 + 0.6 + TOLERANCE


@virtual_time
async def test_first_come_first_served():
    """Requests go in the order in which they asked."""
    quota = limiter(sustained=1, burst=1, period=1.0)
    served: list[int] = []

    async def one(number: int) -> None:
        await quota.acquire()
        served.append(number)
        quota.release()

    await asyncio.gather(*[one(number) for number in range(20)])

    assert served == list(range(20))


@virtual_time
async def test_a_newcomer_does_not_overtake():
    """Who asks in the very moment in which the first in the row may go stands behind the row."""
    quota = limiter(sustained=2, burst=2, period=1.0)
    served: list[str] = []

    async def one(name: str) -> None:
        await quota.acquire()
        served.append(name)
        quota.release()

    row = [asyncio.create_task(one(f"row {number}")) for number in range(6)]
    while len(served) < 6:
        await asyncio.sleep(0.25)
        row.append(asyncio.create_task(one("newcomer")))
    await asyncio.gather(*row)

    assert served[:6] == [f"row {number}" for number in range(6)]


@virtual_time
async def test_a_cancelled_waiter_leaves_no_hole():
    """The turn of a waiter that gave up goes to the one behind it, at the same moment."""
    quota = limiter(sustained=1, burst=1, period=10.0)
    await quota.acquire()
    quota.release()
    first, second = asyncio.create_task(quota.acquire()), asyncio.create_task(quota.acquire())
    await settle()

    first.cancel()
    await second

    assert now() == pytest.approx(10.1, abs=0.01)
    assert first.cancelled()


async def test_a_waiter_cancelled_when_it_was_let_through_gives_its_turn_on():
    """A cancellation between the turn and the waiter's own next step costs nobody a turn."""
    clock, timers = Clock(), []
    quota = RateLimiter(RateLimit(1, 1, 10.0), clock=clock, call_later=lambda _, wake: timers.append(wake) or Timer())
    await quota.acquire()
    quota.release()
    first, second, third = [asyncio.create_task(quota.acquire()) for _ in range(3)]
    await settle()

    clock.now += 11.0
    timers[-1]()
    first.cancel()
    await settle()

    assert (first.cancelled(), second.done(), third.done()) == (True, True, False)
    third.cancel()


async def test_a_turn_that_comes_before_the_cancelled_waiter_noticed_goes_on():
    """A waiter that was cancelled, but did not run since, is passed over."""
    clock, timers = Clock(), []
    quota = RateLimiter(RateLimit(1, 1, 10.0), clock=clock, call_later=lambda _, wake: timers.append(wake) or Timer())
    await quota.acquire()
    quota.release()
    first, second = [asyncio.create_task(quota.acquire()) for _ in range(2)]
    await settle()

    clock.now += 11.0
    first.cancel()
    timers[-1]()
    await settle()

    assert (first.cancelled(), second.done(), second.cancelled()) == (True, True, False)


@virtual_time
async def test_cancelled_waiters_are_forgotten():
    """Nothing is kept of waiters that gave up, though nobody in front of them can go yet."""
    quota = limiter(sustained=1, burst=1, period=10.0)
    await quota.acquire()
    front = asyncio.create_task(quota.acquire())
    await settle()
    others = [asyncio.create_task(quota.acquire()) for _ in range(500)]
    await settle()

    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)

    assert len(quota._waiters) == 1
    quota.release()
    await front
    assert now() == pytest.approx(10.1, abs=0.01)


@virtual_time
async def test_when_all_gave_up_no_timer_is_left():
    """A limiter that nobody waits for has nothing scheduled."""
    quota = limiter(sustained=1, burst=1, period=10.0)
    await quota.acquire()
    quota.release()
    waiter = asyncio.create_task(quota.acquire())
    await settle()

    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)

    assert quota._timer is None


@virtual_time
async def test_an_answer_under_way_holds_its_place():
    """A request counts until a period and the margin after its answer: the server may have seen it that late."""
    quota = limiter(sustained=100, burst=2, period=10.0)

    moments = await send(quota, 3, latency=25.0)

    assert moments == pytest.approx([0.0, 0.0, 35.1], abs=TOLERANCE)


@virtual_time
async def test_waiters_wait_for_an_answer_where_no_clock_helps():
    """When every place is under way, nobody goes, however long it takes; the first answer starts the period."""
    quota = limiter(sustained=100, burst=1, period=10.0)
    await quota.acquire()
    waiter = asyncio.create_task(quota.acquire())

    await asyncio.sleep(1000.0)
    waiting = not waiter.done()
    quota.release()
    await waiter

    assert waiting
    assert now() == pytest.approx(1010.1, abs=TOLERANCE)


@virtual_time
async def test_a_pause_holds_everyone():
    """For as long as the server asked for, nobody goes: neither who waits nor who comes."""
    quota = limiter(sustained=10, burst=10, period=1.0)
    await quota.acquire()
    quota.release()

    quota.pause(30.0)
    moments = await send(quota, 3)

    assert moments == pytest.approx([30.0] * 3, abs=TOLERANCE)


@virtual_time
async def test_a_pause_holds_waiters_that_had_a_time_already():
    """A pause also postpones those whose turn was worked out before."""
    quota = limiter(sustained=1, burst=1, period=10.0)
    await quota.acquire()
    quota.release()
    waiter = asyncio.create_task(quota.acquire())
    await settle()

    quota.pause(30.0)
    await waiter

    assert now() == pytest.approx(30.0, abs=TOLERANCE)


@virtual_time
async def test_a_shorter_pause_does_not_end_a_longer_one():
    """Of several pauses the one that ends last counts."""
    quota = limiter()

    quota.pause(30.0)
    quota.pause(1.0)
    await quota.acquire()

    assert now() == pytest.approx(30.0, abs=TOLERANCE)


@virtual_time
async def test_an_idle_bucket_is_full_again():
    """After enough idle time a full burst goes at once, as at the beginning."""
    quota = limiter()
    await send(quota, 200)
    await asyncio.sleep(200.0)
    begin = now()

    moments = await send(quota, 200)

    assert moments[-1] - begin < TOLERANCE


class Server:
    """Both limits as the API may count them: no more than `burst` in any period, and a bucket."""

    def __init__(self, limit: RateLimit, seen: list[float]) -> None:
        self.limit = limit
        self.seen = sorted(seen)

    def most_in_a_period(self) -> int:
        """The most requests that any one period saw."""
        period = self.limit.period - TOLERANCE
        return max(sum(1 for other in self.seen if begin <= other < begin + period) for begin in self.seen)

    def lowest_bucket(self) -> float:
        """What the bucket held at its lowest; below zero it would have refused a request."""
        level, lowest, filled = float(self.limit.burst), float(self.limit.burst), self.seen[0]
        for moment in self.seen:
            level = min(level + (moment - filled) * self.limit.sustained / self.limit.period, float(self.limit.burst))
            filled = moment
            level -= 1
            lowest = min(lowest, level)
        return lowest


MARGIN = 0.1
"""Seconds that a request which was given up may still be on its way: a hundredth of the periods below."""

limits = st.builds(
    RateLimit,
    sustained=st.one_of(st.integers(1, 12), st.sampled_from([50, 100, 300])),
    burst=st.integers(1, 12),
    period=st.just(10.0),
)
calls = st.lists(
    st.tuples(
        st.one_of(st.just(0.0), st.floats(0.0, 0.2), st.floats(0.0, 30.0)),  # asks so long after the one before it
        st.one_of(st.just(0.0), st.floats(0.0, 0.2), st.floats(0.0, 15.0)),  # until the server sees it
        st.one_of(st.just(0.0), st.floats(0.0, 0.2), st.floats(0.0, 15.0)),  # from there until the answer
        st.one_of(st.none(), st.none(), st.floats(0.0, 30.0)),  # gives up so long after it asked
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=400)
@given(limits, calls)
@virtual_time
async def test_the_server_never_finds_a_limit_broken(limit, calls):
    """Whatever comes, lags and is given up: the server counts within both limits, and who waits is served in turn."""
    quota = RateLimiter(limit, clock=asyncio.get_running_loop().time)
    seen: list[float] = []
    served: list[int] = []

    async def one(number: int, there: float, back: float) -> None:
        await quota.acquire()
        served.append(number)
        arrives = now() + there
        try:
            await asyncio.sleep(there + back)
        finally:
            seen.append(min(arrives, now() + MARGIN))
            quota.release()

    tasks: list[asyncio.Task[None]] = []
    patient: set[int] = set()
    for number, (gap, there, back, patience) in enumerate(calls):
        await asyncio.sleep(gap)
        tasks.append(asyncio.create_task(one(number, there, back)))
        if patience is None:
            patient.add(number)
        else:
            asyncio.get_running_loop().call_later(patience, tasks[-1].cancel)
    await asyncio.gather(*tasks, return_exceptions=True)

    assert patient <= set(served)
    assert served == sorted(served)
    if seen:
        server = Server(limit, seen)
        assert server.most_in_a_period() <= limit.burst
        assert server.lowest_bucket() >= -TOLERANCE
    assert (len(quota._waiters), quota._under_way, quota._timer) == (0, 0, None)
