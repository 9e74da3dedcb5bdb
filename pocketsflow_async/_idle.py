"""The calls of one client that send nothing at the moment, so that closing the client can end them."""

import asyncio
from contextlib import suppress
from typing import Any

from pocketsflow_async.errors import ConfigurationError


class Idle:
    """Calls that wait for the rate limit or for their next attempt; each is known by its task."""

    def __init__(self) -> None:
        self.closed = False
        self._tasks: dict[asyncio.Task[Any], int] = {}

    def begin(self) -> None:
        """The running call begins to wait.

        Raises:
            ConfigurationError: the client is closed.
        """
        if self.closed:
            raise closed()
        task = asyncio.current_task()
        if task is not None:
            self._tasks[task] = task.cancelling()

    def end(self) -> None:
        """The running call goes on, or has failed."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.pop(task, None)

    def was_ended(self) -> bool:
        """Whether the running call, which was cancelled, was so by `close` and by nobody else."""
        task = asyncio.current_task()
        before = self._tasks.pop(task, None) if task is not None else None
        return self.closed and task is not None and before is not None and task.uncancel() <= before

    def close(self) -> None:
        """End them all; no call may wait from now on."""
        self.closed = True
        running = asyncio.get_running_loop()
        for task in list(self._tasks):
            loop = task.get_loop()
            if loop is running:
                task.cancel()
            else:
                with suppress(RuntimeError):  # that event loop is closed
                    loop.call_soon_threadsafe(self._cancel, task)

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        if task in self._tasks:
            task.cancel()


def closed() -> ConfigurationError:
    """The error of a call whose client was closed while it waited."""
    return ConfigurationError("the client was closed while the call waited to be sent: build a new client")
