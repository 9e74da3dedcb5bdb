"""How an export shows its progress: bars on a terminal, where rich is installed, plain lines elsewhere, or JSON."""

import json
import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final, Protocol, TextIO

import attrs
import msgspec

from pocketsflow_async.cli._pace import Pace, clock_text
from pocketsflow_async.export import ExportProgress

_SECONDS_A_LINE: Final = 2.0
_SHORT_WAIT: Final = 1.0  # not worth a word


class Show(Protocol):
    """Shows progress from `start` to `stop`, which can be called twice."""

    def start(self) -> None:
        """Take the stream."""

    def show(self, progress: ExportProgress) -> None:
        """Show how far a resource has come."""

    def stop(self) -> None:
        """Leave the stream as it was."""


def show_on(stream: TextIO) -> Show:
    """Bars or lines, as the stream can."""
    if stream.isatty() and os.environ.get("TERM") != "dumb" and find_spec("rich") is not None:
        from pocketsflow_async.cli._bars import Bars

        return Bars(stream)
    return Lines(stream)


class Lines:
    """A line for each resource every two seconds, and one when it is done."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._pace = Pace(clock)
        self._shown: dict[str, float] = {}

    def start(self) -> None:
        """Lines need nothing."""

    def show(self, progress: ExportProgress) -> None:
        """Show a line, if it is time for one."""
        self._pace.add(progress)
        now = self._clock()
        last = self._shown.setdefault(progress.resource, now)
        if progress.done or now - last >= _SECONDS_A_LINE:
            self._shown[progress.resource] = now
            print(self._line(progress), file=self._stream, flush=True)

    def stop(self) -> None:
        """Lines need nothing."""

    def _line(self, progress: ExportProgress) -> str:
        known = progress.expected is not None and not (progress.done and progress.records != progress.expected)
        total = f" of {progress.expected}" if known else ""
        words = [f"{progress.resource}: {progress.records}{total} records"]
        return ", ".join(words + pace_words(self._pace, progress.resource))


def pace_words(pace: Pace, resource: str) -> list[str]:
    """Its rate, and either how far it is or the time left and the wait for the quota."""
    rate, state, left, wait = pace.rate(resource), pace.state(resource), pace.left(resource), pace.wait()
    words = [] if rate is None else [f"{rate:,.0f}/s"]
    if state is not None:
        return [*words, state]
    words += [] if left is None else [f"{clock_text(left)} left"]
    return words if wait < _SHORT_WAIT else [*words, f"quota {clock_text(wait)}"]


class Objects:
    """Everything that is told, as one JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def start(self) -> None:
        """JSON needs nothing."""

    def show(self, progress: ExportProgress) -> None:
        """Tell how far a resource has come."""
        self.tell("progress", attrs.asdict(progress))

    def tell(self, event: str, fields: dict[str, Any]) -> None:
        """Tell anything."""
        line = json.dumps(msgspec.to_builtins({"event": event, **fields}), separators=(",", ":"))  # ASCII
        print(line.replace("\x7f", "\\u007f"), file=self._stream, flush=True)

    def stop(self) -> None:
        """JSON needs nothing."""
