"""The disk: one export at a time in a folder, whole files or none, and errors that say what to do.

Names come from the tool, never from what stands in a folder. A link, a pipe, a device or a folder that has such a name
is neither followed nor opened: it could lead out of the folder, or never end.
"""

import asyncio
import errno
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from io import BufferedReader, BufferedWriter
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
    errno.ELOOP: "it is a link: remove it, or choose another folder",
}
_ADVICE_TO_READ = {
    errno.EACCES: "you may not read it: change its permissions, or choose another folder",
    errno.ENOTDIR: _ADVICE[errno.ENOTDIR],
    errno.ELOOP: _ADVICE[errno.ELOOP],
}
_PLAINLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Links are not followed, and a pipe is not waited for."""


@contextmanager
def disk(path: Path, doing: str = "written") -> Generator[None]:
    """What the disk refuses becomes an error of our tree that names the file and says what to do."""
    try:
        yield
    except OSError as exc:
        place = exc.filename or path
        known = _ADVICE if doing == "written" else _ADVICE_TO_READ
        reason = known.get(exc.errno or 0, exc.strerror or str(exc))
        raise ExportError(f"export: {place} cannot be {doing}: {reason}") from exc


@contextmanager
def locked(folder: Path) -> Generator[Path]:
    """The work folder inside `folder`, for this process alone; the system gives it free when the process dies."""
    work = folder / WORK
    with disk(work):
        _make_work(work)
        handle = _lock(work / "lock", folder)
    try:
        yield work
    finally:
        with suppress(OSError):
            if [path.name for path in work.iterdir()] == ["lock"]:
                (work / "lock").unlink()
                work.rmdir()
        os.close(handle)


def _make_work(work: Path) -> None:
    work.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        work.mkdir(0o700)  # what is fetched is nobody else's business
    check_folder(work)


def _lock(path: Path, folder: Path) -> int:
    while True:
        handle = _opened(path, os.O_RDWR | os.O_CREAT)
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
        _make_work(path.parent)


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


def check_folder(path: Path) -> None:
    """See that a folder of ours is one.

    Raises:
        ExportError: it is a link, a file or something else.
        OSError: it is not there, or cannot be looked at.
    """
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise ExportError(f"export: {path} must be a folder, not a link or a file: remove it, or choose another folder")


def check_regular(path: Path) -> os.stat_result | None:
    """See that what has a name of ours is a regular file; None where nothing has it.

    Raises:
        ExportError: it is a link, a folder, a pipe or a device.
        OSError: it cannot be looked at.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    _refuse_unless_regular(path, found)
    return found


def _refuse_unless_regular(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ExportError(
            f"export: {path} must be a regular file, not a link, a folder, a pipe or a device: "
            "move it away, or choose another folder"
        )


def _opened(path: Path, flags: int) -> int:
    check_regular(path)  # to open a device can already do something
    handle = os.open(path, flags | _PLAINLY, 0o666)
    try:
        _refuse_unless_regular(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def open_to_read(path: Path) -> BufferedReader:
    """A regular file, to be read; never what a link leads to.

    Raises:
        ExportError: it is something else.
        OSError: it cannot be opened.
    """
    return open(path, "rb", opener=lambda _, flags: _opened(path, flags))


def open_to_append(path: Path) -> BufferedWriter:
    """A regular file of this name alone, made if it is missing: one with further names gets a copy of its own first."""
    found = check_regular(path)
    if found is not None and found.st_nlink > 1:
        copy = path.with_name(f".{path.name}.part")
        remove(copy)
        with open_to_read(path) as source, copy.open("xb") as target:
            shutil.copyfileobj(source, target)
        copy.replace(path)
    return open(path, "ab", opener=lambda _, flags: _opened(path, flags))


def remove(path: Path) -> None:
    """Remove a file, a link itself, or a folder with all that is in it, if it is there."""
    try:
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if is_folder:
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Make a file's content survive a power cut."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes, *, work: Path | None = None) -> None:
    """Put a small file in its place, whole or not at all.

    Args:
        path: its place.
        content: all of it.
        work: the folder, on the same disk, in which it grows; the one of its place if None.
    """
    part = (work or path.parent) / f".{path.name}.part"
    remove(part)
    with part.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def read_small(path: Path, limit: int) -> bytes | None:
    """All of a file that should be small; None where there is none.

    Raises:
        ExportError: it is no regular file, larger than `limit` bytes, or cannot be read.
    """
    with disk(path, "read"):
        try:
            with open_to_read(path) as file:
                content = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
    if len(content) > limit:
        raise ExportError(
            f"export: {path} must be a file of this tool, of {limit:,} bytes at most, but is larger: "
            "move it away, or choose another folder"
        )
    return content


def digest(path: Path) -> tuple[int, str]:
    """A file's size and SHA-256."""
    with open_to_read(path) as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), checksum


def holds(path: Path, size: int, checksum: str) -> bool:
    """Whether a file has this size and SHA-256; one of another size is not read."""
    found = check_regular(path)
    return found is not None and found.st_size == size and digest(path) == (size, checksum)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call it in a thread, and let it come to its end even when the waiting is cancelled."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.gather(work, return_exceptions=True)  # the cancellation is told, not what the call raised
        raise
