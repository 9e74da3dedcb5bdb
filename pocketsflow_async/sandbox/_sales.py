"""Orders and their buyers, computed from a number: sixteen million of them cost no more memory than ten.

Order 0 is the oldest, customer 0 the first who bought. Who bought what follows two short tables that repeat,
so the orders of one product or one customer can be counted and found without looking at the others.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, overload

from pocketsflow_async.sandbox._ids import Dice, IdSpace, key_of, noise
from pocketsflow_async.sandbox._times import DAY, SALES_FROM, SALES_UNTIL, iso
from pocketsflow_async.sandbox._words import (
    COUNTRIES,
    CURRENCIES,
    FIRST_NAMES,
    LAST_NAMES,
    PRODUCTS,
    TAX_PER_MILLE,
    TYPICAL_ORDERS,
)

_SPAN: Final = SALES_UNTIL - SALES_FROM
_BLOCK: Final = 6000  # a customer's orders all lie within one block of this many
_REGULARS: Final = 150  # who comes again is one of this many newest customers
_REFUND_EVERY: Final = 47
_DISPUTE_EVERY: Final = 211


def money(cents: int) -> float:
    """Cents as the API writes amounts: 29.99, 49.5 or 30."""
    return cents / 100 if cents % 100 else cents // 100


class Amounts(NamedTuple):
    """One order's money in cents; gross is the sum of tax, the fees and net."""

    before_tax: int
    tax: int
    stripe_fee: int
    paypal_fee: int
    affiliate: int

    @property
    def gross(self) -> int:
        """What the buyer paid."""
        return self.before_tax + self.tax

    @property
    def net(self) -> int:
        """What the seller keeps."""
        return self.before_tax - self.stripe_fee - self.paypal_fee - self.affiliate


class Repeats(Sequence[int]):
    """The numbers below `stop` that leave one of some remainders, newest (greatest) first."""

    def __init__(self, remainders: Sequence[int], modulus: int, start: int, stop: int) -> None:
        self._remainders = remainders
        self._modulus = modulus
        self._first = self._below(start)
        self._end = max(self._first, self._below(stop))

    def _below(self, bound: int) -> int:
        rounds, rest = divmod(bound, self._modulus)
        return rounds * len(self._remainders) + bisect_left(self._remainders, rest)

    def __len__(self) -> int:
        return self._end - self._first

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self[at] for at in range(len(self))[index]]
        rank = range(self._end - 1, self._first - 1, -1)[index]
        rounds, at = divmod(rank, len(self._remainders))
        return rounds * self._modulus + self._remainders[at]


class Sales:
    """Every order and customer of one seed.

    Args:
        count: how many orders.
        seed: of everything.
        user_id: the seller.
        product_ids: of the products at the start.
    """

    def __init__(self, count: int, seed: int, user_id: str, product_ids: Sequence[str]) -> None:
        self.count = count
        self._user_id = user_id
        self._product_ids = product_ids
        self._order_key = key_of(seed, "orders")
        self._customer_key = key_of(seed, "customers")
        self._order_ids = IdSpace(seed, "order")
        self._customer_ids = IdSpace(seed, "customer")
        self._gap = max(1, _SPAN // max(1, count))
        dice = Dice(seed, "tables")
        self._refunded = dice.below(_REFUND_EVERY)
        self._disputed = dice.below(_DISPUTE_EVERY)
        lots = [product for product, share in enumerate(TYPICAL_ORDERS) for _ in range(share * 11)]
        self._products = dice.shuffled(lots)
        self._owners: list[int] = []
        self._positions: list[list[int]] = []  # by owner: places in the block
        for place in range(min(count, _BLOCK)):
            if place == 0 or dice.below(3) == 0:
                owner = len(self._positions)
                self._positions.append([])
            else:
                known = len(self._positions)
                owner = known - 1 - dice.below(min(known, _REGULARS))
            self._owners.append(owner)
            self._positions[owner].append(place)
        self._firsts = [places[0] for places in self._positions]
        blocks, rest = divmod(count, _BLOCK)
        self.customers = blocks * len(self._positions) + bisect_left(self._firsts, rest)

    def created(self, order: int) -> int:
        """When an order was made; later orders have later times."""
        return SALES_FROM + order * _SPAN // self.count + (noise(self._order_key, order) >> 20) % self._gap

    def made_before(self, moment: int) -> int:
        """How many orders were made before this moment."""
        guess = min(self.count, max(0, (moment - SALES_FROM) * self.count // _SPAN))
        while guess < self.count and self.created(guess) < moment:
            guess += 1
        return guess

    def order_id(self, order: int) -> str:
        """An order's id."""
        return self._order_ids.write(self.created(order), order)

    def product_of(self, order: int) -> int:
        """The index of the product that was bought."""
        return self._products[order % len(self._products)]

    def product_id_of(self, order: int) -> str:
        """The id of the product that was bought."""
        return self._product_ids[self.product_of(order)]

    def customer_of(self, order: int) -> int:
        """The index of the buyer."""
        block, place = divmod(order, _BLOCK)
        return block * len(self._positions) + self._owners[place]

    def orders_of(self, customer: int) -> list[int]:
        """The orders of a customer, oldest first."""
        block, owner = divmod(customer, len(self._positions))
        orders = [block * _BLOCK + place for place in self._positions[owner]]
        return orders if orders[-1] < self.count else [order for order in orders if order < self.count]

    def of_product(self, product: int, start: int, stop: int) -> Sequence[int]:
        """The orders of a product from `start` up to `stop`, newest first."""
        places = [place for place, bought in enumerate(self._products) if bought == product]
        return Repeats(places, len(self._products), start, stop)

    def of_product_id(self, product_id: str, start: int, stop: int) -> Sequence[int]:
        """The same for the id of a product; none for that of a product made since."""
        known = product_id in self._product_ids
        return self.of_product(self._product_ids.index(product_id), start, stop) if known else ()

    def refunded(self) -> Sequence[int]:
        """The orders that were refunded before the sandbox started, newest first."""
        return Repeats([self._refunded], _REFUND_EVERY, 0, self.count)

    def is_refunded(self, order: int) -> bool:
        """Whether an order was refunded before the sandbox started."""
        return order % _REFUND_EVERY == self._refunded

    def refunded_at(self, order: int) -> int:
        """When such an order was refunded; later orders were refunded later."""
        slack = min(5 * DAY, self._gap * (_REFUND_EVERY - 1))
        return self.created(order) + 2 * DAY + noise(self._order_key, order) % slack

    def is_disputed(self, order: int) -> bool:
        """Whether the buyer disputes an order."""
        return order % _DISPUTE_EVERY == self._disputed

    def country_of(self, customer: int) -> str:
        """Where a customer lives."""
        return COUNTRIES[noise(self._customer_key, customer) & 63]

    def shown_country_of(self, customer: int) -> str | None:
        """The country in a customer's record; a few never gave one."""
        return self.country_of(customer) if noise(self._customer_key, customer) >> 32 & 31 else None

    def currency_of(self, customer: int) -> str:
        """What a customer pays in."""
        return CURRENCIES.get(self.country_of(customer), "usd")

    def email_of(self, customer: int) -> str:
        """A customer's address, which holds the index."""
        chance = noise(self._customer_key, customer) >> 6
        first = FIRST_NAMES[chance % len(FIRST_NAMES)]
        last = LAST_NAMES[(chance >> 16) % len(LAST_NAMES)]
        return f"{first}.{last}.{customer}@example.com"

    def customer_id(self, customer: int) -> str:
        """A customer's id, made with the first order."""
        block, owner = divmod(customer, len(self._positions))
        return self._customer_ids.write(self.created(block * _BLOCK + self._firsts[owner]), customer)

    def amounts(self, order: int) -> Amounts:
        """What was paid, and who got how much of it."""
        chance = noise(self._order_key, order)
        before = PRODUCTS[self.product_of(order)][1] or 100 + 100 * (chance >> 32 & 7)  # free: pay what you want
        discount = chance >> 4 & 15
        if discount < 2:
            before = before * (9 - discount) // 10
        per_mille = TAX_PER_MILLE.get(self.country_of(self.customer_of(order)), 0)
        tax = (before * per_mille + 500) // 1000
        gross = before + tax
        affiliate = before // 5 if chance >> 8 & 15 == 0 else 0
        if chance & 3:
            return Amounts(before, tax, (gross * 29 + 500) // 1000 + 30, 0, affiliate)
        return Amounts(before, tax, 0, (gross * 349 + 5000) // 10_000 + 49, affiliate)

    def order(self, order: int, product: Any, *, refunded: bool) -> dict[str, Any]:
        """An order as the API writes it.

        Args:
            order: the index.
            product: the product bought, as it is now; None when it was deleted.
            refunded: whether it is refunded now.
        """
        customer = self.customer_of(order)
        created = self.created(order)
        money_parts = self.amounts(order)
        email = self.email_of(customer)
        record: dict[str, Any] = {
            "_id": self._order_ids.write(created, order),
            "userId": self._user_id,
            "productId": self.product_id_of(order),
            "buyerEmail": email,
            "grossAmount": money(money_parts.gross),
            "netAmount": money(money_parts.net),
            "taxAmount": money(money_parts.tax),
            "amountBeforeTax": money(money_parts.before_tax),
            "currency": self.currency_of(customer),
            "country": self.country_of(customer),
            "isRefunded": refunded,
            "isDisputed": self.is_disputed(order),
            "isSubscription": False,
            "testMode": True,
        }
        if money_parts.stripe_fee:
            record["stripeFee"] = money(money_parts.stripe_fee)
        else:
            record["paypalFee"] = money(money_parts.paypal_fee)
        if money_parts.affiliate:
            record["affiliateCut"] = money(money_parts.affiliate)
        oddity = noise(self._order_key, order) >> 12 & 31
        if oddity == 0:
            record["country"] = None
        elif oddity == 1:
            del record["country"]
        elif oddity == 2:
            record["metadata"] = {"campaign": "frühling", "visits": order % 9}
        elif oddity == 3:
            record.setdefault("paypalFee", None)
        record["product"] = product
        record["customer"] = {"_id": self.customer_id(customer), "buyerEmail": email}
        record["createdAt"] = iso(created)
        return record

    def customer(self, customer: int) -> dict[str, Any]:
        """A customer as the API writes them; totalSpent is the sum of their orders, refunded ones too."""
        orders = self.orders_of(customer)
        return {
            "_id": self.customer_id(customer),
            "userId": self._user_id,
            "buyerEmail": self.email_of(customer),
            "country": self.shown_country_of(customer),
            "numberOfOrders": len(orders),
            "totalSpent": money(sum(self.amounts(order).gross for order in orders)),
            "testMode": True,
            "createdAt": iso(self.created(orders[0])),
        }

    def find_order(self, order_id: str) -> int | None:
        """The index of the order with this id."""
        index = self._order_ids.read(order_id)
        if index is None or index >= self.count:
            return None
        return index if self.order_id(index) == order_id else None

    def find_customer(self, customer_id: str) -> int | None:
        """The index of the customer with this id."""
        index = self._customer_ids.read(customer_id)
        if index is None or index >= self.customers:
            return None
        return index if self.customer_id(index) == customer_id else None

    def find_email(self, email: str) -> int | None:
        """The index of the customer with this address."""
        number = email.partition("@")[0].rpartition(".")[2]
        if not (number.isascii() and number.isdigit()) or int(number[:9]) >= self.customers:
            return None
        return int(number) if self.email_of(int(number)) == email.lower() else None
