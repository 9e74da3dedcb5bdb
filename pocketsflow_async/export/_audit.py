"""Is an export still what its manifest says, and what the API has?"""

import asyncio
import gzip
import tempfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async.errors import ExportError
from pocketsflow_async.export._duplicates import Pages, by_bucket, find_duplicates
from pocketsflow_async.export._files import check_folder, check_regular, digest, disk, in_thread
from pocketsflow_async.export._incremental import read_lines
from pocketsflow_async.export._manifest import Content, Entry, read_manifest
from pocketsflow_async.export._report import AuditReport, Difference
from pocketsflow_async.export._source import Source, account_of, ids_of
from pocketsflow_async.export._spool import Spool
from pocketsflow_async.export._state import State
from pocketsflow_async.export._walk import Walk

_NAMED = 100
"""Ids that a difference names at most."""

_NO_RECORDS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, EOFError, zlib.error, gzip.BadGzipFile)
"""What is raised by a file that holds something else."""

_AT_ONCE = 1000
_CONCURRENCY = 8
_OURS, _THEIRS = 0, 1


async def audit_folder(folder: Path, pf: Pocketsflow | None) -> AuditReport:
    """Look at every file that the manifest names and, with a client, at every list of the API."""
    manifest = read_manifest(folder)
    if manifest is None:
        raise ExportError(f"audit: {folder} has no manifest.json: it is no export, or one that is not finished")
    differences: list[Difference] = []
    notes: list[str] = []
    if pf is not None:
        account = await account_of(pf)
        if account != manifest.account:
            raise ExportError(
                f"audit: {folder} is an export of the account {manifest.account}, the key is of {account}: "
                "use the key of that account"
            )
    with disk(Path("a temporary folder")), tempfile.TemporaryDirectory() as scratch:
        for name, entry in manifest.resources.items():
            found = await in_thread(_check_files, folder, name, entry, Path(scratch))
            differences += found
            notes += entry.notes
            if pf is not None and not found:
                found, unsure = await _compare(pf, name, entry, folder, Path(scratch))
                differences += found
                notes += [f"{note} (while it was compared)" for note in unsure if note not in entry.notes]
    records = sum(entry.records for entry in manifest.resources.values())
    return AuditReport(folder, len(manifest.resources), records, tuple(differences), tuple(notes))


def _check_files(folder: Path, name: str, entry: Entry, scratch: Path) -> list[Difference]:
    found = [text for content in entry.contents() if (text := _check_file(folder, content)) is not None]
    if found:
        return [Difference(name, text) for text in found]
    count = 0
    try:
        for _, ids in _ids(folder, entry):
            count += len(ids)
        again = find_duplicates(_ids(folder, entry), count, scratch / "buckets").count
    except _NO_RECORDS as exc:
        return [Difference(name, f"{_raw(entry).file} holds what is no record ({exc})")]
    if count != entry.records:
        found.append(f"{_raw(entry).file} holds {count} records, the manifest says {entry.records}")
    if again:
        found.append(f"{_raw(entry).file} holds {again} records more than once")
    return [Difference(name, text) for text in found]


def _check_file(folder: Path, content: Content) -> str | None:
    path = folder / content.file
    try:
        if path.parent != folder:
            check_folder(path.parent)
        found = check_regular(path)
        if found is None:
            return f"{content.file} is missing"
        if found.st_size != content.bytes:
            return f"{content.file} has {found.st_size} bytes, the manifest says {content.bytes}"
        size, checksum = digest(path)
    except FileNotFoundError:
        return f"{content.file} is missing"
    except ExportError:
        return f"{content.file} is not looked at: it must be a regular file, not a link, a folder, a pipe or a device"
    except OSError as exc:
        return f"{content.file} cannot be read: {exc.strerror or exc}"
    if (size, checksum) == (content.bytes, content.sha256):
        return None
    return f"{content.file} has another SHA-256 than the manifest says"


async def _compare(
    pf: Pocketsflow, name: str, entry: Entry, folder: Path, scratch: Path
) -> tuple[list[Difference], list[str]]:
    """What only the file or only the API has, and what the API did not let be seen for certain."""
    since, until = (None if text is None else datetime.fromisoformat(text) for text in _window(entry))
    source = Source(pf, name, since=since, until=until, turn=asyncio.Semaphore(_CONCURRENCY))
    with Spool(scratch, name) as spool:
        state = State()
        await Walk(source, spool, state, concurrency=_CONCURRENCY, told=lambda: None).run()
        await in_thread(spool.commit, {})
        count = entry.records + spool.records
        ours, theirs = await in_thread(_only, _both(folder, entry, spool), count, scratch / "buckets")
        nameless = await in_thread(_nameless, _both(folder, entry, spool))
        for path in (spool.lines_path, spool.ids_path):
            path.unlink()
    found: list[Difference] = []
    for ids, what in ((ours, "only in the export, not in the API any more"), (theirs, "in the API, but not exported")):
        if ids[0]:
            found.append(Difference(name, f"{ids[0]} of the records are {what}", tuple(ids[1])))
    if nameless[_OURS] != nameless[_THEIRS]:
        found.append(
            Difference(name, f"{nameless[_OURS]} records have no id in the export, {nameless[_THEIRS]} in the API")
        )
    return found, [*state.notes(name)]


def _window(entry: Entry) -> tuple[str | None, str | None]:
    return entry.window.since, entry.window.until


def _both(folder: Path, entry: Entry, spool: Spool) -> Iterator[tuple[int, list[str | None]]]:
    for _, ids in _ids(folder, entry):
        yield _OURS, ids
    for reading, ids in spool.pages():
        yield _THEIRS, ids if reading == 0 else list(filter(None, ids))  # who has no id counts once


def _nameless(pages: Pages) -> tuple[int, int]:
    """How many records without an id stand on each side."""
    counts = [0, 0]
    for side, ids in pages:
        counts[side] += ids.count(None)
    return counts[_OURS], counts[_THEIRS]


def _only(pages: Pages, count: int, scratch: Path) -> tuple[tuple[int, list[str]], tuple[int, list[str]]]:
    """How many ids stand on one side only, and the first of them."""
    counts = [0, 0]
    named: list[list[str]] = [[], []]
    for rows in by_bucket(pages, count, scratch):
        sides: tuple[set[str], set[str]] = (set(), set())
        for _, side, name in rows:
            sides[side].add(name)
        for side in (_OURS, _THEIRS):
            only = sides[side] - sides[1 - side]
            counts[side] += len(only)
            named[side] = sorted([*named[side], *only])[:_NAMED]
    return (counts[0], named[0]), (counts[1], named[1])


def _raw(entry: Entry) -> Content | Entry:
    return entry.raw or entry


def _ids(folder: Path, entry: Entry) -> Iterator[tuple[int, list[str | None]]]:
    """The ids of the records as they were sent."""
    lines = read_lines(folder / _raw(entry).file)
    while chunk := list(islice(lines, _AT_ONCE)):
        yield 0, ids_of(b"\n".join(chunk))
