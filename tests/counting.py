"""How a server may count requests: the four ways that are in use."""

from collections import deque

from pocketsflow_async import RateLimit

TOLERANCE = 1e-4
"""Seconds; more than rounding adds up to."""


class SlidingWindow:
    """No more than `burst` in any period that ends now."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self.seen: deque[float] = deque()

    def admits(self, moment: float) -> bool:
        while self.seen and self.seen[0] + self.limit.period - TOLERANCE <= moment:
            self.seen.popleft()
        if len(self.seen) >= self.limit.burst:
            return False
        self.seen.append(moment)
        return True


class CalendarWindow:
    """No more than `burst` in each period, beginning at fixed times."""

    def __init__(self, limit: RateLimit, phase: float = 0.0) -> None:
        self.limit = limit
        self.phase = phase
        self.counts: dict[int, int] = {}

    def admits(self, moment: float) -> bool:
        number = int((moment + self.phase) // self.limit.period)
        self.counts[number] = self.counts.get(number, 0) + 1
        return self.counts[number] <= self.limit.burst


class Bucket:
    """A bucket of `burst` tokens, refilled with `sustained` a period."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self.level, self.filled = float(limit.burst), 0.0

    def admits(self, moment: float) -> bool:
        rate = self.limit.sustained / self.limit.period
        self.level = min(self.level + (moment - self.filled) * rate, float(self.limit.burst))
        self.filled = moment
        if self.level < 1 - TOLERANCE:
            return False
        self.level -= 1
        return True


class BucketAndWindow:
    """Both at once."""

    def __init__(self, limit: RateLimit) -> None:
        self.bucket, self.window = Bucket(limit), SlidingWindow(limit)

    def admits(self, moment: float) -> bool:
        return self.bucket.admits(moment) and self.window.admits(moment)


class Gcra:
    """The generic cell rate algorithm for the bucket: it keeps the time at which the bucket would be full."""

    def __init__(self, limit: RateLimit) -> None:
        self.interval = limit.period / limit.sustained
        self.tolerance = self.interval * (limit.burst - 1)
        self.full_at = 0.0

    def admits(self, moment: float) -> bool:
        if moment < self.full_at - self.tolerance - TOLERANCE:
            return False
        self.full_at = max(self.full_at, moment) + self.interval
        return True


SERVERS = [SlidingWindow, CalendarWindow, BucketAndWindow, Gcra]
