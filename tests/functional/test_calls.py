import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from pocketsflow_async import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidArgumentError,
    NotFoundError,
    Pocketsflow,
    RateLimit,
    RateLimitError,
    RetryPolicy,
)
from pocketsflow_async.sandbox import Sandbox

NAIVE = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - the mistake that is tested


async def test_a_product_lives_its_life(pf: Pocketsflow) -> None:
    """Created, read, changed, listed and deleted: the server holds what the calls said."""
    product = await pf.products.create(name="Course", price=Decimal("99.99"), description="All of it")
    changed = await pf.products.update(product.id, price=Decimal("149.99"))
    cleared = await pf.products.update(product.id, description=None)
    listed = [found.id async for found in pf.products.list()]
    await pf.products.delete(product.id)

    assert product.price == Decimal("99.99")
    assert (changed.price, changed.description) == (Decimal("149.99"), "All of it")
    assert cleared.description is None
    assert product.id in listed
    with pytest.raises(NotFoundError) as caught:
        await pf.products.get(product.id)
    assert caught.value.status == 404
    assert caught.value.code == "NOT_FOUND"
    assert [attempt.status for attempt in caught.value.attempts] == [404]
    assert caught.value.request_id


async def test_any_endpoint_can_be_asked(pf: Pocketsflow) -> None:
    """An endpoint that has no method is asked with the same key and gives plain data."""
    answer = await pf.request("GET", "/orders", params={"pageSize": 1, "page": 2})
    with pytest.raises(NotFoundError):
        await pf.request("GET", "/anything")

    assert len(answer["orders"]) == 1
    assert answer["pagination"]["currentPage"] == 2


async def test_a_wrong_key_is_told(sandbox: Sandbox) -> None:
    """A key that the server does not know gives one clear error, which does not show the key."""
    async with Pocketsflow("pk_test_other", base_url=sandbox.url) as pf:
        with pytest.raises(AuthenticationError) as caught:
            await pf.users.me()

    assert "pk_test_other" not in str(caught.value) + repr(caught.value) + repr(pf)


async def test_an_open_endpoint_is_not_sent_the_key(sandbox: Sandbox) -> None:
    """The storefront is read without the key: even a wrong one does not matter."""
    async with Pocketsflow("pk_test_other", base_url=sandbox.url) as pf:
        user = await Pocketsflow("pk_test_sandbox", base_url=sandbox.url).__aenter__()
        try:
            me = await user.users.me()
        finally:
            await user.aclose()
        page = await pf.creator_pages.products(me.subdomain or "")

    assert page.products


async def test_the_quota_keeps_the_server_from_saying_429() -> None:
    """With the documented limits on both sides, a burst and what follows it are never refused."""
    limit = RateLimit(sustained=20, burst=40, period=0.4)
    async with (
        Sandbox(orders=700, rate_limit=limit) as sandbox,
        Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=limit, retry=RetryPolicy(attempts=1)) as pf,
    ):
        orders = [order async for order in pf.orders.list(page_size=10).items(concurrency=16)]

    assert len(orders) == 700


async def test_without_a_quota_a_429_reaches_the_caller() -> None:
    """A client that keeps no quota and does not retry is told to wait, and how long."""
    limit = RateLimit(sustained=1, burst=2, period=60)
    async with (
        Sandbox(orders=1, rate_limit=limit) as sandbox,
        Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=None, retry=RetryPolicy(attempts=1)) as pf,
    ):
        await pf.users.me()
        await pf.users.me()
        with pytest.raises(RateLimitError) as caught:
            await pf.users.me()

    assert caught.value.retry_after
    assert caught.value.retry_after >= 1


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda pf: pf.orders.list(page=0), "page"),
        (lambda pf: pf.orders.list(page_size=0), "page_size"),
        (lambda pf: pf.customers.list(offset=-1), "offset"),
        (lambda pf: pf.orders.list(start_date=NAIVE), "time zone"),
        (lambda pf: pf.subscriptions.list(start_date=NAIVE), "time zone"),
        (lambda pf: pf.products.create(name="x", price=Decimal("NaN")), "price"),
        (lambda pf: pf.products.create(name="x", price=float("inf")), "price"),
        (lambda pf: pf.products.create(name="x", price="free"), "price"),
        (lambda pf: pf.products.create(name=7, price=1), "name"),
        (lambda pf: pf.checkout.create(product_id="p", metadata={"rate": float("nan")}), "metadata"),
        (lambda pf: pf.orders.get(""), "id"),
        (lambda pf: pf.orders.get(".."), "id"),
        (lambda pf: pf.orders.get(7), "id"),
        (lambda pf: pf.orders.list().collect(limit=-1), "limit"),
        (lambda pf: pf.request("GET", "orders"), "path"),
        (lambda pf: pf.request("GET", "//example.com/orders"), "path"),
        (lambda pf: pf.request("GET", "/orders?page=1"), "path"),
        (lambda pf: pf.request("GET", "/orders/../users/me"), "path"),
    ],
)
async def test_bad_input_is_refused_before_anything_is_sent(
    pf: Pocketsflow, sandbox: Sandbox, call: Any, told: str
) -> None:
    """A mistake in an argument is one clear error that names it, and the server hears nothing."""
    with pytest.raises(InvalidArgumentError, match=told):
        await call(pf)

    assert sandbox.received == 0


async def test_a_page_size_above_the_largest_is_lowered(pf: Pocketsflow) -> None:
    """101 records a page are 100, as the API documents."""
    assert len(await pf.orders.list(page_size=101)) == 100


async def test_an_id_is_never_a_path(pf: Pocketsflow) -> None:
    """An id with slashes, dots, a query and a fragment stays one segment, so that nothing else is asked."""
    with pytest.raises(NotFoundError) as caught:
        await pf.orders.get("../users/me?x=1#f")

    assert caught.value.code == "NOT_FOUND"


async def test_the_server_refuses_what_the_client_cannot_know(pf: Pocketsflow) -> None:
    """A price below zero is the API's to refuse, and its message reaches the caller."""
    with pytest.raises(BadRequestError, match="price"):
        await pf.products.create(name="x", price=-1)


@pytest.mark.parametrize("key", ["", " ", "pk_test_\nsandbox", "pk_test sandbox", "pk_test_ключ"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    """No key, white space or control characters: an error when the client is built."""
    with pytest.raises(ConfigurationError):
        Pocketsflow(key)


def test_no_key_at_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument and without the variable, the error names both."""
    monkeypatch.delenv("POCKETSFLOW_API_KEY", raising=False)

    with pytest.raises(ConfigurationError, match="POCKETSFLOW_API_KEY"):
        Pocketsflow()


def test_the_key_does_not_go_out_in_the_clear() -> None:
    """Plain http to a public host is refused unless it is asked for."""
    with pytest.raises(ConfigurationError, match="https"):
        Pocketsflow("pk_test_sandbox", base_url="http://api.example.com")

    assert Pocketsflow("pk_test_sandbox", base_url="http://api.example.com", allow_insecure=True).mode == "test"


async def test_a_closed_client_says_so(sandbox: Sandbox) -> None:
    """A call after closing is one clear error, not a new session."""
    pf = Pocketsflow("pk_test_sandbox", base_url=sandbox.url)
    await pf.users.me()
    await pf.aclose()

    with pytest.raises(ConfigurationError, match="closed"):
        await pf.users.me()
