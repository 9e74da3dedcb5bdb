"""Who goes next: calls wait here for their turn in the budget, by priority and then first come, first served.

One limiter serves any number of clients, event loops and threads. A lock guards the counting; each waiting call is
woken in its own loop, and the loop of the call that is next keeps the timer.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any, Protocol

import attrs

from pocketsflow_async._budget import Budget
from pocketsflow_async._config import PRIORITIES, Priority, RateLimit, check_callable
from pocketsflow_async._quota_headers import read_advice
from pocketsflow_async._response import Response, retry_after
from pocketsflow_async._values import shown
from pocketsflow_async.errors import ConfigurationError

_TOO_MANY = 429

_FAIR = 10
"""Every tenth turn goes to whoever waits longest, whatever the priority, so that nobody starves."""


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

    async def acquire(self, priority: Priority = "normal") -> None:
        """Wait for the turn of one request; `release` must follow."""
        ...

    def release(self, answer: Response | None = None) -> None:
        """The answer to one acquired request arrived, or never will."""
        ...

    def is_idle(self) -> bool:
        """Whether there is nothing to remember."""
        ...


class RateLimiter:
    """One quota. Clients of the same host and key share theirs by themselves; pass one to share it otherwise.

    Args:
        limit: the two limits.
        clock: seconds that never go back.
    """

    def __init__(self, limit: RateLimit | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        if limit is not None and not isinstance(limit, RateLimit):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"limit must be a RateLimit or None, not {shown(limit)}")
        check_callable("clock", clock)
        self.limit = limit or RateLimit()
        self._clock = clock
        self._budget = Budget(self.limit, clock())
        self._row = _Row()
        self._lock = RLock()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_loop: asyncio.AbstractEventLoop | None = None

    async def acquire(self, priority: Priority = "normal") -> None:
        """Wait for the turn of one request; `release` must follow when its answer arrived or it failed."""
        with self._lock:
            if not self._row and self._budget.delay(self._clock()) == 0:
                self._budget.take()
                return
            loop = asyncio.get_running_loop()
            turn = loop.create_future()
            self._row.add(turn, priority)
            if self._row.first() is turn or self._timer_loop is None or self._timer_loop.is_closed():
                self._wake()
        try:
            await turn
        except BaseException:
            with self._lock:
                was_next = self._row.first() is turn
                if not self._row.remove(turn):  # it was let through just before
                    self._budget.put_back()
                    was_next = True
                if was_next:
                    self._wake()
            raise

    def release(self, answer: Response | None = None) -> None:
        """The answer to one acquired request arrived, or never will.

        Args:
            answer: what the server said, to learn from its status and headers.
        """
        with self._lock:
            now = self._clock()
            self._budget.answered(now)
            if answer is not None:
                advice = read_advice(answer.headers)
                if advice is not None:
                    self._budget.believe(now, advice)
                if answer.status == _TOO_MANY:
                    self._budget.refused(now, retry_after(answer.headers))
            if self._timer is None and self._row:
                self._wake()

    def state(self) -> QuotaState:
        """The quota as it is now."""
        with self._lock:
            now, waiting = self._clock(), len(self._row)
            delay = self._budget.forecast(now, waiting)
            return QuotaState(
                limit=self.limit,
                tokens=self._budget.tokens(now),
                used=self._budget.used(now),
                under_way=self._budget.under_way,
                waiting=waiting,
                pace=self._budget.pace,
                delay=delay,
                next_at=datetime.now(UTC) + timedelta(seconds=delay),
            )

    def is_idle(self) -> bool:
        """Whether nobody waits and nothing is left to remember."""
        with self._lock:
            return not self._row and self._budget.is_full(self._clock())

    def _wake(self) -> None:
        """Let through whoever may go, and come back when the next one may."""
        with self._lock:
            self._stop_timer()
            while (turn := self._row.first()) is not None:
                delay = self._budget.delay(self._clock())
                if delay is None:
                    return
                if delay > 0:
                    if self._start_timer(turn.get_loop(), delay):
                        return
                    self._row.remove(turn)
                    continue
                self._row.serve(turn)
                self._budget.take()
                if not _run_in(turn.get_loop(), _let_through, turn):
                    self._budget.put_back()

    def _start_timer(self, loop: asyncio.AbstractEventLoop, delay: float) -> bool:
        self._timer_loop = loop
        if loop is not _running_loop():
            return _run_in(loop, self._wake)  # which comes here again, in the loop that can keep the timer
        self._timer = loop.call_later(delay, self._wake)
        return True

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer_loop is _running_loop():
            self._timer.cancel()  # another loop's is left to wake once more than needed
        self._timer = self._timer_loop = None


class _Row:
    """Who waits."""

    def __init__(self) -> None:
        self._rows: dict[str, OrderedDict[asyncio.Future[None], int]] = {name: OrderedDict() for name in PRIORITIES}
        self._came = self._served = 0

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def __bool__(self) -> bool:
        return any(self._rows.values())

    def add(self, turn: "asyncio.Future[None]", priority: str) -> None:
        self._came += 1
        self._rows[priority][turn] = self._came

    def remove(self, turn: "asyncio.Future[None]") -> bool:
        """Whether it stood here."""
        return any(row.pop(turn, None) is not None for row in self._rows.values())

    def serve(self, turn: "asyncio.Future[None]") -> None:
        self._served += 1
        self.remove(turn)

    def first(self) -> "asyncio.Future[None] | None":
        """Whose turn is next."""
        heads = [next(iter(row.items())) for row in self._rows.values() if row]
        if not heads:
            return None
        if self._served % _FAIR == _FAIR - 1:
            return min(heads, key=lambda head: head[1])[0]
        return heads[0][0]


def _let_through(turn: "asyncio.Future[None]") -> None:
    if not turn.done():  # else it was cancelled, and gives its place back when it learns of that
        turn.set_result(None)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _run_in(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *args: Any) -> bool:
    """Call it in its loop; False when that one is closed."""
    if loop is _running_loop():
        function(*args)
        return True
    try:
        loop.call_soon_threadsafe(function, *args)
    except RuntimeError:
        return False
    return True
