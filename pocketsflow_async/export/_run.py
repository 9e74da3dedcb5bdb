"""An export from the plan to the manifest: resources side by side, then their files, all at once."""

import asyncio
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

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async.errors import ExportError
from pocketsflow_async.export._duplicates import Duplicates
from pocketsflow_async.export._files import digest, disk, in_thread, sync_file, sync_folder
from pocketsflow_async.export._formats import FORMATS
from pocketsflow_async.export._incremental import merged, read_lines
from pocketsflow_async.export._manifest import Content, Entry, Manifest, Window, new_manifest, read_manifest
from pocketsflow_async.export._plan import LAST, Plan
from pocketsflow_async.export._report import ExportProgress, ExportReport, ResourceReport
from pocketsflow_async.export._source import Source
from pocketsflow_async.export._spool import Spool
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
    records: int = 0

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
        with Spool(self._work, name, summed=self._as_read) as spool:
            resumed = spool.state is not None
            state = State() if spool.state is None else State(**spool.state)
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
            self._progress(ExportProgress(name, count, state.pages, state.expected, done, self._pf.quota))

    async def _put_in_place(self, fetched: list[_Fetched]) -> ExportReport:
        convert = asyncio.ensure_future(in_thread(self._convert, fetched))
        try:
            ready = await asyncio.shield(convert)
        except asyncio.CancelledError:
            self._stop.set()
            await asyncio.gather(convert, return_exceptions=True)
            raise
        entries = ready.resources
        for one in fetched:
            one.records = entries[one.name].records
        manifest = await in_thread(self._publish, ready)
        for one in fetched:
            self._tell(one.name, one.spool, one.state, done=True, records=one.records)
        reports = tuple(
            ResourceReport(
                resource=one.name,
                path=self._folder / entries[one.name].file,
                records=one.records,
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
        ready = read_manifest(self._work)
        if ready is not None:
            return ready
        out = self._work / "out"
        with disk(out):
            shutil.rmtree(out, ignore_errors=True)
            (out / "raw").mkdir(parents=True)
        lines = {one.name: self._lines(one, out) for one in fetched}
        options = self._plan.options
        contents: dict[str, Content] = {}
        if self._format.together:
            path = out / f"pocketsflow{self._format.suffix}"
            self._write(path, {name: make() for name, make in lines.items()})
            contents = dict.fromkeys(lines, self._content(path, out))
        else:
            for one in fetched:
                path = out / f"{one.name}{self._format.suffix}{_ENDINGS.get(options.compression or '', '')}"
                if self._is_spool(one):
                    _link(one.spool.lines_path, path)
                    one.records = one.spool.records
                    contents[one.name] = self._content(path, out, one.spool.digest)
                else:
                    self._write(path, {one.name: lines[one.name]()})
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

        def counted(lines: Iterator[bytes]) -> Iterator[bytes]:
            one.records = 0
            for line in lines:
                one.records += 1
                yield line

        def make() -> Iterator[bytes]:
            lines = _until(self._stop, one.lines())
            if self._old is not None and self._is_merged(one.name):
                lines = merged(self._folder, self._old.resources[one.name], lines)
            if not self._raw:
                return counted(lines)
            path = out / "raw" / f"{one.name}.jsonl.gz"
            with disk(path):
                FORMATS["jsonl"].write(path, {one.name: counted(lines)}, "gzip")
            return _until(self._stop, read_lines(path))

        return make

    def _write(self, path: Path, tables: dict[str, Iterator[bytes]]) -> None:
        with disk(path):
            self._format.write(path, tables, self._plan.options.compression)

    def _content(self, path: Path, out: Path, known: Callable[[], tuple[int, str]] | None = None) -> Content:
        with disk(path):
            sync_file(path)
            return Content(path.relative_to(out).as_posix(), *(digest(path) if known is None else known()))

    def _entry(self, one: _Fetched, content: Content, out: Path) -> Entry:
        before = self._old.resources.get(one.name) if self._old is not None and self._plan.since == LAST else None
        state = one.state
        return Entry(
            file=content.file,
            bytes=content.bytes,
            sha256=content.sha256,
            records=one.records,
            expected=None if self._is_merged(one.name) else state.expected,
            duplicates=one.drop.count,
            gaps=sum(count for reading, count in one.drop.found.items() if reading),
            passes=state.passes,
            notes=one.notes,
            window=Window(self._plan.options.since, state.end or self._plan.options.until or state.newest),
            newest=self._next_start(state) or (before.newest if before is not None else None),
            started=self._plan.started,
            finished=datetime.now(UTC).isoformat(),
            raw=self._content(out / "raw" / f"{one.name}.jsonl.gz", out) if self._raw else None,
        )

    def _next_start(self, state: State) -> str | None:
        """Where the next incremental export begins: never after this one began, whatever the records are dated."""
        if state.newest is None:
            return None
        return min(state.newest, state.began or self._plan.started, key=datetime.fromisoformat)

    def _publish(self, ready: Manifest) -> Path:
        """Give every file its name, then the manifest, then forget how it was made."""
        out = self._work / "out"
        entries = [ready.resources[name] for name in self._plan.resources]
        names = {entry.file for entry in entries} | {entry.raw.file for entry in entries if entry.raw is not None}
        with disk(self._folder):
            for name in sorted(names):
                (self._folder / name).parent.mkdir(exist_ok=True)
                with suppress(FileNotFoundError):  # it has its name already: we were killed between two of them
                    (out / name).replace(self._folder / name)
            for folder in {(self._folder / name).parent for name in names}:
                sync_folder(folder)
        path = ready.write(self._folder)
        with disk(self._work):
            clear(self._work)
        return path


_ENDINGS = {"gzip": ".gz"}


def clear(work: Path) -> None:
    """Drop everything of an unfinished export; the plan goes first, so that the rest is never taken for one."""
    (work / "plan.json").unlink(missing_ok=True)
    for path in work.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != "lock":
            path.unlink()


def _until(stop: Event, lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        if stop.is_set():
            raise _StoppedError
        yield line


def _link(source: Path, target: Path) -> None:
    """The same file under a second name; a copy where the disk knows no links."""
    with disk(target):
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)


async def _all(tasks: list["asyncio.Task[Any]"]) -> list[Any]:
    """The results of all tasks; the first failure ends the others, which keep what they have."""
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
