"""The export before and what is new since then become one list."""

import gzip
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from pocketsflow_async.errors import ExportError
from pocketsflow_async.export._files import check_folder, disk, holds, open_to_read
from pocketsflow_async.export._manifest import Entry
from pocketsflow_async.export._source import ids_of

_AT_ONCE = 1000


def merged(folder: Path, entry: Entry, new: Iterable[bytes]) -> Iterator[bytes]:
    """The old records in their order, each in its newest version, and behind them those that are new.

    Only what is new is held in memory.

    Args:
        folder: of the old export.
        entry: what its manifest says.
        new: records without the end of their lines.

    Raises:
        ExportError: the old file is not what the manifest says.
    """
    path = check_raw(folder, entry)
    fresh, nameless = _by_id(new)
    for lines in _chunks(path):
        for name, line in zip(ids_of(b"\n".join(lines)), lines, strict=True):
            if name is None:
                nameless.pop(line, None)
            yield line if name is None else fresh.pop(name, line)
    yield from fresh.values()
    yield from nameless


def check_raw(folder: Path, entry: Entry) -> Path:
    """The file with each record as the server sent it, after a look at whether it is still the one that was written."""
    content = entry.raw or entry
    path = folder / content.file
    with disk(path, "read"):
        if path.parent != folder:
            check_folder(path.parent)
        if not holds(path, content.bytes, content.sha256):
            raise ExportError(
                f"export: {path} was changed since it was exported: what is new cannot be added to it; "
                "export all of it into another folder"
            )
    return path


def read_lines(path: Path) -> Iterator[bytes]:
    """The records of a JSON Lines file, compressed or not, without the end of their lines."""
    with opened(path) as file:
        for line in file:
            yield line.removesuffix(b"\n")


@contextmanager
def opened(path: Path) -> Generator[Iterable[bytes]]:
    """The lines of a file, compressed or not."""
    with open_to_read(path) as file:
        if path.suffix == ".gz":
            with gzip.open(file, "rb") as lines:
                yield lines
        else:
            yield file


def _chunks(path: Path) -> Iterator[list[bytes]]:
    lines = read_lines(path)
    while chunk := list(islice(lines, _AT_ONCE)):
        yield chunk


def _by_id(lines: Iterable[bytes]) -> tuple[dict[str, bytes], dict[bytes, None]]:
    named: dict[str, bytes] = {}
    nameless: dict[bytes, None] = {}
    for line in lines:
        (name,) = ids_of(line)
        if name is None:
            nameless[line] = None
        else:
            named[name] = line
    return named, nameless
