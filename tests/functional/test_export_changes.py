"""An export while the shop goes on: orders come, change and go, and the pages shift under it."""

import asyncio
import json
import random
from pathlib import Path

import pytest

from pocketsflow_async import Pocketsflow
from pocketsflow_async.export import ExportProgress, export
from pocketsflow_async.sandbox import Sandbox

KEY = "pk_test_sandbox"


class Writer:
    """Changes one order at a time, and knows which orders were there from the beginning to the end."""

    def __init__(self, sandbox: Sandbox, seed: int) -> None:
        self.shop = sandbox.shop
        self.dice = random.Random(seed)
        self.there = {self.shop.order(place)["_id"] for place in range(len(self.shop))}
        self.deleted: set[str] = set()
        self.changes = 0

    def change(self) -> None:
        self.changes += 1
        kind = self.changes % 3
        if kind == 0:
            self.shop.insert_order()
            return
        order_id = self.shop.order(self.dice.randrange(len(self.shop)))["_id"]
        if kind == 1:
            self.shop.update_order(order_id, {"country": "NZ"})
        else:
            self.shop.delete_order(order_id)
            self.deleted.add(order_id)

    def delete(self, place: int) -> None:
        order_id = self.shop.order(place)["_id"]
        self.shop.delete_order(order_id)
        self.deleted.add(order_id)

    def survivors(self) -> set[str]:
        return self.there - self.deleted


def exported(folder: Path) -> list[str]:
    return [json.loads(line)["_id"] for line in (folder / "orders.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("concurrency", [1, 4, 16])
@pytest.mark.parametrize("seed", range(3))
async def test_nothing_hides_while_orders_come_and_go(tmp_path: Path, seed: int, concurrency: int) -> None:
    """With some changes after every page, no order that was there all the time is missing, and none stands twice."""
    async with (
        Sandbox(orders=3000, seed=seed, rate_limit=None) as sandbox,
        Pocketsflow(KEY, base_url=sandbox.url, rate_limit=None) as pf,
    ):
        writer = Writer(sandbox, seed)

        def live(progress: ExportProgress) -> None:
            for _ in range(0 if progress.done else writer.dice.randrange(12)):
                writer.change()

        report = await export(pf, ["orders"], to=tmp_path, concurrency=concurrency, progress=live)

    (orders,) = report.resources
    ids = exported(tmp_path)
    assert writer.changes > 100
    assert writer.survivors() <= set(ids)
    assert len(ids) == len(set(ids)) == orders.records
    assert orders.gaps > 0
    assert orders.notes == ()
    assert orders.expected == len(writer.survivors())


@pytest.mark.once
async def test_a_writer_of_20_changes_a_second_hides_nothing(tmp_path: Path) -> None:
    """A writer that inserts, updates and deletes 20 orders a second throughout: nothing is missing, nothing twice."""
    async with (
        Sandbox(orders=5000, seed=5, rate_limit=None) as sandbox,
        Pocketsflow(KEY, base_url=sandbox.url, rate_limit=None) as pf,
    ):
        sandbox.faults.add("delay", seconds=0.4)
        writer = Writer(sandbox, 5)

        async def write() -> None:
            while True:
                writer.change()
                await asyncio.sleep(0.05)

        task = asyncio.create_task(write())
        report = await export(pf, ["orders"], to=tmp_path, concurrency=4)
        task.cancel()

    ids = exported(tmp_path)
    assert writer.changes > 100
    assert writer.survivors() <= set(ids)
    assert len(ids) == len(set(ids))
    assert report.complete


async def test_a_whole_page_of_deletions_between_two_pages_hides_nothing(tmp_path: Path) -> None:
    """Even when more orders go at once than a page holds, what moved past the walk is found."""
    async with (
        Sandbox(orders=1500, seed=8, rate_limit=None) as sandbox,
        Pocketsflow(KEY, base_url=sandbox.url, rate_limit=None) as pf,
    ):
        writer = Writer(sandbox, 8)

        def purge(progress: ExportProgress) -> None:
            if progress.records > 450 and not writer.deleted:
                for _ in range(250):
                    writer.delete(100)

        (orders,) = (await export(pf, ["orders"], to=tmp_path, concurrency=1, progress=purge)).resources

    ids = exported(tmp_path)
    assert len(writer.deleted) == 250
    assert writer.survivors() <= set(ids)
    assert len(ids) == len(set(ids))
    assert orders.gaps > 200


async def test_an_update_while_reading_is_no_gap(tmp_path: Path) -> None:
    """Orders that only change move nothing: one pass, no note, and each stands once."""
    async with (
        Sandbox(orders=900, seed=9, rate_limit=None) as sandbox,
        Pocketsflow(KEY, base_url=sandbox.url, rate_limit=None) as pf,
    ):

        def touch(_: ExportProgress) -> None:
            sandbox.shop.update_order(sandbox.shop.order(3)["_id"], {"country": "NZ"})

        (orders,) = (await export(pf, ["orders"], to=tmp_path, progress=touch)).resources

    assert (orders.records, orders.gaps, orders.duplicates, orders.passes, orders.notes) == (900, 0, 0, 1, ())


async def test_payments_and_customers_follow_the_same_rule(tmp_path: Path) -> None:
    """Lists of other styles lose nothing either: customers overlap by one, payments tell their total."""
    async with (
        Sandbox(orders=3000, seed=4, rate_limit=None) as sandbox,
        Pocketsflow(KEY, base_url=sandbox.url, rate_limit=None) as pf,
    ):
        writer = Writer(sandbox, 4)
        before = [item.id async for item in pf.customers.list()], [item.id async for item in pf.payments.list()]

        def live(_: ExportProgress) -> None:
            for _ in range(9):
                writer.change()

        report = await export(pf, ["customers", "payments"], to=tmp_path, progress=live)
        after = [item.id async for item in pf.customers.list()], [item.id async for item in pf.payments.list()]

    for one, was, still in zip(report.resources, before, after, strict=True):
        ids = [json.loads(line)["_id"] for line in one.path.read_bytes().splitlines()]
        assert set(was) & set(still) <= set(ids)
        assert len(ids) == len(set(ids)) == one.records
