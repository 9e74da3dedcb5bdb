"""The counting behind the quota: both documented limits at once, as the server sees them. No waiting here.

A bucket holds `burst` tokens and is refilled `sustained` in every period; and in no period more than `burst`
requests are under way or fresh. Both count a request from the moment it is let through, but begin to give its place
back only a margin after its answer arrived or the try was given up: the server cannot have seen it later, so
lateness in the network cannot make the server count more than the client did.

What the server says is believed as far as it is stricter. A 429 halts everybody, halves what the bucket holds and the
pace at which it is refilled; afterwards one request probes, each answer lets one more go side by side, and the pace
comes back little by little. Announced limits and remainders lower our own.
"""

import math
from collections import deque
from itertools import islice

from pocketsflow_async._config import RateLimit
from pocketsflow_async._quota_headers import Advice

_MARGIN = 0.01
"""The margin, as a share of a period: 0.6 s of a minute, more than a request that was given up is on its way."""

_SLOWEST = 1 / 16
"""The pace never falls below this share of the full one."""

_DEFAULT_PAUSE = 1.0
"""Seconds that everyone waits after a 429 without `Retry-After`."""

_LONGEST_PAUSE = 120.0
"""Seconds; as long as the documented bucket takes to fill. Whoever asks for more is asked again after it."""


class Budget:
    """How many requests may go, and when the next one may.

    Args:
        limit: the two limits.
        now: seconds of a clock that never goes back, as in every method here.
    """

    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self.margin = limit.period * _MARGIN
        self.pace = 1.0
        self._rate = limit.sustained / limit.period
        self._capacity = float(limit.burst)
        self._window = limit.burst
        self._tokens = float(limit.burst)
        self._refilled = now
        self._under_way = 0
        self._settling: deque[float] = deque()
        self._fresh: deque[float] = deque()
        self._paused_until = now
        self._side_by_side = math.inf

    @property
    def under_way(self) -> int:
        """Requests let through whose answer is still to come."""
        return self._under_way

    def used(self, now: float) -> int:
        """Requests that count in the current window."""
        self._settle(now)
        return self._under_way + len(self._settling) + len(self._fresh)

    def tokens(self, now: float) -> float:
        """What the bucket holds, less what the server is still to see; at least 0."""
        self._settle(now)
        return max(self._tokens - self._under_way - len(self._settling), 0.0)

    def is_full(self, now: float) -> bool:
        """Whether nothing is left to remember: as good as new."""
        return self.used(now) == 0 and self._tokens >= self._capacity * self.pace and now >= self._paused_until

    def delay(self, now: float) -> float | None:
        """Seconds until the next request may go; None when that hangs on an answer still under way."""
        if self._under_way >= self._side_by_side:
            return None
        self._settle(now)
        unseen = self._under_way + len(self._settling)
        at = self._paused_until
        missing = 1 + unseen - self._tokens
        if missing > 0:
            at = max(at, self._refilled + missing / (self._rate * self.pace))
        if unseen + len(self._fresh) >= self._window:
            if self._fresh:
                at = max(at, self._place_back())
            elif self._settling:
                at = max(at, self._settling[0] + self.limit.period)
            else:
                return None
        return at - now if at > now else 0.0

    def forecast(self, now: float, ahead: int) -> float:
        """Seconds until a request could go that stands behind `ahead` others, if all answers came now."""
        self._settle(now)
        unseen = self._under_way + len(self._settling)
        at = self._paused_until
        missing = 1 + ahead + unseen - self._tokens
        if missing > 0:
            at = max(at, self._refilled + missing / (self._rate * self.pace))
        seen = [*self._settling, *[now + self.margin] * self._under_way]
        places = [*self._fresh, *(moment + self.limit.period for moment in seen)]
        rounds, place = divmod(ahead, self._window)
        place -= self._window - len(places)  # the free ones come first
        at = max(at, (places[place] if place >= 0 else now) + rounds * self.limit.period)
        return max(at - now, 0.0)

    def take(self) -> None:
        """One request is let through."""
        self._under_way += 1

    def put_back(self) -> None:
        """A request that was let through is not sent after all."""
        self._under_way -= 1

    def answered(self, now: float) -> None:
        """The answer to one request arrived, or never will."""
        self._under_way -= 1
        self._settling.append(now + self.margin)
        if self._side_by_side < math.inf and now >= self._paused_until:
            self._refill(now)
            self.pace = min(self.pace + 0.5 / self.limit.burst, 1.0)
            self._side_by_side = math.inf if self.pace == 1 else self._side_by_side + 1

    def refused(self, now: float, retry_after: float | None) -> None:
        """A request that was answered already turns out to be refused with 429: somebody else spends the quota, too.

        Refusals during the pause that follows are of requests sent before it, and say nothing new.
        """
        wait = _DEFAULT_PAUSE if retry_after is None else max(retry_after, 1 / self._rate)
        if now >= self._paused_until:
            self._settle(now)
            self.pace = max(self.pace / 2, _SLOWEST)
            unseen = self._under_way + len(self._settling)
            self._tokens = unseen + max((self._tokens - unseen) / 2, 1.0)
        self._side_by_side = 1
        self._pause(now, wait)

    def believe(self, now: float, advice: Advice) -> None:
        """Hold what the server says of its own count against ours; the stricter one counts."""
        self._settle(now)
        limit = self.limit
        self._rate = min([limit.sustained / limit.period, *(quota / window for quota, window in advice.policies)])
        self._capacity = min([float(limit.burst), *(quota for quota, _ in advice.policies)])
        shares = [quota * max(limit.period / window, 1.0) for quota, window in advice.policies]
        self._window = max(int(min([limit.burst, *shares])), 1)
        remaining, reset = advice.remaining, advice.reset
        # What is under way may or may not be counted by the server; what was answered is.
        if remaining is not None and remaining < self._tokens - self._under_way - len(self._settling):
            self._tokens = remaining + len(self._settling)
            if reset is not None:
                self._refilled = now + min(reset, _LONGEST_PAUSE)
        if remaining == 0 and reset:
            self._pause(now, reset)

    def _pause(self, now: float, wait: float) -> None:
        self._paused_until = max(self._paused_until, now + min(wait, _LONGEST_PAUSE))
        self._refilled = max(self._refilled, self._paused_until)

    def _place_back(self) -> float:
        """When the window has a place again, which may be later than its first request's end where it shrank."""
        excess = self._under_way + len(self._settling) + len(self._fresh) - self._window
        return next(islice(self._fresh, min(excess, len(self._fresh) - 1), None))

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
            full = max(self._capacity * self.pace, 1.0)
            if self._tokens < full:
                self._tokens = min(self._tokens + (now - self._refilled) * self._rate * self.pace, full)
            self._refilled = now
