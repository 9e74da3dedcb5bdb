"""From the first page of a list to the last, in a way that no record can hide while others come and go.

Deleted records let the rest move towards the front. What moved from a page that is still to be read to one that was
read already would be missed, so every page must be linked to the one before: by a record that both hold, or because
the page was not read later than its neighbour in front, which the totals tell. Where the link is missing, the pages
in front are read again, backwards, until it is found.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any, Literal

import attrs

from pocketsflow_async.export._duplicates import Apart, Duplicates, find_duplicates
from pocketsflow_async.export._files import in_thread
from pocketsflow_async.export._source import Read, Source
from pocketsflow_async.export._spool import Ids, Spool

_REMEMBERED = 5
"""Pages whose ids are kept to look for a link."""

_PASSES = 3
"""How often a list is read at most."""


def _apart(told: Apart | dict[str, Any]) -> Apart:
    return told if isinstance(told, Apart) else Apart(**told)


@attrs.define(on_setattr=attrs.setters.NO_OP)
class State:
    """Where a walk stands; a commit keeps it.

    Attributes:
        phase: `walk` reads forwards, `prove` looks whether all is well, `again` reads backwards.
        next: the page to be read next.
        last: the last page, as far as it is known.
        total: what the page before told.
        expected: what the last answer told.
        end: where the window was closed, as ISO text.
        newest: a moment after the youngest record, as ISO text.
        began: when the first page was sent by the server's clock, likewise.
        passes: how often the list was read.
        apart: whether pages could not be linked.
        different: the records that are certainly different from each other.
    """

    phase: Literal["walk", "prove", "again", "done"] = "walk"
    next: int = 0
    last: int | None = None
    total: int | None = None
    expected: int | None = None
    end: str | None = None
    newest: str | None = None
    began: str | None = None
    step: int = 0
    lowest: int | None = None
    grew: bool = False
    passes: int = 1
    apart: bool = False
    pages: int = 0
    requests: int = 0
    throttled: int = 0
    different: Apart = attrs.field(factory=Apart, converter=_apart)


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
        if state.next or state.phase != "walk":
            source.end, source.newest, source.began = _time(state.end), _time(state.newest), _time(state.began)
            source.step, source.lowest, source.grew = state.step, state.lowest, state.grew
        self._source = source
        self._spool = spool
        self.state = state
        self._concurrency = concurrency
        self._told = told
        self._sealing: asyncio.Task[None] | None = None
        self._recent: deque[set[str]] = deque(map(_names, spool.last_ids(_REMEMBERED)), _REMEMBERED)

    async def run(self) -> Duplicates:
        """Read everything that is still to be read; gives what to leave out of the file."""
        try:
            return await self._run()
        finally:
            if self._sealing is not None:
                await asyncio.gather(self._sealing, return_exceptions=True)  # what ends the walk is told, not this

    async def _run(self) -> Duplicates:
        state = self.state
        if state.phase == "walk":
            async with aclosing(self._ahead()) as reads:
                async for read in reads:
                    await self._take(read)
            state.phase = "prove"
            await self._commit()
        if state.phase == "prove":
            clean = await self._prove()
            state.phase = "done" if clean else "again"
            state.next = -1
            await self._commit()
        while state.phase == "again":
            await self._read_backwards()
            found = (await self.duplicates()).found[state.passes]
            # Backwards, deletions hide nothing; only what comes in can, where the window is not closed.
            settled = not found or (self._source.end is not None and not state.grew)
            if settled or state.passes == _PASSES:
                state.phase = "done"
                state.apart = not settled
            await self._commit()
        return await self.duplicates()

    async def duplicates(self) -> Duplicates:
        """What stands in the spool more than once."""
        spool = self._spool
        if self.state.different.count == spool.records:
            return Duplicates(0, Counter({0: spool.records}), bytearray())
        scratch = spool.ids_path.with_suffix(".buckets")
        return await in_thread(find_duplicates, spool.pages(), spool.records, scratch)

    async def _ahead(self) -> AsyncGenerator[Read, None]:
        """The pages from where the walk stands, in order; some are on their way while one is looked at."""
        source, state = self._source, self.state
        number, last = state.next, state.last
        if number == 0:
            first = await source.first()
            last = first.last
            yield first
            if not first.more:
                return
            number = 1
        window: deque[asyncio.Task[Read]] = deque()
        seen = number
        try:
            while True:
                # Where the API does not say how many pages there are, go no further ahead than was found already.
                ahead = self._concurrency if last is not None else min(self._concurrency, seen)
                while len(window) < ahead and (last is None or number <= last or not window):
                    window.append(asyncio.create_task(source.page(number)))
                    number += 1
                read = await window[0]
                window.popleft()
                seen += 1
                last = read.last
                yield read
                if not read.more:
                    return
        finally:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)

    async def _take(self, read: Read) -> None:
        state = self.state
        lines, ids = (b"", []) if self._is_linked(read) else await self._bridge(read)
        if ids:
            self._spool.add(lines, ids, found=state.passes)
        keep_from = self._overlap(read)
        kept = read.ids[keep_from:]
        self._spool.add(_after(read.lines, keep_from), kept)
        names = _names(kept)
        state.different.add(names, len(kept))
        self._recent.append(_names(read.ids) if keep_from else names)
        self._count(read)
        state.next, state.last, state.total = read.number + 1, read.last, read.total
        await self._page_done()

    def _overlap(self, read: Read) -> int:
        """How many records at the start of the page are the last ones of the page before, by our own doing."""
        if self._source.style != "offset" or not read.ids or not self._recent:
            return 0
        return int(read.ids[0] in self._recent[-1])

    def _is_linked(self, read: Read) -> bool:
        """Whether no record can have moved past this page and the one before, unseen by both."""
        state = self.state
        if read.number == 0:
            return True
        if self._source.style != "offset":
            if state.total is None or read.total is None:
                return True  # nobody tells; the proof at the end decides
            if state.total == read.total or (state.total < read.total and not self._source.grew):
                return True
        return self._touches(read)

    def _touches(self, read: Read) -> bool:
        return any(not ids.isdisjoint(read.ids) for ids in self._recent)

    async def _bridge(self, read: Read) -> tuple[bytes, list[str | None]]:
        """What had moved between this page and the one before, read from here towards the front."""
        known = _names(read.ids).union(*self._recent)
        lines: list[bytes] = []
        ids: list[str | None] = []
        for number in range(read.number - (0 if self._source.grew else 1), -1, -1):
            again = await self._source.page(number)
            self._count(again)
            reached = self._touches(again)
            for name, line in zip(again.ids, again.lines.splitlines(keepends=True), strict=True):
                if name is not None and name not in known:
                    known.add(name)
                    ids.append(name)
                    lines.append(line)
            if reached:
                break
        return b"".join(lines), ids

    async def _prove(self) -> bool:
        """Whether every record that was there all the time was certainly read."""
        source, state = self._source, self.state
        if source.style in {"none", "offset"} or state.next <= 1:
            return True  # one answer is the list at one moment; pages by offset are linked, each to the next
        pages = list(first_pages(self._spool, 1))
        first = set(pages[0]) if pages else set[str | None]()
        again = await source.page(0)
        self._count(again)
        if again.ids and first and again.ids[0] not in first:
            source.grew = source.grew or len(first.intersection(again.ids)) > 0
        clean = not source.grew
        if again.total is None and state.next > 1:
            end = await source.page(state.next - 1)
            self._count(end)
            clean = clean and bool(self._recent) and self._recent[-1] == set(end.ids) and again.ids[:1] == pages[0][:1]
            state.apart = not clean
        state.grew = source.grew
        return clean

    async def _read_backwards(self) -> None:
        source, state = self._source, self.state
        if state.next < 0:
            state.passes += 1
            state.next = (state.last or 0) + 1
        while state.next > 0:
            read = await source.page(state.next - 1)
            self._spool.add(read.lines, read.ids, found=state.passes)
            self._count(read)
            state.next -= 1
            await self._page_done()
        state.next = -1

    def _count(self, read: Read) -> None:
        self.state.pages += 1
        self.state.requests += read.requests
        self.state.throttled += read.throttled
        if read.total is not None:
            self.state.expected = read.total

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
        state.step, state.lowest, state.grew = source.step, source.lowest, source.grew
        return attrs.asdict(state)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def first_pages(spool: Spool, count: int) -> list[list[str | None]]:
    """The ids of the first pages in the spool."""
    return [ids for _, (_, ids) in zip(range(count), spool.pages(), strict=False)]


def _names(ids: Ids) -> set[str]:
    return set(filter(None, ids))


def _after(lines: bytes, count: int) -> bytes:
    """The lines without the first few."""
    for _ in range(count):
        lines = lines[lines.index(b"\n") + 1 :]
    return lines
