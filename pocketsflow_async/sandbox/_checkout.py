"""What a buyer does on the checkout page: pays, and so makes an order or a membership."""

from typing import Final

import attrs

from pocketsflow_async.sandbox._calls import Refused, invalid, missing
from pocketsflow_async.sandbox._members import PERIODS
from pocketsflow_async.sandbox._store import Record, Session, Store
from pocketsflow_async.sandbox._times import DAY, bounds, iso

_LONGEST_TRIAL: Final = 3650  # days
_NOBODY: Final = "buyer@example.com"


@attrs.frozen
class Outcome:
    """What came of a checkout.

    Attributes:
        record: the order or the membership, as the API writes it.
        order: the number of the order; None for a membership.
        email: of the buyer.
        is_new: whether the buyer had never bought anything before.
    """

    record: Record
    order: int | None
    email: str
    is_new: bool


def complete(store: Store, session_id: str, email: str | None) -> Outcome:
    """Pay on a checkout page.

    Args:
        store: the records.
        session_id: which page.
        email: of the buyer; else the one that was filled in, else one that is made up.

    Raises:
        Refused: this page cannot be paid on.
    """
    session = store.sessions.get(session_id)
    if session is None:
        raise missing("Checkout session")
    if session.completed:
        raise Refused(400, "ALREADY_COMPLETED", "the checkout session is completed already")
    email = session.email or _NOBODY if email is None else email
    if "@" not in email:
        raise invalid("email", "must be an e-mail address")
    product = store.table("products").get(session.product_id)
    offer = store.table("subscription_offers").get(session.product_id)
    sold = product or offer
    if sold is None:
        raise missing("Product")
    moment = store.tick()
    known = store.book.find_email(email)
    customer = store.book.meet(moment, email) if known is None else known
    cents = _discounted(store, session, round(sold["price"] * 100))
    session.completed = True
    store.user["hasSales"] = True
    if product is None:
        record = _subscribe(store, session, sold, customer, cents)
        return Outcome(record, None, email, known is None)
    order = store.book.sell(moment, session.product_id, customer, store.book.price(cents, customer), session.extra)
    return Outcome(store.order(order), order, email, known is None)


def find_discount(store: Store, code: str, product_id: str | None) -> Record | str:
    """The discount that a code stands for, or why it cannot be used."""
    known = store.table("discounts").newest_first()
    discount = next((record for record in known if record["code"].lower() == code.lower()), None)
    if discount is None:
        return "There is no such code"
    if not discount["active"]:
        return "The code is switched off"
    expiration = discount.get("expiration")
    if expiration is not None and bounds(expiration)[1] < store.now:
        return "The code has ended"
    if product_id is not None and product_id not in discount["mainProductIds"]:
        return "The code does not apply to this product"
    return discount


def _discounted(store: Store, session: Session, cents: int) -> int:
    """The price with the session's code, which counts as used; without it when it cannot be used."""
    if session.discount_code is None:
        return cents
    discount = find_discount(store, session.discount_code, session.product_id)
    if isinstance(discount, str):
        return cents
    discount["used"] += 1
    if discount["valueType"] == "fixed":
        less: int = cents - round(discount["value"] * 100)
    else:
        less = round(cents * (100 - discount["value"]) / 100)
    return min(cents, max(0, less))


def _subscribe(store: Store, session: Session, offer: Record, customer: int, cents: int) -> Record:
    """A new membership and its first payment, which is 0 when there is a trial."""
    table = store.table("subscriptions")
    trial = min(max(0, int(offer.get("trialPeriod", 0))), _LONGEST_TRIAL) * DAY
    membership_id = table.new_id(store.now)
    record: Record = {
        "_id": membership_id,
        "userId": store.user_id,
        "customerId": store.book.customer_id(customer),
        "productId": offer["_id"],
        "stripeSubscriptionId": f"sub_sandbox{len(table) + 1:05d}",
        "status": "active",
        "currentPeriodStart": iso(store.now),
        "currentPeriodEnd": iso(store.now + (trial or PERIODS[offer["frequency"]])),
        "cancelAtPeriodEnd": False,
        "testMode": True,
        "createdAt": iso(store.now),
    }
    table.add(record)
    store.payments.charge(store.now, offer["_id"], 0 if trial else cents)
    store.extras[membership_id] = session.extra
    return dict(record)
