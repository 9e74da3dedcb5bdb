from decimal import Decimal

import pytest

from pocketsflow_async import Page, Pocketsflow
from pocketsflow_async.models import Order, Upsell
from pocketsflow_async.sandbox import Sandbox


async def test_every_way_to_list_gives_the_same_orders(pf: Pocketsflow) -> None:
    """Awaited, iterated, fetched side by side or collected: the same orders in the same order."""
    iterated = [order async for order in pf.orders.list()]

    first = await pf.orders.list()
    side_by_side = [order async for order in pf.orders.list(page_size=7).items(concurrency=8)]
    by_page = [order async for page in pf.orders.list(page_size=50).pages(concurrency=3) for order in page.items]
    assert len(iterated) == 230
    assert len({order.id for order in iterated}) == 230
    assert first.items == iterated[:20]
    assert first.has_more
    assert side_by_side == iterated
    assert by_page == iterated
    assert await pf.orders.list().collect(limit=123) == iterated[:123]
    assert await pf.orders.list().collect(concurrency=8) == iterated


async def test_a_page_tells_where_it_stands(pf: Pocketsflow) -> None:
    """A page has its records, whether more follow, and what the API says of its pages."""
    page = await pf.orders.list(page=5, page_size=50)

    assert isinstance(page, Page)
    assert len(page) == 30
    assert not page.has_more
    assert (page.pagination.total_count, page.pagination.total_pages, page.pagination.current_page) == (230, 5, 5)


@pytest.mark.parametrize("resource", ["customers", "subscriptions", "payments", "products", "reviews", "upsells"])
async def test_every_style_of_paging_is_one_list(pf: Pocketsflow, resource: str) -> None:
    """Pages by number, by offset, in the body or none at all: iterating gives every record once."""
    records = [record async for record in getattr(pf, resource).list()]
    again = [record async for record in getattr(pf, resource).list().items(concurrency=4)]

    assert records
    assert len({record.id for record in records}) == len(records)
    assert again == records


async def test_a_page_shows_what_came_beside_its_records(pf: Pocketsflow) -> None:
    """The list of upsells tells the sales that they led to."""
    page = await pf.upsells.list()

    assert all(isinstance(upsell, Upsell) for upsell in page.items)
    assert page.sales_with_upsells


async def test_filters_reach_the_api(pf: Pocketsflow) -> None:
    """A filter narrows the list on the server, in the query as well as in the body."""
    order = (await pf.orders.list()).items[0]
    assert order.product_id is not None
    assert order.created_at is not None

    of_product = await pf.orders.list(product_id=order.product_id).collect()
    of_day = await pf.orders.list(start_date=order.created_at.date(), end_date=order.created_at.date()).collect()
    canceled = await pf.subscriptions.list(status="canceled").collect()
    assert order in of_product
    assert {found.product_id for found in of_product} == {order.product_id}
    assert order in of_day
    assert {found.status for found in canceled} == {"canceled"}


async def test_an_order_is_typed_all_through(pf: Pocketsflow) -> None:
    """Money is exact, times are aware, and a single order equals the one in the list."""
    order = (await pf.orders.list(page_size=1)).items[0]

    assert isinstance(order, Order)
    assert isinstance(order.gross_amount, Decimal)
    assert order.created_at is not None
    assert order.created_at.utcoffset() is not None
    assert order.product is not None
    assert order.product.id == order.product_id
    assert await pf.orders.get(order.id) == order


async def test_an_empty_list_is_no_special_case() -> None:
    """With no orders at all, every way to list gives nothing."""
    async with (
        Sandbox(orders=0, rate_limit=None) as sandbox,
        Pocketsflow("pk_test_sandbox", base_url=sandbox.url) as pf,
    ):
        assert await pf.orders.list().collect() == []
        assert [order async for order in pf.orders.list().items(concurrency=8)] == []
        assert not (await pf.orders.list()).has_more
