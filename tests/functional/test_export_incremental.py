"""An export that goes on from the last one, and an audit of what came of it."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from pocketsflow_async import ExportError, InvalidArgumentError, Pocketsflow
from pocketsflow_async.export import audit, export
from pocketsflow_async.sandbox import Sandbox


def orders(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "orders.jsonl").read_bytes().splitlines()]


async def test_what_is_new_is_added_and_what_changed_is_replaced(sandbox: Sandbox, pf: Pocketsflow, tmp_path: Path):
    """since='last' asks for little, puts new orders behind the old ones, and changed ones in their place."""
    await export(pf, ["orders", "products"], to=tmp_path)
    old = orders(tmp_path)
    changed = sandbox.shop.update_order(str(old[0]["_id"]), {"country": "NZ"})
    new = [sandbox.shop.insert_order()["_id"] for _ in range(3)]
    product = await pf.products.create(name="Late", price=5)
    before = sandbox.received
    report = await export(pf, ["orders", "products"], to=tmp_path, since="last")

    now = orders(tmp_path)
    assert sandbox.received - before == 3
    assert [order["_id"] for order in now[:230]] == [order["_id"] for order in old]
    assert now[0] == changed != old[0]
    assert now[1:230] == old[1:]
    assert {order["_id"] for order in now[230:]} == set(new)
    assert report.resources[0].records == 233
    assert product.id.encode() in (tmp_path / "products.jsonl").read_bytes()
    assert "is as it was" in report.resources[0].notes[0]
    assert (await audit(tmp_path, pf)).sound


async def test_it_can_go_on_many_times(sandbox: Sandbox, pf: Pocketsflow, tmp_path: Path):
    """Each incremental export begins where the one before ended; without news the bytes stay the same."""
    await export(pf, ["orders"], to=tmp_path)
    for count in range(1, 4):
        sandbox.shop.insert_order()
        await export(pf, ["orders"], to=tmp_path, since="last")
        assert len(orders(tmp_path)) == 230 + count
    before = (tmp_path / "orders.jsonl").read_bytes()
    await export(pf, ["orders"], to=tmp_path, since="last")

    assert (tmp_path / "orders.jsonl").read_bytes() == before


@pytest.mark.parametrize("compression", [None, "gzip"])
async def test_other_formats_go_on_from_the_records_as_they_were_sent(
    sandbox: Sandbox, pf: Pocketsflow, tmp_path: Path, compression: str | None
):
    """A CSV export keeps its records as they were sent, and an incremental one writes both anew from those."""
    await export(pf, ["orders"], to=tmp_path, format="csv", compression=compression)  # type: ignore[arg-type]
    new = sandbox.shop.insert_order()["_id"]
    await export(pf, ["orders"], to=tmp_path, format="csv", compression=compression, since="last")  # type: ignore[arg-type]

    raw = gzip.decompress((tmp_path / "raw/orders.jsonl.gz").read_bytes()).splitlines()
    text = (tmp_path / ("orders.csv.gz" if compression else "orders.csv")).read_bytes()
    rows = list(csv.reader((gzip.decompress(text) if compression else text).decode("utf-8-sig").splitlines()))
    assert json.loads(raw[-1])["_id"] == new
    assert len(raw) == len(rows) - 1 == 231
    assert new in rows[-1]
    assert (await audit(tmp_path, pf)).sound


async def test_it_needs_an_export_to_go_on_from(pf: Pocketsflow, tmp_path: Path):
    """Without a manifest, with a file that was changed, or with an end, since='last' is refused."""
    with pytest.raises(ExportError, match="no manifest"):
        await export(pf, ["orders"], to=tmp_path, since="last")
    with pytest.raises(InvalidArgumentError, match="give no until"):
        await export(pf, ["orders"], to=tmp_path, since="last", until="2025-01-01")
    await export(pf, ["orders"], to=tmp_path)
    with (tmp_path / "orders.jsonl").open("ab") as file:
        file.write(b"{}\n")
    kept = (tmp_path / "orders.jsonl").read_bytes()
    with pytest.raises(ExportError, match="was changed since it was exported"):
        await export(pf, ["orders"], to=tmp_path, since="last")

    assert (tmp_path / "orders.jsonl").read_bytes() == kept


async def test_a_window_is_kept(pf: Pocketsflow, tmp_path: Path):
    """Since and until cut out a span of time, which the manifest names."""
    everything = {order.id: order.created_at async for order in pf.orders.list()}
    await export(pf, ["orders"], to=tmp_path, since="2024-06-01", until="2025-06-01T12:00:00+02:00")

    found = {order["_id"] for order in orders(tmp_path)}
    assert found == {
        name for name, at in everything.items() if "2024-06-01" <= at.isoformat() <= "2025-06-01T10:00:00+00:00"
    }
    assert 0 < len(found) < 230
    window = json.loads((tmp_path / "manifest.json").read_text())["window"]
    assert window == {"since": "2024-06-01T00:00:00+00:00", "until": "2025-06-01T10:00:00+00:00"}


async def test_the_manifest_tells_what_each_file_is(pf: Pocketsflow, tmp_path: Path):
    """It holds counts, sizes and sums, the versions of tool and spec, the account, and neither key nor a hash of it."""
    await export(pf, to=tmp_path)
    text = (tmp_path / "manifest.json").read_text()
    manifest = json.loads(text)

    assert manifest["account"] == (await pf.users.me()).id
    assert manifest["tool_version"]
    assert manifest["spec"]["version"]
    entry = manifest["resources"]["orders"]
    assert (entry["file"], entry["records"], entry["expected"]) == ("orders.jsonl", 230, 230)
    assert (tmp_path / "orders.jsonl").stat().st_size == entry["bytes"]
    assert "pk_test" not in text


async def test_an_audit_names_what_is_wrong_with_the_files(pf: Pocketsflow, tmp_path: Path):
    """A file that is missing, cut or changed is named; a sound export has nothing to tell."""
    await export(pf, ["orders", "products", "reviews", "refunds"], to=tmp_path)
    sound = await audit(tmp_path)
    assert (sound.sound, sound.resources, sound.differences) == (True, 4, ())
    (tmp_path / "orders.jsonl").unlink()
    text = (tmp_path / "products.jsonl").read_bytes()
    (tmp_path / "products.jsonl").write_bytes(text[:-1] + b" ")
    (tmp_path / "reviews.jsonl").write_bytes(b"")
    report = await audit(tmp_path, pf)

    told = {one.resource: one.text for one in report.differences}
    assert told["orders"] == "orders.jsonl is missing"
    assert told["products"] == "products.jsonl has another SHA-256 than the manifest says"
    assert "reviews.jsonl has 0 bytes, the manifest says" in told["reviews"]
    assert "refunds" not in told
    assert report.as_dict()["sound"] is False


async def test_an_audit_compares_with_the_api(sandbox: Sandbox, pf: Pocketsflow, tmp_path: Path):
    """Orders that are gone since, and those that were not exported, are counted and named."""
    await export(pf, ["orders", "customers"], to=tmp_path)
    assert (await audit(tmp_path, pf)).sound
    gone = sandbox.shop.order(5)["_id"]
    sandbox.shop.delete_order(gone)
    lines = (tmp_path / "orders.jsonl").read_bytes().splitlines(keepends=True)
    missing = json.loads(lines.pop(9))["_id"]
    _forge(tmp_path, b"".join(lines))
    report = await audit(tmp_path, pf)

    assert [(one.text, one.ids) for one in report.differences if one.resource == "orders"] == [
        ("1 of the records are only in the export, not in the API any more", (gone,)),
        ("1 of the records are in the API, but not exported", (missing,)),
    ]


async def test_an_audit_needs_an_export_of_that_account(pf: Pocketsflow, tmp_path: Path):
    """A folder without a manifest, or the key of another account, is refused."""
    with pytest.raises(ExportError, match=r"no manifest\.json"):
        await audit(tmp_path)
    await export(pf, ["products"], to=tmp_path)
    async with Sandbox(seed=99) as other, Pocketsflow("pk_test_sandbox", base_url=other.url) as them:
        with pytest.raises(ExportError, match="use the key of that account"):
            await audit(tmp_path, them)


def _forge(folder: Path, text: bytes) -> None:
    """Put another orders file in, with a manifest that agrees."""
    import hashlib

    (folder / "orders.jsonl").write_bytes(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["resources"]["orders"] |= {
        "bytes": len(text),
        "sha256": hashlib.sha256(text).hexdigest(),
        "records": text.count(b"\n"),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
