"""Counts and sums of what goes from one place to another, to see whether all of it arrived."""

from collections import deque
from collections.abc import Iterable, Iterator
from zlib import crc32

import attrs


@attrs.define
class Tally:
    """What went by: how many records, the CRC-32 of all of them, and whether the last one was seen."""

    records: int = 0
    checksum: int = 0
    whole: bool = False

    def watch(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The same records, counted and summed as they go by."""
        for line in lines:
            self.records += 1
            self.checksum = crc32(b"\n", crc32(line, self.checksum))
            yield line
        self.whole = True

    def count(self, lines: Iterable[bytes]) -> int:
        """How many there are, when all of them went by."""
        deque(self.watch(lines), maxlen=0)
        return self.records
