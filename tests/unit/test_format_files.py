import errno
import gzip
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import ORDERS, expected, line, records, restored, same

from pocketsflow_async import ConfigurationError
from pocketsflow_async._generated.pocketsflow.resources import LISTS
from pocketsflow_async.export._columns import columns_of
from pocketsflow_async.export._formats import FORMATS

ORDER = b'{"_id":"o%d","grossAmount":%d.10,"country":"DE","createdAt":"2024-05-06T07:08:09.064Z","isRefunded":false}'
ALL = [(name, compression) for name, one in FORMATS.items() for compression in (None, *one.compressions)]


def read_parquet(path: Path) -> list[list[Any]]:
    columns = pyarrow.parquet.read_table(path, partitioning=None).to_pydict().values()
    return [list(row) for row in zip(*columns, strict=True)]


def read_sqlite(path: Path) -> list[list[Any]]:
    make: dict[str, Callable[[Any], Any]] = {"money": Decimal, "time": datetime.fromisoformat, "flag": bool}
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT * FROM orders ORDER BY rowid").fetchall()
    return [
        [
            None if v is None else make.get(column.kind, lambda one: one)(v)
            for column, v in zip(ORDERS, row, strict=True)
        ]
        for row in rows
    ]


def read_duckdb(path: Path) -> list[list[Any]]:
    with closing(duckdb.connect(str(path), read_only=True)) as database:
        database.execute("SET TimeZone = 'UTC'")
        return [list(row) for row in database.execute("SELECT * FROM orders").fetchall()]


READ = {"parquet": read_parquet, "sqlite": read_sqlite, "duckdb": read_duckdb}


@pytest.mark.parametrize(("name", "usual"), [("parquet", 60), ("sqlite", 60), ("duckdb", 25)])
def test_every_record_can_be_read_back(name: str, usual: int, tmp_path: Path):
    """Columns and `extra` together say exactly what was sent."""
    path = tmp_path / "file"

    @settings(max_examples=examples(usual), deadline=None)
    @given(st.lists(records(), max_size=6))
    def check(many: list[dict[str, Any]]) -> None:
        for number, record in enumerate(many):
            record["_id"] = f"o{number}"
        FORMATS[name].write(path, {"orders": map(line, many)}, None)
        rows = READ[name](path)

        assert len(rows) == len(many)
        for row, record in zip(rows, many, strict=True):
            assert same(restored(ORDERS, row), expected(ORDERS, record))

    check()


@pytest.mark.parametrize(("name", "compression"), ALL)
def test_equal_records_give_equal_bytes(name: str, compression: str | None, tmp_path: Path):
    """A file tells nothing of when, where and under which name it was made; DuckDB's own files always differ."""
    if name == "duckdb":
        return
    files = [tmp_path / "one", tmp_path / "other"]
    for path in files:
        path.write_text("what stood here before")
        FORMATS[name].write(path, {"orders": [ORDER % (n, n) for n in range(3000)]}, compression)

    assert files[0].read_bytes() == files[1].read_bytes()
    if compression == "gzip":
        assert files[0].read_bytes()[3:8] == bytes(5)  # neither a name nor a time


def test_json_lines_are_the_records(tmp_path: Path):
    """As they were sent, one a line; compressed, they are the same."""
    lines = [b'{"_id":"a", "x":1.50}', b'{"_id":"b"}']
    FORMATS["jsonl"].write(tmp_path / "plain", {"orders": iter(lines)}, None)
    FORMATS["jsonl"].write(tmp_path / "packed", {"orders": iter(lines)}, "gzip")

    assert (tmp_path / "plain").read_bytes() == b'{"_id":"a", "x":1.50}\n{"_id":"b"}\n'
    assert gzip.decompress((tmp_path / "packed").read_bytes()) == (tmp_path / "plain").read_bytes()
    assert FORMATS["jsonl"].suffix == ".jsonl"


@pytest.mark.parametrize("name", FORMATS)
def test_a_list_without_records_gives_a_file(name: str, tmp_path: Path):
    """It has the columns, and no row."""
    path = tmp_path / "file"
    FORMATS[name].write(path, {"orders": []}, None)

    assert path.exists()
    if name in READ:
        assert READ[name](path) == []
    if name == "csv":
        assert path.read_bytes().count(b"\r\n") == 1


def test_parquet_is_typed_from_the_spec(tmp_path: Path):
    """Amounts are decimals, times are in UTC, groups are bounded, and the file says what it is."""
    path = tmp_path / "orders.parquet"
    FORMATS["parquet"].write(path, {"orders": (ORDER % (n, n) for n in range(45_000))}, None)
    file = pyarrow.parquet.ParquetFile(path)
    kinds = {field.name: field.type for field in file.schema_arrow}

    assert kinds["gross_amount"] == pa.decimal128(38, 18)
    assert kinds["created_at"] == pa.timestamp("us", "UTC")
    assert kinds["is_refunded"] == pa.bool_()
    assert file.schema_arrow.metadata[b"pocketsflow.resource"] == b"orders"
    assert file.schema_arrow.metadata[b"pocketsflow.spec_version"] == b"2026.11"
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [10_000] * 4 + [5_000]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.read(["gross_amount"]).column(0)[7].as_py() == Decimal("7.1")


@pytest.mark.parametrize("name", ["sqlite", "duckdb"])
def test_one_file_has_a_table_for_each_resource(name: str, tmp_path: Path):
    """Whether it has records or not."""
    path = tmp_path / "file"
    FORMATS[name].write(path, {resource: [b'{"_id":"a"}'] if resource == "orders" else [] for resource in LISTS}, None)
    with closing((sqlite3 if name == "sqlite" else duckdb).connect(str(path))) as database:
        for resource in LISTS:
            (count,) = database.execute(f"SELECT count(*) FROM {resource}").fetchone()  # noqa: S608 - our own names
            assert count == (resource == "orders")


def test_sqlite_can_be_asked_at_once(tmp_path: Path):
    """Exact amounts as text, a view that calculates with them, times that sort, JSON that can be looked into."""
    path = tmp_path / "file"
    orders = [
        b'{"_id":"a","grossAmount":9.10,"createdAt":"2024-05-06T07:08:09Z","metadata":{"ref":"x"}}',
        b'{"_id":"b","grossAmount":100.05,"createdAt":"2024-05-06T07:08:09.064Z"}',
        b'{"_id":"","grossAmount":null}',
        b"{}",
    ]
    FORMATS["sqlite"].write(path, {"orders": orders}, None)
    with closing(sqlite3.connect(path)) as database:
        ask = lambda text: database.execute(text).fetchall()  # noqa: E731 - shorter
        assert ask("SELECT gross_amount FROM orders WHERE id = 'a'") == [("9.10",)]
        assert ask("SELECT id FROM orders_numeric WHERE gross_amount > 50") == [("b",)]
        assert ask("SELECT round(sum(gross_amount), 2) FROM orders_numeric") == [(109.15,)]
        assert ask("SELECT id FROM orders WHERE id IS NOT NULL ORDER BY created_at DESC") == [("b",), ("a",)]
        assert ask("SELECT date(created_at) FROM orders WHERE id = 'a'") == [("2024-05-06",)]
        assert ask("SELECT json_extract(metadata, '$.ref') FROM orders WHERE id = 'a'") == [("x",)]
        assert ask("SELECT name FROM pragma_table_info('orders') WHERE pk") == [("id",)]


def test_duckdb_can_be_asked_at_once(tmp_path: Path):
    """Amounts add up to the cent, and times are times."""
    path = tmp_path / "file"
    FORMATS["duckdb"].write(path, {"orders": [ORDER % (n, n) for n in range(10)]}, None)
    with closing(duckdb.connect(str(path), read_only=True)) as database:
        (row,) = database.execute(
            "SELECT sum(gross_amount), max(created_at), typeof(any_value(metadata)) FROM orders"
        ).fetchall()
    assert (row[0], row[1].astimezone(UTC), row[2]) == (
        Decimal(46),
        datetime(2024, 5, 6, 7, 8, 9, 64000, UTC),
        "JSON",
    )


def test_duckdb_keeps_what_it_does_not_take_for_json(tmp_path: Path):
    """As a JSON text that holds it."""
    path = tmp_path / "file"
    FORMATS["duckdb"].write(path, {"orders": [b'{"_id":"a","x":1}', b"{", b'{"x":"\\ud800 and more"}']}, None)
    with closing(duckdb.connect(str(path), read_only=True)) as database:
        rows = [json.loads(extra) for (extra,) in database.execute("SELECT extra FROM orders").fetchall()]
    assert rows == [{"x": 1}, "{", '{"x":"\\ud800 and more"}']


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet", "sqlite", "duckdb"])
def test_a_disk_that_refuses_is_an_os_error(name: str, tmp_path: Path):
    """So that the export can say what to do."""
    with pytest.raises(OSError, match=r"missing|unable|No such"):
        FORMATS[name].write(tmp_path / "missing" / "file", {"orders": []}, None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet"])
def test_a_full_disk_is_told_as_such(name: str):
    """With the system's own number for it."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is looked at
        FORMATS[name].write(Path("/dev/full"), {"orders": (ORDER % (n, n) for n in range(30_000))}, None)
    assert caught.value.errno == errno.ENOSPC


def test_records_that_fail_stop_the_file(tmp_path: Path):
    """What goes wrong where the records come from is not swallowed by any format."""

    def broken() -> Iterator[bytes]:
        yield b'{"_id":"a"}'
        raise KeyboardInterrupt

    for one in FORMATS.values():
        with pytest.raises(KeyboardInterrupt):
            one.write(tmp_path / one.name, {"orders": broken()}, None)


@pytest.mark.parametrize(("name", "missing"), [("parquet", "pyarrow"), ("duckdb", "duckdb"), ("duckdb", "pyarrow")])
def test_what_is_not_installed_is_named(name: str, missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """With the command that installs it, before anything is written."""
    monkeypatch.setitem(sys.modules, missing, None)

    for ask in (FORMATS[name].check, lambda: FORMATS[name].write(tmp_path / "file", {"orders": []}, None)):
        with pytest.raises(ConfigurationError) as caught:
            ask()
        assert str(caught.value) == f"format {name} needs {missing}: pip install 'pocketsflow-async[{name}]'"
    assert not list(tmp_path.iterdir())


def test_formats_load_only_what_they_need(tmp_path: Path):
    """Neither pyarrow nor duckdb is loaded by an export that does not use it."""
    script = (
        "import sys, json; from pathlib import Path; from pocketsflow_async.export._formats import FORMATS\n"
        "import pocketsflow_async.export\n"
        "for one in FORMATS.values(): one.check()\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "for name in ('jsonl', 'csv', 'sqlite'): FORMATS[name].write(folder / name, {'orders': []}, None)\n"
        "print(json.dumps([name for name in sys.modules if name in ('pyarrow', 'duckdb', 'pandas', 'numpy')]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("resource", LISTS)
def test_every_list_has_its_table(resource: str, tmp_path: Path):
    """No name of the spec is one that a database refuses."""
    for name in ("parquet", "sqlite"):
        FORMATS[name].write(tmp_path / name, {resource: [b'{"_id":"a"}']}, None)
    with closing(sqlite3.connect(tmp_path / "sqlite")) as database:
        names = [row[1] for row in database.execute(f"PRAGMA table_info({resource})")]
    assert names == [column.name for column in columns_of(resource)]
    assert pyarrow.parquet.read_schema(tmp_path / "parquet").names == names


def test_records_with_one_key_are_all_in_the_table(tmp_path: Path) -> None:
    """SQLite takes a key once: further records have null there, and the key in `extra`; none is lost."""
    records = [b'{"_id":"a","country":"DE"}', b'{"_id":"b","_id":"a","new":1}', b'{"_id":"c"}', b'{"_id":"a"}']
    path = tmp_path / "x.sqlite"
    FORMATS["sqlite"].write(path, {"orders": records}, None)

    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT id, country, extra FROM orders").fetchall()
    assert rows == [
        ("a", "DE", None),
        (None, None, '{"_id":"a","new":1}'),
        ("c", None, None),
        (None, None, '{"_id":"a"}'),
    ]
    assert FORMATS["sqlite"].count(path, ["orders"]) == {"orders": 4}


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_lines_within_a_text_are_no_records(tmp_path: Path, compression: str | None) -> None:
    """The records of a CSV file are counted by its rows, whatever line ends and quotes their texts have."""
    texts = ["a\r\nb", '"', '""\r\n', "\r\n", '\r\n"\r\n', "x", ""]
    records = [json.dumps({"_id": str(number), "country": text}).encode() for number, text in enumerate(texts)]
    path = tmp_path / FORMATS["csv"].file("orders", compression)
    FORMATS["csv"].write(path, {"orders": records}, compression)

    assert FORMATS["csv"].count(path, ["orders"]) == {"orders": len(records)}
