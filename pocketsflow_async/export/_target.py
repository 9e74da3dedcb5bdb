"""The folder of an export: which names in it are ours, that nothing else is overwritten, and how files get them."""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pocketsflow_async._generated.pocketsflow.resources import LISTS
from pocketsflow_async.errors import ExportError
from pocketsflow_async.export._files import check_folder, check_regular, disk, holds, remove, sync_folder
from pocketsflow_async.export._formats import FORMATS
from pocketsflow_async.export._manifest import Content, Manifest, Options, read_manifest
from pocketsflow_async.export._plan import Plan

_LOGS = {".sqlite": ("-wal", "-journal"), ".duckdb": (".wal",)}
"""What stands beside a database that a program has open, or had open when it was killed."""

_NAMED = 5
"""Files that an error names at most."""

_OF_WORK = re.compile(
    rf"(\.?(plan|manifest)\.json(\.part)?|out|\.?({'|'.join(LISTS)})\.(lines|ids|journal|buckets)(\.part)?)"
)


def names_of(resources: Iterable[str], options: Options) -> tuple[str, ...]:
    """The files of an export, below its folder."""
    kind = FORMATS[options.format]
    names = [name for one in resources for name in (kind.file(one, options.compression), kind.raw_file(one))]
    return tuple(dict.fromkeys(filter(None, names)))


def check_target(folder: Path, names: Iterable[str], old: Manifest | None, ready: Manifest | None) -> None:
    """See that an export overwrites nothing but what an export wrote.

    Args:
        folder: the target.
        names: the files that will be written.
        old: the manifest of the export before.
        ready: that of an export which was stopped while its files got their names.

    Raises:
        ExportError: names what else is there.
    """
    names = tuple(names)
    _check_unused(folder, names)
    foreign: list[str] = []
    changed: list[str] = []
    sizes = {content.file: content.bytes for content in old.contents()} if old is not None else {}
    given = {content.file: content for content in ready.contents()} if ready is not None else {}
    with disk(folder, "read"):
        for name in names:
            path = folder / name
            with suppress(FileNotFoundError, NotADirectoryError):
                if path.parent != folder:
                    check_folder(path.parent)
                found = check_regular(path)
                if found is None or found.st_size == sizes.get(name) or (name in given and _has(folder, given[name])):
                    continue
                (changed if name in sizes else foreign).append(name)
    for files, what in ((foreign, "not written by an export"), (changed, "changed since it was exported")):
        if files:
            more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
            raise ExportError(
                f"export: {', '.join(files[:_NAMED])}{more} in {folder} {'were' if files[1:] else 'was'} {what}, and "
                "would be overwritten: move it away, or choose another folder"
            )


def _check_unused(folder: Path, names: Iterable[str]) -> None:
    """See that no database is open: what its log still holds would be written into the new file."""
    with disk(folder, "read"):
        for name in names:
            for end in _LOGS.get(Path(name).suffix, ()):
                found = check_regular(folder / f"{name}{end}")
                if found is not None and found.st_size:
                    raise ExportError(
                        f"export: {folder / name} must not be in use while it is replaced, but {name}{end} is there: "
                        "close the database, or choose another folder"
                    )


def read_ready(plan: Plan, work: Path, folder: Path) -> Manifest | None:
    """The manifest of an export that lacks nothing but its names; None where files are still to be written."""
    try:
        ready = read_manifest(work)
        if ready is None or ready.options != plan.options or ready.account != plan.account:
            return None
        contents = {content.file: content for content in ready.contents()}
        with disk(work, "read"):
            for name in names_of(plan.resources, plan.options):
                content = contents[name]
                if not any(_has(place, content) for place in (work / "out", folder)):
                    return None
    except (ExportError, KeyError):
        return None
    return ready


def _has(folder: Path, content: Content) -> bool:
    try:
        return holds(folder / content.file, content.bytes, content.sha256)
    except NotADirectoryError:
        return False


def publish(ready: Manifest, plan: Plan, *, work: Path, folder: Path, old: Manifest | None) -> Path:
    """Give every file its name, then the manifest, then forget how it was made."""
    names = names_of(plan.resources, plan.options)
    check_target(folder, names, old, ready)
    with disk(folder):
        for name in names:
            path = folder / name
            if path.parent != folder:
                path.parent.mkdir(exist_ok=True)
                check_folder(path.parent)
            with suppress(FileNotFoundError):  # it has its name already: we were killed between two of them
                (work / "out" / name).replace(path)
        for parent in {(folder / name).parent for name in names}:
            sync_folder(parent)
    path = ready.write(folder, work=work)
    with disk(work):
        clear(work)
    return path


def clear(work: Path) -> None:
    """Drop everything of an unfinished export; the plan goes first, so that the rest is never taken for one."""
    remove(work / "plan.json")
    for path in work.iterdir():
        if _OF_WORK.fullmatch(path.name):
            remove(path)
