"""An event loop whose time is not waited for."""

import asyncio
import selectors
from typing import Any

_TURN = 1e-9
"""Seconds that every turn of a virtual loop takes, so that a rounding error cannot stop time."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock begins at 0 and jumps to the next timer instead of waiting for it.

    While a thread works for the loop, time stands still.

    Attributes:
        patience: real seconds in which the kernel may still hand something over before the clock jumps.
        soon: virtual seconds that nothing on the network hangs on: they pass at once.
    """

    patience = 0.0
    soon = 0.0

    def __init__(self) -> None:
        self.now = 0.0
        self.threads = 0
        super().__init__(_Impatient(self))

    def time(self) -> float:
        return self.now

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        future = super().run_in_executor(executor, func, *args)
        self.threads += 1
        future.add_done_callback(self._one_thread_less)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109, ARG002
        await super().shutdown_default_executor()

    def _one_thread_less(self, _: object) -> None:
        self.threads -= 1


class _Impatient(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self.loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or (timeout > 0 and self.loop.threads):
            return super().select()
        ready = super().select(self.loop.patience if timeout > self.loop.soon else 0)
        if not ready:
            self.loop.now += max(timeout, _TURN)
        return ready
