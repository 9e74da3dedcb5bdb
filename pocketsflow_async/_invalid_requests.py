"""How often a token address may be asked in vain: who asks too often is shut out, so we stop before."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from threading import RLock

from pocketsflow_async._config import Priority
from pocketsflow_async._response import Response, retry_after
from pocketsflow_async._shared_quota import hashable, shared
from pocketsflow_async.errors import ConfigurationError

MOST = 10
"""Invalid requests that a token address forgives."""
PERIOD = 3600.0
"""Seconds in which it counts them."""


def invalid_requests(url: str, clock: Callable[[], float] = time.monotonic) -> "InvalidRequests":
    """The count of one token address: the server counts by our address, so all clients of this process share it."""
    return shared((url, hashable(clock)), lambda: InvalidRequests(url, clock))


class InvalidRequests:
    """Lets requests to a token address through, until it refused too many of them.

    An answer of 400 to 499 counts; where there is none, nobody knows. No more are under way at once than may still be
    refused, so that the limit holds whatever is answered.
    """

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        self._url = url
        self._clock = clock
        self._refused: deque[float] = deque()
        self._halted_until = 0.0
        self._under_way = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._lock = RLock()

    def try_acquire(self) -> bool:
        """Let a request go at once, if one may.

        Raises:
            ConfigurationError: none may for some time.
        """
        with self._lock:
            self._check()
            if len(self._refused) + self._under_way >= MOST:
                return False
            self._under_way += 1
            return True

    async def acquire(self, priority: Priority = "normal") -> None:  # noqa: ARG002 - all are alike here
        """Wait until a request may go.

        Raises:
            ConfigurationError: none may for some time.
        """
        while True:
            with self._lock:
                if self.try_acquire():
                    return
                turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
            await turn

    def release(self, answer: Response | None = None) -> None:
        """The response to one request arrived, if there is one."""
        with self._lock:
            self._under_way -= 1
            if answer is not None and answer.status == 429:
                self._halted_until = self._clock() + (retry_after(answer.headers) or PERIOD)
            elif answer is not None and 400 <= answer.status < 500:
                self._refused.append(self._clock())
            waiting, self._waiting = self._waiting, []
        for turn in waiting:
            loop = turn.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, turn)

    def give_up(self) -> None:
        """The response to one request never arrived."""
        self.release()

    def put_back(self) -> None:
        """One request was never written."""
        self.release()

    def is_idle(self) -> bool:
        """Whether nothing has to be remembered."""
        with self._lock:
            self._forget()
            return not self._refused and not self._under_way and self._clock() >= self._halted_until

    def _check(self) -> None:
        self._forget()
        halted = self._halted_until - self._clock()
        if len(self._refused) >= MOST:
            halted = max(halted, self._refused[0] + PERIOD - self._clock())
        if halted > 0:
            raise ConfigurationError(
                f"{self._url} refused too many requests: nothing more is sent there for {halted / 60:.0f} min; "
                "look at client_id, client_secret and the tokens"
            )

    def _forget(self) -> None:
        while self._refused and self._refused[0] + PERIOD <= self._clock():
            self._refused.popleft()


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
