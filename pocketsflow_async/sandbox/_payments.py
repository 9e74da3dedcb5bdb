"""Payments: orders and membership charges in one line, in order of time, without writing the line down."""

from bisect import bisect_left
from operator import attrgetter
from typing import Any

from pocketsflow_async.sandbox._book import Book
from pocketsflow_async.sandbox._ids import MOST_RECORDS, IdSpace
from pocketsflow_async.sandbox._members import Charge, Member, charges
from pocketsflow_async.sandbox._sales import money
from pocketsflow_async.sandbox._times import iso

_at = attrgetter("at")


class Payments:
    """Every payment has a rank: 0 is the oldest.

    Args:
        book: the orders.
        members: the memberships of the start, which were charged once a period.
        seed: of the ids.
        offer_ids: of the offers at the start.
    """

    def __init__(self, book: Book, members: list[Member], seed: int, offer_ids: list[str]) -> None:
        self._book = book
        self._offer_of = [offer_ids[member.offer] for member in members]
        self._order_ids = IdSpace(seed, "payment")
        self._charge_ids = IdSpace(seed, "charge")
        self.charges = charges(members)
        self._ranks = [book.made_before(charge.at) + index for index, charge in enumerate(self.charges)]

    def __len__(self) -> int:
        return self._book.orders + len(self.charges)

    def charges_before(self, moment: int) -> int:
        """How many membership charges were made before this moment."""
        return bisect_left(self.charges, moment, key=_at)

    def made_before(self, moment: int) -> int:
        """How many payments were made before this moment."""
        return self._book.made_before(moment) + self.charges_before(moment)

    def find(self, rank: int) -> tuple[int | None, int | None]:
        """The order, or else the charge, at a rank."""
        charge = bisect_left(self._ranks, rank)
        if charge < len(self._ranks) and self._ranks[charge] == rank:
            return None, charge
        return rank - charge, None

    def charges_of(self, member: int) -> list[int]:
        """The charges of a member that moved money, oldest first."""
        return [index for index, charge in enumerate(self.charges) if charge.member == member and charge.cents]

    def charge(self, at: int, offer_id: str, cents: int) -> None:
        """Keep the first payment of a new membership, which gets the next number."""
        self._offer_of.append(offer_id)
        self._ranks.append(len(self))
        self.charges.append(Charge(at, len(self._offer_of) - 1, cents))

    def of_order(self, order: int, *, refunded: bool) -> dict[str, Any]:
        """An order's payment as the API writes it."""
        book = self._book
        created = book.created(order)
        amounts = book.amounts(order)
        return {
            "_id": self._order_ids.write(created, order % MOST_RECORDS),
            "isSubscription": False,
            "productId": book.product_id_of(order),
            "currency": book.currency_of(book.customer_of(order)),
            "amountBeforeTax": money(amounts.before_tax),
            "amount": money(amounts.gross),
            "isRefunded": refunded,
            "isDisputed": book.is_disputed(order),
            "createdAt": iso(created),
        }

    def of_charge(self, index: int, *, refunded: bool) -> dict[str, Any]:
        """A membership's payment as the API writes it."""
        charge: Charge = self.charges[index]
        return {
            "_id": self._charge_ids.write(charge.at, index),
            "isSubscription": True,
            "subscriptionId": self._offer_of[charge.member],
            "currency": "usd",
            "amountBeforeTax": money(charge.cents),
            "amount": money(charge.cents),
            "isRefunded": refunded,
            "isDisputed": False,
            "createdAt": iso(charge.at),
        }
