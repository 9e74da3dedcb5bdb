import asyncio
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

from pocketsflow_async import ConfigurationError, InvalidArgumentError, Pocketsflow
from pocketsflow_async._generated.pocketsflow.resources import LISTS
from pocketsflow_async.export import _arrow, _batches, export
from pocketsflow_async.export._batches import export_batches
from pocketsflow_async.export._duplicates import Duplicates
from pocketsflow_async.export._walk import Walk
from pocketsflow_async.sandbox import Sandbox


async def table_of(pf: Pocketsflow, resource: str, batch_size: int = 100) -> pa.Table:
    return pa.Table.from_batches([batch async for batch in export_batches(pf, resource, batch_size=batch_size)])


async def test_every_order_comes_once(pf: Pocketsflow) -> None:
    """In batches of the size that was asked for, each order in the API's order, exact."""
    batches = [batch async for batch in export_batches(pf, "orders", batch_size=100)]
    orders = await pf.orders.list().collect()

    assert [batch.num_rows for batch in batches] == [100, 100, 30]
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [(row["id"], row["gross_amount"], row["created_at"], row["product__name"]) for row in rows] == [
        (order.id, order.gross_amount, order.created_at, order.product and order.product.name) for order in orders
    ]


async def test_batches_have_the_schema_of_the_file(pf: Pocketsflow, tmp_path: Path) -> None:
    """For every resource, batches and Parquet file hold the same."""
    await export(pf, to=tmp_path, format="parquet")

    for resource in LISTS:
        table = await table_of(pf, resource)
        assert table.equals(pyarrow.parquet.read_table(tmp_path / f"{resource}.parquet"), check_metadata=True)


async def test_an_empty_list_gives_its_columns() -> None:
    """One batch without rows, so that the schema is known."""
    async with (
        Sandbox(orders=0, rate_limit=None) as sandbox,
        Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=None) as pf,
    ):
        table = await table_of(pf, "orders")

    assert table.num_rows == 0
    assert "gross_amount" in table.column_names


async def test_a_window_is_kept(pf: Pocketsflow) -> None:
    """`since` and `until` cut the list where the API can; where it cannot, they are refused."""
    every = (await table_of(pf, "orders")).column("created_at").to_pylist()
    middle = sorted(every)[100]
    later = [batch async for batch in export_batches(pf, "orders", since=middle)]
    before = [batch async for batch in export_batches(pf, "orders", until=middle)]

    assert min(later[0].column("created_at").to_pylist()) >= middle
    assert max(before[0].column("created_at").to_pylist()) <= middle
    with pytest.raises(InvalidArgumentError, match="customers"):
        await anext(export_batches(pf, "customers", since="2024-01-01"))


async def test_pandas_reads_without_a_copy(pf: Pocketsflow) -> None:
    """A column of numbers is the same memory in Arrow and in pandas; times keep their zone, amounts every digit."""
    table = await table_of(pf, "orders", batch_size=1000)
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)

    assert frame["gross_amount"].sum() == sum(Decimal(value) for value in table.column("gross_amount").to_pylist())
    assert frame["created_at"].dt.tz is not None
    ours = table.column("created_at").chunk(0).buffers()[1]
    theirs = pa.array(frame["created_at"]).buffers()[1]
    assert ours.address == theirs.address


async def test_polars_reads_without_a_copy(pf: Pocketsflow) -> None:
    """A column is the same memory in Arrow and in polars; kinds are kept."""
    table = await table_of(pf, "orders", batch_size=1000)
    frame = pl.from_arrow(table)

    assert isinstance(frame, pl.DataFrame)
    assert frame.schema["gross_amount"] == pl.Decimal(38, 18)
    assert frame.schema["created_at"] == pl.Datetime("us", "UTC")
    ours = table.column("created_at").chunk(0).buffers()[1]
    theirs = frame["created_at"].to_arrow().buffers()[1]
    assert ours.address == theirs.address


async def test_batches_are_made_off_the_loop(pf: Pocketsflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Converting never runs in the thread of the event loop."""
    threads: list[threading.Thread] = []
    batch_of = _arrow.batch_of

    def watched(*arguments: object) -> object:
        threads.append(threading.current_thread())
        return batch_of(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(_arrow, "batch_of", watched)
    await table_of(pf, "orders")

    assert len(threads) == 3
    assert threading.main_thread() not in threads


async def test_leaving_early_leaves_nothing(pf: Pocketsflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first batch the rest can be left alone: the temporary file goes away."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    batches = export_batches(pf, "orders", batch_size=50)
    async for batch in batches:
        assert batch.num_rows == 50
        assert list(tmp_path.iterdir())
        break
    await batches.aclose()

    assert not list(tmp_path.iterdir())


async def test_batches_are_complete_while_orders_come_and_go() -> None:
    """While a writer inserts and deletes, no order that stays is missing, and none stands twice."""
    async with (
        Sandbox(orders=3000, seed=5, rate_limit=None) as sandbox,
        Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=None) as pf,
    ):
        start = {order.id for order in await pf.orders.list().collect(concurrency=8)}

        async def change() -> None:
            while True:
                sandbox.shop.insert_order()
                sandbox.shop.delete_order(sandbox.shop.order(10)["_id"])
                await asyncio.sleep(0.005)

        writer = asyncio.create_task(change())
        ids = (await table_of(pf, "orders", batch_size=1000)).column("id").to_pylist()
        writer.cancel()
        stayed = start & {order.id for order in await pf.orders.list().collect(concurrency=8)}

    assert len(stayed) < 3000
    assert len(ids) == len(set(ids))
    assert stayed <= set(ids)


async def test_an_order_that_was_read_twice_comes_once(pf: Pocketsflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was read last."""
    first = (await pf.orders.list(page_size=1)).items[0].id

    class ReadingOn(Walk):
        async def run(self) -> Duplicates:
            await super().run()
            self._spool.add(b'{"_id":"%s","country":"XX"}\n' % first.encode(), [first], found=2)
            await self._commit()
            return await self.duplicates()

    monkeypatch.setattr(_batches, "Walk", ReadingOn)
    rows = (await table_of(pf, "orders")).to_pylist()

    assert len(rows) == len({row["id"] for row in rows}) == 230
    assert [row["country"] for row in rows if row["id"] == first] == ["XX"]


async def test_wrong_arguments_are_refused(pf: Pocketsflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by its name, before anything is asked."""
    for wrong in ({"batch_size": 0}, {"batch_size": True}, {"concurrency": 0}, {"since": "soon"}, {"until": 5}):
        with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
            await anext(export_batches(pf, "orders", **wrong))  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="cats"):
        await anext(export_batches(pf, "cats"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ConfigurationError, match=r"export_batches needs pyarrow: pip install 'pocketsflow-async\[parquet\]'"
    ):
        await anext(export_batches(pf, "orders"))
