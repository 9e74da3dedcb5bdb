"""From the first page of a list to the last, in a way that no record can hide while others come and go.

There are two proofs that nothing is missing. Pages that overlap are a chain (see `_chain`): where a page is not linked
to those before, the walk steps back until one is. Where the API gives no pages that overlap, or its records do not
keep their order, the list is read backwards again and again, until two readings find the same on every page: it was
so at one moment between the two.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs

from pocketsflow_async.export._duplicates import Duplicates, find_duplicates
from pocketsflow_async.export._files import in_thread
from pocketsflow_async.export._forwards import Forwards
from pocketsflow_async.export._source import Read, Source
from pocketsflow_async.export._spool import Spool
from pocketsflow_async.export._state import State

_PASSES = 3
"""How often a list is read at most."""

_FIRST_AGAIN = 2

_GROWN = 5
"""Pages that a list may have grown by, or twice its length, while it is read backwards."""


class Walk:
    """One list on its way into the spool.

    Args:
        source: the list.
        spool: takes the records.
        state: where an interrupted walk stood.
        concurrency: pages read side by side.
        told: called after every page.
    """

    def __init__(
        self, source: Source, spool: Spool, state: State, *, concurrency: int, told: Callable[[], object]
    ) -> None:
        if state.size:
            source.end, source.newest, source.began = _time(state.end), _time(state.newest), _time(state.began)
            source.size, source.closed = state.size, state.closed
        self._source = source
        self._spool = spool
        self.state = state
        self._concurrency = concurrency
        self._told = told
        self._sealing: asyncio.Task[None] | None = None
        self._by_offset = source.style == "offset"

    async def run(self) -> Duplicates:
        """Read everything that is still to be read; gives what to leave out of the file."""
        try:
            return await self._run()
        finally:
            if self._sealing is not None:
                await asyncio.gather(self._sealing, return_exceptions=True)  # what ends the walk is told, not this

    async def _run(self) -> Duplicates:
        state = self.state
        drop: Duplicates | None = None
        if state.phase == "walk":
            forwards = Forwards(
                self._source, self._spool, state, concurrency=self._concurrency, page_done=self._page_done
            )
            await forwards.run()
            state.phase = "prove"
            await self._commit()
        if state.phase == "prove":
            await self._prove()
            drop = await self.duplicates()
            self._compare(drop)
            unsure = state.tied and (state.shifted or state.total is None)
            state.settled = state.linked and not state.moved and not unsure
            given_up = state.short or state.endless or state.nameless
            state.phase = "done" if state.settled or given_up else "again"
            await self._commit()
        while state.phase == "again":
            await self._read_backwards()
            await self._commit()
            drop = await self.duplicates()
            state.settled = (
                state.digest == state.before and not drop.twice[state.passes] and state.expected in {None, state.found}
            )
            if state.settled or state.passes >= _PASSES:
                state.phase = "done"
            await self._commit()
        if drop is None:
            drop = await self.duplicates()
        self._compare(drop)
        return drop

    async def duplicates(self) -> Duplicates:
        """What stands in the spool more than once."""
        spool = self._spool
        if self.state.different.count == spool.records:
            return Duplicates(0, Counter({0: spool.records}), Counter(), bytearray())
        scratch = spool.ids_path.with_suffix(".buckets")
        return await in_thread(find_duplicates, spool.pages(), spool.records, scratch)

    def _compare(self, drop: Duplicates) -> None:
        """Compare what the API announced with what came."""
        state = self.state
        if state.expected is not None:
            missing = state.expected > self._spool.records - drop.count
            # Where the window is open, what was announced may have come in behind the walk.
            state.short = state.short or (missing and (state.closed or not state.linked))
            state.counted = not missing

    async def _prove(self) -> None:
        """Look whether something came in at the front that was not made just now: then records change their order."""
        source, state = self._source, self.state
        if self._by_offset or source.style == "none" or state.pages <= 1 or not state.linked:
            return
        first: set[str | None] = set()
        for _, ids in self._spool.pages():
            first.update(ids)
            break
        read = await source.read((0, source.size))
        state.count(read)
        old = [place for place, name in enumerate(read.ids) if name in first]
        times = read.times(0, len(read.ids))
        came = [times[place] for place in range(old[-1] if old else len(times)) if read.ids[place] not in first]
        just_now = min((time for time in (source.newest, source.began) if time is not None), default=None)
        state.moved = state.moved or any(just_now is None or time is None or time < just_now for time in came)

    async def _read_backwards(self) -> None:
        """Read the list once more, page by page from its end."""
        source, state = self._source, self.state
        size = max(state.largest, 1) if self._by_offset else source.size
        pages = max(-(-state.next // size), 1)
        if state.left < 0:
            state.passes += 1
            # The first reading can be compared with if it was of the same pages.
            is_same = state.plain and (state.passes > _FIRST_AGAIN or size == source.size)
            state.before = state.digest if is_same else None
            state.plain, state.rising, state.digest, state.found = True, True, 0, 0
            state.left = pages
        while state.left > 0:
            read = await source.read(((state.left - 1) * size, size))
            state.count(read)
            if state.rising and read.more and state.left < 2 * pages + _GROWN:
                state.left += 1  # the list goes on behind what was its end
                continue
            state.rising = False
            lines, ids = _named(read)
            self._spool.add(lines, ids, found=state.passes)
            state.collect(read)
            state.found += len(ids)
            state.left -= 1
            await self._page_done()
        state.left = -1

    async def _page_done(self) -> None:
        """Now and then, make durable what is there, while the next pages are read."""
        self._told()
        if self._sealing is not None and self._sealing.done():
            await self._sealed()
        if self._sealing is None and self._spool.due:
            mark = self._spool.mark(self.snapshot())
            self._sealing = asyncio.create_task(asyncio.to_thread(self._spool.seal, mark))

    async def _sealed(self) -> None:
        sealing, self._sealing = self._sealing, None
        if sealing is not None:
            try:
                await asyncio.shield(sealing)
            except asyncio.CancelledError:
                self._sealing = sealing
                raise

    async def _commit(self) -> None:
        await self._sealed()
        await in_thread(self._spool.commit, self.snapshot())

    def snapshot(self) -> dict[str, Any]:
        """The state as plain data, with what the source has learned."""
        source, state = self._source, self.state
        state.end, state.newest, state.began = _text(source.end), _text(source.newest), _text(source.began)
        state.closed = source.closed
        return attrs.asdict(state)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _named(read: Read) -> tuple[bytes, list[str | None]]:
    """The lines and ids of the records that have one: only those can be told from what was read before."""
    if None not in read.ids:
        return read.lines, [*read.ids]
    kept = [(line, name) for line, name in zip(read.lines.splitlines(keepends=True), read.ids, strict=True) if name]
    return b"".join(line for line, _ in kept), [name for _, name in kept]
