"""The rest: memberships, webhooks, the account and e-mail."""

from collections.abc import Mapping
from typing import Any, Final

from pocketsflow_async.sandbox._answers_shared import Handler, get_record, make, update_record
from pocketsflow_async.sandbox._calls import Call, Refused, invalid, listing, missing
from pocketsflow_async.sandbox._deliveries import is_web_address
from pocketsflow_async.sandbox._events import SAMPLE, tell_of_cancellation
from pocketsflow_async.sandbox._store import Record
from pocketsflow_async.sandbox._times import bounds, iso


def _list_subscribers(call: Call) -> Any:
    book = call.store.book
    paying = [
        {
            "_id": record["_id"],
            "customerId": record["customerId"],
            "buyerEmail": book.email_of(book.find_customer(record["customerId"]) or 0),
            "subscriptionId": record["productId"],
            "stripeSubscriptionId": record["stripeSubscriptionId"],
            "status": record["status"],
            "createdAt": record["createdAt"],
        }
        for record in call.store.table("subscriptions").newest_first()
        if record["status"] in {"active", "past_due"}
    ]
    return listing(call, paying, lambda record: record)


def _list_subscriptions(call: Call) -> Any:
    status = call.parameter("status")
    start, end = call.span()
    found = [
        record
        for record in call.store.table("subscriptions").newest_first()
        if (status is None or record["status"] == status)
        and (start is None or bounds(record["createdAt"])[0] >= start)
        and (end is None or bounds(record["createdAt"])[0] < end)
    ]
    return listing(call, found, lambda record: record)


def _membership(call: Call) -> Record:
    for record in call.store.table("subscriptions").newest_first():
        if record["stripeSubscriptionId"] == call.path["stripeSubscriptionId"]:
            return record
    raise missing("Subscription")


def _cancel_subscription(call: Call) -> Any:
    record = _membership(call)
    if record["status"] == "canceled":
        raise Refused(400, "ALREADY_CANCELED", "the subscription is canceled already")
    record |= {"status": "canceled", "cancelAtPeriodEnd": False}
    tell_of_cancellation(call.store, record)
    return {"message": "Subscription canceled"}


def _refund_subscription(call: Call) -> Any:
    if not call.store.refund_charge(_membership(call)["_id"]):
        raise Refused(400, "NOTHING_TO_REFUND", "no payment of this subscription is left to refund")
    return {"message": "Subscription refunded"}


def _create_webhook(call: Call) -> Any:
    _check_address(call)
    record = make(call, {"active": True})
    secret = call.store.new_secret(record["_id"])
    return {**record, "secret": secret}


def _test_webhook(call: Call) -> Any:
    call.store.tell("order.completed", SAMPLE, get_record(call)["_id"])
    return {"message": "Test event sent"}


def _update_webhook(call: Call) -> Any:
    _check_address(call)
    return update_record(call)


def _check_address(call: Call) -> None:
    if "url" in call.body and not is_web_address(call.body["url"]):
        raise invalid("url", "must be an address that begins with https:// or http://")


def _me(call: Call) -> Any:
    return call.store.user


def _update_user(call: Call) -> Any:
    user = call.store.user
    user |= call.known_fields()
    user["name"] = " ".join(part for part in (user["firstName"], user["lastName"]) if part)
    return user


def _send_newsletter(call: Call) -> Any:
    to: str | list[str] = call.body["to"]
    accepted = [to] if isinstance(to, str) else to
    if not all("@" in address for address in accepted):
        raise invalid("to", "must be an e-mail address, or 1 to 100 of them")
    call.text("subject")
    call.text("text" if "text" in call.body else "html")
    store = call.store
    moment = store.tick()
    post: Record = {"_id": store.table("posts").new_id(moment), "userId": store.user_id, "testMode": True}
    post |= {
        "title": call.body["subject"],
        **{field: call.body[field] for field in ("html", "text") if field in call.body},
    }
    post |= {"status": "sent", "createdAt": iso(moment), "updatedAt": iso(moment)}
    store.table("posts").add(post)
    return {"id": post["_id"], "accepted": accepted, "status": "sent"}


ACCOUNT: Final[Mapping[tuple[str, str], Handler]] = {
    ("subscription_offers", "subscribers"): _list_subscribers,
    ("subscriptions", "list"): _list_subscriptions,
    ("subscriptions", "cancel"): _cancel_subscription,
    ("subscriptions", "refund"): _refund_subscription,
    ("webhooks", "create"): _create_webhook,
    ("webhooks", "update"): _update_webhook,
    ("webhooks", "test"): _test_webhook,
    ("users", "me"): _me,
    ("users", "update"): _update_user,
    ("newsletters", "send"): _send_newsletter,
}
"""The special operations on memberships, webhooks, the account and e-mail."""
