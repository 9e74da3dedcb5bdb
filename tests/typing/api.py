"""Never run: what type checkers infer for a user, and what they refuse."""

import datetime as dt
from collections.abc import AsyncGenerator, Mapping
from decimal import Decimal
from typing import Any, assert_type

from pocketsflow_async import UNSET, Page, Pager, Pocketsflow, RequestOptions, RetryPolicy
from pocketsflow_async.export import ExportReport, export
from pocketsflow_async.models import (
    CheckoutSession,
    Customer,
    Order,
    OrderProduct,
    Product,
    Subscription,
    SubscriptionStatus,
    UpsellPage,
)
from pocketsflow_async.pocketsuite import OAuth2, PocketSuite, Tokens, Trigger, parse_trigger
from pocketsflow_async.pocketsuite.models import Booking, Client, ClientNote


async def reading(pf: Pocketsflow) -> None:
    order = await pf.orders.get("65f0c0ffee00000000000003")
    assert_type(order, Order)
    assert_type(order.id, str)
    assert_type(order.gross_amount, Decimal | None)
    assert_type(order.created_at, dt.datetime | None)
    assert_type(order.product, OrderProduct | None)
    assert_type(order.extra, Mapping[str, Any])
    product = await pf.products.get("65f0c0ffee00000000000001")
    assert_type(product.price, Decimal)
    membership = await pf.subscriptions.get("65f0c0ffee00000000000004")
    assert_type(membership, Subscription)
    assert_type(membership.status, SubscriptionStatus | None)
    assert_type(await pf.request("GET", "/anything", params={"a": 1}), Any)


async def listing(pf: Pocketsflow) -> None:
    pager = pf.orders.list(start_date="2024-01-01", end_date=dt.date(2024, 12, 31), page_size=50)
    assert_type(pager, Pager[Order])
    assert_type(await pager, Page[Order])
    assert_type(await pager.collect(limit=500), list[Order])
    assert_type(pager.items(concurrency=8), AsyncGenerator[Order, None])
    async for one in pager:
        assert_type(one, Order)
    async for page in pager.pages(concurrency=8):
        assert_type(page.items, list[Order])
    assert_type(pf.customers.list(sort_by="email", sort_order="asc"), Pager[Customer])
    upsells = await pf.upsells.list()
    assert_type(upsells, UpsellPage)
    assert_type(upsells.sales_with_upsells, list[dict[str, Any]] | None)


async def writing(pf: Pocketsflow) -> None:
    product = await pf.products.create(name="Course", price=Decimal("99.99"))
    assert_type(product, Product)
    await pf.products.create(name="Course", price=99, published=True)
    await pf.products.update(product.id, price=Decimal("149.99"), description=None, currency=UNSET)
    session = await pf.checkout.create(
        product_id=product.id,
        metadata={"cart": 7},
        options=RequestOptions(deadline=10, idempotency_key="cart-7", retry=RetryPolicy(attempts=2)),
    )
    assert_type(session, CheckoutSession)
    assert_type(session.url, str)
    assert_type(await export(pf, ["orders"], to="backup"), ExportReport)


async def refused(pf: Pocketsflow) -> None:
    await pf.products.create(name="Course")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await pf.products.create(name="Course", prize=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await pf.products.create("Course", 1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await pf.products.create(name="Course", price="99")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await pf.products.create(name=None, price=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await pf.orders.get()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await pf.orders.get(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    pf.orders.list(pages=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    pf.orders.list(page="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    pf.order  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    assert_type(Pocketsflow("pk_test_sandbox", strict="warn").spec_patch(), str)
    Pocketsflow("pk_test_sandbox", strict="error")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pocketsflow("pk_test_sandbox", rate_limit=100)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def pocketsuite(ps: PocketSuite, oauth: OAuth2) -> None:
    client = await ps.clients.create(name="Ada", email="ada@example.com", custom_fields={"Dog": "Rex"})
    assert_type(client, Client)
    assert_type(client.birthday, dt.date | None)
    assert_type(await ps.client_notes.create(note="x", client_id=client.id), ClientNote)
    assert_type(ps.bookings.list(), Pager[Booking])
    assert_type(await oauth.exchange("code", verifier=oauth.authorize_url().verifier), Tokens)
    told = parse_trigger(b"{}")
    assert_type(told, Trigger)
    if isinstance(told.data, Booking):
        assert_type(told.data.total, Decimal | None)
    await ps.clients.create(email="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await ps.clients.create(name="A", custom_fields={"a": 1})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    PocketSuite("pk_test_sandbox")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    PocketSuite(oauth, timeout=5.0, rate_limit=None, retry=RetryPolicy(attempts=2))
