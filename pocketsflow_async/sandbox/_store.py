"""What one sandbox knows: records computed from the seed, and over them the changes made since it started."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
import msgspec

from pocketsflow_async.sandbox import _catalogue, _members
from pocketsflow_async.sandbox._book import Book
from pocketsflow_async.sandbox._extras import EXTRAS
from pocketsflow_async.sandbox._ids import Dice, IdSpace, key_of
from pocketsflow_async.sandbox._payments import Payments
from pocketsflow_async.sandbox._sales import Sales, money
from pocketsflow_async.sandbox._times import NOW, iso
from pocketsflow_async.sandbox._words import REFUND_REASONS

Record = dict[str, Any]


@attrs.define
class Session:
    """A checkout page that was opened.

    Attributes:
        product_id: what is sold there, a product or a subscription offer.
        email: the address that was filled in.
        discount_code: the code that was filled in.
        extra: what comes back on the order: metadata and clientReferenceId.
        completed: whether somebody paid.
    """

    product_id: str
    email: str | None
    discount_code: str | None
    extra: dict[str, Any]
    completed: bool = False


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


@attrs.frozen
class Told:
    """An event that webhooks are to hear of.

    Attributes:
        event: its name.
        payload: what they are told.
        webhook_id: the only one to be told, whatever it wants; None for all that want it.
    """

    event: str
    payload: Record
    webhook_id: str | None


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
        self.book = Book(self.sales, seed, self.user_id)
        self._members = _members.members(self.sales, Dice(seed, "members"))
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
            _members.memberships(self._members, self.sales, self._ids("subscriptions"), self.user_id, self.offer_ids),
        )
        self._hold(
            "reviews",
            _members.reviews(self.sales, self._ids("reviews"), self.user_id, self.product_ids, Dice(seed, "reviews")),
        )
        self._refund_ids = IdSpace(seed, "early refund")
        self._changed: dict[int, dict[str, Any]] = {}  # by order: fields that are put over its own
        self._returned: dict[int, int] = {}  # by order: cents
        self._refunded_charges: set[int] = set()
        self._fragments: dict[str, msgspec.Raw | None] = {}
        self.sessions: dict[str, Session] = {}
        self.extras: dict[str, dict[str, Any]] = {}  # by membership: what was given at its checkout
        self._told: list[Told] = []
        self.webhook_secrets: dict[str, str] = {}
        for record in self.table("webhooks").newest_first():
            self.new_secret(record["_id"])

    def _ids(self, kind: str) -> IdSpace:
        return IdSpace(self._seed, kind)

    def _hold(self, resource: str, records: list[Record]) -> None:
        self._tables[resource] = Table(self._ids(resource), records)

    def table(self, resource: str) -> Table:
        """The records of a resource; one that nobody has used yet has what it has at the start, often nothing."""
        if resource not in self._tables:
            write = EXTRAS.get(resource)
            ids, dice = self._ids(resource), Dice(self._seed, resource)
            self._hold(resource, [] if write is None else write(ids, self.user_id, dice))
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

    def tell(self, event: str, payload: Record, webhook_id: str | None = None) -> None:
        """Have webhooks told of an event."""
        self._told.append(Told(event, payload, webhook_id))

    def take_told(self) -> list[Told]:
        """What they are to be told, which is then forgotten."""
        told, self._told = self._told, []
        return told

    # products, as orders carry them

    def product_fragment(self, product_id: str) -> msgspec.Raw | None:
        """A product's JSON as it is now; None once it is deleted."""
        if product_id not in self._fragments:
            record = self.table("products").get(product_id)
            self._fragments[product_id] = None if record is None else msgspec.Raw(msgspec.json.encode(record))
        return self._fragments[product_id]

    def product_changed(self) -> None:
        """Write the products anew when they are next needed."""
        self._fragments.clear()

    # orders and refunds

    def order(self, order: int) -> Record:
        """An order as it is now."""
        product = self.product_fragment(self.book.product_id_of(order))
        record = self.book.order(order, product, refunded=self.is_refunded(order))
        return {**record, **self._changed[order]} if order in self._changed else record

    def change_order(self, order: int, fields: Mapping[str, Any]) -> None:
        """Put fields over those of an order."""
        self._changed.setdefault(order, {}).update(fields)

    def remove_order(self, order: int) -> None:
        """Delete an order, and with it its payment; refunds of it stay."""
        self._changed.pop(order, None)
        self.book.remove(order)

    def is_refunded(self, order: int) -> bool:
        """Whether some or all of an order's money was returned."""
        return order in self._returned or self._was_refunded(order)

    def left_to_refund(self, order: int) -> int:
        """How many cents of an order were not returned yet."""
        return 0 if self._was_refunded(order) else self.book.amounts(order).gross - self._returned.get(order, 0)

    def _was_refunded(self, order: int) -> bool:
        return order < self.sales.count and self.sales.is_refunded(order)

    def refund_order(self, order: int, cents: int, record: Record) -> None:
        """Return some of an order's money, and keep the refund."""
        self._returned[order] = self._returned.get(order, 0) + cents
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
        return Payments(self.book, self._members, self._seed, self.offer_ids)

    def payment(self, rank: int) -> Record:
        """A payment as it is now."""
        order, charge = self.payments.find(rank)
        if order is not None:
            return self.payments.of_order(order, refunded=self.is_refunded(order))
        return self.charge(charge or 0)

    def charge(self, charge: int) -> Record:
        """A membership's payment as it is now."""
        return self.payments.of_charge(charge, refunded=charge in self._refunded_charges)

    def refund_charge(self, membership_id: str) -> bool:
        """Mark a membership's latest payment that is not yet refunded; False when there is none."""
        for charge in reversed(self.payments.charges_of(self.member_of(membership_id))):
            if charge not in self._refunded_charges:
                self._refunded_charges.add(charge)
                return True
        return False

    def member_of(self, membership_id: str) -> int:
        """The number that a membership's payments know it by."""
        member = self._ids("subscriptions").read(membership_id)
        return -1 if member is None else member
