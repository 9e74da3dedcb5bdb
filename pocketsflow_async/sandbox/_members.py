"""Memberships and what they were charged, and reviews: few enough to be held, and drawn from the sales."""

from typing import Any, Final, NamedTuple

from pocketsflow_async.sandbox._ids import Dice, IdSpace
from pocketsflow_async.sandbox._sales import Sales
from pocketsflow_async.sandbox._times import DAY, NOW, SALES_UNTIL, iso
from pocketsflow_async.sandbox._words import OFFERS, REVIEWS

Record = dict[str, Any]

_MOST_MEMBERS: Final = 200
_MOST_REVIEWS: Final = 400
PERIODS: Final = {"weekly": 7 * DAY, "monthly": 30 * DAY, "yearly": 365 * DAY}
_STATUSES: Final = (*("active",) * 14, *("canceled",) * 4, "paused", "past_due")
_RATINGS: Final = (5, 5, 5, 5, 4, 4, 4, 3, 2, 1)


class Member(NamedTuple):
    """One membership; the latest paid period begins at `start`."""

    created: int
    customer: int
    offer: int
    status: str
    start: int
    ends: bool

    @property
    def period(self) -> int:
        """How long one payment lasts."""
        return PERIODS[OFFERS[self.offer][2]]


class Charge(NamedTuple):
    """One payment of a membership."""

    at: int
    member: int
    cents: int


def members(sales: Sales, dice: Dice) -> list[Member]:
    """One for about every twenty orders, oldest first; every member has bought something before."""
    drawn: list[Member] = []
    for _ in range(min(_MOST_MEMBERS, -(-sales.count // 20))):
        customer = dice.below(sales.customers)
        first = sales.created(sales.orders_of(customer)[0])
        created = first + dice.below(SALES_UNTIL - first)
        status = dice.pick(_STATUSES)
        end = created + dice.below(NOW - created) if status == "canceled" else NOW
        member = Member(created, customer, dice.below(len(OFFERS)), status, created, dice.below(8) == 0)
        drawn.append(member._replace(start=created + (end - created) // member.period * member.period))
    return sorted(drawn)


def memberships(drawn: list[Member], sales: Sales, ids: IdSpace, user_id: str, offer_ids: list[str]) -> list[Record]:
    """The members as the API writes them."""
    return [
        {
            "_id": ids.write(member.created, index),
            "userId": user_id,
            "customerId": sales.customer_id(member.customer),
            "productId": offer_ids[member.offer],
            "stripeSubscriptionId": f"sub_sandbox{index + 1:05d}",
            "status": member.status,
            "currentPeriodStart": iso(member.start),
            "currentPeriodEnd": iso(member.start + member.period),
            "cancelAtPeriodEnd": member.ends and member.status == "active",
            "testMode": True,
            "createdAt": iso(member.created),
        }
        for index, member in enumerate(drawn)
    ]


def charges(drawn: list[Member]) -> list[Charge]:
    """Every payment of these members, oldest first; a trial is a payment of 0."""
    made: list[Charge] = []
    for index, member in enumerate(drawn):
        _, cents, _, trial, _ = OFFERS[member.offer]
        made += [
            Charge(start, index, 0 if trial and start == member.created else cents)
            for start in range(member.created, member.start + 1, member.period)
        ]
    return sorted(made)


def reviews(sales: Sales, ids: IdSpace, user_id: str, product_ids: list[str], dice: Dice) -> list[Record]:
    """One for every sixth order up to a few hundred, oldest first."""
    count = min(_MOST_REVIEWS, sales.count // 6)
    records: list[Record] = []
    for index in range(count):
        order = index * sales.count // count
        created = sales.created(order) + 3 * DAY
        record: Record = {
            "_id": ids.write(created, index),
            "productId": product_ids[sales.product_of(order)],
            "userId": user_id,
            "buyerEmail": sales.email_of(sales.customer_of(order)),
            "rating": dice.pick(_RATINGS),
            "review": dice.pick(REVIEWS),
            "testMode": True,
            "createdAt": iso(created),
        }
        if index % 9 == 4:
            del record["review"]
        elif index % 9 == 7:
            record["review"] = None
        records.append(record)
    return records
