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
from pocketsflow_async.sandbox._store import Record
from pocketsflow_async.sandbox._times import bounds


def _create_product(call: Call) -> Any:
    name = call.text("name")
    call.amount("price")
    return make(call, product_defaults(name), changeable=True)


def _update_product(call: Call) -> Any:
    get_record(call)
    if "name" in call.body:
        call.text("name")
    if "price" in call.body:
        call.amount("price")
    call.store.product_changed()
    return update_record(call)


def _delete_product(call: Call) -> Any:
    call.store.product_changed()
    return delete_record(call)


def _create_variant(call: Call) -> Any:
    find(call, "products", call.text("productId"))
    call.text("name")
    call.amount("price")
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
    code = call.text("code")
    product_id = None if call.body.get("productId") is None else call.text("productId")
    known = call.store.table("discounts").newest_first()
    discount = next((record for record in known if str(record.get("code")).lower() == code.lower()), None)
    if discount is None:
        return {"valid": False, "reason": "There is no such code"}
    if not discount.get("active"):
        return {"valid": False, "reason": "The code is switched off"}
    if _has_ended(discount, call.store.now):
        return {"valid": False, "reason": "The code has ended"}
    if product_id is not None and product_id not in (discount.get("mainProductIds") or ()):
        return {"valid": False, "reason": "The code does not apply to this product"}
    return {"valid": True, "discount": discount}


def _has_ended(discount: Record, moment: int) -> bool:
    try:
        return bounds(discount["expiration"])[1] < moment
    except (KeyError, TypeError, ValueError, OverflowError):
        return False


def _create_upsell(call: Call) -> Any:
    return make(call, {"name": "Upsell", "active": True})


def _list_upsells(call: Call) -> Any:
    store = call.store
    sold: list[Record] = []
    for upsell in store.table("upsells").newest_first():
        product = store.product_index(str(upsell.get("upsellProductId")))
        orders = () if product is None else store.sales.of_product(product, 0, store.sales.count)[:3]
        sold += [{"upsellId": upsell["_id"], **_brief(store.order(order))} for order in orders]
    return {**list_records(call), "salesWithUpsells": sold}


def _brief(order: Record) -> Record:
    return {field: order[field] for field in ("_id", "productId", "buyerEmail", "grossAmount", "createdAt")}


def _create_offer(call: Call) -> Any:
    slug = slug_of(str(call.body.get("name")))
    return make(call, {"currency": "usd", "published": True, "slug": slug, "images": []}, changeable=True)


def _create_checkout(call: Call) -> Any:
    store = call.store
    wanted = call.text("productId")
    if store.table("products").get(wanted) is None:
        find(call, "subscription_offers", wanted)
    session = f"cs_sandbox_{store.table('checkout').new_id(store.tick())}"
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
