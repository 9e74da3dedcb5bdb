"""Pages of one list that overlap: which page is read next, and whether it is linked to those before.

Records keep their order while a list is read, whatever comes and goes between them. So when a page holds a record that
was read before, everything that was there all the time, from that record to the page's last one, is on the page. A
chain of such pages from the start of the list to its end misses nothing.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import lt

import attrs

Part = tuple[int, int]
"""A page: how many records lie in front of it, and how many it is asked to have."""

REMEMBERED = 10
"""Pages whose ids are kept."""


@lru_cache(maxsize=256)
def next_part(end: int, size: int, *, anywhere: bool) -> Part | None:
    """The page that overlaps the first `end` records of a list and reaches farthest behind them.

    Args:
        end: how many records were read.
        size: of the largest page.
        anywhere: whether a page can begin with any record; else with multiples of its size, so that pages of other
            sizes have to be asked for where those of one size would only meet.

    Returns:
        None if no page overlaps and goes on.
    """
    before = max(end - 1, 0)
    if anywhere or not end:
        return (before, size) if size > 1 else None
    start, length, reach = 0, 0, end
    for one in range(size, size // 2, -1):
        begin = before // one * one
        if begin + one > reach:
            start, length, reach = begin, one, begin + one
    return (start, length) if length else None


@attrs.frozen
class Seam:
    """How a page hangs together with those before.

    Attributes:
        places: where its records stand that were read before.
        cut: how many of its records end with the last of those.
        ordered: whether they stand in the order in which they were read.
    """

    places: Sequence[int]
    cut: int
    ordered: bool


class Chain:
    """The ids of the last few pages, in their order."""

    def __init__(self, pages: Iterable[Sequence[str | None]] = ()) -> None:
        self._ranks: dict[str | None, int] = {}
        self._pages: deque[Sequence[str | None]] = deque()
        self._rank = self._oldest = 0
        self._last = -1
        for ids in pages:
            self.add(ids)

    def add(self, ids: Sequence[str | None]) -> None:
        """Remember a page; the oldest is forgotten."""
        if not ids:
            return
        ranks = self._ranks
        for rank, name in enumerate(ids, self._rank):
            ranks[name] = rank
        ranks.pop(None, None)
        self._rank += len(ids)
        self._last = self._rank - 1
        self._pages.append(ids)
        if len(self._pages) > REMEMBERED:
            gone = self._pages.popleft()
            self._oldest += len(gone)
            for name in gone:
                if ranks.get(name, self._oldest) < self._oldest:
                    del ranks[name]

    def seam(self, ids: Sequence[str | None]) -> Seam:
        """How a page with these ids hangs together with those that are remembered."""
        ranks = [*map(self._ranks.get, ids)]
        places = [place for place, rank in enumerate(ranks) if rank is not None]
        known = [rank for rank in ranks if rank is not None]
        return Seam(places, places[-1] + 1 if places else 0, ordered=all(map(lt, known, known[1:])))

    def ends_with(self, ids: Sequence[str | None]) -> bool:
        """Whether the last of these is the last record of the chain; from now on it is."""
        before, self._last = self._last, max((self._ranks.get(name, -1) for name in ids), default=-1)
        return self._last == before
