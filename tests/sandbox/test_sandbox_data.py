import os
import subprocess
import sys
from pathlib import Path

import pytest

import pocketsflow_async
from pocketsflow_async.sandbox import Sandbox
from pocketsflow_async.sandbox._ids import MOST_RECORDS
from pocketsflow_async.sandbox._sales import Sales
from pocketsflow_async.sandbox._store import Store

LISTINGS = (
    "/products", "/orders?pageSize=100", "/payments?pageSize=100", "/customers?limit=100", "/reviews",
    "/discounts", "/upsells", "/subscriptions", "/subscriptions/subscribers", "/webhooks", "/users/me",
    "/refunds", "/creator-pages/products/sandbox-store",
)  # fmt: skip

PRINT_A_DIGEST = """
import hashlib, msgspec
from pocketsflow_async.sandbox._store import Store

store = Store(2000, 11)
records = [store.order(order) for order in range(2000)]
records += [store.sales.customer(customer) for customer in range(store.sales.customers)]
records += [store.payment(rank) for rank in range(len(store.payments))]
records += store.refunds()
for resource in ("products", "discounts", "upsells", "webhooks", "reviews", "subscriptions", "subscription_offers"):
    records += store.table(resource).newest_first()
for field in ("email", "country", "numberOfOrders"):
    records += [store.book.customers(store.product_ids[3], field)]
print(hashlib.sha256(msgspec.json.encode(records)).hexdigest())
"""
DIGEST = "40919439b0bce4fd6f14ed7b94672b7d2e1369119a6508c6d75951533842c9f9"


async def test_the_same_seed_and_count_give_the_same_bytes(sandbox, asking):
    """Two sandboxes that were asked the same answer the same, byte for byte."""
    async with Sandbox(orders=300, rate_limit=None) as twin:
        for path in LISTINGS:
            one = await asking(sandbox)("GET", path)
            two = await asking(twin)("GET", path)

            assert one.status == 200, path
            assert one.raw == two.raw


async def test_another_seed_gives_other_data(sandbox, asking):
    """The seed decides who bought what."""
    async with Sandbox(orders=300, seed=8, rate_limit=None) as other:
        one = await asking(sandbox)("GET", "/orders")
        two = await asking(other)("GET", "/orders")

        assert one.raw != two.raw


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_the_data_is_the_same_in_every_process(hash_seed):
    """Neither Python's hash seed nor the machine changes a byte: the digest is written down here."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", PRINT_A_DIGEST],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        cwd=Path(pocketsflow_async.__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout.strip() == DIGEST


def test_orders_add_up():
    """Gross is the sum of net, tax and every fee, to the cent, in every order."""
    store = Store(3000, 5)
    for order in map(store.order, range(3000)):
        fees = sum(order.get(name) or 0 for name in ("stripeFee", "paypalFee", "affiliateCut"))
        parts = order["netAmount"] + order["taxAmount"] + fees

        assert round(parts * 100) == round(order["grossAmount"] * 100)
        assert order["netAmount"] > 0
        assert order["grossAmount"] == round(order["grossAmount"], 2)


def test_customers_agree_with_the_orders():
    """Counts, sums, countries and first days of customers are those of their orders."""
    store = Store(7000, 5)
    orders = {}
    for order in map(store.order, range(7000)):
        orders.setdefault(order["customer"]["_id"], []).append(order)
    customers = [store.sales.customer(index) for index in range(store.sales.customers)]

    assert 7000 / 4 < len(customers) < 7000 / 2
    assert {customer["_id"] for customer in customers} == orders.keys()
    for customer in customers:
        own = orders[customer["_id"]]
        assert customer["numberOfOrders"] == len(own)
        assert round(customer["totalSpent"] * 100) == sum(round(order["grossAmount"] * 100) for order in own)
        assert {order["buyerEmail"] for order in own} == {customer["buyerEmail"]}
        assert customer["createdAt"] == min(order["createdAt"] for order in own)


def test_the_data_has_the_oddities_of_real_data():
    """Currencies, null and absent fields, refunds, disputes and letters beyond ASCII all occur."""
    store = Store(2000, 7)
    orders = [store.order(order) for order in range(2000)]
    products = store.table("products").newest_first()

    assert {order["currency"] for order in orders} == {"usd", "eur", "gbp"}
    assert {order.get("country", "absent") for order in orders} > {None, "absent", "US"}
    assert {"paypalFee" in order for order in orders} == {True, False}
    assert any(order["isRefunded"] for order in orders)
    assert any(order["isDisputed"] for order in orders)
    assert any(not product["name"].isascii() for product in products)
    assert all(order["buyerEmail"].endswith("@example.com") for order in orders)


def test_refunds_agree_with_the_orders():
    """There is one refund for each refunded order, of the whole amount, made later."""
    store = Store(2000, 7)
    refunded = {order["_id"]: order for order in map(store.order, range(2000)) if order["isRefunded"]}
    refunds = store.refunds()

    assert {refund["orderId"] for refund in refunds} == refunded.keys()
    assert len(refunds) == len(refunded)
    assert [refund["createdAt"] for refund in refunds] == sorted(
        (refund["createdAt"] for refund in refunds), reverse=True
    )
    for refund in refunds:
        order = refunded[refund["orderId"]]
        assert refund["amount"] == order["grossAmount"]
        assert refund["createdAt"] > order["createdAt"]
        assert store.refund(refund["_id"]) == refund


def test_payments_are_the_orders_and_the_charges():
    """Every order and every membership charge is one payment; later payments have later times."""
    store = Store(1500, 7)
    payments = [store.payment(rank) for rank in range(len(store.payments))]
    charges = [payment for payment in payments if payment["isSubscription"]]
    sums = sorted(payment["amount"] for payment in payments if not payment["isSubscription"])

    assert sums == sorted(store.order(order)["grossAmount"] for order in range(1500))
    assert charges == [store.charge(index) for index in range(len(store.payments.charges))]
    assert {payment["amount"] for payment in charges} > {0, 9}
    assert len({payment["_id"] for payment in payments}) == len(payments)
    times = [payment["createdAt"] for payment in payments]
    assert times == sorted(times)


@pytest.mark.parametrize("count", [1, 2, 23, 6000, 6001, 20_011])
def test_who_bought_what_can_be_looked_up_both_ways(count):
    """Every order is found under its id, its buyer and its product, whatever the number of orders."""
    sales = Sales(count, 3, "seller", [str(product) for product in range(24)])
    by_product = [sales.of_product(product, 0, count) for product in range(24)]
    by_customer = [sales.orders_of(customer) for customer in range(sales.customers)]

    assert sorted(order for orders in by_product for order in orders) == list(range(count))
    assert sorted(order for orders in by_customer for order in orders) == list(range(count))
    assert list(sales.of_product(0, 5, count // 2)) == [
        order for order in range(count // 2 - 1, 4, -1) if sales.product_of(order) == 0
    ]
    for order in range(0, count, 97):
        assert sales.find_order(sales.order_id(order)) == order
        assert order in by_customer[sales.customer_of(order)]
        assert sales.created(order) <= sales.created(min(order + 1, count - 1))
        assert sales.made_before(sales.created(order)) == order


def test_the_greatest_number_of_orders_costs_nothing_to_set_up():
    """The last of sixteen million orders is there at once, and so is its buyer."""
    store = Store(MOST_RECORDS, 7)
    last = store.order(MOST_RECORDS - 1)
    buyer = store.sales.find_customer(last["customer"]["_id"])

    assert store.sales.find_order(last["_id"]) == MOST_RECORDS - 1
    assert last["_id"].endswith("ffffff")
    assert buyer is not None
    assert store.sales.find_email(last["buyerEmail"]) == buyer


@pytest.mark.parametrize("text", ["", "1", "z" * 24, "f" * 24, "é" * 24])
def test_ids_of_nothing_find_nothing(text):
    """A text that is no id, or the id of nothing, is not an error."""
    store = Store(100, 7)

    assert store.sales.find_order(text) is None
    assert store.sales.find_customer(text) is None
    assert store.refund(text) is None


def test_an_id_with_another_time_finds_nothing():
    """All 24 characters of an id count, not the index alone."""
    store = Store(100, 7)
    order_id = store.sales.order_id(5)
    customer_id = store.sales.customer_id(5)

    assert store.sales.find_order("00000000" + order_id[8:]) is None
    assert store.sales.find_customer("00000000" + customer_id[8:]) is None
    assert store.sales.find_order(order_id[:18] + "00ffff") is None
    assert store.sales.find_order(order_id[:18] + "zzzzzz") is None


@pytest.mark.parametrize("email", ["", "@", "x@example.com", "a.b.1@example.com", "a.b.²@example.com", "9" * 5000])
def test_addresses_of_nobody_find_nobody(email):
    """An address that nobody has is not an error, whatever it looks like."""
    assert Store(100, 7).sales.find_email(email) is None


def test_a_sandbox_without_orders_is_empty_but_whole():
    """No orders means no customers, payments, refunds, members or reviews; the shop is there all the same."""
    store = Store(0, 7)

    assert store.sales.customers == len(store.payments) == len(store.refunds()) == 0
    assert len(store.table("subscriptions")) == len(store.table("reviews")) == 0
    assert len(store.table("products")) == 24
