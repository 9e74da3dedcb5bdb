"""Writes whole lists to disk, each record as the server sent it."""

import datetime as dt
import inspect
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async._generated.pocketsflow.resources import LISTS
from pocketsflow_async._values import is_text, shown
from pocketsflow_async.errors import ExportError, InvalidArgumentError
from pocketsflow_async.export._arguments import as_folder, as_names, check_client, check_count, check_flag
from pocketsflow_async.export._audit import audit_folder
from pocketsflow_async.export._batches import export_batches
from pocketsflow_async.export._files import WORK, check_folder, disk, in_thread, locked
from pocketsflow_async.export._formats import FORMATS
from pocketsflow_async.export._manifest import Manifest, Options, read_manifest
from pocketsflow_async.export._plan import LAST, Plan, check_old, check_same, make_plan, moment, read_plan
from pocketsflow_async.export._report import AuditReport, Difference, ExportProgress, ExportReport, ResourceReport
from pocketsflow_async.export._run import Run
from pocketsflow_async.export._source import account_of
from pocketsflow_async.export._target import check_target, clear, names_of, read_ready

Format = Literal["jsonl", "csv", "parquet", "sqlite", "duckdb"]
Compression = Literal["gzip", "zstd", "snappy"]
Moment = dt.datetime | dt.date | str

RESOURCES: tuple[str, ...] = LISTS
"""Every resource that can be exported."""


async def export(
    pf: Pocketsflow,
    resources: Iterable[str] | str | None = None,
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
    """Write every record of every resource into files below the folder `to`.

    Files appear whole or not at all, with a manifest that describes them; older ones are replaced only by finished
    ones. An export that was interrupted, however hard, is continued by the same call. docs/export.md says what is
    guaranteed while records come and go.

    Args:
        pf: the client; its quota and retries apply.
        resources: which ones, or the name of one; all of `RESOURCES` when None.
        to: the folder; made if it is missing.
        format: JSON Lines holds each record as the server sent it; the others have columns by the spec, and the
            records as they were sent are kept beside them in `raw/`.
        compression: `"gzip"` for jsonl and csv, `"zstd"` or `"snappy"` for parquet.
        concurrency: pages fetched side by side, of all resources together.
        since: only what was created from then on, where the API can tell; `"last"` adds what is new since the export
            that the folder holds.
        until: only what was created before.
        resume: False drops an interrupted export and begins anew.
        progress: a plain function, told after every page.

    Raises:
        InvalidArgumentError: an argument that cannot be; nothing was written.
        ConfigurationError: the format needs a package that is not installed.
        ExportError: the disk refused, the folder holds something else or what is damaged, or a list holds something
            that is no record.
        PocketsflowError: the API could not be read.
    """
    check_client("export", pf)
    chosen = _chosen(resources)
    folder = as_folder("export", "to", to)
    if not is_text(format) or format not in FORMATS:
        raise InvalidArgumentError(f"export: format must be one of {', '.join(FORMATS)}, not {shown(format)}")
    kind = FORMATS[format]
    if compression is not None and not (is_text(compression) and compression in kind.compressions):
        known = ", ".join(kind.compressions) or "none"
        raise InvalidArgumentError(f"export: compressions of {format} are: {known}; not {shown(compression)}")
    check_count("export", "concurrency", concurrency)
    _check_progress(progress)
    check_flag("export", "resume", resume)
    is_last = isinstance(since, str) and since == LAST
    options = Options(format, compression, LAST if is_last else moment("since", since), moment("until", until))
    if is_last and until is not None:
        raise InvalidArgumentError("export: since='last' goes on to now: give no until")
    if options.since is not None and options.until is not None and options.since >= options.until:  # both in UTC
        raise InvalidArgumentError(f"export: since={shown(since)} must be before until={shown(until)}")
    kind.check()
    old, _ = await in_thread(_look, folder, chosen, options, resume=resume)
    account = None if old is None else old.account  # what can be told without a request is told without one
    check_old(make_plan(chosen, options, base_url=pf.base_url, account=account, old=old), old, folder)
    account = await account_of(pf)
    with locked(folder) as work:
        old, found = await in_thread(_look, folder, chosen, options, resume=resume)
        plan = make_plan(chosen, options, base_url=pf.base_url, account=account, old=old)
        check_old(plan, old, folder)
        if found is not None:
            check_same(plan, found, folder)
            plan = found
        else:
            with disk(work):
                clear(work)
            plan.write(work)
        try:
            return await Run(pf, plan, folder=folder, work=work, old=old, progress=progress).finish(concurrency)
        except BaseException:
            with suppress(OSError):  # it is told what ended the export, not this
                if not any(path.stat().st_size for path in work.glob("*.journal")):
                    clear(work)  # there is nothing to go on with
            raise


def _look(
    folder: Path, resources: tuple[str, ...], options: Options, *, resume: bool
) -> tuple[Manifest | None, Plan | None]:
    """The manifest of the export before, and the plan of one that is not finished; sees that nothing is overwritten."""
    with disk(folder, "read"):
        if folder.exists() and not folder.is_dir():
            raise ExportError(f"export: {folder} must be a folder, but is a file: choose another one")
    work = folder / WORK
    old = read_manifest(folder)
    found = ready = None
    if resume:
        with disk(work, "read"), suppress(FileNotFoundError, NotADirectoryError):
            check_folder(work)
            found = read_plan(work)
            ready = None if found is None else read_ready(found, work, folder)
    check_target(folder, names_of(resources, options), old, ready)
    return old, found


def _check_progress(progress: object) -> None:
    if progress is None:
        return
    if not callable(progress) or any(map(inspect.iscoroutinefunction, (progress, type(progress).__call__))):
        found = "an async one" if callable(progress) else shown(progress)
        raise InvalidArgumentError(f"export: progress must be a plain function, not {found}")


def _chosen(resources: object) -> tuple[str, ...]:
    if resources is None:
        return RESOURCES
    chosen = as_names("export", "resources", resources)
    unknown = [name for name in chosen if name not in RESOURCES]
    if unknown or not chosen:
        told = f"no such resource: {', '.join(unknown)}" if unknown else "no resource is named"
        raise InvalidArgumentError(f"export: {told}; there are {', '.join(RESOURCES)}")
    return chosen


async def audit(folder: str | os.PathLike[str], pf: Pocketsflow | None = None) -> AuditReport:
    """Check an export against its manifest: every file's size and SHA-256, the number of records, each once.

    Args:
        folder: of the export.
        pf: a client of the same account; with it the ids are also compared with what the API has now.

    Raises:
        InvalidArgumentError: an argument that cannot be.
        ExportError: there is no manifest, it is damaged, or it is of another account.
        PocketsflowError: the API could not be read.
    """
    if pf is not None:
        check_client("audit", pf)
    return await audit_folder(as_folder("audit", "folder", folder), pf)


__all__ = [
    "RESOURCES",
    "AuditReport",
    "Difference",
    "ExportProgress",
    "ExportReport",
    "ResourceReport",
    "audit",
    "export",
    "export_batches",
]
