"""Work that is done once for all who want it at the same time, and goes on when they stop waiting."""

import asyncio
import copy
from collections.abc import Coroutine
from typing import Any

from pocketsflow_async.errors import APIConnectionError, ConfigurationError, PocketsflowError


class SingleFlight:
    """Refreshes of tokens, one at a time, each in a task of its own: whoever waits for it may be cancelled."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def is_flying(self) -> bool:
        """Whether one is being done now."""
        return self._task is not None and not self._task.done() and not self._task.get_loop().is_closed()

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it, and wait for its outcome; nothing else may be flying."""
        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(_look)
        await _outcome(self._task)

    async def join(self) -> None:
        """Wait for the outcome of the one that is flying."""
        await _outcome(self._running())

    async def wait(self) -> None:
        """Wait until nothing is flying, whatever comes of it."""
        while self.is_flying():
            await asyncio.wait({self._running()})

    async def settled(self) -> None:
        """Wait until nothing is flying, except for the one that asks and for those of other event loops."""
        task = self._task
        here = task is not None and task.get_loop() is asyncio.get_running_loop()
        if task is not None and here and task is not asyncio.current_task():
            await asyncio.wait({task})

    def _running(self) -> asyncio.Task[None]:
        task = self._task
        if task is None or task is asyncio.current_task():
            raise ConfigurationError("on_tokens used the client, which waits for it: let it only store the tokens")
        if task.get_loop() is not asyncio.get_running_loop():
            raise ConfigurationError("the tokens are being renewed in another event loop: use one OAuth2 for each")
        return task


async def _outcome(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task})
    if task.cancelled():
        raise APIConnectionError("the event loop ended while the tokens were renewed")
    failure = task.exception()
    if isinstance(failure, PocketsflowError):
        error = copy.copy(failure)  # each that waits raises one of its own
        error.__cause__ = failure.__cause__
        raise error
    if failure is not None:
        raise failure


def _look(task: asyncio.Task[None]) -> None:
    """Take note of an outcome for which nobody waits any more."""
    if not task.cancelled():
        task.exception()
