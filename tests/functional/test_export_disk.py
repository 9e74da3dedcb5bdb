"""A disk that fails at any moment: the next run of the same export ends with the right bytes."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from effort import examples

from pocketsflow_async import ExportError, Pocketsflow
from pocketsflow_async.export import ExportProgress, audit, export
from pocketsflow_async.export._formats import FORMATS, Format

CALLS = ("fsync", "replace", "rename", "truncate", "unlink", "rmdir", "mkdir", "open", "link")
NAMES = ["orders", "products"]
STEPS = 120


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


@contextmanager
def failing(step: int) -> Iterator[list[str]]:
    """The call of the system at this step fails, once."""
    failed: list[str] = []
    left = [step]

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                failed.append(name)
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return function(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, counted(name, getattr(os, name)))
        yield failed


@pytest.mark.skipif(os.name != "posix", reason="counts POSIX calls")
@pytest.mark.parametrize("format", ["jsonl", "csv"])
async def test_any_call_may_fail(tmp_path: Path, pf: Pocketsflow, format: str) -> None:  # noqa: A002
    """Whichever call of the system fails, the error is of our tree, and the same export then ends as if it had not."""
    await export(pf, NAMES, to=tmp_path / "calm", format=format)  # type: ignore[arg-type]
    calm = tree(tmp_path / "calm")
    seen = set()
    for step in range(1, STEPS, 1 if examples(10) > 10 else 2):
        folder = tmp_path / str(step)
        with failing(step) as failed, suppress(ExportError):
            await export(pf, NAMES, to=folder, format=format, concurrency=1)  # type: ignore[arg-type]
        if not failed:
            break
        seen.update(failed)
        report = await export(pf, NAMES, to=folder, format=format, concurrency=1)  # type: ignore[arg-type]

        assert report.complete
        assert tree(folder) == calm, (step, failed)
        assert (await audit(folder)).sound
    else:
        pytest.fail("more steps than were tried")
    assert seen >= {"fsync", "replace", "open"}


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
@pytest.mark.parametrize("format", list(FORMATS))
async def test_a_full_disk_costs_no_record(tmp_path: Path, pf: Pocketsflow, format: str) -> None:  # noqa: A002
    """Wherever in its files an export runs out of room, it ends with an ExportError, and the next run mends it."""
    await export(pf, ["orders"], to=tmp_path / "calm", format=format)  # type: ignore[arg-type]
    calm = tree(tmp_path / "calm")
    largest = max(len(content) for content in calm.values())
    for number in range(1, 6):
        folder = tmp_path / str(number)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest * number // 6 + number, hard))
        try:
            with pytest.raises(ExportError, match=r"(cannot|could not) be written"):
                await export(pf, ["orders"], to=folder, format=format, concurrency=1)  # type: ignore[arg-type]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        report = await export(pf, ["orders"], to=folder, format=format)  # type: ignore[arg-type]

        assert report.complete
        assert report.resources[0].records == 230
        assert (await audit(folder)).sound
        if format != "duckdb":
            assert tree(folder) == calm


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "jsonl"])
@pytest.mark.parametrize("lost", ["first", "last", "all"])
async def test_a_file_with_fewer_records_is_never_published(
    tmp_path: Path,
    pf: Pocketsflow,
    monkeypatch: pytest.MonkeyPatch,
    format: str,  # noqa: A002
    lost: str,
) -> None:
    """When a converter writes less than it was given, nothing appears, and the error says how much there should be."""
    write = Format.write

    def losing(self: Format, path: Path, tables: Any, compression: str | None) -> None:
        if self.name == format:
            kept = {"first": slice(1, None), "last": slice(-1), "all": slice(0)}[lost]
            tables = {name: list(records)[kept] for name, records in tables.items()}
        write(self, path, tables, compression)

    with monkeypatch.context() as patch:
        patch.setattr(Format, "write", losing)
        with pytest.raises(ExportError, match=r"must hold the \d+ records of \w+ that were fetched, but holds"):
            await export(pf, NAMES, to=tmp_path, format=format)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == [".pocketsflow-export"]
    report = await export(pf, NAMES, to=tmp_path, format=format)  # type: ignore[arg-type]

    assert report.resources[0].records == 230
    assert (await audit(tmp_path)).sound


@pytest.mark.parametrize("lost", [slice(1, None), slice(-1), slice(0, None, 2)])
async def test_json_lines_with_fewer_records_are_never_published(
    tmp_path: Path, pf: Pocketsflow, monkeypatch: pytest.MonkeyPatch, lost: slice
) -> None:
    """A compressed file that lacks records is refused too."""
    write = Format.write
    with monkeypatch.context() as patch:
        patch.setattr(
            Format,
            "write",
            lambda self, path, tables, compression: write(
                self, path, {name: list(records)[lost] for name, records in tables.items()}, compression
            ),
        )
        with pytest.raises(ExportError, match="nothing was published"):
            await export(pf, NAMES, to=tmp_path, compression="gzip")

    assert [path.name for path in tmp_path.iterdir()] == [".pocketsflow-export"]


async def test_a_record_that_was_damaged_on_the_disk_is_never_published(pf: Pocketsflow, tmp_path: Path) -> None:
    """What was fetched and then changed on the disk is an error that says how to begin anew."""

    def stop(progress: ExportProgress) -> None:
        if progress.pages == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await export(pf, ["orders"], to=tmp_path, concurrency=1, progress=stop)
    path = tmp_path / ".pocketsflow-export/orders.lines"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"1", b"2"))
    with pytest.raises(ExportError, match=r"orders\.lines must hold what was fetched.*resume=False"):
        await export(pf, ["orders"], to=tmp_path)
    assert content
    assert [path.name for path in tmp_path.iterdir()] == [".pocketsflow-export"]
    report = await export(pf, ["orders"], to=tmp_path, resume=False)

    assert report.complete
