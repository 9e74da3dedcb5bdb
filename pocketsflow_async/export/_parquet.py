"""Parquet files, typed from the spec."""

from collections.abc import Iterable
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from pocketsflow_async.export._arrow import batches_of, pa, schema_of
from pocketsflow_async.export._columns import columns_of

_GROUP = 10_000
"""Records of a row group: enough for good compression, few enough to hold."""

_AT_ONCE = 1000
"""Records that are held as Python's objects, which take far more room than Arrow's."""

_parquet: Any = import_module("pyarrow.parquet")


def write_parquet(path: Path, resource: str, records: Iterable[bytes], compression: str | None) -> None:
    """Write a file with the records of a resource."""
    columns = columns_of(resource)
    schema = schema_of(resource, columns)
    with _parquet.ParquetWriter(path, schema, compression=compression or "zstd") as writer:
        batches = batches_of(resource, columns, records, _AT_ONCE)
        while group := list(islice(batches, _GROUP // _AT_ONCE)):
            writer.write_table(pa.Table.from_batches(group), row_group_size=_GROUP)
