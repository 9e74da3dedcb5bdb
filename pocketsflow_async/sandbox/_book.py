"""Orders and customers, those of the start and those made since, under one row of numbers.

The first numbers are computed (`_sales.py`); what completed checkouts add is held in memory and comes after them.
An order that is deleted keeps its number, which is then left out wherever orders are listed.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import attrs

from pocketsflow_async.sandbox._ids import IdSpace
from pocketsflow_async.sandbox._rows import Chain, Without
from pocketsflow_async.sandbox._sales import Amounts, Sales, money
from pocketsflow_async.sandbox._times import iso
from pocketsflow_async.sandbox._words import TAX_PER_MILLE

Record = dict[str, Any]

_at = attrgetter("at")
_HOME = "US"


@attrs.frozen
class Sale:
    """An order made since the start."""

    at: int
    order_id: str
    product_id: str
    customer: int
    amounts: Amounts
    extra: dict[str, Any]
    """What was given at checkout: metadata and clientReferenceId."""


@attrs.frozen
class Buyer:
    """A customer since the start."""

    at: int
    customer_id: str
    email: str


class Book:
    """Every order and customer of one sandbox.

    Args:
        sales: those of the start.
        seed: of everything.
        user_id: the seller.
    """

    def __init__(self, sales: Sales, seed: int, user_id: str) -> None:
        self.sales = sales
        self._user_id = user_id
        self._order_ids = IdSpace(seed, "later order")
        self._customer_ids = IdSpace(seed, "later customer")
        self._sold: list[Sale] = []
        self._sold_to: dict[int, list[Sale]] = {}
        self._gone: list[int] = []  # least first
        self._gone_of: dict[int, list[int]] = {}  # by customer
        self._buyers: list[Buyer] = []
        self._by_email: dict[str, int] = {}
        self._listed: dict[tuple[str | None, str], Sequence[int]] = {}

    # orders

    @property
    def orders(self) -> int:
        """How many there ever were."""
        return self.sales.count + len(self._sold)

    @property
    def newest(self) -> int | None:
        """When the last one was made; None without any."""
        return self.created(self.orders - 1) if self.orders else None

    def gone(self, start: int, stop: int) -> list[int]:
        """The deleted ones from `start` up to `stop`, oldest first."""
        return self._gone[bisect_left(self._gone, start) : bisect_left(self._gone, stop)]

    def is_gone(self, order: int) -> bool:
        """Whether an order is deleted."""
        return bool(self.gone(order, order + 1))

    def made_before(self, moment: int) -> int:
        """How many orders were made before this moment."""
        return self.sales.made_before(moment) + bisect_left(self._sold, moment, key=_at)

    def newest_first(self, product_id: str | None, start: int, stop: int) -> Sequence[int]:
        """The orders from `start` up to `stop`, of one product or of all, without the deleted ones."""
        row = self._ever(product_id, start, stop)
        gone = self.gone(start, stop)
        if product_id is not None:
            gone = [order for order in gone if self.product_id_of(order) == product_id]
        return Without(row, gone) if gone else row

    def _ever(self, product_id: str | None, start: int, stop: int) -> Sequence[int]:
        if product_id is None:
            return range(stop - 1, start - 1, -1)
        count = self.sales.count
        later = range(stop - 1, max(start, count) - 1, -1)
        head = [order for order in later if self._sold[order - count].product_id == product_id]
        tail = self.sales.of_product_id(product_id, min(start, count), min(stop, count))
        return Chain(head, tail) if head else tail

    def find_order(self, order_id: str) -> int | None:
        """The number of the order with this id."""
        order = self._find(order_id)
        return None if order is None or self.is_gone(order) else order

    def _find(self, order_id: str) -> int | None:
        later = self._order_ids.read(order_id)
        if later is None:
            return self.sales.find_order(order_id)
        found = later < len(self._sold) and self._sold[later].order_id == order_id
        return self.sales.count + later if found else None

    def product_id_of(self, order: int) -> str:
        """The id of the product that was bought."""
        count = self.sales.count
        return self.sales.product_id_of(order) if order < count else self._sold[order - count].product_id

    def created(self, order: int) -> int:
        """When an order was made; later orders have later times."""
        count = self.sales.count
        return self.sales.created(order) if order < count else self._sold[order - count].at

    def customer_of(self, order: int) -> int:
        """The number of the buyer."""
        count = self.sales.count
        return self.sales.customer_of(order) if order < count else self._sold[order - count].customer

    def order_id(self, order: int) -> str:
        """An order's id."""
        count = self.sales.count
        return self.sales.order_id(order) if order < count else self._sold[order - count].order_id

    def extra_of(self, order: int) -> dict[str, Any]:
        """What was given at the checkout of an order."""
        count = self.sales.count
        return {} if order < count else self._sold[order - count].extra

    def amounts(self, order: int) -> Amounts:
        """What was paid, and who got how much of it."""
        count = self.sales.count
        return self.sales.amounts(order) if order < count else self._sold[order - count].amounts

    def is_disputed(self, order: int) -> bool:
        """Whether the buyer disputes an order."""
        return order < self.sales.count and self.sales.is_disputed(order)

    def order(self, order: int, product: Any, *, refunded: bool) -> Record:
        """An order as the API writes it.

        Args:
            order: the number.
            product: the product bought, as it is now; None when it was deleted.
            refunded: whether money was returned.
        """
        if order < self.sales.count:
            return self.sales.order(order, product, refunded=refunded)
        sale = self._sold[order - self.sales.count]
        email = self.email_of(sale.customer)
        return {
            "_id": sale.order_id,
            "userId": self._user_id,
            "productId": sale.product_id,
            "buyerEmail": email,
            "grossAmount": money(sale.amounts.gross),
            "netAmount": money(sale.amounts.net),
            "taxAmount": money(sale.amounts.tax),
            "amountBeforeTax": money(sale.amounts.before_tax),
            "stripeFee": money(sale.amounts.stripe_fee),
            "currency": self.currency_of(sale.customer),
            "country": self.country_of(sale.customer),
            "isRefunded": refunded,
            "isDisputed": False,
            "isSubscription": False,
            "testMode": True,
            **sale.extra,
            "product": product,
            "customer": {"_id": self.customer_id(sale.customer), "buyerEmail": email},
            "createdAt": iso(sale.at),
        }

    def sell(self, at: int, product_id: str, customer: int, amounts: Amounts, extra: dict[str, Any]) -> int:
        """Keep a new order, and give its number."""
        order_id = self._order_ids.write(at, len(self._sold))
        sale = Sale(at, order_id, product_id, customer, amounts, extra)
        self._sold.append(sale)
        self._sold_to.setdefault(customer, []).append(sale)
        self._listed.clear()
        return self.orders - 1

    def remove(self, order: int) -> None:
        """Delete an order; its buyer has bought it no more."""
        insort(self._gone, order)
        self._gone_of.setdefault(self.customer_of(order), []).append(order)
        self._listed.clear()

    def price(self, cents: int, customer: int) -> Amounts:
        """What a customer pays for something of this price."""
        tax = (cents * TAX_PER_MILLE.get(self.country_of(customer), 0) + 500) // 1000
        fee = min(cents, ((cents + tax) * 29 + 500) // 1000 + 30)
        return Amounts(cents, tax, fee, 0, 0)

    # customers

    def email_of(self, customer: int) -> str:
        """A customer's address."""
        known = self.sales.customers
        return self.sales.email_of(customer) if customer < known else self._buyers[customer - known].email

    def customer_id(self, customer: int) -> str:
        """A customer's id."""
        known = self.sales.customers
        return self.sales.customer_id(customer) if customer < known else self._buyers[customer - known].customer_id

    def country_of(self, customer: int) -> str:
        """Where a customer lives."""
        return self.sales.country_of(customer) if customer < self.sales.customers else _HOME

    def currency_of(self, customer: int) -> str:
        """What a customer pays in."""
        return self.sales.currency_of(customer) if customer < self.sales.customers else "usd"

    def find_customer(self, customer_id: str) -> int | None:
        """The number of the customer with this id."""
        later = self._customer_ids.read(customer_id)
        if later is None:
            return self.sales.find_customer(customer_id)
        found = later < len(self._buyers) and self._buyers[later].customer_id == customer_id
        return self.sales.customers + later if found else None

    def find_email(self, email: str) -> int | None:
        """The number of the customer with this address."""
        later = self._by_email.get(email.lower())
        return self.sales.find_email(email) if later is None else later

    def meet(self, at: int, email: str) -> int:
        """Keep a new customer, and give the number."""
        customer = self.sales.customers + len(self._buyers)
        self._buyers.append(Buyer(at, self._customer_ids.write(at, len(self._buyers)), email))
        self._by_email[email.lower()] = customer
        self._listed.clear()
        return customer

    def customer(self, customer: int) -> Record:
        """A customer as the API writes them; totalSpent is the sum of their orders, refunded ones too."""
        bought = self._sold_to.get(customer, ())
        gone = self._gone_of.get(customer, ())
        count = len(bought) - len(gone)
        cents = sum(sale.amounts.gross for sale in bought) - sum(self.amounts(order).gross for order in gone)
        if customer < self.sales.customers:
            record = self.sales.customer(customer)
            record["numberOfOrders"] += count
            record["totalSpent"] = money(round(record["totalSpent"] * 100) + cents)
            return record
        buyer = self._buyers[customer - self.sales.customers]
        return {
            "_id": buyer.customer_id,
            "userId": self._user_id,
            "buyerEmail": buyer.email,
            "country": _HOME,
            "numberOfOrders": count,
            "totalSpent": money(cents),
            "testMode": True,
            "createdAt": iso(buyer.at),
        }

    def customers(self, product_id: str | None, field: str) -> Sequence[int]:
        """The customers, or those who bought a product, in ascending order of a field."""
        everyone = range(self.sales.customers + len(self._buyers))
        if product_id is None and field == "createdAt":
            return everyone
        known = self._listed.get((product_id, field))
        if known is None:
            known = self._listed[product_id, field] = self._list(everyone, product_id, field)
        return known

    def _list(self, everyone: Sequence[int], product_id: str | None, field: str) -> list[int]:
        if product_id is not None:
            bought = {self.customer_of(order) for order in self.newest_first(product_id, 0, self.orders)}
            return [customer for customer in self.customers(None, field) if customer in bought]
        if field == "email":
            return sorted(everyone, key=self.email_of)
        if field == "country":
            return sorted(everyone, key=lambda customer: self._shown_country_of(customer) or "")
        return sorted(everyone, key=self._orders_of)

    def _shown_country_of(self, customer: int) -> str | None:
        return self.sales.shown_country_of(customer) if customer < self.sales.customers else _HOME

    def _orders_of(self, customer: int) -> int:
        before = len(self.sales.orders_of(customer)) if customer < self.sales.customers else 0
        return before + len(self._sold_to.get(customer, ())) - len(self._gone_of.get(customer, ()))
