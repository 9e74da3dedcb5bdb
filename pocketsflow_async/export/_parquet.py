"""Parquet files, typed from the spec."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from pocketsflow_async.export._arrow import batches_of, schema_of
from pocketsflow_async.export._columns import columns_of

_GROUP = 20_000
"""Records of a row group: enough for good compression, few enough to hold."""

_parquet: Any = import_module("pyarrow.parquet")


def write_parquet(path: Path, resource: str, records: Iterable[bytes], compression: str | None) -> None:
    """Write a file with the records of a resource."""
    columns = columns_of(resource)
    schema = schema_of(resource, columns)
    with _parquet.ParquetWriter(path, schema, compression=compression or "zstd") as writer:
        for batch in batches_of(resource, columns, records, _GROUP):
            writer.write_batch(batch, row_group_size=_GROUP)
