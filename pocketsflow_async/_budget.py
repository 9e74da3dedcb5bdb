"""The counting behind the rate limiter: both documented limits at once, as the server sees them. No waiting here.

A bucket holds `burst` tokens and is refilled `sustained` in every period; and in no period more than `burst`
requests are in flight or fresh. Both count a request from the moment it is let through, but begin to give its place
back only a margin after its response arrived, because the server cannot have seen it later. A request that was
written and given up may be read by the server much later, when a container is resumed, say: it begins to give its
place back two periods after it was given up, at most two minutes.

What the server says is believed as far as it is stricter, for two minutes. A 429 halts everybody, halves what the
bucket holds and the pace at which it is refilled; afterwards one request probes, each response lets one more go at
the same time, and the pace comes back little by little. Announced limits and remainders are buckets beside our own,
so that nothing is left of them when they are forgotten.
"""

import math
from bisect import insort
from collections import deque

from pocketsflow_async._config import RateLimit
from pocketsflow_async._quota_headers import Advice

_MARGIN = 0.01
"""The margin, as a share of a period: 0.6 s of a minute, more than a request is on its way."""

_SLOWEST = 1 / 16
"""The pace never falls below this share of the full one."""

_DEFAULT_PAUSE = 1.0
"""Seconds that everyone waits after a 429 without `Retry-After`."""

LONGEST_PAUSE = 120.0
"""Seconds; as long as the documented bucket takes to fill. Whoever asks for more is asked again after it."""

_SILENCE = 10
"""Responses without a policy after which those announced before are forgotten."""


class _Bucket:
    """Tokens that come back at a steady rate; `until` is when the bucket itself is forgotten."""

    __slots__ = ("capacity", "rate", "refilled", "tokens", "until")

    def __init__(self, tokens: float, rate: float, capacity: float, refilled: float, until: float = math.inf) -> None:
        self.tokens = tokens
        self.rate = rate
        self.capacity = max(capacity, 1.0)
        self.refilled = refilled
        self.until = until

    def refill(self, now: float) -> None:
        if now > self.refilled:
            if self.tokens < self.capacity:
                self.tokens = min(self.tokens + (now - self.refilled) * self.rate, self.capacity)
            self.refilled = now

    def holds_at(self, tokens: float) -> float:
        """When there are so many tokens, or the bucket is forgotten."""
        return min(self.refilled + (tokens - self.tokens) / self.rate, self.until)


class Budget:
    """How many requests may go, and when the next one may.

    Args:
        limit: the two limits.
        now: seconds of a clock that never goes back, as in every method here.
    """

    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self.margin = limit.period * _MARGIN
        self.patience = min(2 * limit.period, LONGEST_PAUSE)
        self.pace = 1.0
        self.under_way = 0
        """Requests let through whose response is still to come."""
        self._rate = limit.sustained / limit.period
        self._own = _Bucket(float(limit.burst), self._rate, float(limit.burst), now)
        self._buckets = [self._own]
        self.policies: dict[tuple[float, float], _Bucket] = {}
        """What the server announced: requests and seconds, with the bucket that keeps to them."""
        self._remainder: _Bucket | None = None
        self._silent = 0
        self._forget_at = math.inf
        self._window = limit.burst
        self._settling: deque[float] = deque()
        self._given_up: deque[float] = deque()
        self._fresh: deque[float] = deque()
        self._paused_until = now
        self._side_by_side = math.inf
        self.taken_at = now

    def used(self, now: float) -> int:
        """Requests that count in the current window."""
        self._settle(now)
        return self._unseen() + len(self._fresh)

    def tokens(self, now: float) -> float:
        """What the bucket holds, less what the server is still to see; at least 0."""
        self._settle(now)
        return max(min(bucket.tokens for bucket in self._buckets) - self._unseen(), 0.0)

    def is_full(self, now: float) -> bool:
        """Whether nothing is left to remember: as good as new."""
        own = self._own
        return self.used(now) == 0 and own.tokens >= own.capacity and now >= max(self._paused_until, self._told_until())

    def try_take(self, now: float) -> bool:
        """Let one request through if it may go now."""
        if self.delay(now) != 0:  # None is unequal, too
            return False
        self.under_way += 1
        self.taken_at = now
        return True

    def take(self, now: float) -> None:
        """One request is let through."""
        self.under_way += 1
        self.taken_at = now

    def delay(self, now: float) -> float | None:
        """Seconds until the next request may go; None when that hangs on a response still to come."""
        if self.under_way >= self._side_by_side and now - self.taken_at < LONGEST_PAUSE:
            return None
        self._settle(now)
        unseen = self.under_way + len(self._settling) + len(self._given_up)
        at = self._paused_until
        for bucket in self._buckets:
            if bucket.tokens >= 1 + unseen:
                continue
            if bucket.capacity >= 1 + unseen:
                at = max(at, bucket.holds_at(1 + unseen))
            elif (seen := min(self._next_seen(), bucket.until)) < math.inf:
                at = max(at, seen)
            elif now - self.taken_at < LONGEST_PAUSE:
                return None
        if unseen + len(self._fresh) >= self._window:
            back = min(self._place_back(), self._forget_at)
            if back == math.inf:
                return None
            at = max(at, back)
        return at - now if at > now else 0.0

    @property
    def hurries(self) -> bool:
        """Whether the next response may let somebody go earlier than `delay` says."""
        return self.under_way > 0 and bool(self._given_up)

    def forecast(self, now: float, ahead: int) -> float:
        """Seconds until a request could go that stands behind `ahead` others, if all responses came now."""
        self._settle(now)
        unseen = self._unseen()
        at = self._paused_until
        for bucket in self._buckets:
            if bucket.tokens < 1 + ahead + unseen:
                at = max(at, bucket.holds_at(1 + ahead + unseen))
        seen = sorted([*self._settling, *self._given_up, *[now + self.margin] * self.under_way])
        places = [*self._fresh, *(moment + self.limit.period for moment in seen)]
        rounds, place = divmod(ahead, self._window)
        place -= self._window - len(places)  # the free ones come first
        at = max(at, min((places[place] if place >= 0 else now) + rounds * self.limit.period, self._forget_at))
        return max(at - now, 0.0)

    def put_back(self) -> None:
        """A request that was let through is not sent after all."""
        self.under_way = max(self.under_way - 1, 0)

    def answered(self, now: float) -> None:
        """The response to one request arrived."""
        if self.under_way > 0:
            self.under_way -= 1
        self._settling.append(now + self.margin)
        if self._side_by_side < math.inf and now >= self._paused_until:
            self._set_pace(now, min(self.pace + 0.5 / self.limit.burst, 1.0))
            self._side_by_side = math.inf if self.pace == 1 else self._side_by_side + 1

    def gave_up(self, now: float) -> None:
        """Nobody waits any more for the response to one request, which the server may still have to read."""
        self.put_back()
        insort(self._given_up, now + self.patience)

    def refused(self, now: float, retry_after: float | None) -> None:
        """A request that was answered already turns out to be refused with 429: somebody else spends the quota, too.

        Refusals during the pause that follows are of requests sent before it, and say nothing new.
        """
        wait = _DEFAULT_PAUSE if retry_after is None else max(retry_after, 1 / self._rate)
        if now >= self._paused_until:
            self._settle(now)
            self._set_pace(now, max(self.pace / 2, _SLOWEST))
            unseen = self._unseen()
            self._own.tokens = unseen + max((self._own.tokens - unseen) / 2, 1.0)
        self._side_by_side = 1
        self._pause(now, wait)
        self._own.refilled = max(self._own.refilled, self._paused_until)

    def believe(self, now: float, advice: Advice) -> None:
        """Hold what the server says of its own count against ours; the stricter one counts."""
        self._settle(now)
        until = now + LONGEST_PAUSE
        self._silent = 0 if advice.policies else self._silent + 1
        if advice.policies or self._silent >= _SILENCE:
            known = self.policies
            self.policies = {
                (quota, window): known.get((quota, window)) or _Bucket(quota, quota / window, quota, now)
                for quota, window in advice.policies
                if quota < self.limit.burst or quota / window < self._rate
            }
            for bucket in self.policies.values():
                bucket.until = until
        remaining, reset = advice.remaining, advice.reset
        # What is in flight may or may not be counted by the server; what was answered is.
        if remaining is not None and remaining < min(bucket.tokens for bucket in self._buckets) - self._unseen():
            tokens, begin = remaining + len(self._settling), now + min(reset or 0.0, LONGEST_PAUSE)
            self._remainder = _Bucket(tokens, self._rate, float(self.limit.burst), begin, until)
        if remaining == 0 and reset:
            self._pause(now, reset)
        self._arrange()

    def _arrange(self) -> None:
        """Put the buckets that were announced beside our own."""
        told = [*self.policies.values(), *([self._remainder] if self._remainder else [])]
        self._buckets = [self._own, *told]
        self._forget_at = min((bucket.until for bucket in told), default=math.inf)
        shares = [quota * max(self.limit.period / window, 1.0) for quota, window in self.policies]
        self._window = max(int(min([self.limit.burst, *shares])), 1)

    def _forget(self, now: float) -> None:
        """Drop what was announced long ago. One more request goes, to see whether the server says so again."""
        self.policies = {policy: bucket for policy, bucket in self.policies.items() if bucket.until > now}
        if self._remainder and self._remainder.until <= now:
            self._remainder = None
        self._side_by_side = min(self._side_by_side, self.under_way + 1)
        self._arrange()

    def _told_until(self) -> float:
        return max((bucket.until for bucket in self._buckets[1:]), default=-math.inf)

    def _unseen(self) -> int:
        """Requests that the server may still have to count."""
        return self.under_way + len(self._settling) + len(self._given_up)

    def _set_pace(self, now: float, pace: float) -> None:
        own = self._own
        own.refill(now)
        self.pace = pace
        own.rate = max(self._rate * pace, min(self._rate, 1 / LONGEST_PAUSE))
        own.capacity = max(self.limit.burst * pace, 1.0)

    def _pause(self, now: float, wait: float) -> None:
        self._paused_until = max(self._paused_until, now + min(wait, LONGEST_PAUSE))

    def _next_seen(self) -> float:
        """When the server has surely seen one more request; infinity where that hangs on a response."""
        return min([*list(self._settling)[:1], *list(self._given_up)[:1]], default=math.inf)

    def _place_back(self) -> float:
        """When the window has a place again; infinity where that hangs on a response."""
        excess = self._unseen() + len(self._fresh) - self._window
        if excess < len(self._fresh):
            return self._fresh[excess]
        excess -= len(self._fresh)
        seen = sorted([*self._settling, *self._given_up])
        return seen[excess] + self.limit.period if excess < len(seen) else math.inf

    def give_up_all(self, now: float) -> None:
        """The responses to all requests in flight will not come, as far as anybody can tell."""
        while self.under_way:
            self.gave_up(now)

    def _settle(self, now: float) -> None:
        """Count what the server has surely seen by now, and give back what it has surely forgotten."""
        while self._given_up and self._given_up[0] <= now:
            insort(self._settling, self._given_up.popleft())
        while self._settling and self._settling[0] <= now:
            seen = self._settling.popleft()
            for bucket in self._buckets:
                bucket.refill(seen)
                bucket.tokens -= 1
            self._fresh.append(seen + self.limit.period)
        if now >= self._forget_at:
            self._forget(now)
        for bucket in self._buckets:
            bucket.refill(now)
        while self._fresh and self._fresh[0] <= now:
            self._fresh.popleft()
