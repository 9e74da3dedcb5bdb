import datetime as dt
import json
import os
import stat
from pathlib import Path

import aiohttp
import pytest

from pocketsflow_async import APIResponseError, ExportError, InvalidArgumentError, Pocketsflow, RateLimit
from pocketsflow_async.cli import main
from pocketsflow_async.export import RESOURCES, ExportProgress, export
from pocketsflow_async.sandbox import Sandbox


async def test_5000_orders_are_exported_each_once_as_sent(tmp_path: Path) -> None:
    """Every order is in the file once, none is missing, and its JSON equals what the server sent, within the quota."""
    sent: list[object] = []
    async with Sandbox(orders=5000, seed=11, rate_limit=None) as plain, aiohttp.ClientSession() as session:
        for page in range(1, 51):
            async with session.get(
                f"{plain.url}/orders?page={page}&pageSize=100", headers={"Authorization": "Bearer pk_test_sandbox"}
            ) as answer:
                sent += (await answer.json())["orders"]
    async with (
        Sandbox(orders=5000, seed=11, rate_limit=RateLimit()) as sandbox,
        Pocketsflow("pk_test_sandbox", base_url=sandbox.url) as pf,
    ):
        report = await export(pf, ["orders"], to=tmp_path)

    lines = (tmp_path / "orders.jsonl").read_bytes().splitlines()
    exported = [json.loads(line) for line in lines]
    assert exported == sent
    assert len({order["_id"] for order in exported}) == 5000
    (orders,) = report.resources
    assert (orders.records, orders.expected, orders.duplicates, orders.gaps, orders.notes) == (5000, 5000, 0, 0, ())
    assert (orders.pages, orders.requests, orders.throttled) == (58, 59, 0)  # the window closed, and the proof


async def test_everything_is_exported_when_nothing_is_named(pf: Pocketsflow, tmp_path: Path) -> None:
    """Without names, each resource gets its file, and as many lines as the report says."""
    report = await export(pf, to=tmp_path / "new" / "folder")

    assert [one.resource for one in report.resources] == list(RESOURCES)
    for one in report.resources:
        assert one.path.read_bytes().count(b"\n") == one.records > 0
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {
        "manifest.json",
        *(f"{name}.jsonl" for name in RESOURCES),
    }


async def test_progress_is_told_after_every_page(pf: Pocketsflow, tmp_path: Path) -> None:
    """The callback hears of every page, of the number that the API announced, and of the end."""
    heard: list[ExportProgress] = []
    await export(pf, ["orders"], to=tmp_path, progress=heard.append)

    assert [(one.records, one.expected, one.done) for one in heard] == [
        (100, 230, False),
        (198, 230, False),
        (230, 230, False),
        (230, 230, True),
    ]


async def test_an_export_that_fails_leaves_the_old_file(sandbox: Sandbox, pf: Pocketsflow, tmp_path: Path) -> None:
    """When the API refuses, the files of the last export are untouched and no half file lies beside them."""
    await export(pf, ["orders"], to=tmp_path)
    old = {path: path.read_bytes() for path in tmp_path.iterdir()}
    async with Pocketsflow("pk_test_other", base_url=sandbox.url) as them:
        with pytest.raises(Exception, match="401"):
            await export(them, ["orders"], to=tmp_path)

    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == old


async def test_a_page_that_is_too_large_names_the_setting(sandbox: Sandbox, tmp_path: Path) -> None:
    """An export reads pages through the client, whose largest response counts, and nothing is left half done."""
    async with Pocketsflow("pk_test_sandbox", base_url=sandbox.url, max_response_size=20_000, rate_limit=None) as pf:
        assert await pf.request("GET", "/products", params={"pageSize": 1})
        with pytest.raises(APIResponseError, match="larger than max_response_size, 20000 bytes: ask for less at once"):
            await export(pf, ["orders"], to=tmp_path)
        with pytest.raises(APIResponseError, match="max_response_size"):
            await pf.request("GET", "/orders", params={"pageSize": 100})

    assert not (tmp_path / "orders.jsonl").exists()


async def test_a_folder_that_cannot_be_written_is_told(pf: Pocketsflow, tmp_path: Path) -> None:
    """A file where the folder should be is an ExportError that names it."""
    (tmp_path / "backup").write_text("")

    with pytest.raises(ExportError, match="backup"):
        await export(pf, ["orders"], to=tmp_path / "backup")


async def test_wrong_names_are_refused_before_anything_is_written(pf: Pocketsflow, tmp_path: Path) -> None:
    """An unknown resource or format is refused, and no folder is made."""
    with pytest.raises(InvalidArgumentError, match="cats"):
        await export(pf, ["orders", "cats"], to=tmp_path / "x")
    with pytest.raises(InvalidArgumentError, match="format"):
        await export(pf, ["orders"], to=tmp_path / "x", format="xml")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="compressions of csv are: gzip"):
        await export(pf, ["orders"], to=tmp_path / "x", format="csv", compression="zstd")
    with pytest.raises(InvalidArgumentError, match="since"):
        await export(pf, ["orders"], to=tmp_path / "x", since="yesterday")
    with pytest.raises(InvalidArgumentError, match="offset"):
        await export(pf, ["orders"], to=tmp_path / "x", until=dt.datetime(2025, 1, 1))  # noqa: DTZ001
    with pytest.raises(InvalidArgumentError, match="before"):
        await export(pf, ["orders"], to=tmp_path, since="2024-02-01", until="2024-01-01T00:00:00.5Z")
    with pytest.raises(InvalidArgumentError, match="concurrency"):
        await export(pf, ["orders"], to=tmp_path / "x", concurrency=0)

    assert not (tmp_path / "x").exists()


def test_the_command_exports_the_sandbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`pocketsflow export --sandbox` needs neither key nor network, ends with a table, and can be run again."""
    words = ["export", "orders", "customers", "--sandbox", "--orders", "300", "--to", str(tmp_path)]

    assert main(words) == 0
    assert main(words) == 0
    out, err = capsys.readouterr()
    rows = {line.split()[0]: line.split()[1] for line in out.splitlines() if len(line.split()) > 1}
    assert rows["orders"] == "300"
    assert "orders: 300 of 300 records" in err
    assert len((tmp_path / "orders.jsonl").read_bytes().splitlines()) == 300


def test_the_command_fails_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key the command says so in one line and exits with 1; wrong usage exits with 2."""
    monkeypatch.delenv("POCKETSFLOW_API_KEY", raising=False)

    assert main(["export", "--to", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "pocketsflow: no API key: pass api_key=… or set POCKETSFLOW_API_KEY"
    with pytest.raises(SystemExit) as caught:
        main(["export"])
    assert caught.value.code == 2


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
async def test_a_file_is_readable_as_others_are(pf: Pocketsflow, tmp_path: Path) -> None:
    """A finished file has the mode that any new file has, not a private one."""
    (tmp_path / "other").touch()
    await export(pf, ["products"], to=tmp_path)

    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("other", "products.jsonl")}
    assert len(modes) == 1
