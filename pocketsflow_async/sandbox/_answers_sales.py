"""What was sold: orders, payments, customers, reviews and refunds."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pocketsflow_async.sandbox._answers_shared import Handler
from pocketsflow_async.sandbox._calls import Call, Refused, invalid, listing, missing
from pocketsflow_async.sandbox._sales import money
from pocketsflow_async.sandbox._store import Record
from pocketsflow_async.sandbox._times import iso


def _list_orders(call: Call) -> Any:
    sales = call.store.sales
    start, end = call.span()
    first = 0 if start is None else sales.made_before(start)
    last = sales.count if end is None else sales.made_before(end)
    product_id = call.word("productId")
    orders: Sequence[int] = range(last - 1, first - 1, -1)
    if product_id is not None:
        product = call.store.product_index(product_id)
        orders = () if product is None else sales.of_product(product, first, last)
    return listing(call, orders, call.store.order)


def _get_order(call: Call) -> Any:
    return call.store.order(_order_index(call, call.path["id"]))


def _order_index(call: Call, order_id: str) -> int:
    order = call.store.sales.find_order(order_id)
    if order is None:
        raise missing("Order")
    return order


def _list_payments(call: Call) -> Any:
    payments = call.store.payments
    start, end = call.span()
    if call.word("type", ("all", "subscription")) == "subscription":
        first = 0 if start is None else payments.charges_before(start)
        last = len(payments.charges) if end is None else payments.charges_before(end)
        return listing(call, range(last - 1, first - 1, -1), call.store.charge)
    first = 0 if start is None else payments.made_before(start)
    last = len(payments) if end is None else payments.made_before(end)
    return listing(call, range(last - 1, first - 1, -1), call.store.payment)


def _list_customers(call: Call) -> Any:
    store = call.store
    field = call.word("sortBy", ("email", "country", "numberOfOrders", "createdAt")) or "createdAt"
    descending = (call.word("sortOrder", ("asc", "desc")) or ("desc" if field == "createdAt" else "asc")) == "desc"
    product_id = call.word("productId")
    product = None if product_id is None else store.product_index(product_id)
    customers: Sequence[int] = ()
    if product_id is None or product is not None:
        customers = store.customers(product, field)
    email = call.word("email")
    if email is not None:
        found = store.sales.find_email(email)
        customers = () if found is None or found not in customers else (found,)
    return listing(call, customers[::-1] if descending else customers, store.sales.customer)


def _get_customer(call: Call) -> Any:
    customer = call.store.sales.find_customer(call.path["id"])
    if customer is None:
        raise missing("Customer")
    return call.store.sales.customer(customer)


def _list_reviews(call: Call) -> Any:
    product_id = call.word("productId")
    reviews = call.store.table("reviews").newest_first()
    wanted = [record for record in reviews if product_id is None or record["productId"] == product_id]
    return listing(call, wanted, lambda record: record)


def _list_refunds(call: Call) -> Any:
    return listing(call, call.store.refunds(), lambda record: record)


def _get_refund(call: Call) -> Any:
    record = call.store.refund(call.path["id"])
    if record is None:
        raise missing("Refund")
    return record


def _create_refund(call: Call) -> Any:
    store = call.store
    order = _order_index(call, call.text("orderId"))
    gross = store.sales.amounts(order).gross
    cents = gross if call.body.get("amount") is None else round(call.amount("amount") * 100)
    if not 0 < cents <= gross:
        raise invalid("amount", f"more than 0 and at most {money(gross)}, what was paid")
    if store.is_refunded(order):
        raise Refused(400, "ALREADY_REFUNDED", "the order is refunded already")
    table = store.table("refunds")
    moment = store.tick()
    record: Record = {"_id": table.new_id(moment), "orderId": call.body["orderId"], "amount": money(cents)}
    if call.body.get("reason") is not None:
        record["reason"] = call.text("reason")
    record |= {"status": "completed", "createdAt": iso(moment)}
    store.refund_order(order, record)
    return record


SALES: Final[Mapping[tuple[str, str], Handler]] = {
    ("orders", "list"): _list_orders,
    ("orders", "get"): _get_order,
    ("payments", "list"): _list_payments,
    ("customers", "list"): _list_customers,
    ("customers", "get"): _get_customer,
    ("reviews", "list"): _list_reviews,
    ("refunds", "list"): _list_refunds,
    ("refunds", "get"): _get_refund,
    ("refunds", "create"): _create_refund,
}
"""The special operations on what was sold."""
