"""What is on sale: products, variants, offers, discounts, upsells, the storefront and its checkout."""

from collections.abc import Mapping
from typing import Any, Final

from pocketsflow_async.sandbox._answers_shared import (
    Handler,
    delete_record,
    find,
    get_record,
    list_records,
    make,
    update_record,
)
from pocketsflow_async.sandbox._calls import Call, missing
from pocketsflow_async.sandbox._catalogue import product_defaults, slug_of
from pocketsflow_async.sandbox._checkout import find_discount
from pocketsflow_async.sandbox._events import tell_of_product
from pocketsflow_async.sandbox._store import Record, Session


def _create_product(call: Call) -> Any:
    name = call.text("name")
    call.cents("price")
    record = make(call, product_defaults(name), changeable=True)
    tell_of_product(call.store, "created", record)
    return record


def _update_product(call: Call) -> Any:
    get_record(call)
    if "name" in call.body:
        call.text("name")
    if "price" in call.body:
        call.cents("price")
    call.store.product_changed()
    record = update_record(call)
    tell_of_product(call.store, "updated", record)
    return record


def _delete_product(call: Call) -> Any:
    record = get_record(call)
    call.store.product_changed()
    tell_of_product(call.store, "deleted", record)
    return delete_record(call)


def _create_variant(call: Call) -> Any:
    find(call, "products", call.body["productId"])
    call.text("name")
    call.cents("price")
    return make(call, {"active": True}, changeable=True)


def _creator_page(call: Call) -> Any:
    if call.path["username"] != call.store.user["subdomain"]:
        raise missing("Store")
    shown = ("name", "subtitle", "slug", "thumbnail", "price", "minPrice", "payWant", "published")
    products = call.store.table("products").newest_first()
    return {"products": [{field: record[field] for field in shown if field in record} for record in products]}


def _create_discount(call: Call) -> Any:
    return make(call, {"valueType": "percentage", "active": True, "mainProductIds": [], "used": 0})


def _validate_discount(call: Call) -> Any:
    found = find_discount(call.store, call.body["code"], call.body.get("productId"))
    return {"valid": False, "reason": found} if isinstance(found, str) else {"valid": True, "discount": found}


def _create_upsell(call: Call) -> Any:
    return make(call, {"name": "Upsell", "active": True})


def _list_upsells(call: Call) -> Any:
    store = call.store
    sold: list[Record] = []
    for upsell in store.table("upsells").newest_first():
        orders = store.book.newest_first(upsell["upsellProductId"], 0, store.book.orders)[:3]
        sold += [{"upsellId": upsell["_id"], **_brief(store.order(order))} for order in orders]
    return {**list_records(call), "salesWithUpsells": sold}


def _brief(order: Record) -> Record:
    return {field: order[field] for field in ("_id", "productId", "buyerEmail", "grossAmount", "createdAt")}


def _create_offer(call: Call) -> Any:
    call.cents("price")
    slug = slug_of(call.body["name"])
    return make(call, {"currency": "usd", "published": True, "slug": slug, "images": []}, changeable=True)


def _create_checkout(call: Call) -> Any:
    store = call.store
    wanted = call.body["productId"]
    if store.table("products").get(wanted) is None:
        find(call, "subscription_offers", wanted)
    session = f"cs_sandbox_{store.table('checkout').new_id(store.tick())}"
    store.sessions[session] = Session(
        product_id=wanted,
        email=call.body.get("customerEmail"),
        discount_code=call.body.get("discountCode"),
        extra={field: call.body[field] for field in ("metadata", "clientReferenceId") if field in call.body},
    )
    return {"id": session, "url": f"https://{store.user['subdomain']}.example.com/checkout?session={session}"}


SHOP: Final[Mapping[tuple[str, str], Handler]] = {
    ("products", "create"): _create_product,
    ("products", "update"): _update_product,
    ("products", "delete"): _delete_product,
    ("variants", "create"): _create_variant,
    ("creator_pages", "products"): _creator_page,
    ("discounts", "create"): _create_discount,
    ("discounts", "validate"): _validate_discount,
    ("upsells", "create"): _create_upsell,
    ("upsells", "list"): _list_upsells,
    ("subscription_offers", "create"): _create_offer,
    ("checkout", "create"): _create_checkout,
}
"""The special operations of the shop."""
