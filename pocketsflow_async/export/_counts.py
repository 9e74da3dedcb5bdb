"""How many records a finished file holds, read from the file itself."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

from pocketsflow_async.export._incremental import opened

Counts = dict[str, int]


def count_csv(path: Path, resources: Sequence[str]) -> Counts:
    """The lines of a CSV file but the first; a line break inside quotes ends none."""
    rows, inside = -1, False
    with opened(path) as file:
        for line in file:
            inside ^= bool(line.count(b'"') & 1)
            rows += not inside and line.endswith(b"\r\n")
    return dict.fromkeys(resources, rows)


def count_parquet(path: Path, resources: Sequence[str]) -> Counts:
    """The rows that a Parquet file names at its end."""
    rows: int = import_module("pyarrow.parquet").read_metadata(path).num_rows
    return dict.fromkeys(resources, rows)


def count_sqlite(path: Path, resources: Sequence[str]) -> Counts:
    """The rows of each table."""
    import sqlite3

    with closing(sqlite3.connect(path)) as database:
        return _rows(lambda query: database.execute(query).fetchone(), resources)


def count_duckdb(path: Path, resources: Sequence[str]) -> Counts:
    """The rows of each table."""
    with closing(import_module("duckdb").connect(str(path), read_only=True)) as database:
        return _rows(lambda query: database.execute(query).fetchone(), resources)


def _rows(first: Callable[[str], Any], resources: Sequence[str]) -> Counts:
    return {name: int(first(f'SELECT count(*) FROM "{name}"')[0]) for name in resources}  # noqa: S608 - names of the spec


COUNTS: Mapping[str, Callable[[Path, Sequence[str]], Counts]] = {
    "csv": count_csv,
    "parquet": count_parquet,
    "sqlite": count_sqlite,
    "duckdb": count_duckdb,
}
"""For each format that is no list of records as they were sent."""
