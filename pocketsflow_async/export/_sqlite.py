"""One SQLite file with a table for each resource.

Amounts are kept as text, exact to the last digit: SQLite has no decimal numbers. Text compares letter by letter, so
beside each table that has amounts stands a view, `<table>_numeric`, that shows them as floating-point numbers.
"""

import errno
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from operator import length_hint
from pathlib import Path
from typing import Any

from pocketsflow_async.export._columns import Column, Kind, columns_of
from pocketsflow_async.export._rows import RowReader

_AT_ONCE = 1000
_KEY = "id"
_TYPES: Mapping[Kind, str] = {
    "text": "TEXT",
    "money": "TEXT",
    "integer": "INTEGER",
    "number": "REAL",
    "flag": "INTEGER",
    "time": "TEXT",
    "json": "TEXT",
}


def write_sqlite(path: Path, tables: Mapping[str, Iterable[bytes]]) -> None:
    """Write a new file.

    Raises:
        OSError: the disk refused.
    """
    for old in (path, path.with_name(f"{path.name}-journal")):
        old.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            # Nobody sees the file before it is whole and on the disk, so nothing must ever be rolled back.
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            for resource, records in tables.items():
                database.execute("BEGIN")
                _write_table(database, resource, columns_of(resource), records)
                database.execute("COMMIT")
    except sqlite3.Error as exc:
        number = errno.ENOSPC if getattr(exc, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL else errno.EIO
        raise OSError(number, str(exc), str(path)) from exc


def _write_table(
    database: sqlite3.Connection, resource: str, columns: Sequence[Column], records: Iterable[bytes]
) -> None:
    fields = ", ".join(
        f'"{column.name}" {_TYPES[column.kind]}{" PRIMARY KEY" if column.name == _KEY else ""}' for column in columns
    )
    database.execute(f'CREATE TABLE "{resource}" ({fields})')
    if any(column.kind == "money" for column in columns):
        shown = ", ".join(
            f'CAST("{column.name}" AS REAL) AS "{column.name}"' if column.kind == "money" else f'"{column.name}"'
            for column in columns
        )
        database.execute(f'CREATE VIEW "{resource}_numeric" AS SELECT {shown} FROM "{resource}"')  # noqa: S608 - names of the spec
    row = ", ".join("?" * len(columns))
    key = [column.name for column in columns].index(_KEY)
    for table in RowReader(columns).tables(records, _AT_ONCE):
        table[key] = [value or None for value in table[key]]  # an empty text is no key
        _insert(database, f'INSERT INTO "{resource}" VALUES ({row})', list(zip(*table, strict=True)), key)  # noqa: S608


def _insert(database: sqlite3.Connection, insert: str, rows: list[tuple[Any, ...]], key: int) -> None:
    """Insert records; where a key is taken, it stands in `extra`."""
    left = iter(rows)
    while True:
        try:
            database.executemany(insert, left)
        except sqlite3.IntegrityError:
            cells = rows[len(rows) - length_hint(left) - 1]
            extra = '{"_id":' + json.dumps(cells[key]) + ("}" if cells[-1] is None else f",{cells[-1][1:]}")
            database.execute(insert, (*cells[:key], None, *cells[key + 1 : -1], extra))
        else:
            return
