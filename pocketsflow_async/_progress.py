"""How an export shows its progress: bars on a terminal, where rich is installed, plain lines elsewhere."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TextIO

from pocketsflow_async.export import ExportProgress, ExportReport

Show = Callable[[ExportProgress], None]

_PAGES_A_LINE = 10


@contextmanager
def report_to(stream: TextIO) -> Generator[Show]:
    """A callback that shows progress on a stream as long as the block lasts."""
    if not stream.isatty() or find_spec("rich") is None:
        yield _lines(stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=stream)) as bars:
        yield _bars(bars.add_task, bars.update)


def table(report: ExportReport) -> str:
    """What the export did, a line for each resource and one for all."""
    rows = [["resource", "records", "pages", "requests", "429s", "seconds"]]
    for one in report.resources:
        counts = [one.records, one.pages, one.requests, one.throttled]
        rows.append([one.resource, *map(str, counts), f"{one.seconds:.2f}"])
    totals = [sum(int(row[column]) for row in rows[1:]) for column in range(1, 5)]
    rows.append(["all", *map(str, totals), f"{report.seconds:.2f}"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(_aligned(row, widths)) for row in rows)


def _aligned(row: list[str], widths: list[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]


def _lines(stream: TextIO) -> Show:
    def show(progress: ExportProgress) -> None:
        if progress.done or progress.pages % _PAGES_A_LINE == 0:
            total = "" if progress.expected is None else f" of {progress.expected}"
            end = ", done" if progress.done else ""
            print(f"{progress.resource}: {progress.records}{total} records{end}", file=stream, flush=True)

    return show


def _bars(add: Callable[..., int], update: Callable[..., None]) -> Show:
    tasks: dict[str, int] = {}

    def show(progress: ExportProgress) -> None:
        if progress.resource not in tasks:
            tasks[progress.resource] = add(progress.resource, total=progress.expected)
        total = progress.records if progress.done else progress.expected
        update(tasks[progress.resource], completed=progress.records, total=total)

    return show
