"""The client's quota: both documented limits at once, first come, first served.

A bucket holds `burst` tokens and is refilled `sustained` in every period; and in no period more than `burst`
requests are under way or fresh. Both count a request from the moment it is let through, but begin to give its place
back only a margin after its answer arrived or the try was given up: the server cannot have seen it later, so
lateness in the network cannot make the server count more than the client did.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Protocol

from pocketsflow_async._config import RateLimit

_MARGIN = 0.01
"""The margin, as a share of a period: 0.6 s of a minute, more than a request that was given up is on its way."""


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
        self._margin = self.limit.period * _MARGIN
        self._tokens = float(self.limit.burst)
        self._refilled = clock()
        self._under_way = 0
        self._settling: deque[float] = deque()
        self._fresh: deque[float] = deque()
        self._paused_until = 0.0
        self._waiters: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._timer: Timer | None = None

    async def acquire(self) -> None:
        """Wait for the turn of one request; `release` must follow when its answer arrived or it failed."""
        if not self._waiters and self._delay(self._clock()) == 0:
            self._under_way += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[turn] = None
        if len(self._waiters) == 1:
            self._wake()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was let through just before
                self._under_way -= 1
            self._waiters.pop(turn, None)
            self._wake()
            raise

    def release(self) -> None:
        """The answer to one acquired request arrived, or never will."""
        self._under_way -= 1
        self._settling.append(self._clock() + self._margin)
        if self._timer is None and self._waiters:
            self._wake()

    def pause(self, seconds: float) -> None:
        """Let nobody through for this long: the server said that it is enough."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _delay(self, now: float) -> float | None:
        """Seconds until the next request may go; None when that hangs on an answer still under way."""
        self._settle(now)
        unseen = self._under_way + len(self._settling)
        at = self._paused_until
        missing = 1 + unseen - self._tokens
        if missing > 0:
            at = max(at, self._refilled + missing / self._rate)
        if unseen + len(self._fresh) >= self.limit.burst:
            if self._fresh:
                at = max(at, self._fresh[0])
            elif self._settling:
                at = max(at, self._settling[0] + self.limit.period)
            else:
                return None
        return max(at - now, 0.0)

    def _settle(self, now: float) -> None:
        """Count what the server has surely seen by now, and give back what it has surely forgotten."""
        while self._settling and self._settling[0] <= now:
            seen = self._settling.popleft()
            self._refill(seen)
            self._tokens -= 1
            self._fresh.append(seen + self.limit.period)
        self._refill(now)
        while self._fresh and self._fresh[0] <= now:
            self._fresh.popleft()

    def _refill(self, now: float) -> None:
        if now > self._refilled:
            self._tokens = min(self._tokens + (now - self._refilled) * self._rate, float(self.limit.burst))
            self._refilled = now

    def _wake(self) -> None:
        """Let through whoever may go, and come back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiters:
            turn = next(iter(self._waiters))
            if not turn.done():
                delay = self._delay(self._clock())
                if delay is None:
                    return
                if delay > 0:
                    later = self._call_later or asyncio.get_running_loop().call_later
                    self._timer = later(delay, self._wake)
                    return
                self._under_way += 1
                turn.set_result(None)
            del self._waiters[turn]
