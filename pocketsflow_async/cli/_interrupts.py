"""Stopping: the first Ctrl-C lets the work end cleanly, a second one ends the process at once."""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

import attrs

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@attrs.define
class Interrupt:
    """Stops the running work.

    Attributes:
        asked: whether somebody asked for it.
        unheard: whether whoever read along has gone.
    """

    _task: asyncio.Task[object] | None
    asked: bool = False
    unheard: bool = False

    def stop(self) -> None:
        """Cancel the work."""
        if self._task is not None:
            self._task.cancel()

    def tell(self, show: Callable[[T], object], news: T) -> None:
        """Show something; nobody there to see it is a reason to stop."""
        try:
            if not self.unheard:
                show(news)
        except BrokenPipeError:
            self.unheard = True
            self.stop()


@contextmanager
def interruptible(told: Callable[[], object]) -> Generator[Interrupt]:
    """Cancel the running task at the first SIGINT or SIGTERM, and leave the next one to the system.

    Args:
        told: called at the first one.
    """
    loop = asyncio.get_running_loop()
    interrupt = Interrupt(asyncio.current_task())

    def stop() -> None:
        interrupt.asked = True
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        told()
        interrupt.stop()

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread: asyncio.run sees to it
        yield interrupt
        return
    try:
        yield interrupt
    finally:
        if not interrupt.asked:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
