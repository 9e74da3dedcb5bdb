"""Writes whole lists to disk, each record as the server sent it."""

import datetime as dt
import os
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import IO, Literal

import msgspec

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async._generated.pocketsflow.resources import LISTS
from pocketsflow_async._page import RawPage
from pocketsflow_async.errors import ExportError, InvalidArgumentError
from pocketsflow_async.export._report import AuditReport, Difference, ExportProgress, ExportReport, ResourceReport

Format = Literal["jsonl", "csv", "parquet", "sqlite", "duckdb"]
Compression = Literal["gzip", "zstd", "snappy"]
Moment = dt.datetime | dt.date | str

RESOURCES: tuple[str, ...] = LISTS
"""Every resource that can be exported."""


async def export(
    pf: Pocketsflow,
    resources: Iterable[str] | None = None,
    *,
    to: str | os.PathLike[str],
    format: Format = "jsonl",
    compression: Compression | None = None,
    concurrency: int = 8,
    since: Moment | Literal["last"] | None = None,
    until: Moment | None = None,
    resume: bool = True,
    progress: Callable[[ExportProgress], object] | None = None,
) -> ExportReport:
    """Write every record of every resource, one file each, below the folder `to`.

    A JSON Lines file holds each record as the server sent it: fields that the spec does not know, and the spelling
    of numbers, are kept. A file appears whole or not at all; an older one is replaced only by a finished one.

    Args:
        pf: the client; its quota and retries apply.
        resources: which ones; all of `RESOURCES` when None.
        to: the folder; made if it is missing.
        format: JSON Lines is the only one.
        concurrency: pages fetched side by side.
        progress: told after every page.

    Raises:
        InvalidArgumentError: an unknown resource, format or concurrency; nothing was written.
        ExportError: the disk refused, or a list holds something that is no record.
        PocketsflowError: the API could not be read.
    """
    chosen = list(RESOURCES) if resources is None else list(dict.fromkeys(resources))
    unknown = [name for name in chosen if name not in RESOURCES]
    if unknown:
        raise InvalidArgumentError(f"export: no such resource: {', '.join(unknown)}; there are {', '.join(RESOURCES)}")
    if format != "jsonl":
        raise InvalidArgumentError(f"export: format must be 'jsonl', not {format!r}")
    if concurrency < 1:
        raise InvalidArgumentError(f"export: concurrency must be at least 1, not {concurrency!r}")
    start = time.monotonic()
    folder = Path(to)
    with _disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    reports = [await _export_one(pf, name, folder, concurrency, progress) for name in chosen]
    return ExportReport(tuple(reports), time.monotonic() - start, folder / "manifest.json")


class _Id(msgspec.Struct):
    """The one thing an export reads of a record."""

    wire_id: str | None = msgspec.field(name="_id", default=None)
    id: str | None = None


_read_id = msgspec.json.Decoder(_Id).decode


async def _export_one(
    pf: Pocketsflow,
    resource: str,
    folder: Path,
    concurrency: int,
    progress: Callable[[ExportProgress], object] | None,
) -> ResourceReport:
    start = time.monotonic()
    path = folder / f"{resource}.jsonl"
    tally = _Tally(resource)
    with _whole_file(path) as file:
        async with aclosing(getattr(pf, resource).list().raw_pages(concurrency=concurrency)) as pages:
            async for page in pages:
                lines = tally.add(page)
                with _disk(path):
                    file.write(lines)
                if progress is not None:
                    progress(tally.progress(done=False))
    if progress is not None:
        progress(tally.progress(done=True))
    return ResourceReport(
        resource=resource,
        path=path,
        records=len(tally.seen) + tally.nameless,
        duplicates=tally.duplicates,
        pages=tally.pages,
        requests=tally.requests,
        throttled=tally.throttled,
        seconds=time.monotonic() - start,
    )


class _Tally:
    """What was seen of one resource so far."""

    def __init__(self, resource: str) -> None:
        self.resource = resource
        self.seen: set[str] = set()
        self.nameless = 0
        self.duplicates = 0
        self.pages = 0
        self.requests = 0
        self.throttled = 0
        self.expected: int | None = None

    def add(self, page: RawPage) -> bytes:
        """Count a page; give back the lines of the records that are new."""
        self.pages += 1
        self.requests += page.requests
        self.throttled += page.throttled
        total = getattr(page.pagination, "total_count", None)
        self.expected = self.expected if total is None else total
        lines: list[bytes] = []
        for record in page.items:
            text = bytes(record)
            if self._is_new(text):
                lines.append(_one_line(text))
        return b"".join(lines)

    def progress(self, *, done: bool) -> ExportProgress:
        return ExportProgress(self.resource, len(self.seen) + self.nameless, self.pages, self.expected, done)

    def _is_new(self, text: bytes) -> bool:
        try:
            found = _read_id(text)
        except msgspec.ValidationError as exc:
            raise ExportError(f"export of {self.resource}: a record is no object with an id ({exc})") from None
        name = found.wire_id or found.id
        if name is None:
            self.nameless += 1
        elif name in self.seen:
            self.duplicates += 1
            return False
        else:
            self.seen.add(name)
        return True


def _one_line(text: bytes) -> bytes:
    """The record on a line of its own; only white space between its parts is ever touched."""
    if b"\n" in text or b"\r" in text:
        text = msgspec.json.format(text, indent=-1)
    return text + b"\n"


@contextmanager
def _whole_file(path: Path) -> Generator[IO[bytes]]:
    """A file that takes the place of `path` when the block ends well, and leaves no trace when it does not."""
    part = path.with_name(f".{path.name}.part")
    with _disk(path):
        file = part.open("wb")
    try:
        yield file
        with _disk(path):
            file.flush()
            os.fsync(file.fileno())
            file.close()
            part.replace(path)
    except BaseException:
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


@contextmanager
def _disk(path: Path) -> Generator[None]:
    """What the disk refuses becomes an error of our tree."""
    try:
        yield
    except OSError as exc:
        raise ExportError(f"export: {path} cannot be written: {exc.strerror or exc}") from exc


async def audit(folder: str | os.PathLike[str], pf: Pocketsflow | None = None) -> AuditReport:
    """Check an export against its manifest and, if a client is given, against the API."""
    raise NotImplementedError


__all__ = [
    "RESOURCES",
    "AuditReport",
    "Difference",
    "ExportProgress",
    "ExportReport",
    "ResourceReport",
    "audit",
    "export",
]
