"""What one sandbox knows: records computed from the seed, and over them the changes made since it started."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec

from pocketsflow_async.sandbox import _catalogue, _members
from pocketsflow_async.sandbox._ids import Dice, IdSpace, key_of
from pocketsflow_async.sandbox._payments import Payments
from pocketsflow_async.sandbox._sales import Sales, money
from pocketsflow_async.sandbox._times import NOW, iso
from pocketsflow_async.sandbox._words import REFUND_REASONS

Record = dict[str, Any]


class Table:
    """Records that are held in memory, by id, oldest first."""

    def __init__(self, ids: IdSpace, records: Sequence[Record] = ()) -> None:
        self._ids = ids
        self._records: dict[str, Record] = {record["_id"]: record for record in records}
        self._made = len(records)

    def __len__(self) -> int:
        return len(self._records)

    def get(self, record_id: str) -> Record | None:
        """The record with this id."""
        return self._records.get(record_id)

    def newest_first(self) -> list[Record]:
        """All records."""
        return list(reversed(self._records.values()))

    def new_id(self, moment: int) -> str:
        """The id of the next record; no two are the same."""
        self._made += 1
        return self._ids.write(moment, self._made - 1)

    def add(self, record: Record) -> None:
        """Keep a record under its id."""
        self._records[record["_id"]] = record

    def remove(self, record_id: str) -> bool:
        """Forget a record; False when there was none."""
        return self._records.pop(record_id, None) is not None


class Store:
    """All records of one sandbox.

    Args:
        orders: how many orders there are at the start.
        seed: of everything.
    """

    now: int
    """The sandbox's time, in milliseconds since 1970."""

    def __init__(self, orders: int, seed: int) -> None:
        self._seed = seed
        self.now = NOW
        self.user = _catalogue.user(self._ids("user"), has_sales=orders > 0)
        self.user_id: str = self.user["_id"]
        products = _catalogue.products(self._ids("products"), self.user_id)
        offers = _catalogue.offers(self._ids("subscription_offers"), self.user_id)
        self.product_ids: list[str] = [record["_id"] for record in products]
        self.offer_ids: list[str] = [record["_id"] for record in offers]
        self.sales = Sales(orders, seed, self.user_id, self.product_ids)
        self.members = _members.members(self.sales, Dice(seed, "members"))
        self._tables: dict[str, Table] = {}
        self._hold("products", products)
        self._hold("subscription_offers", offers)
        self._hold(
            "discounts",
            _catalogue.discounts(self._ids("discounts"), self.user_id, self.product_ids, Dice(seed, "discounts")),
        )
        self._hold("upsells", _catalogue.upsells(self._ids("upsells"), self.user_id, self.product_ids))
        self._hold("webhooks", _catalogue.webhooks(self._ids("webhooks"), self.user_id))
        self._hold(
            "subscriptions",
            _members.memberships(self.members, self.sales, self._ids("subscriptions"), self.user_id, self.offer_ids),
        )
        self._hold(
            "reviews",
            _members.reviews(self.sales, self._ids("reviews"), self.user_id, self.product_ids, Dice(seed, "reviews")),
        )
        self._refund_ids = IdSpace(seed, "early refund")
        self._refunded_orders: set[int] = set()
        self._refunded_charges: set[int] = set()
        self._fragments: dict[int, msgspec.Raw | None] = {}
        self._customer_lists: dict[tuple[int | None, str], list[int]] = {}
        self.webhook_secrets: dict[str, str] = {}
        for record in self.table("webhooks").newest_first():
            self.new_secret(record["_id"])

    def _ids(self, kind: str) -> IdSpace:
        return IdSpace(self._seed, kind)

    def _hold(self, resource: str, records: list[Record]) -> None:
        self._tables[resource] = Table(self._ids(resource), records)

    def table(self, resource: str) -> Table:
        """The records of a resource; one that nobody has used yet is empty."""
        if resource not in self._tables:
            self._hold(resource, [])
        return self._tables[resource]

    def tick(self) -> int:
        """The sandbox's time, one second later than at the last call."""
        self.now += 1000
        return self.now

    def new_secret(self, webhook_id: str) -> str:
        """The key that signs a webhook's deliveries; it is told to the webhook's maker only."""
        secret = f"whsec_sandbox_{key_of(self._seed, webhook_id):016x}"
        self.webhook_secrets[webhook_id] = secret
        return secret

    # products, as orders carry them

    def product_fragment(self, product: int) -> msgspec.Raw | None:
        """A product's JSON as it is now; None once it is deleted."""
        if product not in self._fragments:
            record = self.table("products").get(self.product_ids[product])
            self._fragments[product] = None if record is None else msgspec.Raw(msgspec.json.encode(record))
        return self._fragments[product]

    def product_changed(self) -> None:
        """Write the products anew when they are next needed."""
        self._fragments.clear()

    def product_index(self, product_id: str) -> int | None:
        """Which of the products at the start has this id, deleted or not."""
        return self.product_ids.index(product_id) if product_id in self.product_ids else None

    # orders and refunds

    def order(self, order: int) -> Record:
        """An order as it is now."""
        product = self.product_fragment(self.sales.product_of(order))
        return self.sales.order(order, product, refunded=self.is_refunded(order))

    def is_refunded(self, order: int) -> bool:
        """Whether an order is refunded now."""
        return order in self._refunded_orders or self.sales.is_refunded(order)

    def refund_order(self, order: int, record: Record) -> None:
        """Mark an order as refunded, and keep the refund."""
        self._refunded_orders.add(order)
        self.table("refunds").add(record)

    def early_refund(self, order: int) -> Record:
        """The refund of an order that was refunded before the sandbox started."""
        at = self.sales.refunded_at(order)
        record: Record = {
            "_id": self._refund_ids.write(at, order),
            "orderId": self.sales.order_id(order),
            "amount": money(self.sales.amounts(order).gross),
            "status": "completed",
            "createdAt": iso(at),
        }
        if order % 3:
            record["reason"] = REFUND_REASONS[order % len(REFUND_REASONS)]
        return record

    def refunds(self) -> list[Record]:
        """Every refund, newest first."""
        return self.table("refunds").newest_first() + [self.early_refund(order) for order in self.sales.refunded()]

    def refund(self, refund_id: str) -> Record | None:
        """The refund with this id."""
        order = self._refund_ids.read(refund_id)
        if order is None or order >= self.sales.count or not self.sales.is_refunded(order):
            return self.table("refunds").get(refund_id)
        record = self.early_refund(order)
        return record if record["_id"] == refund_id else None

    # payments

    @cached_property
    def payments(self) -> Payments:
        """Orders and membership charges together."""
        return Payments(self.sales, self.members, self._seed, self.offer_ids)

    def payment(self, rank: int) -> Record:
        """A payment as it is now."""
        order, charge = self.payments.find(rank)
        if order is not None:
            return self.payments.of_order(order, refunded=self.is_refunded(order))
        return self.charge(charge or 0)

    def charge(self, charge: int) -> Record:
        """A membership's payment as it is now."""
        return self.payments.of_charge(charge, refunded=charge in self._refunded_charges)

    def refund_charge(self, member: int) -> bool:
        """Mark a member's latest payment that is not yet refunded; False when there is none."""
        for charge in reversed(self.payments.charges_of(member)):
            if charge not in self._refunded_charges:
                self._refunded_charges.add(charge)
                return True
        return False

    # customers

    def customers(self, product: int | None, field: str) -> Sequence[int]:
        """The customers, or those who bought a product, in ascending order of a field."""
        if product is None and field == "createdAt":
            return range(self.sales.customers)
        known = self._customer_lists.get((product, field))
        if known is None:
            known = self._customer_lists[product, field] = self._list_customers(product, field)
        return known

    def _list_customers(self, product: int | None, field: str) -> list[int]:
        sales = self.sales
        if product is not None:
            bought = {sales.customer_of(order) for order in sales.of_product(product, 0, sales.count)}
            return [customer for customer in self.customers(None, field) if customer in bought]
        if field == "email":
            return sorted(range(sales.customers), key=sales.email_of)
        if field == "country":
            return sorted(range(sales.customers), key=lambda customer: sales.shown_country_of(customer) or "")
        return sorted(range(sales.customers), key=lambda customer: len(sales.orders_of(customer)))
