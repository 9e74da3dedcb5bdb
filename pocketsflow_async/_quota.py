"""Who goes next: calls wait here for their turn in the budget, by priority and then first come, first served.

One limiter serves any number of clients, event loops and threads. A lock guards the counting. A permit is only ever
taken in the event loop of the call that gets it, and every loop in which calls wait has a timer of its own, so none
depends on another: calls of a loop that is stopped, closed or blocked are passed over until it runs again, and a
permit that such a loop has taken and not picked up is given to others.
"""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Protocol
from weakref import WeakSet, ref

import attrs

from pocketsflow_async._budget import LONGEST_PAUSE, Budget
from pocketsflow_async._config import PRIORITIES, Priority, RateLimit, check_clock
from pocketsflow_async._quota_headers import Advice, read_advice
from pocketsflow_async._response import Response, retry_after
from pocketsflow_async._values import shown
from pocketsflow_async._waiters import BLOCKED, Turn, Waiters
from pocketsflow_async.errors import ConfigurationError

_TOO_MANY = 429
_GATEWAY_GAVE_UP = 504

_FAIR = 10
"""Every tenth turn goes to whoever waits longest, whatever the priority, so that nobody starves."""

_FARTHEST = 1e9
"""Seconds; dates that are farther away are not told exactly."""


@attrs.frozen
class QuotaState:
    """A quota as it is at one moment, for logs and dashboards.

    Attributes:
        limit: what it keeps to.
        tokens: requests that the bucket would let through now.
        used: requests that count in the current window; at most `limit.burst`.
        under_way: requests whose answer is still to come.
        waiting: calls that wait for their turn.
        pace: the share of the full rate at which the bucket is refilled; below 1 for some time after a 429.
        delay: seconds that a call made now would wait; an estimate where calls ahead of it are unanswered.
        next_at: when it would go.
    """

    limit: RateLimit
    tokens: float
    used: int
    under_way: int
    waiting: int
    pace: float
    delay: float
    next_at: datetime


class Turns(Protocol):
    """Says when a request may go, and is told what became of it."""

    def try_acquire(self) -> bool:
        """Acquire a permit for one request if that needs no waiting; `release` and the like as after `acquire`."""
        ...

    async def acquire(self, priority: Priority = "normal") -> None:
        """Wait for the permit of one request; `release`, `give_up` or `put_back` must follow."""
        ...

    def release(self, answer: Response | None = None) -> None:
        """The response to one acquired request arrived."""
        ...

    def give_up(self) -> None:
        """One acquired request was written, and nobody waits for its response any more."""
        ...

    def put_back(self) -> None:
        """One acquired request was never written, so the server cannot count it."""
        ...

    def is_idle(self) -> bool:
        """Whether there is nothing to remember."""
        ...


class RateLimiter:
    """One quota. Clients of the same host and key share theirs by themselves; pass one to share it otherwise.

    Args:
        limit: the two limits.
        clock: seconds that never go back.

    Raises:
        ConfigurationError: the limit is no `RateLimit`, or the clock does not give seconds.
    """

    def __init__(self, limit: RateLimit | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        if limit is not None and not isinstance(limit, RateLimit):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"limit must be a RateLimit or None, not {shown(limit)}")
        check_clock("clock", clock)
        self.limit = limit or RateLimit()
        self._clock = clock
        self._budget = Budget(self.limit, clock())
        self._waiters: dict[asyncio.AbstractEventLoop, Waiters] = {}
        self._loop: ref[asyncio.AbstractEventLoop] | None = None  # the last one; a limiter keeps no loop alive
        self._loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._came = self._served = 0
        self._hangs = False
        self._lock = RLock()

    def try_acquire(self) -> bool:
        """Acquire a permit for one request if that needs no waiting; `release` and the like as after `acquire`."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._loop is None or self._loop() is not loop:
                self._loop = ref(loop)
                self._loops.add(loop)
            return not self._waiters and self._budget.try_take(self._clock())

    async def acquire(self, priority: Priority = "normal") -> None:
        """Wait for the permit of one request; `release`, `give_up` or `put_back` must follow.

        Raises:
            ConfigurationError: there is no such priority.
        """
        if not self.try_acquire():
            await self._wait(priority)

    def release(self, answer: Response | None = None) -> None:
        """The response to one acquired request arrived.

        Args:
            answer: what the server said, to learn from its status and headers.
        """
        with self._lock:
            now, budget = self._clock(), self._budget
            if answer is None:
                budget.answered(now)
            else:
                if answer.status == _GATEWAY_GAVE_UP:
                    budget.gave_up(now)
                else:
                    budget.answered(now)
                advice = read_advice(answer.headers)
                if advice is not None or budget.policies:
                    budget.believe(now, advice or Advice())
                if answer.status == _TOO_MANY:
                    budget.refused(now, retry_after(answer.headers))
            if self._hangs:
                self._call_all()

    def give_up(self) -> None:
        """One acquired request was written, and nobody waits for its response any more.

        The server may still read it: it counts for two periods, at most two minutes, and then for one more period.
        """
        with self._lock:
            self._budget.gave_up(self._clock())
            if self._hangs:
                self._call_all()

    def put_back(self) -> None:
        """One acquired request was never written, so the server cannot count it."""
        with self._lock:
            self._budget.put_back()
            self._call_all()

    def state(self) -> QuotaState:
        """The quota as it is now."""
        with self._lock:
            now, waiting = self._clock(), sum(map(len, self._open()))
            delay = self._budget.forecast(now, waiting)
            return QuotaState(
                limit=self.limit,
                tokens=self._budget.tokens(now),
                used=self._budget.used(now),
                under_way=self._budget.under_way,
                waiting=waiting,
                pace=self._budget.pace,
                delay=delay,
                next_at=datetime.now(UTC) + timedelta(seconds=min(delay, _FARTHEST)),
            )

    def is_idle(self) -> bool:
        """Whether nobody waits and nothing is left to remember."""
        with self._lock:
            return not self._open() and self._budget.is_full(self._clock())

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a RateLimiter is not pickled or copied: clients share it, and it knows their event loops")

    async def _wait(self, priority: Priority) -> None:
        if priority not in PRIORITIES:
            raise ConfigurationError(f"priority must be one of {', '.join(PRIORITIES)}, not {shown(priority)}")
        loop = asyncio.get_running_loop()
        place = 0
        while True:
            turn = loop.create_future()
            with self._lock:
                waiters = self._waiters.get(loop)
                if waiters is None:
                    waiters = self._waiters[loop] = Waiters(loop)
                look = waiters.timer is None or place > 0
                if place == 0:
                    place = self._came = self._came + 1
                waiters.add(turn, priority, place)
                if look:
                    self._serve(waiters)
            try:
                await turn
            except BaseException:
                self._picked_up(turn, waiters, put_back=True)
                raise
            if self._picked_up(turn, waiters):
                return
            # The loop stood still meanwhile and the permit was given to others: wait on, at the old place.

    def _picked_up(self, turn: Turn, waiters: Waiters, *, put_back: bool = False) -> bool:
        """A call goes on: whether it has a permit (still)."""
        with self._lock:
            waiters.remove(turn)
            has_permit = waiters.taken.pop(turn, None) is not None
            if has_permit and put_back:
                self.put_back()
            if not waiters and not waiters.taken and self._waiters.get(waiters.loop) is waiters:
                del self._waiters[waiters.loop]
                if waiters.loop is _running_loop():
                    waiters.stop_timer()
            return has_permit

    def _serve(self, waiters: Waiters) -> None:
        """Let through whoever may go in the running event loop, whose waiters these are; come back when more may."""
        with self._lock:
            waiters.called_at = None
            waiters.stop_timer()
            now = self._clock()
            again = self._take_from_blocked(waiters.loop, now)
            while (first := self._first(now)) is not None:
                delay = self._budget.delay(now)
                self._hangs = self._hangs or delay is None or self._budget.hurries
                if delay is None:
                    delay = self._give_up_unanswered(now)
                elif delay == 0 and first is waiters:
                    if waiters.let_through(now, by_place=self._by_place()):
                        self._budget.take(now)
                        self._served += 1
                    continue
                elif delay == 0:
                    if not first.call(self._serve, now):
                        self._drop(first)
                        continue
                    delay = BLOCKED
                if waiters:
                    waiters.timer = waiters.loop.call_later(min(delay, again), self._serve, waiters)
                return

    def _by_place(self) -> bool:
        return self._served % _FAIR == _FAIR - 1

    def _first(self, now: float) -> Waiters | None:
        """Those whose first call is next, of the event loops that react, as the running one does."""
        able = [waiters for waiters in self._waiters.values() if waiters and waiters.reacts(now)]
        if len(able) > 1:
            by_place = self._by_place()
            return min(able, key=lambda waiters: waiters.first(by_place=by_place)[:2])
        return able[0] if able else None

    def _take_from_blocked(self, running: asyncio.AbstractEventLoop, now: float) -> float:
        """Put back what other event loops took and do not pick up; seconds until it is worth another look."""
        again = math.inf
        for waiters in self._open():
            if waiters.loop is running:
                continue
            for turn, since in list(waiters.taken.items()):
                rest = since + BLOCKED - now if waiters.loop.is_running() else 0.0
                if rest > 0:
                    again = min(again, rest)
                else:
                    del waiters.taken[turn]
                    self._budget.put_back()
        return again

    def _give_up_unanswered(self, now: float) -> float:
        """All hangs on responses, which in other event loops may never come; seconds until the next look."""
        rest = self._budget.taken_at + LONGEST_PAUSE - now
        if rest > 0:
            return rest
        if len(self._loops) > 1:
            self._budget.give_up_all(now)
            return 0.0
        return LONGEST_PAUSE

    def _open(self) -> list[Waiters]:
        """All waiters but those of closed event loops, which are forgotten."""
        for waiters in list(self._waiters.values()):
            if waiters.loop.is_closed():
                self._drop(waiters)
        return list(self._waiters.values())

    def _drop(self, waiters: Waiters) -> None:
        self._waiters.pop(waiters.loop, None)
        while waiters.taken:
            waiters.taken.popitem()
            self._budget.put_back()

    def _call_all(self) -> None:
        """More may go than was thought: let every event loop look at its calls."""
        self._hangs = False
        now = self._clock()
        for waiters in list(self._waiters.values()):
            if not waiters.call(self._serve, now):
                self._drop(waiters)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
