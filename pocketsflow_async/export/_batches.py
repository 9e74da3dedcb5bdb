"""A whole list as Arrow record batches, for pandas, polars and whatever else reads Arrow."""

import asyncio
import warnings
from collections.abc import AsyncGenerator
from datetime import date, datetime
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pocketsflow_async._caller import distance
from pocketsflow_async._client import Pocketsflow
from pocketsflow_async._generated.pocketsflow.resources import LISTS
from pocketsflow_async.errors import ConfigurationError, ExportError, InvalidArgumentError
from pocketsflow_async.export._arguments import check_client, check_count, check_name
from pocketsflow_async.export._columns import columns_of
from pocketsflow_async.export._files import disk, in_thread
from pocketsflow_async.export._plan import moment
from pocketsflow_async.export._source import Source
from pocketsflow_async.export._spool import Spool
from pocketsflow_async.export._state import State
from pocketsflow_async.export._walk import Walk

Moment = datetime | date | str


def export_batches(
    pf: Pocketsflow,
    resource: str,
    *,
    batch_size: int = 10_000,
    since: Moment | None = None,
    until: Moment | None = None,
    concurrency: int = 8,
) -> AsyncGenerator[Any, None]:
    """Every record of a resource, in `pyarrow.RecordBatch`es with the columns of the Parquet file.

    The list is read as an export reads it: behind everything else that the client does, complete while records come
    and go, each record once. That is certain only when the last page was seen, so the pages wait in a temporary file
    and the first batch comes after the last page. Memory holds one batch. Batches are made in a thread. A list without
    records gives one empty batch. What cannot be guaranteed, as the notes of an export say it, is a `RuntimeWarning`.

    Args:
        pf: the client; its quota and retries apply.
        resource: one of `RESOURCES`.
        batch_size: records of a batch; the last one may have fewer.
        since: only what was created from then on.
        until: only what was created before.
        concurrency: pages fetched side by side.

    Raises:
        InvalidArgumentError: an argument that cannot be, or a time for a list that the API cannot cut; raised by
            the call itself, as is the next one.
        ConfigurationError: pyarrow is not installed.
        ExportError: the disk refused, or the list holds something that is no record.
        PocketsflowError: the API could not be read.
    """
    check_client("export_batches", pf)
    check_name("export_batches", "resource", resource)
    if resource not in LISTS:
        raise InvalidArgumentError(f"export_batches: no such resource: {resource}; there are {', '.join(LISTS)}")
    check_count("export_batches", "batch_size", batch_size)
    check_count("export_batches", "concurrency", concurrency)
    start, end = (_time(name, value) for name, value in (("since", since), ("until", until)))
    if find_spec("pyarrow") is None:
        raise ConfigurationError("export_batches needs pyarrow: pip install 'pocketsflow-async[parquet]'")
    source = Source(pf, resource, since=start, until=end, turn=asyncio.Semaphore(concurrency))
    if not source.dated and (start or end):
        raise InvalidArgumentError(f"export_batches: the API cannot be asked for {resource} of a time")
    return _batches(source, resource, batch_size, concurrency)


async def _batches(source: Source, resource: str, size: int, concurrency: int) -> AsyncGenerator[Any, None]:
    columns = columns_of(resource)
    with disk(Path("a temporary folder")), TemporaryDirectory(prefix="pocketsflow-") as folder:
        with Spool(Path(folder), resource) as spool:
            state = State()
            drop = await Walk(source, spool, state, concurrency=concurrency, told=lambda: None).run()
        for note in state.notes(resource):
            warnings.warn(f"export_batches: {note}", RuntimeWarning, stacklevel=distance())
        arrow = await in_thread(import_module, "pocketsflow_async.export._arrow")
        await in_thread(spool.checked)
        left = spool.records - drop.count
        with spool.lines_path.open("rb") as file:
            lines = (line[:-1] for number, line in enumerate(file) if not drop.count or number not in drop)
            batches = arrow.batches_of(resource, columns, lines, size, inf)
            if not spool.records:
                yield arrow.empty_batch(resource, columns)
            while (batch := await in_thread(partial(next, batches, None))) is not None:
                left -= batch.num_rows
                yield batch
        if left:
            raise ExportError(
                f"export_batches: {spool.records - drop.count} records of {resource} were fetched, but the batches "
                f"hold {left:+} fewer: report this"
            )


def _time(name: str, value: object) -> datetime | None:
    text = moment(name, value)
    return None if text is None else datetime.fromisoformat(text)
