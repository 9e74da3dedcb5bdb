"""Several event loops on one clock that only moves when a test says so; each runs, is blocked, stopped or closed."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, Self

TURN = 1e-9
"""Seconds that every turn takes, so that a rounding error cannot stop time."""


class _NoWait(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - time does not pass here
        return super().select(0)


class SteppedLoop(asyncio.SelectorEventLoop):
    """An event loop that takes one step when it is told to.

    Attributes:
        state: "running"; "blocked", by a callback that takes long; or "stopped", between two `run_until_complete`.
    """

    def __init__(self, world: "World") -> None:
        self.world = world
        self.state = "stopped"
        super().__init__(_NoWait())
        self.state = "running"

    def time(self) -> float:
        return self.world.now

    def is_running(self) -> bool:
        return self.state != "stopped" and not self.is_closed()

    def step(self) -> None:
        """Run what is ready now."""
        asyncio._set_running_loop(self)
        try:
            self._run_once()
        finally:
            asyncio._set_running_loop(None)

    def close(self) -> None:
        """Drop what still waits here, without a word."""
        self.state = "stopped"
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False
        super().close()

    def next_at(self) -> float | None:
        """When there is something to do; None for never."""
        if self._ready or (self._scheduled and self._scheduled[0].cancelled()):
            return self.world.now
        return self._scheduled[0].when() if self._scheduled else None


class World:
    """Loops and their clock.

    Attributes:
        steps: how many all loops took together.
    """

    def __init__(self, number: int) -> None:
        self.now = 0.0
        self.steps = 0
        self.loops = [SteppedLoop(self) for _ in range(number)]

    def start(self, loop: SteppedLoop, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """A task of that loop."""
        return asyncio.Task(work, loop=loop)

    def run(self, until: float) -> None:
        """Let the loops that run do their work up to that time."""
        while True:
            able = [loop for loop in self.loops if loop.state == "running" and not loop.is_closed()]
            due = [(at, loop) for loop in able if (at := loop.next_at()) is not None]
            at = min((at for at, _ in due), default=until)
            if at > until or not due:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, at) + TURN
            for when, loop in due:
                if when <= self.now:
                    loop.step()
                    self.steps += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for loop in self.loops:
            loop.close()
