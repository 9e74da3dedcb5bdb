"""What an export does with its folder: it goes on where it stopped, and overwrites nothing that is not its own."""

import asyncio
import errno
import json
import os
import sys
from pathlib import Path

import pytest

from pocketsflow_async import ExportError, Pocketsflow, RateLimit
from pocketsflow_async.export import ExportProgress, export
from pocketsflow_async.export._files import locked
from pocketsflow_async.sandbox import Sandbox

KEY = "pk_test_sandbox"
WORK = ".pocketsflow-export"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def interrupt(pf: Pocketsflow, folder: Path, after: int = 3, **options: object) -> None:
    """Cancel an export after some pages, as Ctrl-C does."""

    def stop(progress: ExportProgress) -> None:
        if progress.pages == after:
            task.cancel()

    task = asyncio.create_task(export(pf, ["orders"], to=folder, progress=stop, **options))  # type: ignore[arg-type]
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_export_keeps_what_it_has_and_goes_on(sandbox: Sandbox, pf: Pocketsflow, tmp_path: Path):
    """After Ctrl-C no file appears; the same call asks only for what is missing, and ends with the same bytes."""
    await export(pf, ["orders"], to=tmp_path / "calm")
    await interrupt(pf, tmp_path / "storm", concurrency=1)
    assert [path.name for path in (tmp_path / "storm").iterdir()] == [WORK]
    before = sandbox.received
    (orders,) = (await export(pf, ["orders"], to=tmp_path / "storm")).resources

    assert orders.resumed
    assert sandbox.received - before == 2  # whose account it is, and the proof
    assert (orders.records, orders.pages) == (230, 4)
    assert (tmp_path / "storm/orders.jsonl").read_bytes() == (tmp_path / "calm/orders.jsonl").read_bytes()
    assert not (tmp_path / "storm" / WORK).exists()


async def test_rows_that_move_between_two_runs_are_found(sandbox: Sandbox, pf: Pocketsflow, tmp_path: Path):
    """Orders that are deleted while nothing runs hide nothing from the run that goes on."""
    await interrupt(pf, tmp_path, after=1, concurrency=1)
    gone = [sandbox.shop.order(place)["_id"] for place in range(30)]
    for order_id in gone:
        sandbox.shop.delete_order(order_id)
    (orders,) = (await export(pf, ["orders"], to=tmp_path)).resources

    ids = [json.loads(line)["_id"] for line in orders.path.read_bytes().splitlines()]
    assert {sandbox.shop.order(place)["_id"] for place in range(200)} <= set(ids)
    assert len(ids) == len(set(ids))
    assert orders.gaps == 30


async def test_an_unfinished_export_is_not_mixed_with_another(pf: Pocketsflow, tmp_path: Path):
    """Going on with other options is refused, and says how to go on or begin anew; resume=False begins anew."""
    await interrupt(pf, tmp_path)
    kept = tree(tmp_path)
    with pytest.raises(ExportError, match=r"another format \(jsonl, not csv\).*resume=False"):
        await export(pf, ["orders"], to=tmp_path, format="csv")
    with pytest.raises(ExportError, match=r"another resources \(orders, not products\)"):
        await export(pf, ["products"], to=tmp_path)
    with pytest.raises(ExportError, match="another since"):
        await export(pf, ["orders"], to=tmp_path, since="2025-01-01")
    assert tree(tmp_path) == kept
    report = await export(pf, ["products"], to=tmp_path, resume=False)

    assert not report.resources[0].resumed
    assert sorted(tree(tmp_path)) == ["manifest.json", "products.jsonl"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"format": "csv"}, r"another format \(jsonl, not csv\)"),
        ({"compression": "gzip"}, r"another compression \(none, not gzip\)"),
        ({"since": "2025-06-01"}, r"another since \(none, not 2025-06-01"),
        ({"until": "2025-06-01"}, r"another until"),
    ],
)
async def test_a_finished_export_is_not_overwritten_by_another(
    sandbox: Sandbox, pf: Pocketsflow, tmp_path: Path, options: dict[str, str], told: str
):
    """Other options into the same folder: refused without a request, nothing is changed."""
    await export(pf, ["orders"], to=tmp_path)
    kept, before = tree(tmp_path), sandbox.received
    with pytest.raises(ExportError, match=told):
        await export(pf, ["orders"], to=tmp_path, **options)  # type: ignore[arg-type]

    assert tree(tmp_path) == kept
    assert sandbox.received == before


async def test_an_export_of_another_account_is_not_overwritten(pf: Pocketsflow, tmp_path: Path):
    """A folder with the export of one account refuses that of another."""
    await export(pf, ["products"], to=tmp_path)
    kept = tree(tmp_path)
    async with Sandbox(seed=99) as other, Pocketsflow(KEY, base_url=other.url) as them:
        with pytest.raises(ExportError, match=r"another account.*choose another folder"):
            await export(them, ["products"], to=tmp_path)

    assert tree(tmp_path) == kept


async def test_other_resources_join_the_manifest(pf: Pocketsflow, tmp_path: Path):
    """A second export of other resources leaves the first ones where they are, in one manifest."""
    await export(pf, ["products"], to=tmp_path)
    await export(pf, ["reviews"], to=tmp_path)

    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert list(manifest["resources"]) == ["products", "reviews"]


async def test_what_is_no_manifest_is_told(pf: Pocketsflow, tmp_path: Path):
    """A manifest.json of something else is not overwritten; one of a newer version neither."""
    for text, told in (("{}", "no manifest"), ("[", "no manifest"), (b"\xff".decode("latin-1"), "no manifest")):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(ExportError, match=told):
            await export(pf, ["products"], to=tmp_path)
        assert sorted(tree(tmp_path)) == ["manifest.json"]
    (tmp_path / "manifest.json").unlink()
    await export(pf, ["products"], to=tmp_path)
    text = (tmp_path / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(text.replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(ExportError, match="newer version"):
        await export(pf, ["products"], to=tmp_path)


async def test_two_exports_do_not_write_into_one_folder(sandbox: Sandbox, pf: Pocketsflow, tmp_path: Path):
    """While one export writes, a second one is refused; the first is not disturbed."""
    refused: list[ExportError] = []

    async def second() -> None:
        with pytest.raises(ExportError, match=r"another export is writing to .* right now") as caught:
            await export(pf, ["orders"], to=tmp_path)
        refused.append(caught.value)

    sandbox.faults.add("delay", seconds=0.05, path="/orders")
    begun = asyncio.Event()
    first = asyncio.create_task(export(pf, ["orders"], to=tmp_path, progress=lambda _: begun.set()))
    await begun.wait()
    await second()
    report = await first

    assert len(refused) == 1
    assert report.resources[0].records == 230


@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
async def test_a_killed_process_leaves_no_lock(tmp_path: Path):
    """The lock of a process that died is no hindrance."""
    script = (
        "import os, signal, sys; from pathlib import Path; from pocketsflow_async.export._files import locked\n"
        "with locked(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(tmp_path))
    assert await process.wait() != 0
    assert (tmp_path / WORK / "lock").exists()
    with locked(tmp_path):
        pass
    assert not (tmp_path / WORK).exists()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "the disk is full: make room and run the same export again"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "you may not write there"),
    ],
)
async def test_a_disk_that_refuses_is_told_and_can_be_mended(
    pf: Pocketsflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, told: str
):
    """When the disk refuses, the error says so; the old file is untouched, and the same call ends what was begun."""
    await export(pf, ["orders"], to=tmp_path)
    old = (tmp_path / "orders.jsonl").read_bytes()
    sync = os.fsync
    left = [6]

    def refuse(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(code, os.strerror(code))
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(ExportError, match=told):
            await export(pf, ["orders"], to=tmp_path)
    assert (tmp_path / "orders.jsonl").read_bytes() == old
    await export(pf, ["orders"], to=tmp_path)

    assert (tmp_path / "orders.jsonl").read_bytes() == old
    assert sorted(tree(tmp_path)) == ["manifest.json", "orders.jsonl"]


async def test_resources_share_the_pages_on_their_way(tmp_path: Path):
    """Several resources run side by side, and together never have more pages on their way than asked for."""
    under_way: dict[str, int] = {}

    def watch(progress: ExportProgress) -> None:
        assert progress.quota is not None
        under_way[progress.resource] = max(under_way.get(progress.resource, 0), progress.quota.under_way)

    async with (
        Sandbox(orders=2000, seed=3, rate_limit=None) as sandbox,
        Pocketsflow(KEY, base_url=sandbox.url, rate_limit=RateLimit(10_000, 10_000)) as pf,
    ):
        sandbox.faults.add("delay", seconds=0.01)
        report = await export(pf, ["orders", "payments", "customers"], to=tmp_path, concurrency=3, progress=watch)

    assert [one.resource for one in report.resources] == ["orders", "payments", "customers"]
    assert report.complete
    assert 2 <= max(under_way.values()) <= 3
