import gc
import tracemalloc
from random import Random

import pytest

from pocketsflow_async.errors import InvalidArgumentError
from pocketsflow_async.sandbox import Sandbox
from pocketsflow_async.sandbox._store import Store

NOBODY = "0" * 24


async def rows(ask, path, key, **params):
    """Every record of a listing with page and pageSize, whose total must be their number."""
    found, total = [], 1
    while len(found) < total:
        page = str(len(found) // 30 + 1)
        body = (await ask("GET", path, params={**params, "page": page, "pageSize": "30"})).body
        total = body["pagination"]["totalCount"]
        assert body[key] or not total
        found += body[key]
    assert len(found) == total
    return found


@pytest.fixture
def shop(sandbox):
    return sandbox.shop


async def test_an_inserted_order_is_the_newest_and_made_now(sandbox, shop, ask):
    """It is listed first, found by id, product and date, and has a payment and a buyer; everything else moves down."""
    before = await rows(ask, "/orders", "orders")

    order = shop.insert_order({"metadata": {"seats": 2}, "country": "NZ"})

    assert order == (await ask("GET", f"/orders/{order['_id']}")).body == shop.order(0)
    assert order.items() >= {"metadata": {"seats": 2}, "country": "NZ"}.items()
    assert await rows(ask, "/orders", "orders") == [order, *before]
    assert await rows(ask, "/orders", "orders", startDate=order["createdAt"]) == [order]
    assert await rows(ask, "/orders", "orders", endDate="2026-01-31") == before
    assert (await rows(ask, "/orders", "orders", productId=order["productId"]))[0] == order
    assert (await rows(ask, "/payments", "payments"))[0]["amount"] == order["grossAmount"]
    buyer = (await ask("GET", f"/customers/{order['customer']['_id']}")).body
    assert buyer["buyerEmail"] == order["buyerEmail"]
    assert len(shop) == 301


async def test_new_orders_are_made_by_the_clock_on_the_wall():
    """An order is made at the time of the wall clock, in order even when that stands still or lags behind."""
    times = [1_900_000_000.25]
    async with Sandbox(orders=3, wall_clock=lambda: times[-1]) as sandbox:
        made = [sandbox.shop.insert_order()["createdAt"] for _ in range(2)]
        times.append(5.0)
        made.append(sandbox.shop.insert_order()["createdAt"])

    assert made == ["2030-03-17T17:46:40.250Z", "2030-03-17T17:46:40.251Z", "2030-03-17T17:46:40.252Z"]


async def test_an_order_can_come_late(shop):
    """An order can be given a time that has passed, as long as it stays the newest."""
    late = shop.insert_order({"createdAt": "2026-02-01T10:30:00.000Z"})
    latest = shop.insert_order({"createdAt": "2026-02-01T10:30:00.000Z"})

    assert late["createdAt"] == latest["createdAt"] == "2026-02-01T10:30:00.000Z"
    assert shop.order(0) == latest
    with pytest.raises(InvalidArgumentError, match="createdAt: must not be before"):
        shop.insert_order({"createdAt": "2026-02-01T10:29:59.999Z"})


async def test_an_updated_order_has_the_new_fields_everywhere(shop, ask):
    """An order of the start and one made since can be changed; only what is named is."""
    shop.insert_order()
    for place in (0, 150, -1):
        order = shop.order(place)
        changed = shop.update_order(order["_id"], {"isDisputed": True, "clientReferenceId": "ref-1"})
        again = shop.update_order(order["_id"], {"clientReferenceId": "ref-2"})

        assert changed == {**order, "isDisputed": True, "clientReferenceId": "ref-1"}
        assert again == {**changed, "clientReferenceId": "ref-2"}
        assert again == shop.order(place) == (await ask("GET", f"/orders/{order['_id']}")).body
        assert again in await rows(ask, "/orders", "orders")


async def test_a_deleted_order_is_nowhere(shop, ask):
    """It is in no list and cannot be read, refunded or deleted again; what was behind it moves up."""
    inserted = shop.insert_order()
    for place in (0, 40, 41, 42, -1):
        before = await rows(ask, "/orders", "orders")
        payments = await rows(ask, "/payments", "payments")
        order = shop.order(place)
        buyer = (await ask("GET", f"/customers/{order['customer']['_id']}")).body
        shop.delete_order(order["_id"])

        assert await rows(ask, "/orders", "orders") == [one for one in before if one != order]
        left = await rows(ask, "/payments", "payments")
        (gone,) = [one for one in payments if one not in left]
        assert (gone["createdAt"], gone["amount"]) == (order["createdAt"], order["grossAmount"])
        assert [one for one in payments if one != gone] == left
        assert (await ask("GET", f"/orders/{order['_id']}")).status == 404
        assert (await ask("POST", "/refunds", json={"orderId": order["_id"]})).status == 404
        now = (await ask("GET", f"/customers/{order['customer']['_id']}")).body
        assert now["numberOfOrders"] == buyer["numberOfOrders"] - 1
        assert round(buyer["totalSpent"] - now["totalSpent"], 2) == order["grossAmount"]
        with pytest.raises(InvalidArgumentError, match="Order not found"):
            shop.delete_order(order["_id"])
    assert inserted not in await rows(ask, "/orders", "orders")


async def test_every_filter_tells_what_a_plain_list_would(shop, ask):
    """After a thousand chance changes, each list with filters is the part of the whole list that fits them."""
    chance = Random(5)
    for _ in range(1000):
        change = chance.randrange(5)
        place = chance.randrange(len(shop))
        if change < 2:
            shop.insert_order()
        elif change < 4:
            shop.delete_order(shop.order(place)["_id"])
        else:
            shop.update_order(shop.order(place)["_id"], {"clientReferenceId": f"ref-{place}"})

    whole = await rows(ask, "/orders", "orders")
    assert whole == [shop.order(place) for place in range(len(shop))]
    assert len({order["_id"] for order in whole}) == len(whole)
    for product in {order["productId"] for order in whole}:
        for start, end in (("2024-01-01", "2025-03-31"), ("2025-02-01", "2099-12-31")):
            fitting = [
                order for order in whole if order["productId"] == product and start <= order["createdAt"][:10] <= end
            ]
            params = {"startDate": start, "endDate": end, "productId": product}
            assert await rows(ask, "/orders", "orders", **params) == fitting
    payments = await rows(ask, "/payments", "payments")
    assert [one["createdAt"] for one in payments if not one["isSubscription"]] == [one["createdAt"] for one in whole]
    times = [one["createdAt"] for one in payments]
    assert times == sorted(times, reverse=True)
    assert payments[40:90] == [
        one
        for page in (5, 6, 7, 8, 9)
        for one in (await ask("GET", "/payments", params={"page": str(page), "pageSize": "10"})).body["payments"]
    ]


async def test_a_membership_bought_between_deleted_orders_keeps_its_place(sandbox, shop, ask):
    """Charges that come later stand in order of time among the payments, whatever was deleted around them."""
    offer = {"name": "Club", "price": 9, "frequency": "monthly"}
    product = (await ask("POST", "/subscriptions", json=offer)).body["_id"]
    first = shop.insert_order()
    session = (await ask("POST", "/checkout/sessions", json={"productId": product})).body["id"]
    membership = await sandbox.complete_checkout(session, email="new@example.com")
    second = shop.insert_order({"createdAt": membership["createdAt"]})
    shop.delete_order(first["_id"])
    shop.delete_order(shop.order(1)["_id"])

    newest = (await rows(ask, "/payments", "payments"))[:2]

    assert [one["isSubscription"] for one in newest] == [False, True]
    assert [one["createdAt"] for one in newest] == [second["createdAt"], membership["createdAt"]]
    with pytest.raises(InvalidArgumentError, match="createdAt"):
        shop.insert_order({"createdAt": first["createdAt"]})


async def test_other_languages_change_orders_too(sandbox, ask):
    """The same three changes under /_sandbox/orders, without a key, with errors as the API writes them."""
    made = await ask("POST", "/_sandbox/orders", key=None, json={"country": "NZ"})
    path = f"/_sandbox/orders/{made.body['_id']}"
    changed = await ask("PATCH", path, key=None, json={"isDisputed": True})
    listed = (await ask("GET", "/orders")).body["orders"][0]
    gone = await ask("DELETE", path, key=None)

    assert (made.status, changed.status, gone.status) == (201, 200, 200)
    assert listed == changed.body == {**made.body, "isDisputed": True}
    assert len(sandbox.shop) == 300
    for verb, options in (("PATCH", {"json": {"country": "NZ"}}), ("DELETE", {})):
        missing = await ask(verb, path, key=None, **options)
        assert (missing.status, missing.body["code"]) == (404, "NOT_FOUND")
    refused = await ask("POST", "/_sandbox/orders", key=None, json={"createdAt": "soon"})
    assert (refused.status, refused.body["field"]) == (400, "createdAt")


@pytest.mark.parametrize("fields", [{"_id": NOBODY}, {"productId": NOBODY}, {"createdAt": 5}, {"createdAt": "soon"}])
async def test_what_cannot_be_is_refused(shop, fields):
    """Ids, unknown products and times that are none are refused, and nothing is changed."""
    newest = shop.order(0)

    with pytest.raises(InvalidArgumentError):
        shop.insert_order(fields)
    with pytest.raises(InvalidArgumentError):
        shop.update_order(newest["_id"], fields)
    with pytest.raises(InvalidArgumentError):
        shop.update_order(NOBODY, {"country": "NZ"})
    with pytest.raises(InvalidArgumentError):
        shop.order(300)

    assert shop.order(0) == newest
    assert len(shop) == 300


async def test_an_empty_shop_can_open(asking):
    """Where there was no order, one can be inserted, and where there is no product, none."""
    async with Sandbox(orders=0) as sandbox:
        order = sandbox.shop.insert_order()
        answer = await asking(sandbox)("GET", "/orders")
        assert answer.body["orders"] == [order]
        for product in list(sandbox._store.table("products").newest_first()):
            sandbox._store.table("products").remove(product["_id"])
        with pytest.raises(InvalidArgumentError, match="Product not found"):
            sandbox.shop.insert_order()


def test_pages_of_a_million_orders_are_not_held():
    """Every thousandth page of a million orders is written without the memory growing by more than a page."""
    store = Store(1_000_000, 7)
    store.book.remove(400_000)
    tracemalloc.start()
    try:
        for page in range(0, 10_000, 1000):
            orders = store.book.newest_first(None, 0, store.book.orders)
            [store.order(order) for order in orders[page * 100 : page * 100 + 100]]
        gc.collect()
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 200_000
    assert most < 2_000_000
