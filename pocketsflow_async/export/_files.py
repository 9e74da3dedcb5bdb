"""The disk: one export at a time in a folder, whole files or none, and errors that say what to do."""

import asyncio
import errno
import hashlib
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from pocketsflow_async.errors import ExportError

P = ParamSpec("P")
T = TypeVar("T")

WORK = ".pocketsflow-export"
"""The hidden folder, inside the target, of an export that is not finished."""

_ADVICE = {
    errno.ENOSPC: "the disk is full: make room and run the same export again, it goes on where it stopped",
    errno.EDQUOT: "your share of the disk is used up: make room and run the same export again, it goes on from there",
    errno.EFBIG: "a file may not grow so large here: choose another folder",
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.EACCES: "you may not write there: choose another folder, or change its permissions",
    errno.EPERM: "you may not write there: choose another folder, or change its permissions",
    errno.ENOTDIR: "a part of the path is a file: choose another folder",
    errno.EEXIST: "there is a file of that name: choose another folder",
}


@contextmanager
def disk(path: Path, doing: str = "written") -> Generator[None]:
    """What the disk refuses becomes an error of our tree that names the file and says what to do."""
    try:
        yield
    except OSError as exc:
        place = exc.filename or path
        reason = _ADVICE.get(exc.errno or 0, exc.strerror or str(exc))
        raise ExportError(f"export: {place} cannot be {doing}: {reason}") from exc


@contextmanager
def locked(folder: Path) -> Generator[Path]:
    """The work folder inside `folder`, for this process alone; the system gives it free when the process dies."""
    work = folder / WORK
    with disk(work):
        work.mkdir(parents=True, exist_ok=True)
        handle = _lock(work / "lock", folder)
    try:
        yield work
    finally:
        with suppress(OSError):
            if [path.name for path in work.iterdir()] == ["lock"]:
                (work / "lock").unlink()
                work.rmdir()
        os.close(handle)


def _lock(path: Path, folder: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(handle)
        except OSError:
            os.close(handle)
            raise ExportError(
                f"export: another export is writing to {folder} right now: wait for its end, or choose another folder"
            ) from None
        with suppress(FileNotFoundError):
            if os.fstat(handle).st_ino == path.stat().st_ino:
                return handle
        os.close(handle)  # the one before us took it away between our two steps
        path.parent.mkdir(exist_ok=True)


if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def sync_folder(_: Path) -> None:
        """Windows has no way to do it, and does it by itself."""

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def sync_folder(folder: Path) -> None:
        """Make the names in a folder survive a power cut."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sync_file(path: Path) -> None:
    """Make a file's content survive a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Put a small file in its place, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def digest(path: Path) -> tuple[int, str]:
    """A file's size and SHA-256."""
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), checksum


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call it in a thread, and let it come to its end even when the waiting is cancelled."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
