"""An export from the plan to the manifest: resources side by side, then their files, all at once."""

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async.errors import ExportError, InvalidArgumentError
from pocketsflow_async.export._files import in_thread
from pocketsflow_async.export._manifest import Manifest, check_times
from pocketsflow_async.export._plan import Plan
from pocketsflow_async.export._report import ExportProgress, ExportReport, ResourceReport
from pocketsflow_async.export._source import Source
from pocketsflow_async.export._spool import Spool
from pocketsflow_async.export._state import State
from pocketsflow_async.export._target import publish
from pocketsflow_async.export._walk import Walk
from pocketsflow_async.export._writer import Fetched, Writer, plan_merges

Told = Callable[[ExportProgress], object]


class Run:
    """One export into one folder.

    Args:
        pf: the client.
        plan: what to do.
        folder: the target.
        work: the folder inside it for what is not finished.
        old: the manifest of the export before.
    """

    def __init__(
        self, pf: Pocketsflow, plan: Plan, *, folder: Path, work: Path, old: Manifest | None, progress: Told | None
    ) -> None:
        self._pf = pf
        self._plan = plan
        self._folder = folder
        self._work = work
        self._old = old
        self._progress = progress
        self._stop = Event()
        self._writer = Writer(plan, folder=folder, work=work, old=old, stop=self._stop)
        self._start = time.monotonic()

    async def finish(self, concurrency: int) -> ExportReport:
        """Do all of it."""
        turn = asyncio.Semaphore(concurrency)
        tasks = [asyncio.create_task(self._fetch(name, concurrency, turn)) for name in self._plan.resources]
        try:
            fetched = await _all(tasks)
            return await self._put_in_place(fetched)
        finally:
            self._stop.set()

    async def _fetch(self, name: str, concurrency: int, turn: asyncio.Semaphore) -> Fetched:
        start = time.monotonic()
        window = self._plan.windows[name]
        since, until = (None if text is None else datetime.fromisoformat(text) for text in (window.since, window.until))
        source = Source(self._pf, name, since=since, until=until, turn=turn)
        with Spool(self._work, name) as spool:
            resumed = spool.state is not None
            state = State() if spool.state is None else self._state(name, spool.state)
            walk = Walk(source, spool, state, concurrency=concurrency, told=lambda: self._tell(name, spool, state))
            try:
                drop = await walk.run()
            except BaseException:
                if spool.records:
                    with suppress(ExportError):  # what was committed before is still good
                        spool.commit(walk.snapshot())
                raise
        notes = tuple(self._notes(name, state))
        return Fetched(name, spool, state, drop, resumed, time.monotonic() - start, notes)

    def _state(self, name: str, known: dict[str, Any]) -> State:
        try:
            state = msgspec.convert(known, State)
            check_times(state.end, state.newest)
        except (ValueError, msgspec.ValidationError) as exc:
            raise ExportError(
                f"export: {self._work / name}.journal must say where the export of {name} stands, but is damaged "
                f"({exc}): begin anew with resume=False (--no-resume)"
            ) from None
        return state

    def _notes(self, name: str, state: State) -> Iterator[str]:
        yield from state.notes(name)
        if plan_merges(self._plan, name):
            yield (
                f"{name}: the API can only be asked for what was created lately; what was changed or deleted "
                f"before {self._plan.windows[name].since} is as it was"
            )

    def _tell(self, name: str, spool: Spool, state: State, *, done: bool = False, records: int | None = None) -> None:
        if self._progress is not None:
            count = spool.records if records is None else records
            told = self._progress(ExportProgress(name, count, state.pages, state.expected, done, self._pf.quota))
            if inspect.isawaitable(told):
                if inspect.iscoroutine(told):
                    told.close()
                raise InvalidArgumentError("export: progress must be a plain function, not an async one")

    async def _put_in_place(self, fetched: list[Fetched]) -> ExportReport:
        convert = asyncio.ensure_future(in_thread(self._writer.write, fetched))
        try:
            ready = await asyncio.shield(convert)
        except asyncio.CancelledError:
            self._stop.set()
            await asyncio.gather(convert, return_exceptions=True)
            raise
        entries = ready.resources
        manifest = await in_thread(publish, ready, self._plan, work=self._work, folder=self._folder, old=self._old)
        for one in fetched:
            self._tell(one.name, one.spool, one.state, done=True, records=entries[one.name].records)
        reports = tuple(
            ResourceReport(
                resource=one.name,
                path=self._folder / entries[one.name].file,
                records=entries[one.name].records,
                expected=entries[one.name].expected,
                duplicates=one.drop.count,
                gaps=entries[one.name].gaps,
                passes=one.state.passes,
                complete=one.state.complete,
                notes=one.notes,
                pages=one.state.pages,
                requests=one.state.requests,
                throttled=one.state.throttled,
                resumed=one.resumed,
                seconds=one.seconds,
            )
            for one in fetched
        )
        return ExportReport(reports, time.monotonic() - self._start, manifest)


async def _all(tasks: list["asyncio.Task[Any]"]) -> list[Any]:
    """The results of all tasks; the first failure ends the others, which keep what they have."""
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
