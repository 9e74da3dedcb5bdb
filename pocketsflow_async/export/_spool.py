"""What was fetched, on its way to the final file: what a commit has seen survives a kill at any moment.

A resource has three files in the work folder: its records, one a line; their ids, one JSON array a page; and the
journal, one line a commit, which says how much of the other two is good and where the walk stands.

After a write or an fsync that failed, nobody knows what the files hold behind the last commit. Nothing more is
committed then, until the files are opened again, which cuts them back to that commit.
"""

import errno
import hashlib
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Self
from zlib import crc32

import msgspec

from pocketsflow_async.errors import ExportError
from pocketsflow_async.export._files import disk, open_to_append, open_to_read

Ids = Sequence[str | None]
"""The ids of records in their order; None for a record without one."""

_BETWEEN_COMMITS = 0.5
_TAIL = 256 * 1024
_AT_ONCE = 1024 * 1024
_LONGEST = 1024 * 1024
"""Bytes that an entry of the journal can have."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
_read_page = msgspec.json.Decoder(tuple[int, list[str | None]]).decode


class Mark(msgspec.Struct):
    """One commit: sizes and CRC-32 of both files, how many records they hold, and where the walk stands."""

    lines: _Count
    lines_sum: _Count
    ids: _Count
    ids_sum: _Count
    records: _Count
    state: dict[str, Any]

    def __post_init__(self) -> None:
        if self.records > self.lines:
            raise ValueError("more records than bytes")


class Spool:
    """The pages of one resource; opening it cuts off what no commit has seen.

    Args:
        folder: the work folder.
        name: the resource.
        clock: seconds that never go back.

    Attributes:
        state: what the last commit was told; None when there was none.
        records: how many are in it.
    """

    def __init__(self, folder: Path, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.lines_path = folder / f"{name}.lines"
        self.ids_path = folder / f"{name}.ids"
        self._journal_path = folder / f"{name}.journal"
        self._clock = clock
        self._failed = False
        self.state: dict[str, Any] | None = None
        self.records = 0
        self._open()
        self._committed = clock()

    def _open(self) -> None:
        paths = (self.lines_path, self.ids_path, self._journal_path)
        with disk(self.lines_path), ExitStack() as opened:
            files = [opened.enter_context(open_to_append(path)) for path in paths]
            self._lines, self._ids, self._journal = files
            lines, ids = (file.tell() for file in files[:2])
            last, end = Mark(0, 0, 0, 0, 0, {}), 0
            for entry, after in _entries(self._journal_path):
                if entry.lines > lines or entry.ids > ids:
                    break
                last, end = entry, after
                self.records, self.state = entry.records, entry.state
            self._lines_size, self._ids_size = last.lines, last.ids
            self._lines_sum, self._ids_sum = last.lines_sum, last.ids_sum
            for file, size in zip(files, (last.lines, last.ids, end), strict=True):
                if file.tell() != size:
                    os.truncate(file.fileno(), size)
                    file.seek(size)
            opened.pop_all()

    @contextmanager
    def _writing(self) -> Generator[None]:
        if self._failed:
            raise ExportError(
                f"export: {self.lines_path} could not be written before: run the same export again, "
                "it goes on from the last commit"
            )
        try:
            with disk(self.lines_path):
                yield
        except BaseException:
            self._failed = True
            raise

    def add(self, lines: bytes, ids: Ids, *, found: int = 0) -> None:
        """Put a page's records behind the others.

        Args:
            lines: the records, one a line.
            ids: their ids.
            found: 0 for the first reading of the list; else the reading that found what had moved.
        """
        page = msgspec.json.encode((found, ids)) + b"\n"
        with self._writing():
            self._lines.write(lines)
            self._ids.write(page)
        self._lines_size += len(lines)
        self._ids_size += len(page)
        self._lines_sum = crc32(lines, self._lines_sum)
        self._ids_sum = crc32(page, self._ids_sum)
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
        with self._writing():
            self._lines.flush()
            self._ids.flush()
            for file, size in ((self._lines, self._lines_size), (self._ids, self._ids_size)):
                if os.fstat(file.fileno()).st_size != size:
                    raise OSError(errno.EIO, "not all of it was written", file.name)
            self._committed = self._clock()
            return Mark(self._lines_size, self._lines_sum, self._ids_size, self._ids_sum, self.records, state)

    def seal(self, mark: Mark) -> None:
        """Make durable what was there at a mark; one at a time."""
        with self._writing():
            os.fsync(self._lines.fileno())
            os.fsync(self._ids.fileno())
            entry = msgspec.json.encode(mark)
            self._journal.write(b"%08x %b\n" % (crc32(entry), entry))
            self._journal.flush()
            os.fsync(self._journal.fileno())
        self.state = mark.state

    def pages(self) -> Iterator[tuple[int, list[str | None]]]:
        """The ids, page by page, with the reading that found them.

        Raises:
            ExportError: the file does not hold what was put into it.
        """
        left = self.records
        with disk(self.ids_path, "read"), open_to_read(self.ids_path) as file:
            for line in file:
                reading, ids = self._page(line)
                left -= len(ids)
                if left < 0:
                    raise self._damaged(self.ids_path)
                yield reading, ids

    def last_ids(self, pages: int) -> list[list[str | None]]:
        """The ids of the last few pages, oldest first."""
        with disk(self.ids_path, "read"), open_to_read(self.ids_path) as file:
            start = max(0, file.seek(0, os.SEEK_END) - _TAIL)
            file.seek(start)
            whole = file.read().split(b"\n")[1 if start else 0 : -1]
        return [self._page(line)[1] for line in whole[-pages:]]

    def checked(self) -> tuple[int, str]:
        """Size and SHA-256 of the records' file, after a look at whether both files hold what was put into them.

        Raises:
            ExportError: one does not.
        """
        checksum = hashlib.sha256()
        size = count = total = 0
        with disk(self.lines_path, "read"), open_to_read(self.lines_path) as file:
            while piece := file.read(_AT_ONCE):
                checksum.update(piece)
                size, count, total = size + len(piece), count + piece.count(b"\n"), crc32(piece, total)
        if (count, total) != (self.records, self._lines_sum):
            raise self._damaged(self.lines_path)
        total = 0
        with disk(self.ids_path, "read"), open_to_read(self.ids_path) as file:
            while piece := file.read(_AT_ONCE):
                total = crc32(piece, total)
        if total != self._ids_sum:
            raise self._damaged(self.ids_path)
        return size, checksum.hexdigest()

    def _page(self, line: bytes) -> tuple[int, list[str | None]]:
        try:
            return _read_page(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._damaged(self.ids_path) from None

    def _damaged(self, path: Path) -> ExportError:
        return ExportError(
            f"export: {path} must hold what was fetched ({self.records} records), but was changed or damaged since: "
            "begin anew with resume=False (--no-resume)"
        )

    def close(self) -> None:
        """Close the files; what was not committed is cut off when they are opened again."""
        for file in (self._lines, self._ids, self._journal):
            with suppress(OSError):  # of what was not committed, nothing is needed
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _entries(path: Path) -> Iterator[tuple[Mark, int]]:
    """The journal's whole lines, each with where it ends."""
    end = 0
    with open_to_read(path) as file:
        while line := file.readline(_LONGEST):
            end += len(line)
            checksum, _, text = line[:-1].partition(b" ")
            if line[-1:] != b"\n" or checksum != b"%08x" % crc32(text):
                return
            try:
                entry = msgspec.json.decode(text, type=Mark)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return  # of another version of the tool
            yield entry, end
