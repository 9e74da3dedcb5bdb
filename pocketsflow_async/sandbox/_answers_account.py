"""The rest: memberships, webhooks, the account and e-mail."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec

from pocketsflow_async.sandbox._answers_shared import Handler, get_record, make
from pocketsflow_async.sandbox._calls import Call, Refused, invalid, listing, missing
from pocketsflow_async.sandbox._members import Member
from pocketsflow_async.sandbox._store import Record

_Recipients = str | Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)]


def _memberships(call: Call) -> Iterator[tuple[Member, Record]]:
    """Every membership as it was drawn and as it is now, newest first."""
    store = call.store
    return zip(reversed(store.members), store.table("subscriptions").newest_first(), strict=True)


def _list_subscribers(call: Call) -> Any:
    paying = [
        {
            "_id": record["_id"],
            "customerId": record["customerId"],
            "buyerEmail": call.store.sales.email_of(member.customer),
            "subscriptionId": record["productId"],
            "stripeSubscriptionId": record["stripeSubscriptionId"],
            "status": record["status"],
            "createdAt": record["createdAt"],
        }
        for member, record in _memberships(call)
        if record["status"] in {"active", "past_due"}
    ]
    return listing(call, paying, lambda record: record)


def _list_subscriptions(call: Call) -> Any:
    status = call.word("status")
    start, end = call.span()
    found = [
        record
        for member, record in _memberships(call)
        if (status is None or record["status"] == status)
        and (start is None or member.created >= start)
        and (end is None or member.created < end)
    ]
    return listing(call, found, lambda record: record)


def _membership(call: Call) -> tuple[Member, Record]:
    for member, record in _memberships(call):
        if record["stripeSubscriptionId"] == call.path["stripeSubscriptionId"]:
            return member, record
    raise missing("Subscription")


def _cancel_subscription(call: Call) -> Any:
    _, record = _membership(call)
    record |= {"status": "canceled", "cancelAtPeriodEnd": False}
    return {"message": "Subscription canceled"}


def _refund_subscription(call: Call) -> Any:
    member, _ = _membership(call)
    if not call.store.refund_charge(call.store.members.index(member)):
        raise Refused(400, "NOTHING_TO_REFUND", "no payment of this subscription is left to refund")
    return {"message": "Subscription refunded"}


def _create_webhook(call: Call) -> Any:
    record = make(call, {"active": True})
    secret = call.store.new_secret(record["_id"])
    return {**record, "secret": secret}


def _test_webhook(call: Call) -> Any:
    get_record(call)
    return {"message": "Test event sent"}


def _me(call: Call) -> Any:
    return call.store.user


def _update_user(call: Call) -> Any:
    user = call.store.user
    user |= call.known_fields()
    user["name"] = " ".join(part for part in (user["firstName"], user["lastName"]) if part)
    return user


def _send_newsletter(call: Call) -> Any:
    try:
        to = msgspec.convert(call.body.get("to"), _Recipients)
    except msgspec.ValidationError:
        to = ""
    accepted = [to] if isinstance(to, str) else to
    if not all("@" in address for address in accepted):
        raise invalid("to", "an e-mail address, or 1 to 100 of them")
    call.text("subject")
    call.text("html" if call.body.get("text") is None else "text")
    store = call.store
    return {"id": store.table("posts").new_id(store.tick()), "accepted": accepted, "status": "sent"}


ACCOUNT: Final[Mapping[tuple[str, str], Handler]] = {
    ("subscription_offers", "subscribers"): _list_subscribers,
    ("subscriptions", "list"): _list_subscriptions,
    ("subscriptions", "cancel"): _cancel_subscription,
    ("subscriptions", "refund"): _refund_subscription,
    ("webhooks", "create"): _create_webhook,
    ("webhooks", "test"): _test_webhook,
    ("users", "me"): _me,
    ("users", "update"): _update_user,
    ("newsletters", "send"): _send_newsletter,
}
"""The special operations on memberships, webhooks, the account and e-mail."""
