"""One DuckDB file with a table for each resource: exact decimals, times with their zone, JSON. Loads duckdb."""

import errno
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

from pocketsflow_async.export._arrow import batches_of, pa
from pocketsflow_async.export._columns import Column, Kind, columns_of
from pocketsflow_async.export._values import PRECISION, SCALE

_AT_ONCE = 5_000
_TYPES: Mapping[Kind, str] = {
    "text": "VARCHAR",
    "money": f"DECIMAL({PRECISION}, {SCALE})",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "flag": "BOOLEAN",
    "time": "TIMESTAMPTZ",
    "json": "JSON",
}
_CONFIG = {
    "autoinstall_known_extensions": "false",  # the network is not asked
    "autoload_known_extensions": "false",
    "memory_limit": "256MB",  # beyond it, what is in the file leaves memory; with less, large records do not fit
    "threads": "1",
}

duckdb: Any = import_module("duckdb")


def write_duckdb(path: Path, tables: Mapping[str, Iterable[bytes]]) -> None:
    """Write a new file.

    Raises:
        OSError: the disk refused.
    """
    log = path.with_name(f"{path.name}.wal")
    for old in (path, log):
        old.unlink(missing_ok=True)
    try:
        with closing(duckdb.connect(str(path), config=_CONFIG)) as database:
            for resource, records in tables.items():
                _write_table(database, resource, columns_of(resource), records)
            database.execute("CHECKPOINT")
    except duckdb.Error as exc:
        number = errno.ENOSPC if "No space left" in str(exc) else errno.EIO
        raise OSError(number, str(exc), str(path)) from exc
    if log.exists():  # closing the file did not get everything into it, and says nothing of that
        raise OSError(errno.EIO, "not all of it could be written", str(path))


def _write_table(database: Any, resource: str, columns: Sequence[Column], records: Iterable[bytes]) -> None:
    fields = ", ".join(f'"{column.name}" {_TYPES[column.kind]}' for column in columns)
    database.execute(f'CREATE TABLE "{resource}" ({fields})')
    shown = ", ".join(_shown(column) for column in columns)
    for batch in batches_of(resource, columns, records, _AT_ONCE):
        database.register("batch", pa.Table.from_batches([batch]))
        database.execute(f'INSERT INTO "{resource}" SELECT {shown} FROM batch')  # noqa: S608 - names of the spec
        database.unregister("batch")


def _shown(column: Column) -> str:
    """How a column of a batch is read. What DuckDB does not take for JSON becomes a JSON text that holds it."""
    name = f'"{column.name}"'
    return f"CASE WHEN json_valid({name}) THEN {name} ELSE to_json({name}) END" if column.kind == "json" else name
