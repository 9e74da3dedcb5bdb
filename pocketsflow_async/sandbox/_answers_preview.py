"""The endpoints with inferred paths: pictures, posts, readers, links, figures and public reviews."""

from collections.abc import Mapping
from typing import Any, Final

from pocketsflow_async.sandbox._answers_shared import Handler, find, make, update_record
from pocketsflow_async.sandbox._calls import Call, Refused, invalid
from pocketsflow_async.sandbox._deliveries import is_web_address
from pocketsflow_async.sandbox._extras import image_url
from pocketsflow_async.sandbox._sales import money
from pocketsflow_async.sandbox._store import Record
from pocketsflow_async.sandbox._times import iso

_VISITS_PER_SALE: Final = 31


def _upload_image(call: Call) -> Any:
    store = call.store
    file = call.body["file"]
    table = store.table("images")
    moment = store.tick()
    record: Record = {"_id": table.new_id(moment), "userId": store.user_id, "testMode": True}
    record |= {
        "name": call.body.get("name") or file["filename"],
        "url": image_url(record["_id"]),
        "size": file["size"],
        "createdAt": iso(moment),
    }
    table.add(record)
    return record


def _create_post(call: Call) -> Any:
    call.text("title")
    return make(call, {"status": "draft"}, changeable=True)


def _update_post(call: Call) -> Any:
    if "title" in call.body:
        call.text("title")
    return update_record(call)


def _create_subscriber(call: Call) -> Any:
    email: str = call.body["email"]
    if "@" not in email:
        raise invalid("email", "must be an e-mail address")
    readers = call.store.table("subscribers").newest_first()
    if any(reader["email"].lower() == email.lower() for reader in readers):
        raise Refused(400, "ALREADY_SUBSCRIBED", "this address reads the newsletter already")
    return make(call, {})


def _create_link(call: Call) -> Any:
    call.text("title")
    _check_address(call)
    return make(call, {"active": True})


def _update_link(call: Call) -> Any:
    if "title" in call.body:
        call.text("title")
    _check_address(call)
    return update_record(call)


def _check_address(call: Call) -> None:
    if "url" in call.body and not is_web_address(call.body["url"]):
        raise invalid("url", "must be an address that begins with https:// or http://")


def _get_analytics(call: Call) -> Any:
    """The orders of the span: refunded ones count too, and every currency as if it were the account's."""
    book = call.store.book
    start, end = call.span()
    first = 0 if start is None else book.made_before(start)
    last = book.orders if end is None else book.made_before(end)
    orders = book.newest_first(None, first, last)
    return {
        "visits": len(orders) * _VISITS_PER_SALE,
        "sales": len(orders),
        "revenue": money(sum(book.amounts(order).gross for order in orders)),
        "currency": call.store.user["currency"],
    }


def _list_product_reviews(call: Call) -> Any:
    product = find(call, "products", call.path["productId"])
    shown = ("_id", "productId", "rating", "review", "createdAt")
    return [
        {field: record[field] for field in shown if field in record}
        for record in call.store.table("reviews").newest_first()
        if record["productId"] == product["_id"]
    ]


PREVIEW: Final[Mapping[tuple[str, str], Handler]] = {
    ("images", "upload"): _upload_image,
    ("posts", "create"): _create_post,
    ("posts", "update"): _update_post,
    ("subscribers", "create"): _create_subscriber,
    ("links", "create"): _create_link,
    ("links", "update"): _update_link,
    ("analytics", "get"): _get_analytics,
    ("product_reviews", "list"): _list_product_reviews,
}
"""The special operations of the endpoints with inferred paths."""
