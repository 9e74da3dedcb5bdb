import pytest

from pocketsflow_async.sandbox import Sandbox

CREATED = {
    "products": ("/products", "/products/update/{}", "POST", {"name": "Atlas", "price": 12.5}, {"price": 13}),
    "discounts": (
        "/discounts",
        "/discounts/{}",
        "POST",
        {"name": "Sale", "code": "SALE", "value": 5, "mainProductIds": ["a"]},
        {"value": 6, "expiration": None},
    ),
    "upsells": (
        "/upsells",
        "/upsells/{}",
        "POST",
        {"mainProductIds": ["a"], "upsellProductId": "b", "upsellPrice": 5},
        {"active": False},
    ),
    "webhooks": (
        "/webhooks",
        "/webhooks/{}",
        "PUT",
        {"url": "https://example.com/hook", "events": ["order.completed"]},
        {"description": None, "active": False},
    ),
}


@pytest.mark.parametrize("resource", CREATED)
async def test_a_record_lives_from_create_to_delete(ask, resource):
    """What is created is read, listed first, changed field by field, and gone once it is deleted."""
    listing, changing, verb, fields, changes = CREATED[resource]

    made = (await ask("POST", listing, json=fields)).body
    made.pop("secret", None)
    path = f"{listing}/{made['_id']}"
    read = (await ask("GET", path)).body
    listed = (await ask("GET", listing)).body
    changed = (await ask(verb, changing.format(made["_id"]), json=changes)).body
    reread = (await ask("GET", path)).body
    deleted = await ask("DELETE", path)

    assert made.items() >= fields.items()
    assert read == made == (listed["upsells"] if resource == "upsells" else listed)[0]
    assert changed == reread
    assert {name for name in changed.keys() | made.keys() if changed.get(name) != made.get(name)} <= {
        *changes,
        "updatedAt",
    }
    assert changed.items() >= changes.items()
    assert deleted.status == 200
    assert deleted.body["message"]
    for verb_again, path_again in (("GET", path), ("DELETE", path), (verb, changing.format(made["_id"]))):
        gone = await ask(verb_again, path_again, json={})
        assert (gone.status, gone.body["code"]) == (404, "NOT_FOUND")


async def test_a_new_product_answers_201_with_the_usual_fields(ask):
    """Only name and price are needed; the server fills in the rest and does not take an id from outside."""
    answer = await ask("POST", "/products", json={"name": "Über Kit", "price": 0, "_id": "mine", "hat": 1})

    assert answer.status == 201
    assert answer.body["slug"] == "über-kit"
    assert answer.body["published"] is True
    assert answer.body["_id"] != "mine"
    assert "hat" not in answer.body


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "name"),
        ({"name": "", "price": 1}, "name"),
        ({"name": " ", "price": 1}, "name"),
        ({"name": 5, "price": 1}, "name"),
        ({"name": "A"}, "price"),
        ({"name": "A", "price": -1}, "price"),
        ({"name": "A", "price": "1"}, "price"),
        ({"name": "A", "price": True}, "price"),
        ({"name": "A", "price": None}, "price"),
        ({"name": "A", "price": 1e300}, "price"),
    ],
)
async def test_a_bad_product_is_refused_by_field(ask, fields, named):
    """Neither create nor update accepts it, and nothing changes."""
    before = (await ask("GET", "/products")).raw
    oldest = (await ask("GET", "/products")).body[-1]["_id"]

    answer = await ask("POST", "/products", json=fields)

    assert (answer.status, answer.body["code"]) == (400, "INVALID_PARAMETER")
    assert answer.body["error"].startswith(named)
    if named in fields:
        assert (await ask("POST", f"/products/update/{oldest}", json=fields)).status == 400
    assert (await ask("GET", "/products")).raw == before


async def test_orders_carry_the_product_as_it_is_now(ask):
    """A renamed product shows in its orders; a deleted one is null there, and its orders are still found."""
    order = (await ask("GET", "/orders")).body["orders"][0]
    product = order["productId"]

    await ask("POST", f"/products/update/{product}", json={"name": "Neuer Name"})
    renamed = (await ask("GET", f"/orders/{order['_id']}")).body
    await ask("DELETE", f"/products/{product}")
    orphaned = (await ask("GET", f"/orders/{order['_id']}")).body
    listed = (await ask("GET", "/orders", params={"productId": product})).body["orders"]

    assert order["product"]["_id"] == product
    assert renamed["product"]["name"] == "Neuer Name"
    assert orphaned == {**order, "product": None}
    assert listed[0] == orphaned


async def test_a_refund_marks_its_order(ask):
    """The order and its payment are refunded from then on, and the refund is listed first."""
    order = next(row for row in (await ask("GET", "/orders")).body["orders"] if not row["isRefunded"])
    before = (await ask("GET", "/refunds")).body
    payments = (await ask("GET", "/payments", params={"pageSize": "100"})).body["payments"]

    refund = (await ask("POST", "/refunds", json={"orderId": order["_id"], "reason": "Déjà vu"})).body
    after = (await ask("GET", "/refunds")).body
    again = await ask("POST", "/refunds", json={"orderId": order["_id"]})
    payments_after = (await ask("GET", "/payments", params={"pageSize": "100"})).body["payments"]

    assert refund["amount"] == order["grossAmount"]
    assert refund["reason"] == "Déjà vu"
    assert after == [refund, *before]
    assert (await ask("GET", f"/refunds/{refund['_id']}")).body == refund
    assert (await ask("GET", f"/refunds/{before[0]['_id']}")).body == before[0]
    assert (await ask("GET", f"/orders/{order['_id']}")).body == {**order, "isRefunded": True}
    assert (again.status, again.body["code"]) == (400, "ALREADY_REFUNDED")
    changed = [row for row in payments_after if row not in payments]
    assert [row["amount"] for row in changed] == [order["grossAmount"]]


async def test_part_of_an_order_can_be_refunded(ask):
    """An amount within what was paid is taken as it is."""
    order = next(row for row in (await ask("GET", "/orders")).body["orders"] if not row["isRefunded"])

    refund = await ask("POST", "/refunds", json={"orderId": order["_id"], "amount": 1.5})

    assert refund.body["amount"] == 1.5


@pytest.mark.parametrize("amount", [0, -1, 1e6, 1e300, "1", True])
async def test_a_refund_of_a_wrong_amount_is_refused(ask, amount):
    """Nothing, less than nothing, more than was paid and things that are no number."""
    order = next(row for row in (await ask("GET", "/orders")).body["orders"] if not row["isRefunded"])

    answer = await ask("POST", "/refunds", json={"orderId": order["_id"], "amount": amount})

    assert answer.status == 400
    assert "amount" in answer.body["error"]
    assert (await ask("GET", f"/orders/{order['_id']}")).body["isRefunded"] is False


async def test_a_membership_is_cancelled_and_refunded_by_the_processors_id(ask):
    """Cancel and refund take stripeSubscriptionId; a refund marks the latest payment that moved money."""
    members = (await ask("POST", "/orders/subscriptions", json={"status": "active"})).body["subscriptions"]
    member = next(row for row in members if row["currentPeriodStart"] > row["createdAt"])
    path = f"/orders/subscriptions/{{}}/{member['stripeSubscriptionId']}"

    async def refunded():
        rows = (await ask("GET", "/payments", params={"type": "subscription", "pageSize": "100"})).body["payments"]
        return [row["_id"] for row in rows if row["isRefunded"]]

    cancelled = await ask("POST", path.format("cancel"))
    now = (await ask("GET", f"/orders/subscriptions/{member['_id']}")).body
    none = await refunded()
    statuses = []
    while statuses[-1:] != [400]:
        statuses.append((await ask("POST", path.format("refund"))).status)

    assert cancelled.body["message"]
    assert now == {**member, "status": "canceled", "cancelAtPeriodEnd": False}
    assert none == []
    assert statuses[0] == 200
    assert len(await refunded()) == statuses.count(200)
    assert (await ask("POST", f"/orders/subscriptions/cancel/{member['_id']}")).status == 404


async def test_a_webhook_tells_its_secret_once(ask):
    """The secret is in the answer to create and nowhere else."""
    made = (await ask("POST", "/webhooks", json={"url": "https://example.com", "events": []})).body
    path = f"/webhooks/{made['_id']}"

    assert made["secret"].startswith("whsec_sandbox_")
    assert "secret" not in (await ask("GET", path)).body
    assert "secret" not in (await ask("PUT", path, json={"active": False})).body
    assert all("secret" not in row for row in (await ask("GET", "/webhooks")).body)
    assert (await ask("POST", f"{path}/test")).body["message"]
    assert (await ask("POST", "/webhooks/nothing/test")).status == 404


async def test_discount_codes_are_checked(ask):
    """A code is valid in any case of letters, for its products, while it is on and has not ended."""
    codes = {row["code"]: row for row in (await ask("GET", "/discounts")).body}

    async def valid(**body):
        return (await ask("POST", "/discounts/validate", json=body)).body["valid"]

    assert await valid(code="welcome10")
    assert await valid(code="SPRING20", productId=codes["SPRING20"]["mainProductIds"][0])
    assert not await valid(code="SPRING20", productId="another")
    assert not await valid(code="NOPE")
    assert not await valid(code="PARTNER")
    assert not await valid(code="ETE2024")
    assert (await ask("POST", "/discounts/validate", json={"code": 5})).status == 400


async def test_the_account_changes(ask):
    """What users.update changes, users.me tells; the storefront moves with the subdomain."""
    await ask("POST", "/users/update", json={"firstName": "Ada", "lastName": None, "subdomain": "ada", "email": "x"})
    me = (await ask("GET", "/users/me")).body

    assert (me["name"], me["subdomain"], me["email"]) == ("Ada", "ada", "seller@example.com")
    assert (await ask("GET", "/creator-pages/products/ada")).status == 200
    assert (await ask("GET", "/creator-pages/products/sandbox-store")).status == 404


async def test_checkout_opens_for_products_and_offers(ask):
    """A session has an id and an address of its own; an unknown product has none."""
    product = (await ask("GET", "/products")).body[0]["_id"]
    offer = (await ask("GET", "/subscriptions")).body[0]["_id"]

    sessions = [await ask("POST", "/checkout/sessions", json={"productId": item}) for item in (product, offer)]

    assert [answer.status for answer in sessions] == [201, 201]
    assert len({answer.body["id"] for answer in sessions}) == 2
    assert all(answer.body["url"].startswith("https://sandbox-store.example.com/") for answer in sessions)
    assert (await ask("POST", "/checkout/sessions", json={"productId": "x"})).status == 404
    assert (await ask("POST", "/checkout/sessions", json={})).status == 400


async def test_offers_and_variants_are_created(ask):
    """Offers are listed and read from then on; a variant needs a product that exists, and can be deleted."""
    offer = (await ask("POST", "/subscriptions", json={"name": "Club", "price": 9, "frequency": "monthly"})).body
    product = (await ask("GET", "/products")).body[0]["_id"]
    variant = (await ask("POST", "/products/variants", json={"productId": product, "name": "L", "price": 3})).body

    assert (await ask("GET", f"/subscriptions/{offer['_id']}")).body == offer
    assert (await ask("GET", "/subscriptions")).body[0] == offer
    assert variant["productId"] == product
    assert (await ask("DELETE", f"/products/variants/{variant['_id']}")).status == 200
    assert (await ask("DELETE", f"/products/variants/{variant['_id']}")).status == 404
    stray = {"productId": "x", "name": "L", "price": 3}
    assert (await ask("POST", "/products/variants", json=stray)).status == 404


async def test_a_newsletter_is_accepted(ask):
    """One address or up to 100, with html or text."""
    one = await ask("POST", "/newsletters/send", json={"to": "a@example.com", "subject": "Hi", "text": "Hi"})
    many = await ask("POST", "/newsletters/send", json={"to": ["a@b.c"] * 100, "subject": "Hi", "html": "<p>"})

    assert one.body.items() >= {"accepted": ["a@example.com"], "status": "sent"}.items()
    assert len(many.body["accepted"]) == 100


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"to": None}, "to"),
        ({"to": []}, "to"),
        ({"to": ["a@b.c"] * 101}, "to"),
        ({"to": [5]}, "to"),
        ({"to": "nobody"}, "to"),
        ({"subject": ""}, "subject"),
        ({"html": None}, "html"),
        ({"text": 5}, "text"),
    ],
)
async def test_a_bad_newsletter_is_refused_by_field(ask, change, named):
    """The answer names the field."""
    good = {"to": "a@example.com", "subject": "Hi", "html": "<p>"}

    answer = await ask("POST", "/newsletters/send", json=good | change)

    assert answer.status == 400
    assert answer.body["error"].startswith(named)


async def test_changes_stay_in_their_own_sandbox(sandbox, asking):
    """A second sandbox with the same seed knows nothing of the changes of the first."""
    await asking(sandbox)("POST", "/products", json={"name": "A", "price": 1})
    async with Sandbox(orders=300) as twin:
        assert len((await asking(twin)("GET", "/products")).body) == 24
        assert len((await asking(sandbox)("GET", "/products")).body) == 25


async def test_changes_outlive_closing_the_port(asking):
    """A sandbox that is stopped and started again still knows what was changed."""
    sandbox = Sandbox(orders=10)
    async with sandbox:
        await asking(sandbox)("POST", "/products", json={"name": "A", "price": 1})
    async with sandbox:
        assert len((await asking(sandbox)("GET", "/products")).body) == 25
