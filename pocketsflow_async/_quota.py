"""The client's quota: both documented limits at once, first come, first served.

A bucket holds `burst` tokens and is refilled `sustained` in every period; and in no period more than `burst`
requests are under way or fresh. A request's place in that window is given back one period after its answer
arrived: the server cannot have seen it later, so lateness in the network cannot make the server count more than
the client did. The bucket begins to refill a margin later than a server's would, for the same reason.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from pocketsflow_async._config import RateLimit

_MARGIN = 0.01
"""The share of a period by which the refill lags behind: 0.6 s of a minute, more than the network's jitter."""


class Timer(Protocol):
    """What a scheduled call can do."""

    def cancel(self) -> None:
        """Forget the call."""


class RateLimiter:
    """One quota, which several clients of one event loop may share by `Pocketsflow(rate_limit=limiter)`.

    Args:
        limit: the two limits.
        clock: seconds that never go back.
        call_later: runs a function after some seconds; the running event loop's by default.
    """

    def __init__(
        self,
        limit: RateLimit | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        call_later: Callable[[float, Callable[[], None]], Timer] | None = None,
    ) -> None:
        self.limit = limit or RateLimit()
        self._clock = clock
        self._call_later = call_later
        self._rate = self.limit.sustained / self.limit.period
        self._lag = self.limit.period * _MARGIN
        self._tokens = float(self.limit.burst)
        self._refilled = clock()
        self._under_way = 0
        self._fresh: deque[float] = deque()
        self._paused_until = 0.0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._timer: Timer | None = None

    async def acquire(self) -> None:
        """Wait for the turn of one request; `release` must follow when its answer arrived or it failed."""
        if not self._waiters and self._delay(self._clock()) == 0:
            self._take()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        if len(self._waiters) == 1:
            self._wake()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()
            self._wake()  # a cancelled turn stays in the row until it comes to the front
            raise

    def release(self) -> None:
        """The answer to one acquired request arrived, or never will."""
        self._under_way -= 1
        self._fresh.append(self._clock() + self.limit.period)
        if self._timer is None and self._waiters:
            self._wake()

    def pause(self, seconds: float) -> None:
        """Let nobody through for this long: the server said that it is enough."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _take(self) -> None:
        if self._tokens >= self.limit.burst:
            self._refilled = self._clock() + self._lag
        self._tokens -= 1
        self._under_way += 1

    def _give_back(self) -> None:
        self._tokens = min(self._tokens + 1, float(self.limit.burst))
        self._under_way -= 1

    def _delay(self, now: float) -> float | None:
        """Seconds until the next request may go; None when that hangs on an answer still under way."""
        limit = self.limit
        if now > self._refilled:
            self._tokens = min(self._tokens + (now - self._refilled) * self._rate, float(limit.burst))
            self._refilled = now
        while self._fresh and self._fresh[0] <= now:
            self._fresh.popleft()
        at = self._paused_until
        if self._tokens < 1:
            at = max(at, self._refilled + (1 - self._tokens) / self._rate)
        if self._under_way + len(self._fresh) >= limit.burst:
            if not self._fresh:
                return None
            at = max(at, self._fresh[0])
        return max(at - now, 0.0)

    def _wake(self) -> None:
        """Let through whoever may go, and come back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiters:
            if self._waiters[0].done():
                self._waiters.popleft()
                continue
            delay = self._delay(self._clock())
            if delay is None:
                return
            if delay > 0:
                later = self._call_later or asyncio.get_running_loop().call_later
                self._timer = later(delay, self._wake)
                return
            self._take()
            self._waiters.popleft().set_result(None)
