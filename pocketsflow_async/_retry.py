"""Whether and when a failed try is repeated. The loop itself is backoff's; the waits are ours."""

import random
import time
from collections.abc import Awaitable, Callable, Generator
from functools import lru_cache, partial
from typing import Any, Protocol

from pocketsflow_async._config import RetryPolicy
from pocketsflow_async._response import Response, retry_after
from pocketsflow_async.errors import (
    APIConnectionError,
    APIStatusError,
    ConflictError,
    PocketsflowError,
    RateLimitError,
)

_TEMPORARY = frozenset({408, 429, 500, 502, 503, 504})


class Again(Exception):  # noqa: N818 - not an error by itself: it asks the loop for another try
    """A try failed with an error that another try may mend.

    Args:
        waited: seconds of waiting for the quota before it.
        elapsed: seconds that it took after that.
        at_once: whether the next try needs no pause.
    """

    def __init__(
        self, error: PocketsflowError, *, waited: float = 0.0, elapsed: float = 0.0, at_once: bool = False
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.waited = waited
        self.elapsed = elapsed
        self.at_once = at_once


class Call(Protocol):
    """One call on its way: what the loop repeats."""

    async def attempt(self) -> Response:
        """Try once; raises `Again` where another try may help."""
        ...


def may_repeat(error: PocketsflowError, *, repeatable: bool) -> bool:
    """Whether another try could help and cannot do the work twice.

    A request that is not repeatable is sent again only if the server certainly did not act on it: it never
    arrived, or it was refused by the rate limit. Where the next try would fail alike there is none.
    """
    if isinstance(error, RateLimitError):
        return True
    if isinstance(error, APIConnectionError):
        return error.temporary and (repeatable or not error.received)
    return repeatable and isinstance(error, APIStatusError) and error.status in _TEMPORARY


def is_unknown(error: PocketsflowError) -> bool:
    """Whether the server may still be at work on an attempt that failed with this error."""
    if isinstance(error, APIConnectionError):
        return error.received
    return isinstance(error, APIStatusError) and (error.status >= 500 or error.status == 408)


def delays(
    policy: RetryPolicy,
    *,
    clock: Callable[[], float] = time.monotonic,
    spread: Callable[[float, float], float] = random.uniform,
) -> Generator[float | None, Again, None]:
    """The pauses between tries: full jitter under a doubling ceiling, never less than `Retry-After`.

    Begins when the first try has failed. Ends, so that the last error stands, when the next pause would pass
    `max_elapsed`. The waits for the quota do not count: in a long row nothing would be repeated any more.
    """
    again = yield None
    start = clock() - again.elapsed
    ceiling = policy.base_delay
    while True:
        if again.at_once and clock() - start <= policy.max_elapsed:
            pause = 0.0
        else:
            longest = min(ceiling, policy.max_delay)
            # A 409 is repeated while the server is at work on an earlier attempt, which takes its time.
            pause = spread(longest / 2 if isinstance(again.error, ConflictError) else 0.0, longest)
            if isinstance(again.error, APIStatusError):
                pause += retry_after(again.error.headers) or 0.0
            if clock() - start + pause > policy.max_elapsed:
                return
            ceiling *= 2
        again = yield pause
        start += again.waited


async def retrying(call: Call, policy: RetryPolicy) -> Response:
    """Drive a call by this policy.

    Nearly every call ends with its first try, so that is made outside of the loop, which gets it only if it failed.
    """
    try:
        return await call.attempt()
    except Again as again:
        first = [again]
    return await _loop(policy)(call, first)


@lru_cache(maxsize=64)
def _loop(policy: RetryPolicy) -> Callable[[Call, list[Again]], Awaitable[Response]]:
    """The loop of a call whose first try has failed; loaded with the first such call."""
    import backoff

    async def repeat(call: Call, first: list[Again]) -> Response:
        if first:
            raise first.pop()
        return await call.attempt()

    on_exception: Any = backoff.on_exception
    repeating: Callable[[Call, list[Again]], Awaitable[Response]] = on_exception(
        partial(delays, policy), Again, max_tries=policy.attempts, jitter=None, logger=None
    )(repeat)
    return repeating
