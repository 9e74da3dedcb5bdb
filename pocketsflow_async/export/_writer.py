"""The files of an export, written where nobody sees them and compared with what was fetched."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import attrs

from pocketsflow_async.errors import ExportError, PocketsflowError
from pocketsflow_async.export._duplicates import Duplicates
from pocketsflow_async.export._files import digest, disk, remove, sync_file, sync_folder
from pocketsflow_async.export._formats import FORMATS
from pocketsflow_async.export._incremental import merged, read_lines
from pocketsflow_async.export._manifest import NAME, Content, Entry, Manifest, Window, new_manifest
from pocketsflow_async.export._plan import LAST, Plan
from pocketsflow_async.export._spool import Spool
from pocketsflow_async.export._state import State
from pocketsflow_async.export._tally import Tally
from pocketsflow_async.export._target import read_ready


class _StoppedError(Exception):
    """The export is being cancelled; ends a conversion in its thread."""


@attrs.define
class Fetched:
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
    """What was read back: of `raw/` where there is one, else of the file itself."""

    def lines(self) -> Iterator[bytes]:
        """The records that stay, in their order."""
        drop = self.drop if self.drop.count else ()
        with self.spool.lines_path.open("rb") as file:
            for number, line in enumerate(file):
                if number not in drop:
                    yield line[:-1]


def plan_merges(plan: Plan, name: str) -> bool:
    """Whether only what is new was read, to be put together with the export before."""
    return plan.since == LAST and plan.windows[name].since is not None


class Writer:
    """Writes the files of one export.

    Args:
        plan: what is exported.
        folder: the target.
        work: the folder inside it for what is not finished.
        old: the manifest of the export before.
        stop: ends the writing, with an error, once it is set.
    """

    def __init__(self, plan: Plan, *, folder: Path, work: Path, old: Manifest | None, stop: Event) -> None:
        self._plan = plan
        self._folder = folder
        self._work = work
        self._old = old
        self._stop = stop
        self._format = FORMATS[plan.options.format]
        self._raw = plan.options.format != "jsonl"
        self._as_read = not (self._raw or plan.options.compression)

    def write(self, fetched: list[Fetched]) -> Manifest:
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

    def _is_spool(self, one: Fetched) -> bool:
        """Whether the spool is the file already."""
        return self._as_read and not (one.drop.count or plan_merges(self._plan, one.name))

    def _lines(self, one: Fetched, out: Path) -> Callable[[], Iterator[bytes]]:
        """Gives the records of a resource's file; for a format that does not hold them as they came, they are kept."""

        def make() -> Iterator[bytes]:
            lines = _until(self._stop, one.lines())
            if self._old is not None and plan_merges(self._plan, one.name):
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

    def _write(self, path: Path, lines: dict[str, Callable[[], Iterator[bytes]]], fetched: list[Fetched]) -> None:
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
        except Exception as exc:  # each format's library has errors of its own
            raise ExportError(
                f"export: {path} could not be written ({type(exc).__name__}: {exc}): run the same export again"
            ) from exc
        for one in fetched:
            if not plan_merges(self._plan, one.name) and one.given.records != one.spool.records - one.drop.count:
                raise _differs(path, one, f"{one.given.records} records")
            if one.given != one.back:
                raise _differs(path, one, "other records")
            if counts[one.name] != one.given.records:
                raise _differs(path, one, f"{counts[one.name]} records")

    def _content(self, path: Path, out: Path) -> Content:
        with disk(path):
            sync_file(path)
            return Content(path.relative_to(out).as_posix(), *digest(path))

    def _entry(self, one: Fetched, content: Content, out: Path) -> Entry:
        before = self._old.resources.get(one.name) if self._old is not None and self._plan.since == LAST else None
        state = one.state
        return Entry(
            file=content.file,
            bytes=content.bytes,
            sha256=content.sha256,
            records=one.given.records,
            expected=None if plan_merges(self._plan, one.name) else state.expected,
            duplicates=one.drop.count,
            gaps=state.gaps + sum(count for reading, count in one.drop.found.items() if reading),
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


def _differs(path: Path, one: Fetched, what: str) -> ExportError:
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
