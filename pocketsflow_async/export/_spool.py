"""What was fetched, on its way to the final file: what a commit has seen survives a kill at any moment.

A resource has three files in the work folder: its records, one a line; their ids, one JSON array a page; and the
journal, one line a commit, which says how much of the other two is good and where the walk stands.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self
from zlib import crc32

import msgspec

from pocketsflow_async.export._files import digest, disk

Ids = Sequence[str | None]
"""The ids of records in their order; None for a record without one."""

_BETWEEN_COMMITS = 0.5
_TAIL = 256 * 1024
_read_page = msgspec.json.Decoder(tuple[int, list[str | None]]).decode


class Mark(msgspec.Struct):
    """One commit."""

    lines: int
    ids: int
    records: int
    state: dict[str, Any]


class Spool:
    """The pages of one resource; opening it cuts off what no commit has seen.

    Args:
        folder: the work folder.
        name: the resource.
        summed: whether the checksum of the records' file will be asked for.
        clock: seconds that never go back.

    Attributes:
        state: what the last commit was told; None when there was none.
        records: how many are in it.
    """

    def __init__(
        self, folder: Path, name: str, *, summed: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.lines_path = folder / f"{name}.lines"
        self.ids_path = folder / f"{name}.ids"
        self._journal_path = folder / f"{name}.journal"
        self._clock = clock
        self._summed = summed
        self.state: dict[str, Any] | None = None
        self.records = 0
        self._open()
        self._committed = clock()

    def _open(self) -> None:
        paths = (self.lines_path, self.ids_path, self._journal_path)
        with disk(self.lines_path):
            for path in paths:
                path.touch()
            lines, ids, end = 0, 0, 0
            for entry, after in _entries(self._journal_path):
                if entry.lines > self.lines_path.stat().st_size or entry.ids > self.ids_path.stat().st_size:
                    break
                lines, ids, end = entry.lines, entry.ids, after
                self.records, self.state = entry.records, entry.state
            for path, size in zip(paths, (lines, ids, end), strict=True):
                if path.stat().st_size != size:
                    os.truncate(path, size)
            self._lines, self._ids, self._journal = (path.open("ab") for path in paths)
            self._sum = hashlib.sha256() if self._summed and not lines else None

    def digest(self) -> tuple[int, str]:
        """Size and SHA-256 of the records' file; worked out while it was written, if that was done in one go."""
        if self._sum is None:
            return digest(self.lines_path)
        return self.lines_path.stat().st_size, self._sum.hexdigest()

    def add(self, lines: bytes, ids: Ids, *, found: int = 0) -> None:
        """Put a page's records behind the others.

        Args:
            lines: the records, one a line.
            ids: their ids.
            found: 0 for the first reading of the list; else the reading that found what had moved.
        """
        with disk(self.lines_path):
            self._lines.write(lines)
            if self._sum is not None:
                self._sum.update(lines)
            self._ids.write(msgspec.json.encode((found, ids)) + b"\n")
        self.records += len(ids)

    @property
    def due(self) -> bool:
        """Whether the last commit is long enough ago."""
        return self._clock() - self._committed >= _BETWEEN_COMMITS

    def commit(self, state: dict[str, Any]) -> None:
        """Make everything so far durable, together with where the walk stands."""
        self.seal(self.mark(state))

    def mark(self, state: dict[str, Any]) -> Mark:
        """What a commit at this moment holds; `seal` makes it durable while more is added."""
        with disk(self.lines_path):
            self._lines.flush()
            self._ids.flush()
            self._committed = self._clock()
            return Mark(self._lines.tell(), self._ids.tell(), self.records, state)

    def seal(self, mark: Mark) -> None:
        """Make durable what was there at a mark; one at a time."""
        with disk(self.lines_path):
            os.fsync(self._lines.fileno())
            os.fsync(self._ids.fileno())
            entry = msgspec.json.encode(mark)
            self._journal.write(b"%08x %b\n" % (crc32(entry), entry))
            self._journal.flush()
            os.fsync(self._journal.fileno())
        self.state = mark.state

    def pages(self) -> Iterator[tuple[int, list[str | None]]]:
        """The ids, page by page, with the reading that found them."""
        return read_ids(self.ids_path)

    def last_ids(self, pages: int) -> list[list[str | None]]:
        """The ids of the last few pages, oldest first."""
        with self.ids_path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - _TAIL)
            file.seek(start)
            whole = file.read().split(b"\n")[1 if start else 0 : -1]
        return [_read_page(line)[1] for line in whole[-pages:]]

    def close(self) -> None:
        """Close the files; what was not committed is cut off when they are opened again."""
        for file in (self._lines, self._ids, self._journal):
            with disk(self.lines_path):
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def read_ids(path: Path) -> Iterator[tuple[int, list[str | None]]]:
    """A file of ids, page by page, with the reading that found them."""
    with path.open("rb") as file:
        for line in file:
            yield _read_page(line)


def _entries(path: Path) -> Iterator[tuple[Mark, int]]:
    """The journal's whole lines, each with where it ends."""
    end = 0
    with path.open("rb") as file:
        for line in file:
            end += len(line)
            checksum, _, text = line[:-1].partition(b" ")
            if line[-1:] != b"\n" or checksum != b"%08x" % crc32(text):
                return
            yield msgspec.json.decode(text, type=Mark), end
