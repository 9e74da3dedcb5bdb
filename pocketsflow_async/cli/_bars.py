"""Progress bars, which need rich."""

from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from pocketsflow_async.cli._pace import Pace
from pocketsflow_async.cli._progress import pace_words
from pocketsflow_async.export import ExportProgress

_NARROW, _WIDE = 6, 40
_WORDS = 72  # what stands beside a bar


def _one_line() -> Column:
    return Column(no_wrap=True)


class Bars:
    """A bar for each resource, with what is done, the rate, the wait for the quota and the time left."""

    def __init__(self, stream: TextIO) -> None:
        self._pace = Pace()
        self._tasks: dict[str, TaskID] = {}
        console = Console(file=stream)
        self._progress = Progress(
            TextColumn("{task.description}", table_column=_one_line()),
            BarColumn(bar_width=max(_NARROW, min(_WIDE, console.width - _WORDS))),
            _Records(_one_line()),
            _Speed(self._pace),
            console=console,
        )

    def start(self) -> None:
        """Take the terminal."""
        self._progress.start()

    def show(self, progress: ExportProgress) -> None:
        """Move a resource's bar."""
        self._pace.add(progress)
        if progress.resource not in self._tasks:
            self._tasks[progress.resource] = self._progress.add_task(progress.resource, total=progress.expected)
        total = progress.records if progress.done else progress.expected
        self._progress.update(self._tasks[progress.resource], completed=progress.records, total=total)

    def stop(self) -> None:
        """Leave the bars as they are, and give the terminal back."""
        self._progress.stop()


class _Records(ProgressColumn):
    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f" of {task.total:,.0f}"
        return Text(f"{task.completed:,.0f}{total}", justify="right", style="progress.download")


class _Speed(ProgressColumn):
    def __init__(self, pace: Pace) -> None:
        super().__init__(_one_line())
        self._pace = pace

    def render(self, task: Task) -> Text:
        return Text(", ".join(pace_words(self._pace, task.description)), style="progress.data.speed")
