"""An export from the plan to the manifest: resources side by side, then their files, all at once."""

import asyncio
import errno
import inspect
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import attrs
import msgspec

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async.errors import ExportError, InvalidArgumentError, PocketsflowError
from pocketsflow_async.export._duplicates import Duplicates
from pocketsflow_async.export._files import digest, disk, in_thread, remove, sync_file, sync_folder
from pocketsflow_async.export._formats import FORMATS
from pocketsflow_async.export._incremental import merged, read_lines
from pocketsflow_async.export._manifest import NAME, Content, Entry, Manifest, Window, check_times, new_manifest
from pocketsflow_async.export._plan import LAST, Plan
from pocketsflow_async.export._report import ExportProgress, ExportReport, ResourceReport
from pocketsflow_async.export._source import Source
from pocketsflow_async.export._spool import Spool
from pocketsflow_async.export._tally import Tally
from pocketsflow_async.export._target import publish, read_ready
from pocketsflow_async.export._walk import State, Walk

Told = Callable[[ExportProgress], object]


class _StoppedError(Exception):
    """The export is being cancelled; ends a conversion in its thread."""


@attrs.define
class _Fetched:
    """A resource whose pages are all there."""

    name: str
    spool: Spool
    state: State
    drop: Duplicates
    resumed: bool
    seconds: float
    notes: tuple[str, ...]
    given: Tally = attrs.field(factory=Tally)
    """What was given to the writer of its file."""
    back: Tally | None = None
    """What was read back of it, where the file with the columns is made from that."""

    def lines(self) -> Iterator[bytes]:
        """The records that stay, in their order."""
        drop = self.drop if self.drop.count else ()
        with self.spool.lines_path.open("rb") as file:
            for number, line in enumerate(file):
                if number not in drop:
                    yield line[:-1]


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
        self._format = FORMATS[plan.options.format]
        self._raw = plan.options.format != "jsonl"
        self._as_read = not (self._raw or plan.options.compression)
        self._stop = Event()
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

    async def _fetch(self, name: str, concurrency: int, turn: asyncio.Semaphore) -> _Fetched:
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
        return _Fetched(name, spool, state, drop, resumed, time.monotonic() - start, notes)

    def _state(self, name: str, known: dict[str, Any]) -> State:
        try:
            state = msgspec.convert(known, State)
            check_times(state.end, state.newest)
        except ValueError as exc:
            raise ExportError(
                f"export: {self._work / name}.journal must say where the export of {name} stands, but is damaged "
                f"({exc}): begin anew with resume=False (--no-resume)"
            ) from None
        return state

    def _notes(self, name: str, state: State) -> Iterator[str]:
        if state.grew:
            yield (
                f"{name}: records came into the list while it was read; it was read {state.passes} times, but a record "
                "that moved between two answers could still be missing"
            )
        elif state.apart:
            yield f"{name}: the list moved while it was read, and the API does not tell whether all of it was seen"
        if self._is_merged(name):
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

    async def _put_in_place(self, fetched: list[_Fetched]) -> ExportReport:
        convert = asyncio.ensure_future(in_thread(self._convert, fetched))
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
                complete=not (one.state.grew or one.state.apart),
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

    def _convert(self, fetched: list[_Fetched]) -> Manifest:
        """Write every file under a name that nobody sees, and the manifest last: from then on they only get names."""
        ready = read_ready(self._plan, self._work, self._folder)
        if ready is not None:
            return ready
        out = self._work / "out"
        with disk(out):
            remove(self._work / NAME)
            remove(out)
            out.mkdir()
            (out / "raw").mkdir()
        known = {one.name: one.spool.checked() for one in fetched}
        lines = {one.name: self._lines(one, out) for one in fetched}
        options = self._plan.options
        contents: dict[str, Content] = {}
        if self._format.together:
            path = out / self._format.file("", None)
            self._write(path, lines, fetched)
            contents = dict.fromkeys(lines, self._content(path, out))
        else:
            for one in fetched:
                path = out / self._format.file(one.name, options.compression)
                if self._is_spool(one):
                    _link(one.spool.lines_path, path)
                    one.given.records = one.spool.records
                    contents[one.name] = Content(path.name, *known[one.name])
                else:
                    self._write(path, {one.name: lines[one.name]}, [one])
                    contents[one.name] = self._content(path, out)
        entries = {one.name: self._entry(one, contents[one.name], out) for one in fetched}
        plan = self._plan
        manifest = new_manifest(
            base_url=plan.base_url,
            account=plan.account,
            options=plan.options,
            window=Window(plan.options.since, plan.options.until or plan.started),
            resources=({} if self._old is None else self._old.resources) | entries,
        )
        with disk(out):
            sync_folder(out)
            sync_folder(out / "raw")
        manifest.write(self._work)
        return manifest

    def _is_spool(self, one: _Fetched) -> bool:
        """Whether the spool is the file already."""
        return self._as_read and not (one.drop.count or self._is_merged(one.name))

    def _is_merged(self, name: str) -> bool:
        """Whether only what is new was read, to be put together with the export before."""
        return self._plan.since == LAST and self._plan.windows[name].since is not None

    def _lines(self, one: _Fetched, out: Path) -> Callable[[], Iterator[bytes]]:
        """Gives the records of a resource's file; for a format that does not hold them as they came, they are kept."""

        def make() -> Iterator[bytes]:
            lines = _until(self._stop, one.lines())
            if self._old is not None and self._is_merged(one.name):
                lines = merged(self._folder, self._old.resources[one.name], lines)
            lines = one.given.watch(lines)
            name = self._format.raw_file(one.name)
            if name is None:
                return lines
            path = out / name
            with disk(path):
                FORMATS["jsonl"].write(path, {one.name: lines}, "gzip")
            one.back = Tally()
            return _until(self._stop, one.back.watch(read_lines(path)))

        return make

    def _write(self, path: Path, lines: dict[str, Callable[[], Iterator[bytes]]], fetched: list[_Fetched]) -> None:
        """Write a file, and refuse it if it does not hold what was fetched."""
        try:
            with disk(path):
                self._format.write(path, {name: make() for name, make in lines.items()}, self._plan.options.compression)
                if self._raw:
                    counts = self._format.count(path, list(lines))
                else:
                    (one,) = fetched
                    one.back = Tally()
                    counts = {one.name: one.back.count(_until(self._stop, read_lines(path)))}
        except (PocketsflowError, _StoppedError):
            raise
        except Exception as exc:
            raise ExportError(
                f"export: {path} could not be written ({type(exc).__name__}: {exc}): run the same export again"
            ) from exc
        for one in fetched:
            if not self._is_merged(one.name) and one.given.records != one.spool.records - one.drop.count:
                raise _differs(path, one, f"{one.given.records} records")
            if one.given != one.back:
                raise _differs(path, one, "other records")
            if counts[one.name] != one.given.records:
                raise _differs(path, one, f"{counts[one.name]} records")

    def _content(self, path: Path, out: Path) -> Content:
        with disk(path):
            sync_file(path)
            return Content(path.relative_to(out).as_posix(), *digest(path))

    def _entry(self, one: _Fetched, content: Content, out: Path) -> Entry:
        before = self._old.resources.get(one.name) if self._old is not None and self._plan.since == LAST else None
        state = one.state
        return Entry(
            file=content.file,
            bytes=content.bytes,
            sha256=content.sha256,
            records=one.given.records,
            expected=None if self._is_merged(one.name) else state.expected,
            duplicates=one.drop.count,
            gaps=sum(count for reading, count in one.drop.found.items() if reading),
            passes=state.passes,
            notes=one.notes,
            window=Window(self._plan.options.since, state.end or self._plan.options.until or state.newest),
            newest=self._next_start(state) or (before.newest if before is not None else None),
            started=self._plan.started,
            finished=datetime.now(UTC).isoformat(),
            raw=None if (raw := self._format.raw_file(one.name)) is None else self._content(out / raw, out),
        )

    def _next_start(self, state: State) -> str | None:
        """Where the next incremental export begins: never after this one began, whatever the records are dated."""
        if state.newest is None:
            return None
        return min(state.newest, state.began or self._plan.started, key=datetime.fromisoformat)


def _until(stop: Event, lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        if stop.is_set():
            raise _StoppedError
        yield line


def _differs(path: Path, one: _Fetched, what: str) -> ExportError:
    fetched = one.spool.records - one.drop.count
    return ExportError(
        f"export: {path} must hold the {fetched} records of {one.name} that were fetched, but holds {what}: "
        "nothing was published; run the same export again"
    )


def _link(source: Path, target: Path) -> None:
    """The same file under a second name; a copy where the disk knows no links."""
    with disk(target):
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
            sync_file(target)
            if digest(target) != digest(source):
                raise OSError(errno.EIO, "the copy is not what was copied", str(target)) from None


async def _all(tasks: list["asyncio.Task[Any]"]) -> list[Any]:
    """The results of all tasks; the first failure ends the others, which keep what they have."""
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
