import asyncio
import gc
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from pocketsflow_async import ExportError
from pocketsflow_async.export._files import in_thread, open_to_append, open_to_read, read_small, remove, write_whole


async def test_a_cancelled_wait_lets_the_thread_end_and_says_nothing() -> None:
    """A call that fails after its waiting was cancelled is waited for, and leaves nothing in the log."""
    begun, go_on, said = threading.Event(), threading.Event(), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))

    def fail() -> None:
        begun.set()
        go_on.wait(10)
        raise ExportError("too late")

    waiting = asyncio.create_task(in_thread(fail))
    await asyncio.to_thread(begun.wait, 10)
    waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gc.collect()
    await asyncio.sleep(0)

    assert said == []


def test_a_small_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """What is left of an earlier attempt, be it a file, a link or a folder, is replaced and never followed."""
    path, part, outside = tmp_path / "plan.json", tmp_path / ".plan.json.part", tmp_path / "outside"
    outside.write_text("kept")
    for make in (part.mkdir, part.touch, lambda: part.symlink_to(outside), lambda: part.hardlink_to(outside)):
        make()
        write_whole(path, b"{}")
        assert path.read_bytes() == b"{}"
        assert not os.path.lexists(part)
    assert outside.read_text() == "kept"


def test_a_large_file_is_not_read_as_a_small_one(tmp_path: Path) -> None:
    """A file beyond the limit is an ExportError that says so; one that is missing is None."""
    path = tmp_path / "manifest.json"
    assert read_small(path, 10) is None
    path.write_bytes(b"x" * 10)
    assert read_small(path, 10) == b"x" * 10
    with path.open("ab") as file:
        file.truncate(2**40)
    with pytest.raises(ExportError, match=r"manifest\.json must be a file of this tool, of 10 bytes at most"):
        read_small(path, 10)


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX")
def test_only_files_are_opened(tmp_path: Path) -> None:
    """Neither a link nor a folder is opened; removing a link leaves what it leads to."""
    outside, link = tmp_path / "outside", tmp_path / "link"
    outside.write_text("kept")
    link.symlink_to(outside)
    for path in (link, tmp_path):
        for function in (open_to_read, open_to_append):
            with pytest.raises(ExportError, match="must be a regular file"):
                function(path)
    remove(link)
    remove(link)

    assert outside.read_text() == "kept"
