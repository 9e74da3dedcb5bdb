"""Columns to Arrow, for Parquet, DuckDB and batches. Loads pyarrow, so import it where it is used."""

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any

from pocketsflow_async.export._columns import Column, spec_version
from pocketsflow_async.export._rows import ROOM, RowReader
from pocketsflow_async.export._values import PRECISION, SCALE, Cells

pa: Any = import_module("pyarrow")
"""pyarrow, which says nothing of its types."""

_TYPES = {
    "text": pa.string(),
    "money": pa.decimal128(PRECISION, SCALE),
    "integer": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
    "json": pa.string(),
}
_FROM_TEXT = {"money", "time"}


def schema_of(resource: str, columns: Sequence[Column]) -> Any:
    """The Arrow schema of a resource, which tells in its metadata where it comes from."""
    fields = [
        pa.field(column.name, _TYPES[column.kind], metadata={"kind": column.kind, "path": ".".join(column.path)})
        for column in columns
    ]
    told = {"pocketsflow.resource": resource, "pocketsflow.spec_version": spec_version()}
    return pa.schema(fields, metadata=told)


def batches_of(
    resource: str, columns: Sequence[Column], records: Iterable[bytes], size: int, room: float = ROOM
) -> Iterator[Any]:
    """A record batch for each `size` records, or for fewer that fill the room."""
    schema = schema_of(resource, columns)
    for table in RowReader(columns).tables(records, size, room):
        yield batch_of(schema, columns, table)


def empty_batch(resource: str, columns: Sequence[Column]) -> Any:
    """A record batch without records."""
    return batch_of(schema_of(resource, columns), columns, [[] for _ in columns])


def batch_of(schema: Any, columns: Sequence[Column], table: Sequence[Cells]) -> Any:
    """One record batch of these columns."""
    arrays = [_array(column, cells) for column, cells in zip(columns, table, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(column: Column, cells: Cells) -> Any:
    # The readers keep amounts within the type, so the cast, which would not notice one that is too large, is safe.
    if column.kind in _FROM_TEXT:
        return pa.array(cells, pa.string()).cast(_TYPES[column.kind])
    return pa.array(cells, _TYPES[column.kind])
