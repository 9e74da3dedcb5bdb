"""Which records stand in the spool more than once, found in memory that does not grow with the list."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import attrs
import msgspec

from pocketsflow_async.export._files import disk, remove

Pages = Iterable[tuple[int, Sequence[str | None]]]

_IN_MEMORY = 20_000
_Row = tuple[int, int, str]
"""A record: its line, the mark of its page, its id."""

_read_rows = msgspec.json.Decoder(list[_Row]).decode


@attrs.frozen
class Duplicates:
    """What to leave out.

    Attributes:
        count: how many lines.
        found: by reading, how many records no earlier reading had seen.
        twice: by reading, how often it saw a record again that it had seen itself.
        lines: a bit for every line, set where the same record stands again further on.
    """

    count: int
    found: Counter[int]
    twice: Counter[int]
    lines: bytearray

    def __contains__(self, line: int) -> bool:
        return bool(self.lines[line >> 3] & 1 << (line & 7))


@attrs.define
class Apart:
    """How many records are certainly different, seen while they come in: each page has ids beyond all before it.

    So it is with lists in order of time and ids that begin with the time. What does not fit is not counted.
    """

    low: str = ""
    high: str = ""
    count: int = 0

    def add(self, names: set[str], records: int) -> None:
        """Look at a page of so many records, which have these ids."""
        if not names or len(names) != records:
            return
        least, most = min(names), max(names)
        if not self.count:
            self.low, self.high = least, most
        elif most < self.low:
            self.low = least
        elif least > self.high:
            self.high = most
        else:
            return
        self.count += len(names)


def find_duplicates(pages: Pages, records: int, scratch: Path) -> Duplicates:
    """Look for ids that come again. Of the same record, the copy that was read last stays.

    Args:
        pages: the ids in the order of the lines, each page with the reading that found it.
        records: how many there are, about.
        scratch: a folder to be made, used and removed.
    """
    count = 0
    found: Counter[int] = Counter()
    twice: Counter[int] = Counter()
    drop = bytearray((records >> 3) + 1)
    for rows in by_bucket(pages, records, scratch):
        last: dict[str, tuple[int, int]] = {}
        for line, reading, name in rows:
            if name in last:
                before, seen_by = last[name]
                drop[before >> 3] |= 1 << (before & 7)
                count += 1
                twice[reading] += seen_by == reading
            else:
                found[reading] += 1
            last[name] = line, reading
    return Duplicates(count, found, twice, drop)


def by_bucket(pages: Pages, records: int, scratch: Path) -> Iterator[Iterable[_Row]]:
    """All rows with an id, those of one id in the same bucket and in their order; a bucket fits into memory."""
    buckets = -(-records // _IN_MEMORY)
    if buckets <= 1:
        yield _rows(pages)
        return
    with disk(scratch):
        remove(scratch)
        scratch.mkdir()
    try:
        with disk(scratch):
            _scatter(_rows(pages), buckets, lambda bucket: scratch / str(bucket))
        for bucket in range(buckets):
            path = scratch / str(bucket)
            if path.exists():
                yield _gather(path)
                path.unlink()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _rows(pages: Pages) -> Iterator[_Row]:
    line = 0
    for mark, ids in pages:
        for name in ids:
            if name is not None:
                yield line, mark, name
            line += 1


def _scatter(rows: Iterable[_Row], buckets: int, path: Callable[[int], Path]) -> None:
    held: list[list[_Row]] = [[] for _ in range(buckets)]
    for number, row in enumerate(rows, 1):
        held[hash(row[2]) % buckets].append(row)
        if number % _IN_MEMORY == 0:
            _put(held, path)
    _put(held, path)


def _put(held: list[list[_Row]], path: Callable[[int], Path]) -> None:
    for bucket, rows in enumerate(held):
        if rows:
            with path(bucket).open("ab") as file:
                file.write(msgspec.json.encode(rows) + b"\n")
            rows.clear()


def _gather(path: Path) -> Iterator[_Row]:
    with disk(path, "read"), path.open("rb") as file:
        for line in file:
            yield from _read_rows(line)
