"""Any schedule at all, and what the server sees of it."""

import asyncio

from effort import examples
from fakes import now, virtual_time
from hypothesis import given, settings
from hypothesis import strategies as st
from quotas import TOLERANCE

from pocketsflow_async import RateLimit, RateLimiter


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


steps = st.lists(
    st.tuples(
        st.floats(0.0, 40.0),  # so long after the one before it
        st.floats(-5.0, 20.0),  # the machine slept so long, or, below zero, its clock was set back by so much
    ),
    max_size=4,
)


@settings(max_examples=examples(400))
@given(limits, calls, steps)
@virtual_time
async def test_the_server_never_finds_a_limit_broken(limit, calls, steps):
    """Whatever comes, lags, is given up, and whatever the clock does: no limit is broken, and who waits is served."""
    loop = asyncio.get_running_loop()
    set_back = 0.0
    quota = RateLimiter(limit, clock=lambda: loop.time() - set_back)
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

    async def step_the_clock() -> None:
        nonlocal set_back
        for gap, step in steps:
            await asyncio.sleep(gap)
            if step < 0:
                set_back -= step
            else:
                loop.now += step

    stepping = asyncio.create_task(step_the_clock())
    tasks: list[asyncio.Task[None]] = []
    patient: set[int] = set()
    for number, (gap, there, back, patience) in enumerate(calls):
        await asyncio.sleep(gap)
        tasks.append(asyncio.create_task(one(number, there, back)))
        if patience is None:
            patient.add(number)
        else:
            loop.call_later(patience, tasks[-1].cancel)
    await asyncio.gather(*tasks, return_exceptions=True)
    await stepping

    assert patient <= set(served)
    assert served == sorted(served)
    if seen:
        server = Server(limit, seen)
        assert server.most_in_a_period() <= limit.burst
        assert server.lowest_bucket() >= -TOLERANCE
    state = quota.state()
    assert (state.waiting, state.under_way, quota._waiters) == (0, 0, {})
