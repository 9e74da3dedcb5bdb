"""Payments: orders and membership charges in one line, in order of time, without writing the line down."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from pocketsflow_async.sandbox._book import Book
from pocketsflow_async.sandbox._ids import MOST_RECORDS, IdSpace
from pocketsflow_async.sandbox._members import Charge, Member, charges
from pocketsflow_async.sandbox._rows import Without
from pocketsflow_async.sandbox._sales import money
from pocketsflow_async.sandbox._times import iso

_at = attrgetter("at")


class Payments:
    """Every payment has a rank: 0 is the oldest. A deleted order's payment keeps its rank, but is not listed.

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
        self._gone: list[int] = []  # ranks of deleted orders' payments, least first
        self._ranks = [book.made_before(charge.at) + index for index, charge in enumerate(self.charges)]

    def __len__(self) -> int:
        return self._book.orders + len(self.charges)

    @property
    def newest_charge(self) -> int | None:
        """When the last membership charge was made; None without any."""
        return self.charges[-1].at if self.charges else None

    def newest_first(self, start: int, stop: int) -> Sequence[int]:
        """The ranks from `start` up to `stop`, without those of deleted orders."""
        row = range(stop - 1, start - 1, -1)
        all_gone = self._book.gone(0, self._book.orders)
        if len(self._gone) != len(all_gone):
            self._gone = [self._rank(order) for order in all_gone]
        gone = self._gone[bisect_left(self._gone, start) : bisect_left(self._gone, stop)]
        return Without(row, gone) if gone else row

    def _rank(self, order: int) -> int:
        """Where an order stands: behind all charges that were made before it."""
        numbers = range(len(self._ranks))
        return order + bisect_right(numbers, order, key=lambda charge: self._ranks[charge] - charge)

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
