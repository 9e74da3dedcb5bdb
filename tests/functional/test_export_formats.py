import csv
import gzip
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest

from pocketsflow_async import ConfigurationError, Pocketsflow
from pocketsflow_async.export import RESOURCES, export
from pocketsflow_async.export._formats import FORMATS


async def counts(pf: Pocketsflow) -> dict[str, int]:
    return {name: len(await getattr(pf, name).list().collect()) for name in RESOURCES}


def rows_of(path: Path, resource: str) -> int:
    """How many records a file holds, as others read it."""
    kind = path.suffixes
    if kind[0] == ".csv":
        with (gzip.open if kind[-1] == ".gz" else open)(path, "rt", encoding="utf-8", newline="") as file:
            return len(list(csv.DictReader(file)))
    if kind[0] == ".jsonl":
        with (gzip.open if kind[-1] == ".gz" else open)(path, "rb") as file:
            return len([json.loads(line) for line in file])
    if kind[0] == ".parquet":
        return int(pyarrow.parquet.read_metadata(path).num_rows)
    library: Any = sqlite3 if kind[0] == ".sqlite" else duckdb
    with closing(library.connect(str(path))) as database:
        return int(database.execute(f"SELECT count(*) FROM {resource}").fetchone()[0])  # noqa: S608 - our own names


@pytest.mark.parametrize(
    ("name", "compression"), [(name, way) for name, one in FORMATS.items() for way in (None, *one.compressions)]
)
async def test_every_list_goes_into_every_format(name: Any, compression: Any, pf: Pocketsflow, tmp_path: Path) -> None:
    """Each record is in its file or table, counted by somebody else's reader."""
    report = await export(pf, to=tmp_path, format=name, compression=compression)

    assert report.complete
    assert {one.resource: rows_of(one.path, one.resource) for one in report.resources} == await counts(pf)


async def test_all_formats_tell_the_same(pf: Pocketsflow, tmp_path: Path) -> None:
    """The same orders have the same ids, amounts and times in every format."""
    for name in ("csv", "parquet", "sqlite", "duckdb"):
        await export(pf, ["orders"], to=tmp_path / name, format=name)
    with closing(sqlite3.connect(tmp_path / "sqlite" / "pocketsflow.sqlite")) as lite:
        told = lite.execute("SELECT id, gross_amount, created_at FROM orders").fetchall()
    with (tmp_path / "csv" / "orders.csv").open(encoding="utf-8", newline="") as file:
        plain = [(row["id"], row["gross_amount"], row["created_at"]) for row in csv.DictReader(file)]
    with closing(duckdb.connect(str(tmp_path / "duckdb" / "pocketsflow.duckdb"))) as duck:
        duck.execute("SET TimeZone = 'UTC'")
        stored = duck.execute("SELECT id, gross_amount, created_at FROM orders").fetchall()
    columns = ["id", "gross_amount", "created_at"]
    table = pyarrow.parquet.read_table(tmp_path / "parquet" / "orders.parquet", columns=columns)
    assert told == plain
    assert [tuple(row.values()) for row in table.to_pylist()] == stored
    assert [(name, float(amount), f"{time:%Y-%m-%dT%H:%M:%S.%fZ}") for name, amount, time in stored] == [
        (name, float(amount), time) for name, amount, time in told
    ]


async def test_a_format_that_is_not_installed_is_refused_first(
    pf: Pocketsflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is asked or written."""
    monkeypatch.setitem(sys.modules, "duckdb", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'pocketsflow-async\[duckdb\]'"):
        await export(pf, ["orders"], to=tmp_path / "new", format="duckdb")
    assert not (tmp_path / "new").exists()
