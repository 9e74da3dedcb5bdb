"""A list read from its first page to its last, each page linked to those before."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from itertools import pairwise

from pocketsflow_async._page_rules import EMPTY_PAGES, Repeats
from pocketsflow_async._prefetch import Prefetch
from pocketsflow_async.export._chain import REMEMBERED, Chain, Part, Seam, next_part
from pocketsflow_async.export._source import Read, Source
from pocketsflow_async.export._spool import Spool
from pocketsflow_async.export._state import State

_IDLE = 5
"""Pages in a row that bring nothing new or are not linked, before the walk goes on without links."""

_BACK = 50
"""Records that the walk steps back for a link, more with each step."""

_CREDIT = 30
"""Pages that may bring nothing new, all in all; each new record earns a part of another."""


class Forwards:
    """The way from the first page of a list to the last.

    Args:
        source: the list.
        spool: takes the records.
        state: where an interrupted walk stood.
        concurrency: pages read side by side.
        page_done: called after every page that was taken.
    """

    def __init__(
        self,
        source: Source,
        spool: Spool,
        state: State,
        *,
        concurrency: int,
        page_done: Callable[[], Awaitable[None]],
    ) -> None:
        self._source = source
        self._spool = spool
        self._state = state
        self._concurrency = concurrency
        self._page_done = page_done
        self._chain = Chain(spool.last_ids(REMEMBERED))
        self._by_offset = source.style == "offset"
        self._limit: int | None = None
        self._credit = float(_CREDIT)
        self._repeats = Repeats(f"{source.name}.list")
        self._before: Read | None = None

    async def run(self) -> None:
        """Read on until a page ends the list."""
        state, source = self._state, self._source
        fetches: Prefetch[Part, Read] = Prefetch(source.read)
        idle = 0
        waiting: list[Read] = []  # pages that were read to link others, the next one last
        async with fetches:
            while True:
                stepping = bool(waiting)
                if waiting:
                    read = waiting.pop()
                elif not state.size:
                    read = await source.first()
                    state.size = source.size
                else:
                    part = self._part()
                    read = await fetches.get(part, self._following(part))
                if not self._is_linked(read):
                    state.count(read)
                    state.shifted = True
                    idle += 1
                    waiting = [read] if idle == 1 else []
                    if idle > _IDLE or len(read.ids) > read.size:  # sizes are ignored
                        self._unlink()
                        waiting.clear()
                    else:
                        back = next_part(max(read.start - _BACK * idle, 0) + 1, source.size, anywhere=self._by_offset)
                        waiting.append(await source.read(back or (0, source.size)))
                    continue
                before = state.next
                new, reaches = self._take(read)
                await self._page_done()
                if 2 * len(new) >= max(min(read.size, state.largest), 8) and not stepping:
                    self._repeats.look(new)
                if reaches and not stepping and self._ends(read, before):
                    return
                if self._credit < 0 and not state.linked:
                    state.endless = True
                    return
                idle = 0 if new else idle + 1
                stuck = idle > _IDLE or (idle > 1 and state.next <= before and not stepping)
                if state.linked and (stuck or self._credit < 0):
                    self._unlink()
                    waiting.clear()

    def _part(self) -> Part:
        """The page to read next."""
        state, size = self._state, self._source.size
        if state.next == 1 and self._by_offset:
            return 1, size  # a list of one record, or pages of one
        part = next_part(state.next, size, anywhere=self._by_offset) if state.linked else None
        if part is None:
            state.linked = False
            part = (state.next if self._by_offset else state.next // size * size), size
        return part

    def _following(self, part: Part) -> Iterator[Part]:
        """The pages behind one, as far as they can be asked for before it is there."""
        state, size = self._state, self._source.size
        limit = self._limit
        # Where the API does not say how many pages there are, go no further ahead than was found already.
        ahead = self._concurrency if limit is not None else min(self._concurrency, state.pages)
        for _ in range(ahead - 1):
            end = part[0] + (state.largest if self._by_offset else part[1])
            following = next_part(end, size, anywhere=self._by_offset) if state.linked else (end, size)
            if following is None or (limit is not None and following[0] >= limit):
                return
            part = following
            yield part

    def _is_linked(self, read: Read) -> bool:
        """Whether a page is part of the chain, or need not be."""
        if read.start == 0 or not self._state.linked:
            return True
        if not read.ids:
            return self._state.next == read.start == 1
        return bool(self._chain.seam(read.keys).places)

    def _take(self, read: Read) -> tuple[set[str], bool]:
        """Put the new records of a page behind the others.

        Returns:
            The ids of those that follow what was read before, and whether the page reaches the last of what was read.
        """
        state = self._state
        seam = self._chain.seam(read.keys)
        overlap = max(state.next - read.start, 0)
        if read.start == 0 and not seam.places:
            self._start_anew()
        if state.linked and seam.places:
            lines, ids = read.without(seam)
        elif overlap and None in read.ids:
            # What has no id was read where it stands.
            lines, ids = read.only([at for at, name in enumerate(read.ids) if name is not None or at >= overlap])
        else:
            lines, ids = read.lines, read.ids
        names = {name for name in ids if name is not None}
        self._spool.add(lines, ids)
        state.different.add(names, len(ids))
        state.nameless += len(ids) - len([name for name in ids if name is not None])
        is_short = read.more and len(read.ids) < state.largest and not (state.linked or self._by_offset)
        state.odd = state.odd or read.odd or is_short
        state.largest = max(state.largest, len(read.ids))
        if ids and state.plain:
            state.plain = read.is_plain(self._source.size) and not (state.linked and seam.places)
            state.collect(read)
        follow = read.ids[seam.cut :]
        if state.linked:
            self._observe(read, seam, overlap)
            state.gaps += max(min(state.furthest, read.end) - read.end + len(ids), 0)
        size = max(min(read.size, state.largest), 1)
        self._credit += 4 * len(follow) / size - 1
        self._limit = read.reach if read.total is None else read.total
        reaches = not state.linked or not read.ids
        if follow:
            reaches = reaches or len(seam.places) <= overlap + size // 4
        else:  # what was read before is on the page up to its last record, and at its place
            reaches = (self._chain.ends_with(read.keys) and read.end <= state.next) or reaches
            # Where so many did not come in, the API gave a page that was not asked for.
            state.odd = state.odd or (state.linked and len(seam.places) - overlap > size // 2)
        self._chain.add(read.keys[seam.cut :] if state.linked else ids)
        state.next = read.end if state.linked or self._by_offset else read.start + read.size
        state.furthest = max(state.furthest, state.next)
        state.count(read)
        return names.intersection(follow) if state.linked else names, reaches

    def _observe(self, read: Read, seam: Seam, overlap: int) -> None:
        """See whether something came or went since the pages before were read, and whether the order is certain."""
        state = self._state
        if read.total is not None:
            state.shifted = state.shifted or state.total not in {None, read.total}
            state.total = read.total
        if seam.places:
            state.moved = state.moved or not seam.ordered
            state.shifted = state.shifted or len(seam.places) != overlap
            state.tied = state.tied or _tied(read.times(max(seam.cut - 2, 0), seam.cut + 1))
            if seam.cut == len(read.ids) and self._before is not None:  # the end may have changed places before it
                length = len(self._before.ids)
                state.tied = state.tied or _tied(self._before.times(max(length - 2, 0), length))
        if read.ids:
            self._before = read

    def _ends(self, read: Read, before: int) -> bool:
        """Whether nothing follows a page that was taken."""
        state = self._state
        if self._by_offset:
            return not read.ids or (state.linked and len(read.ids) == 1 and read.start == before - 1)
        state.empty = 0 if read.ids else state.empty + 1
        if read.more and state.empty < EMPTY_PAGES:
            return False
        behind = state.linked and read.total is not None and read.total > max(read.end, state.next)
        state.short = state.short or read.more or behind
        return True

    def _unlink(self) -> None:
        """Go on without links: the API gives no pages that overlap."""
        self._state.linked = False
        self._credit = _CREDIT
        self._repeats = Repeats(f"{self._source.name}.list")

    def _start_anew(self) -> None:
        """Begin the chain with the first page, which holds nothing that was read."""
        self._chain = Chain()
        self._repeats = Repeats(f"{self._source.name}.list")


def _tied(times: list[datetime | None]) -> bool:
    """Whether two records next to each other were created at the same time."""
    return any(one is not None and one == other for one, other in pairwise(times))
