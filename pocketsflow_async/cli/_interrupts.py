"""Stopping: the first Ctrl-C lets the work end cleanly, a second one ends the process at once."""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager

import attrs

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@attrs.define
class Interrupt:
    """Whether somebody asked to stop."""

    asked: bool = False


@contextmanager
def interruptible(told: Callable[[], object]) -> Generator[Interrupt]:
    """Cancel the running task at the first SIGINT or SIGTERM, and leave the next one to the system.

    Args:
        told: called at the first one.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    interrupt = Interrupt()

    def stop() -> None:
        interrupt.asked = True
        for number in heard:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        told()
        if task is not None:
            task.cancel()

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    heard = [number for number in _SIGNALS if before[number] != signal.SIG_IGN]  # as nohup and scripts have it
    try:
        for number in heard:
            loop.add_signal_handler(number, stop)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread: asyncio.run sees to it
        yield interrupt
        return
    try:
        yield interrupt
    finally:
        if not interrupt.asked:
            for number in heard:
                loop.remove_signal_handler(number)
                signal.signal(number, before[number])
