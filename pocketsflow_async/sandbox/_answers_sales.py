"""What was sold: orders, payments, customers, reviews and refunds."""

from collections.abc import Mapping
from typing import Any, Final

from pocketsflow_async.sandbox._answers_shared import Handler
from pocketsflow_async.sandbox._calls import Call, Refused, invalid, listing, missing
from pocketsflow_async.sandbox._events import tell_of_refund
from pocketsflow_async.sandbox._sales import money
from pocketsflow_async.sandbox._store import Record
from pocketsflow_async.sandbox._times import iso


def _list_orders(call: Call) -> Any:
    book = call.store.book
    start, end = call.span()
    first = 0 if start is None else book.made_before(start)
    last = book.orders if end is None else book.made_before(end)
    return listing(call, book.newest_first(call.parameter("productId"), first, last), call.store.order)


def _get_order(call: Call) -> Any:
    return call.store.order(_order_index(call, call.path["id"]))


def _order_index(call: Call, order_id: str) -> int:
    order = call.store.book.find_order(order_id)
    if order is None:
        raise missing("Order")
    return order


def _list_payments(call: Call) -> Any:
    payments = call.store.payments
    start, end = call.span()
    if call.parameter("type") == "subscription":
        first = 0 if start is None else payments.charges_before(start)
        last = len(payments.charges) if end is None else payments.charges_before(end)
        return listing(call, range(last - 1, first - 1, -1), call.store.charge)
    first = 0 if start is None else payments.made_before(start)
    last = len(payments) if end is None else payments.made_before(end)
    return listing(call, payments.newest_first(first, last), call.store.payment)


def _list_customers(call: Call) -> Any:
    book = call.store.book
    field = call.parameter("sortBy", "createdAt")
    descending = call.parameter("sortOrder", "desc" if field == "createdAt" else "asc") == "desc"
    customers = book.customers(call.parameter("productId"), field)
    email = call.parameter("email")
    if email is not None:
        found = book.find_email(email)
        customers = () if found is None or found not in customers else (found,)
    return listing(call, customers[::-1] if descending else customers, book.customer)


def _get_customer(call: Call) -> Any:
    customer = call.store.book.find_customer(call.path["id"])
    if customer is None:
        raise missing("Customer")
    return call.store.book.customer(customer)


def _list_reviews(call: Call) -> Any:
    product_id = call.parameter("productId")
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
    left = store.left_to_refund(order)
    cents = call.cents("amount") if "amount" in call.body else left
    if left == 0:
        raise Refused(400, "ALREADY_REFUNDED", "nothing is left of the order to refund")
    if not 0 < cents <= left:
        raise invalid("amount", f"must be more than 0 and at most {money(left)}, what is left to refund")
    table = store.table("refunds")
    moment = store.tick()
    record: Record = {"_id": table.new_id(moment), "orderId": call.body["orderId"], "amount": money(cents)}
    if "reason" in call.body:
        record["reason"] = call.body["reason"]
    record |= {"status": "completed", "createdAt": iso(moment)}
    store.refund_order(order, cents, record)
    tell_of_refund(store, order, record)
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
