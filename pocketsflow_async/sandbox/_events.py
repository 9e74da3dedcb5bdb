"""What webhooks are told: flat objects in the API's own shapes, and no two events alike."""

from typing import Any, Final

from pocketsflow_async.sandbox._checkout import Outcome
from pocketsflow_async.sandbox._sales import money
from pocketsflow_async.sandbox._store import Record, Store
from pocketsflow_async.sandbox._words import TAX_PER_MILLE

_CARD: Final = {
    "id": "pm_sandbox",
    "type": "card",
    "brand": "visa",
    "last4": "4242",
    "expMonth": 11,
    "expYear": 2029,
}
SAMPLE: Final[Record] = {
    "product": {"id": "65f0c0ffee00000000000001", "variantId": None, "name": "Example course"},
    "order": {"id": "65f0c0ffee00000000000003"},
    "currency": "usd",
    "customer": {"email": "buyer@example.com"},
    "tax": {
        "amount": 4.8,
        "rate": 0.08,
        "percentage": 8,
        "ToCountry": "US",
        "ToZip": "10001",
        "ToState": "NY",
        "vatNumber": None,
    },
    "amount": 64.8,
    "amountBeforeTax": 60,
    "metadata": {},
    "clientReferenceId": None,
}
"""The `order.completed` that a webhook is tested with."""


def tell_of_checkout(store: Store, outcome: Outcome) -> None:
    """Somebody paid: for a product, or for the first time for a membership."""
    if outcome.order is None:
        sold = {**_sold(store, outcome.record["productId"]), **_given(store.extras[outcome.record["_id"]])}
        payload = {**sold, "currency": "usd", "customer": _person(outcome.email)}
        event, told = "customer.subscription.created", _membership(store, outcome.record)
    else:
        payload = _order(store, outcome.order)
        event, told = "order.completed", payload
    if outcome.is_new:
        store.tell("customer.created", payload)
    store.tell(event, told)


def tell_of_refund(store: Store, order: int, refund: Record) -> None:
    """Some or all of an order's money was returned."""
    shown = {
        "id": refund["_id"],
        "amount": refund["amount"],
        "reason": refund.get("reason", "requested_by_customer"),
        "status": "succeeded",
    }
    store.tell("order.refunded", {**_order(store, order), "refund": shown})


def tell_of_product(store: Store, change: str, product: Record) -> None:
    """A product was created, updated or deleted."""
    fields = {name: value for name, value in product.items() if name != "_id"}
    store.tell(f"product.{change}", {"product": {"id": product["_id"], **fields}})


def tell_of_cancellation(store: Store, membership: Record) -> None:
    """A membership has another status, and has ended."""
    payload = _membership(store, membership)
    store.tell("customer.subscription.updated", payload)
    store.tell("customer.subscription.deleted", {**payload, "paymentMethod": None})


def _order(store: Store, order: int) -> Record:
    book = store.book
    amounts = book.amounts(order)
    customer = book.customer_of(order)
    country = book.country_of(customer)
    per_mille = TAX_PER_MILLE.get(country, 0)
    return {
        **_sold(store, book.product_id_of(order)),
        "order": {"id": book.order_id(order)},
        "currency": book.currency_of(customer),
        "customer": _person(book.email_of(customer)),
        "tax": {
            "amount": money(amounts.tax),
            "rate": per_mille / 1000,
            "percentage": per_mille / 10,
            "ToCountry": country,
            "ToZip": "00000",
            "ToState": None,
            "vatNumber": None,
        },
        "amount": money(amounts.gross),
        "amountBeforeTax": money(amounts.before_tax),
        **_given(book.extra_of(order)),
    }


def _membership(store: Store, record: Record) -> Record:
    status: str = record["status"]
    customer = store.book.find_customer(record["customerId"]) or 0
    return {
        "subscription": {"id": record["productId"], "customerId": f"cus_{record['customerId']}"},
        "subscriptionCustomer": {
            "id": record["_id"],
            "status": status,
            "active": status == "active",
            "cancelAtPeriodEnd": record["cancelAtPeriodEnd"],
            "paused": status == "paused",
        },
        "customer": _person(store.book.email_of(customer)),
        "status": status,
        "paymentMethod": _CARD,
        "portalUrl": f"https://{store.user['subdomain']}.example.com/portal/{record['_id']}",
        "subscriptionCustomerId": record["_id"],
        **_given(store.extras.get(record["_id"], {})),
    }


def _sold(store: Store, product_id: str) -> Record:
    record = store.table("products").get(product_id) or store.table("subscription_offers").get(product_id) or {}
    return {"product": {"id": product_id, "variantId": None, "name": record.get("name")}}


def _person(email: str) -> Record:
    """The buyer, with names guessed from the address."""
    first, _, rest = email.partition("@")[0].partition(".")
    return {"email": email, "firstName": first.capitalize(), "lastName": rest.partition(".")[0].capitalize()}


def _given(extra: Record) -> dict[str, Any]:
    return {"clientReferenceId": extra.get("clientReferenceId"), "metadata": extra.get("metadata", {})}
