"""The documented quota, both limits at once, counted in whole numbers so that its edges are exact."""

from collections import deque
from collections.abc import Callable

from pocketsflow_async._config import RateLimit

_SECOND = 1_000_000_000  # nanoseconds


class Quota:
    """Who may send another request, and who has to wait how long.

    A bucket of `burst` tokens is refilled with `sustained` tokens a period, and no sliding window of one
    period holds more than `burst` admitted requests. A refused request costs nothing.

    Args:
        limit: the two limits.
        clock: seconds that only ever grow.
    """

    def __init__(self, limit: RateLimit, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._callers: dict[str, _Caller] = {}

    def take(self, caller: str) -> float:
        """Admit one request of this caller and return 0, or return the seconds it has to wait."""
        now = round(self._clock() * _SECOND)
        state = self._callers.get(caller)
        if state is None:
            state = self._callers[caller] = _Caller(self._limit, now)
        return state.take(now) / _SECOND


class _Caller:
    """One caller's bucket and window, in nanoseconds.

    The bucket's level is held in units of one token / period_ns: a nanosecond adds `sustained` units.
    """

    __slots__ = ("_admitted", "_capacity", "_filled_at", "_level", "_period", "_sustained")

    def __init__(self, limit: RateLimit, now: int) -> None:
        self._period = max(1, round(limit.period * _SECOND))
        self._sustained = limit.sustained
        self._capacity = limit.burst * self._period
        self._level = self._capacity
        self._filled_at = now
        self._admitted: deque[int] = deque(maxlen=limit.burst)

    def take(self, now: int) -> int:
        """Admit a request and return 0, or return the nanoseconds to wait."""
        if now > self._filled_at:
            grown = (now - self._filled_at) * self._sustained
            self._level = min(self._capacity, self._level + grown)
            self._filled_at = now
        missing = self._period - self._level
        wait = -(-missing // self._sustained) if missing > 0 else 0
        if len(self._admitted) == self._admitted.maxlen:
            wait = max(wait, self._admitted[0] + self._period - self._filled_at)
        if wait > 0:
            return wait
        self._level -= self._period
        self._admitted.append(self._filled_at)
        return 0
