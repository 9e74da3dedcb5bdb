"""Folders that somebody else prepared, or that were damaged: errors of our tree, and nothing outside is touched."""

import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from effort import NIGHTLY, examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocketsflow_async import ExportError, Pocketsflow, PocketsflowError
from pocketsflow_async.cli import main
from pocketsflow_async.export import ExportProgress, audit, export

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and sockets are POSIX")
WORK = ".pocketsflow-export"
ODD: list[Any] = [
    None, True, 5, -1, 10**30, 1e308, "", "x", "a\0b", "\ud800", "../orders.jsonl", "/etc/passwd", "/dev/zero",
    "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-23:59", "2024-01-01", [], ["orders"], {}, {"orders": {}},
]  # fmt: skip
fuzz = settings(
    max_examples=examples(30),
    deadline=None,  # the disk may be slow
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a JSON value something stands."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(inner, (*path, key))


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """A JSON file that is not as it was written."""
    kind = draw(st.sampled_from(["value", "gone", "cut", "byte", "deep", "digits", "twice"]))
    place = draw(st.integers(0, len(good) - 1))
    if kind == "cut":
        return good[:place]
    if kind == "byte":
        return good[:place] + draw(st.binary(min_size=1, max_size=3)) + good[place + 1 :]
    value = json.loads(good)
    *above, key = draw(st.sampled_from(list(places(value))))
    holder = value
    for step in above:
        holder = holder[step]
    if kind == "gone":
        del holder[key]
    elif kind == "value":
        holder[key] = draw(st.sampled_from(ODD))
    elif kind == "twice":
        return good.replace(b"{", b'{"format_version": 1, "resources": {}, "base_url": 5, ', 1)
    else:
        holder[key] = "MARK"
        more = b"[" * 100_000 if kind == "deep" else b"9" * 10_000
        return json.dumps(value).encode().replace(b'"MARK"', more)
    return json.dumps(value).encode()


async def stopped(pf: Pocketsflow, folder: Path) -> None:
    """Leave an unfinished export."""

    def stop(progress: ExportProgress) -> None:
        if progress.pages == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await export(pf, ["orders"], to=folder, concurrency=1, progress=stop)


async def only_ours(*calls: Callable[[], Any]) -> None:
    for call in calls:
        with suppress(PocketsflowError):
            await call()


async def run(pf: Pocketsflow, good: Path, make: Callable[[Path], object], *calls: str) -> None:
    """Prepare a copy of a folder, and try everything with it."""
    folder = good.with_name("tried")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(good, folder)
    make(folder)
    work = {
        "audit": lambda: audit(folder),
        "compare": lambda: audit(folder, pf),
        "last": lambda: export(pf, ["orders"], to=folder, since="last"),
        "export": lambda: export(pf, ["orders"], to=folder),
        "anew": lambda: export(pf, ["orders"], to=folder, resume=False),
    }
    await only_ours(*(work[name] for name in calls))


@pytest.fixture
async def finished(pf: Pocketsflow, tmp_path: Path) -> Path:
    await export(pf, ["orders"], to=tmp_path / "good", format="csv")
    return tmp_path / "good"


@pytest.fixture
async def unfinished(pf: Pocketsflow, tmp_path: Path) -> Path:
    await stopped(pf, tmp_path / "good")
    return tmp_path / "good"


@fuzz
@given(data=st.data())
async def test_a_damaged_manifest_is_an_error_of_ours(data: st.DataObject, pf: Pocketsflow, finished: Path) -> None:
    """Whatever stands in manifest.json: audit and export end well or with an error of our tree."""
    text = data.draw(damaged((finished / "manifest.json").read_bytes()))
    await run(pf, finished, lambda folder: (folder / "manifest.json").write_bytes(text), "audit", "compare", "last")


@fuzz
@given(data=st.data())
async def test_a_damaged_plan_is_an_error_of_ours(data: st.DataObject, pf: Pocketsflow, unfinished: Path) -> None:
    """Whatever stands in the plan of an unfinished export; and `resume=False` always begins anew."""
    text = data.draw(damaged((unfinished / WORK / "plan.json").read_bytes()))
    await run(pf, unfinished, lambda folder: (folder / WORK / "plan.json").write_bytes(text), "export")
    report = await export(pf, ["orders"], to=unfinished.with_name("tried"), resume=False)

    assert report.complete


@fuzz
@given(
    suffix=st.sampled_from(["lines", "ids", "journal"]),
    change=st.tuples(st.integers(0, 100_000), st.binary(max_size=4), st.booleans()),
)
async def test_damaged_pages_are_never_exported(
    suffix: str, change: tuple[int, bytes, bool], pf: Pocketsflow, unfinished: Path, tmp_path: Path
) -> None:
    """Records, ids or journal changed between two runs: the export ends with the right bytes or with an ExportError."""
    if not (tmp_path / "calm").exists():
        await export(pf, ["orders"], to=tmp_path / "calm")

    def damage(folder: Path) -> None:
        path = folder / WORK / f"orders.{suffix}"
        content = path.read_bytes()
        place, new, cut = change
        at = place % (len(content) + 1)
        path.write_bytes(content[:at] + new + (b"" if cut else content[at + 1 :]))

    await run(pf, unfinished, damage)
    with suppress(ExportError):
        await export(pf, ["orders"], to=tmp_path / "tried")
        assert (tmp_path / "tried/orders.jsonl").read_bytes() == (tmp_path / "calm/orders.jsonl").read_bytes()


@pytest.mark.parametrize("state", [{"next": "x"}, {"phase": "?"}, {"end": "soon"}, {"different": 5}, {"more": 1}, {}])
async def test_a_damaged_state_is_an_error_of_ours(pf: Pocketsflow, unfinished: Path, state: dict[str, object]) -> None:
    """A journal whose checksum is right and whose state makes no sense is no other error."""
    from pocketsflow_async.export._spool import Spool

    with Spool(unfinished / WORK, "orders") as spool:
        spool.commit((spool.state or {}) | state)
    await only_ours(lambda: export(pf, ["orders"], to=unfinished))


NAMES = {
    "work": WORK, "lock": f"{WORK}/lock", "plan": f"{WORK}/plan.json", "part of the plan": f"{WORK}/.plan.json.part",
    "records": f"{WORK}/orders.lines", "ids": f"{WORK}/orders.ids", "journal": f"{WORK}/orders.journal",
    "ready": f"{WORK}/manifest.json", "out": f"{WORK}/out", "buckets": f"{WORK}/orders.buckets",
    "file": "orders.csv", "raw": "raw", "raw file": "raw/orders.jsonl.gz", "manifest": "manifest.json",
    "part of the manifest": ".manifest.json.part",
}  # fmt: skip
KINDS: dict[str, Callable[[Path, Path], object]] = {
    "link to a file": lambda path, outside: path.symlink_to(outside / "thesis.txt"),
    "link to a folder": lambda path, outside: path.symlink_to(outside),
    "dead link": lambda path, outside: path.symlink_to(outside / "new"),
    "hard link": lambda path, outside: path.hardlink_to(outside / "thesis.txt"),
    "pipe": lambda path, _: os.mkfifo(path),
    "folder": lambda path, _: path.mkdir(),
    "socket": lambda path, _: bind(path),
    "endless device": lambda path, _: path.symlink_to("/dev/zero"),
}


def bind(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    finally:
        os.chdir(here)


CASES = [
    (name, state, kind)
    for number, (name, place) in enumerate(NAMES.items())
    for more, state in enumerate(("new", "unfinished" if place.startswith(WORK) else "finished"))
    for turn, kind in enumerate(KINDS)
    if NIGHTLY or (number + more + turn) % 4 == 0
]
"""By night every kind under every name; by day each kind and each name a few times."""


@posix
@pytest.mark.parametrize(("name", "state", "kind"), CASES)
async def test_nothing_outside_is_touched(pf: Pocketsflow, tmp_path: Path, name: str, state: str, kind: str) -> None:
    """A link, a pipe, a device or a folder under any of our names is neither followed nor waited for."""
    outside, folder = tmp_path / "outside", tmp_path / "backup"
    (outside / "photos").mkdir(parents=True)
    (outside / "photos/a.jpg").write_text("a photo")
    (outside / "thesis.txt").write_text("a thesis")
    folder.mkdir()
    if state == "finished":
        await export(pf, ["orders"], to=folder, format="csv")
    elif state == "unfinished":
        await stopped(pf, folder)
    path = folder / NAMES[name]
    path.parent.mkdir(exist_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    KINDS[kind](path, outside)
    format = "jsonl" if state == "unfinished" else "csv"  # noqa: A001

    await only_ours(
        lambda: audit(folder),
        lambda: export(pf, ["orders"], to=folder, format=format, since="last"),
        lambda: export(pf, ["orders"], to=folder, format=format),
        lambda: export(pf, ["orders"], to=folder, format=format, resume=False),
    )

    assert sorted(str(path.relative_to(outside)) for path in outside.rglob("*")) == [
        "photos", "photos/a.jpg", "thesis.txt",
    ]  # fmt: skip
    assert (outside / "thesis.txt").read_text() == "a thesis"
    assert (outside / "photos/a.jpg").read_text() == "a photo"


@pytest.mark.parametrize("resume", [True, False])
async def test_what_else_is_in_the_work_folder_stays(pf: Pocketsflow, tmp_path: Path, resume: bool) -> None:
    """Only names of ours are removed from the folder of an unfinished export."""
    (tmp_path / WORK / "photos").mkdir(parents=True)
    for name in ("thesis.txt", "photos/a.jpg", "orders.lines.bak", "plan.txt"):
        (tmp_path / WORK / name).write_text("kept")
    await stopped(pf, tmp_path)
    await export(pf, ["orders"], to=tmp_path, resume=resume)

    left = sorted(path.name for path in (tmp_path / WORK).rglob("*") if path.is_file())
    assert left == ["a.jpg", "lock", "orders.lines.bak", "plan.txt", "thesis.txt"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["orders.jsonl"]),
        ({"compression": "gzip"}, ["orders.jsonl.gz", "products.jsonl.gz"]),
        ({"format": "csv"}, ["orders.csv"]),
        ({"format": "csv", "compression": "gzip"}, ["products.csv.gz"]),
        ({"format": "parquet"}, ["orders.parquet"]),
        ({"format": "sqlite"}, ["pocketsflow.sqlite"]),
        ({"format": "duckdb"}, ["pocketsflow.duckdb"]),
        ({"format": "csv"}, ["raw/orders.jsonl.gz"]),
    ],
)
async def test_a_file_of_somebody_else_is_not_overwritten(
    sandbox: Any, pf: Pocketsflow, tmp_path: Path, options: dict[str, Any], names: list[str]
) -> None:
    """Files that no export wrote are named, nothing is asked, and they stay; without them the export is done."""
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("my own data")
    (tmp_path / "notes.txt").write_text("not in the way")
    before = sandbox.received
    with pytest.raises(ExportError, match=r"not written by an export.*choose another folder") as caught:
        await export(pf, ["orders", "products"], to=tmp_path, **options)

    assert all(name in str(caught.value) for name in names)
    assert sandbox.received == before
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(
        [*(Path(name).name for name in names), "notes.txt"]
    )
    for name in names:
        assert (tmp_path / name).read_text() == "my own data"
        (tmp_path / name).unlink()
    assert (await export(pf, ["orders", "products"], to=tmp_path, **options)).complete


async def test_a_file_that_joins_while_the_export_runs_is_not_overwritten(pf: Pocketsflow, tmp_path: Path) -> None:
    """What somebody puts there meanwhile stays; once it is moved away, the same export is done without a request."""

    def join(_: ExportProgress) -> None:
        (tmp_path / "orders.jsonl").write_text("my own data")

    with pytest.raises(ExportError, match=r"orders\.jsonl in .* was not written by an export"):
        await export(pf, ["orders"], to=tmp_path, progress=join)
    assert (tmp_path / "orders.jsonl").read_text() == "my own data"
    (tmp_path / "orders.jsonl").unlink()

    assert (await export(pf, ["orders"], to=tmp_path)).resources[0].records == 230


@pytest.mark.parametrize("format", ["jsonl", "csv", "sqlite"])
async def test_a_file_of_ours_that_was_changed_is_not_overwritten(
    sandbox: Any,
    pf: Pocketsflow,
    tmp_path: Path,
    format: Any,  # noqa: A002
) -> None:
    """A file that has another size than the manifest says holds somebody's work: it stays."""
    (one,) = (await export(pf, ["orders"], to=tmp_path, format=format)).resources
    content = one.path.read_bytes() + b"my own line\n"
    one.path.write_bytes(content)
    before = sandbox.received
    with pytest.raises(ExportError, match="was changed since it was exported"):
        await export(pf, ["orders"], to=tmp_path, format=format)
    assert sandbox.received == before
    assert one.path.read_bytes() == content
    one.path.unlink()

    assert (await export(pf, ["orders"], to=tmp_path, format=format)).complete


async def test_a_file_without_an_end_is_not_read(pf: Pocketsflow, tmp_path: Path) -> None:
    """A file that is far larger than the manifest says is a difference, and not read to find out."""
    (one,) = (await export(pf, ["products"], to=tmp_path)).resources
    with one.path.open("ab") as file:
        file.truncate(2**40)
    (found,) = (await audit(tmp_path)).differences

    assert found.text.startswith(f"products.jsonl has {2**40} bytes, the manifest says")
    with pytest.raises(ExportError, match="was changed"):
        await export(pf, ["products"], to=tmp_path, since="last")


async def test_a_window_that_was_not_asked_for_is_refused(pf: Pocketsflow, unfinished: Path) -> None:
    """A plan whose lists end elsewhere than the export does would leave records out: it is damaged."""
    path = unfinished / WORK / "plan.json"
    plan = json.loads(path.read_bytes())
    plan["windows"]["orders"]["since"] = "2099-01-01T00:00:00+00:00"
    path.write_text(json.dumps(plan))

    with pytest.raises(ExportError, match=r"plan\.json must be the plan of an unfinished export, but is damaged"):
        await export(pf, ["orders"], to=unfinished)


async def test_a_database_in_use_is_not_replaced(pf: Pocketsflow, tmp_path: Path) -> None:
    """Beside the log of a database that somebody has open, no other database is put: it would be written into it."""
    (one,) = (await export(pf, ["products"], to=tmp_path, format="sqlite")).resources
    database = sqlite3.connect(one.path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("DELETE FROM products")
    database.commit()
    with pytest.raises(ExportError, match=r"pocketsflow\.sqlite-wal is there: close the database"):
        await export(pf, ["products"], to=tmp_path, format="sqlite")
    database.execute("VACUUM")
    database.close()
    with pytest.raises(ExportError, match="was changed since it was exported"):
        await export(pf, ["products"], to=tmp_path, format="sqlite")


def test_the_command_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder with a file of somebody else, or a damaged manifest, is status 1 and one line."""
    (tmp_path / "products.jsonl").write_text("my own data")
    (tmp_path / "manifest.json").write_bytes(b'{"resources":' + b"[" * 100_000)

    assert main(["export", "products", "--sandbox", "--to", str(tmp_path)]) == 1
    assert main(["audit", str(tmp_path)]) == 1
    (tmp_path / "manifest.json").unlink()
    assert main(["export", "products", "--sandbox", "--to", str(tmp_path)]) == 1
    first, second, third = capsys.readouterr().err.splitlines()
    assert "manifest.json is no manifest" in first
    assert "manifest.json is no manifest" in second
    assert "products.jsonl" in third
