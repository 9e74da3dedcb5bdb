"""What the seller has at the start: the account, products, offers, discounts, upsells and webhooks."""

from collections.abc import Sequence
from typing import Any, Final

from pocketsflow_async.sandbox._ids import Dice, IdSpace
from pocketsflow_async.sandbox._sales import money
from pocketsflow_async.sandbox._times import DAY, NOW, SALES_FROM, iso
from pocketsflow_async.sandbox._words import OFFERS, PRODUCTS

Record = dict[str, Any]

_PAY_WHAT_YOU_WANT: Final = 0  # a price


def slug_of(name: str) -> str:
    """The last part of a storefront address."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words) or "untitled"


def user(ids: IdSpace, *, has_sales: bool) -> Record:
    """The account."""
    user_id = ids.write(SALES_FROM - 300 * DAY, 0)
    return {
        "_id": user_id,
        "userId": user_id,
        "email": "seller@example.com",
        "name": "Zoë Example",
        "firstName": "Zoë",
        "lastName": "Example",
        "subdomain": "sandbox-store",
        "country": "US",
        "currency": "usd",
        "testMode": True,
        "hasSales": has_sales,
        "createdFirstProduct": True,
    }


def product_defaults(name: str) -> Record:
    """What a product has when its maker did not say otherwise."""
    return {
        "currency": "usd",
        "type": "one-time",
        "active": True,
        "published": True,
        "slug": slug_of(name),
        "images": [],
        "files": [],
        "payWant": False,
        "showSales": True,
        "showReviews": True,
    }


def products(ids: IdSpace, user_id: str) -> list[Record]:
    """The products, oldest first."""
    records: list[Record] = []
    for index, (name, cents, subtitle) in enumerate(PRODUCTS):
        created = SALES_FROM - (len(PRODUCTS) - index) * 9 * DAY + index * 4_321_000
        slug = slug_of(name)
        record: Record = {
            "_id": ids.write(created, index),
            "userId": user_id,
            "name": name,
            "price": money(cents),
            **product_defaults(name),
            "subtitle": subtitle,
            "description": f"{name}. {subtitle}.",
            "thumbnail": f"https://cdn.example.com/{index}/small.png",
            "images": [f"https://cdn.example.com/{index}/{number}.png" for number in range(1, 1 + index % 3)],
            "files": [{"name": f"{slug}.zip", "url": f"https://cdn.example.com/{index}/file.zip", "size": 1_048_576}],
            "testMode": True,
            "createdAt": iso(created),
            "updatedAt": iso(created + (index % 4) * DAY),
        }
        if cents == _PAY_WHAT_YOU_WANT:
            record |= {"payWant": True, "minPrice": 0, "ctaText": "Pay what you want"}
        if index % 8 == 5:
            record["description"] = None
        if index % 12 == 7:
            record |= {"published": False}
            del record["subtitle"]
        records.append(record)
    return records


def offers(ids: IdSpace, user_id: str) -> list[Record]:
    """The subscription offers, oldest first."""
    records: list[Record] = []
    for index, (name, cents, frequency, trial, subtitle) in enumerate(OFFERS):
        created = SALES_FROM - (len(OFFERS) - index) * 11 * DAY
        record: Record = {
            "_id": ids.write(created, index),
            "userId": user_id,
            "name": name,
            "subtitle": subtitle,
            "description": None if index == 3 else f"{name}: {subtitle}.",
            "price": money(cents),
            "currency": "usd",
            "frequency": frequency,
            "published": True,
            "slug": slug_of(name),
            "images": [],
            "testMode": True,
            "createdAt": iso(created),
            "updatedAt": iso(created),
        }
        if trial:
            record["trialPeriod"] = trial
        records.append(record)
    return records


def discounts(ids: IdSpace, user_id: str, product_ids: Sequence[str], dice: Dice) -> list[Record]:
    """The discount codes: usable ones, one switched off, one that has ended, one in dollars."""
    rows = (
        ("Welcome", "WELCOME10", 10, "percentage", True, None),
        ("Spring sale", "SPRING20", 20, "percentage", True, iso(NOW + 90 * DAY)),
        ("Été 2024", "ETE2024", 25, "percentage", True, iso(SALES_FROM + 250 * DAY)),
        ("Five off", "FIVEOFF", 5, "fixed", True, None),
        ("Partners", "PARTNER", 12.5, "percentage", False, None),
    )
    records: list[Record] = []
    for index, (name, code, value, value_type, active, expiration) in enumerate(rows):
        created = SALES_FROM + index * 40 * DAY
        record: Record = {
            "_id": ids.write(created, index),
            "userId": user_id,
            "name": name,
            "code": code,
            "value": value,
            "valueType": value_type,
            "active": active,
            "mainProductIds": list(product_ids) if index == 0 else list(product_ids[index::5]),
            "used": dice.below(200),
            "testMode": True,
            "createdAt": iso(created),
        }
        if expiration or index == 0:
            record["expiration"] = expiration
        records.append(record)
    return records


def upsells(ids: IdSpace, user_id: str, product_ids: Sequence[str]) -> list[Record]:
    """The upsells: the next product at a lower price."""
    records: list[Record] = []
    for index in range(4):
        created = SALES_FROM + (index + 1) * 33 * DAY
        records.append(
            {
                "_id": ids.write(created, index),
                "userId": user_id,
                "name": f"Upsell {index + 1}",
                "mainProductIds": [product_ids[index]],
                "upsellProductId": product_ids[index + 1],
                "upsellPrice": money(PRODUCTS[index + 1][1] * 3 // 4),
                "offer": None if index == 2 else "One more thing …",
                "upsellDescription": "At three quarters of the price, only now.",
                "primaryButtonText": "Add it",
                "secondaryButtonText": "No, thanks",
                "active": index != 3,
                "testMode": True,
                "createdAt": iso(created),
            }
        )
    return records


def webhooks(ids: IdSpace, user_id: str) -> list[Record]:
    """The webhook endpoints; both point nowhere."""
    rows = (
        ("https://hooks.example.com/orders", ["order.completed", "order.refunded"], True),
        ("https://hooks.example.com/members", ["customer.subscription.created", "invoice.paid"], False),
    )
    return [
        {
            "_id": ids.write(SALES_FROM + index * DAY, index),
            "userId": user_id,
            "url": url,
            "events": events,
            "description": "Ünused" if index else None,
            "active": active,
            "testMode": True,
            "createdAt": iso(SALES_FROM + index * DAY),
        }
        for index, (url, events, active) in enumerate(rows)
    ]
