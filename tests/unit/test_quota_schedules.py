"""Any schedule at all, in several event loops, and what the server sees of it."""

import asyncio
import gc
from contextlib import suppress
from typing import Any

from effort import examples
from fakes import answer
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import SteppedLoop, World
from quotas import TOLERANCE

from pocketsflow_async import RateLimit, RateLimiter

PERIOD = 10.0
MARGIN = PERIOD / 100
"""Seconds that a request which was given up may still be on its way."""

LONGEST_FREEZE = 2 * PERIOD - MARGIN
"""Seconds for which a server may be frozen and still not see too much when it wakes."""

PAUSE = 120.0
"""The longest pause, in seconds."""

ANSWERS: list[Any] = [
    answer(),
    answer(ratelimit_policy="1;w=999999999"),
    answer(ratelimit_policy='"a";q=1;w=3600, "b";q=100;w=1'),
    answer(ratelimit="limit=0"),
    answer(ratelimit='"a";r=0;t=31536000'),
    answer(x_ratelimit_remaining="0", x_ratelimit_reset="99999999999"),
    answer(ratelimit_remaining="-1", ratelimit_policy="NaN;w=-5"),
    answer(503, retry_after="1e12", ratelimit="limit=5, remaining=2, reset=30"),
    answer(504),
    answer(429),
    answer(429, retry_after="999999999999999999999"),
]


class Server:
    """Both limits as the API may count them: no more than `burst` in any period, and a bucket."""

    def __init__(self, limit: RateLimit, frozen: list[tuple[float, float]]) -> None:
        self.limit = limit
        self.frozen: list[tuple[float, float]] = []
        self.arrived: dict[int, float] = {}
        end = 0.0
        for gap, length in frozen:
            self.frozen.append((end + gap, end + gap + length))
            end += gap + length

    def sees_at(self, arrives: float) -> float:
        """When it reads a request that arrives then: not before it wakes."""
        return next((end for begin, end in self.frozen if begin <= arrives < end), arrives)

    def seen(self) -> list[float]:
        return sorted(map(self.sees_at, self.arrived.values()))

    def most_in_a_period(self) -> int:
        """The most requests that any one period saw."""
        seen, period = self.seen(), self.limit.period - TOLERANCE
        return max((sum(1 for other in seen if begin <= other < begin + period) for begin in seen), default=0)

    def lowest_bucket(self) -> float:
        """What the bucket held at its lowest; below zero it would have refused a request."""
        level, lowest, filled = float(self.limit.burst), float(self.limit.burst), 0.0
        for moment in self.seen():
            level = min(level + (moment - filled) * self.limit.sustained / self.limit.period, float(self.limit.burst))
            filled = moment
            level -= 1
            lowest = min(lowest, level)
        return lowest


class Simulation:
    """Calls in several event loops, one limiter, one server, and all that may go wrong."""

    def __init__(self, world: World, limit: RateLimit, frozen: list[tuple[float, float]]) -> None:
        self.world = world
        self.set_back = 0.0
        self.quota = RateLimiter(limit, clock=lambda: self.world.now - self.set_back)
        self.server = Server(limit, frozen)
        self.served: list[float] = []
        self.tasks: dict[SteppedLoop, list[asyncio.Task[None]]] = {loop: [] for loop in self.world.loops}

    def start(self, loop: SteppedLoop, number: int, call: list[Any], patience: float | None) -> None:
        """Make a call in that event loop, if it runs, and cancel it so many seconds later."""
        if loop in self.tasks and loop.state == "running":
            task = self.world.start(loop, self.call(number, *call))
            self.tasks[loop].append(task)
            if patience is not None:
                loop.call_later(patience, task.cancel)

    async def call(self, number: int, priority: Any, there: float, back: float, fate: Any) -> None:
        """One call of a client: its fate is the number of a response, "unsent", or a timeout in seconds."""
        world = self.world
        await self.quota.acquire(priority)
        self.served.append(world.now)
        if fate == "unsent":
            self.quota.put_back()
            return
        arrives = world.now + there
        self.server.arrived[number] = arrives
        answered = False
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(fate if isinstance(fate, float) else None):
                    await asyncio.sleep(self.server.sees_at(arrives) + back - world.now)
                answered = True
        finally:
            if answered:
                self.quota.release(ANSWERS[fate] if isinstance(fate, int) else None)
            else:
                self.server.arrived[number] = min(arrives, world.now + MARGIN)
                self.quota.give_up()

    def act(self, action: str, loop: SteppedLoop, seconds: float) -> None:
        """Something happens to one of the event loops, or to the machine."""
        if action == "clock back":
            self.set_back += seconds / 10
        elif action == "machine sleeps":
            self.world.now += seconds
        elif action == "closed":
            self.tasks.pop(loop, None)
            loop.close()
            gc.collect()
        else:
            loop.state = action

    def unfinished(self) -> int:
        """Calls that are not done, in event loops that run."""
        return sum(not task.done() for loop, tasks in self.tasks.items() for task in tasks if loop.state == "running")


limits = st.builds(
    RateLimit,
    sustained=st.one_of(st.integers(1, 12), st.sampled_from([50, 100, 300])),
    burst=st.integers(1, 12),
    period=st.just(PERIOD),
)
soon = st.one_of(st.just(0.0), st.floats(0.0, 0.2), st.floats(0.0, 15.0))
calls = st.lists(
    st.tuples(
        st.one_of(st.just(0.0), st.floats(0.0, 0.2), st.floats(0.0, 30.0)),  # asks so long after the one before it
        st.integers(0, 2),  # in this event loop
        st.sampled_from(["high", "normal", "low"]),
        soon,  # until the server gets it
        soon,  # from there until the response
        st.one_of(st.integers(0, len(ANSWERS) - 1), st.just(0), st.just("unsent"), st.floats(0.0, 15.0)),
        st.one_of(st.none(), st.none(), st.floats(0.0, 30.0)),  # is cancelled so long after it asked
    ),
    min_size=1,
    max_size=40,
)
actions = st.lists(
    st.tuples(
        st.floats(0.0, 40.0),  # so long after the one before it
        st.sampled_from(["running", "blocked", "stopped", "closed", "clock back", "machine sleeps"]),
        st.integers(0, 2),
        st.floats(0.0, 20.0),
    ),
    max_size=8,
)
freezes = st.lists(st.tuples(st.floats(0.1, 40.0), st.floats(0.1, LONGEST_FREEZE)), max_size=3)


@settings(max_examples=examples(60), deadline=None)
@given(limits, calls, actions, freezes)
def test_the_server_never_finds_a_limit_broken(limit, calls, actions, freezes):
    """Whatever comes, lags, is given up, freezes, stops or is said: no limit is broken, and calls that can go do."""
    with World(3) as world:
        play(Simulation(world, limit, freezes), calls, actions)


def play(sim: Simulation, calls: list[Any], actions: list[Any]) -> None:
    """Let it all happen, and look at the end."""
    world, limit = sim.world, sim.quota.limit
    at, events = 0.0, []
    for number, (gap, index, *call, patience) in enumerate(calls):
        at += gap
        events.append((at, number, index, call, patience))
    agenda: list[tuple[float, Any]] = [(event[0], event) for event in events]
    at = 0.0
    for gap, action, index, seconds in actions:
        at += gap
        agenda.append((at, (action, world.loops[index], seconds)))
    for moment, event in sorted(agenda, key=lambda item: item[0]):
        world.run(max(moment, world.now))
        if len(event) == 3:
            sim.act(*event)
            continue
        _, number, index, call, patience = event
        sim.start(world.loops[index], number, call, patience)

    world.run(world.now + 100 * PAUSE)
    unfinished = sim.unfinished()
    for loop in sim.tasks:
        loop.state = "running"
    world.run(world.now + 100 * PAUSE)

    assert unfinished == sim.unfinished() == 0
    assert sim.server.most_in_a_period() <= limit.burst
    assert sim.server.lowest_bucket() >= -TOLERANCE
    assert world.steps <= 500 + 20 * len(calls)
    state = sim.quota.state()
    assert (state.waiting, state.under_way, sim.quota._waiters) == (0, 0, {})
