import pytest

from pocketsflow_async.errors import ConfigurationError, InvalidArgumentError
from pocketsflow_async.sandbox import Sandbox


async def opened(ask, product_id, **more):
    """A checkout session for a product or an offer."""
    return (await ask("POST", "/checkout/sessions", json={"productId": product_id, **more})).body["id"]


async def a_product(ask, **fields):
    return (await ask("POST", "/products", json={"name": "Atlas", "price": 20, **fields})).body["_id"]


async def an_offer(ask, **fields):
    offer = {"name": "Club", "price": 9, "frequency": "monthly", **fields}
    return (await ask("POST", "/subscriptions", json=offer)).body["_id"]


async def rows(ask, path, key=None, **params):
    body = (await ask("GET", path, params=params)).body
    return body if key is None else body[key]


async def test_a_completed_checkout_is_the_newest_order(sandbox, ask):
    """The order is listed first, found by id, product and date, and tells what was given at checkout."""
    product = await a_product(ask)
    given = {"metadata": {"seats": [1, 2]}, "clientReferenceId": "ref-9"}
    session = await opened(ask, product, **given)
    before = (await ask("GET", "/orders")).body["pagination"]["totalCount"]

    order = await sandbox.complete_checkout(session, email="New.Buyer@example.com")
    page = (await ask("GET", "/orders", params={"pageSize": "3"})).body

    assert order.items() >= {**given, "grossAmount": 20, "buyerEmail": "New.Buyer@example.com"}.items()
    assert order["product"]["name"] == "Atlas"
    assert page["orders"][0] == order == (await ask("GET", f"/orders/{order['_id']}")).body
    assert page["pagination"]["totalCount"] == before + 1
    assert await rows(ask, "/orders", "orders", productId=product) == [order]
    assert await rows(ask, "/orders", "orders", startDate=order["createdAt"]) == [order]
    assert order not in await rows(ask, "/orders", "orders", endDate="2026-01-01")
    assert order["createdAt"] > page["orders"][1]["createdAt"]


async def test_a_completed_checkout_has_its_payment_and_its_new_customer(sandbox, ask):
    """Who buys for the first time is the newest customer, found by id and address; buying again counts up."""
    product = await a_product(ask)
    first = await sandbox.complete_checkout(await opened(ask, product), email="New@example.com")
    payment = (await rows(ask, "/payments", "payments"))[0]
    customer = (await rows(ask, "/customers"))[0]
    second = await sandbox.complete_checkout(await opened(ask, product), email="new@EXAMPLE.com")

    assert (payment["amount"], payment["productId"]) == (20, product)
    assert (customer["buyerEmail"], customer["numberOfOrders"], customer["totalSpent"]) == ("New@example.com", 1, 20)
    again = (await rows(ask, "/customers", email="NEW@example.com"))[0]
    assert again == {**customer, "numberOfOrders": 2, "totalSpent": 40}
    assert again == (await ask("GET", f"/customers/{customer['_id']}")).body
    assert second["customer"] == first["customer"] == {"_id": customer["_id"], "buyerEmail": "New@example.com"}
    assert await rows(ask, "/customers", productId=product) == [again]
    for field in ("email", "country", "numberOfOrders"):
        assert again in await rows(ask, "/customers", sortBy=field, limit="1000")


async def test_an_old_customer_buys_again(sandbox, ask):
    """Somebody known pays in their own currency and with their own tax, and stays one customer."""
    old = next(row for row in await rows(ask, "/customers", limit="1000") if row["country"] == "GB")
    product = (await rows(ask, "/products"))[-1]["_id"]
    buyers = await rows(ask, "/customers", productId=product, limit="1000")

    order = await sandbox.complete_checkout(await opened(ask, product, customerEmail=old["buyerEmail"]))
    new = (await ask("GET", f"/customers/{old['_id']}")).body

    assert (order["currency"], order["country"]) == ("gbp", "GB")
    assert order["taxAmount"] == round(order["amountBeforeTax"] * 0.2, 2)
    assert round(order["amountBeforeTax"] + order["taxAmount"], 2) == order["grossAmount"]
    assert new["numberOfOrders"] == old["numberOfOrders"] + 1
    assert new["totalSpent"] == pytest.approx(old["totalSpent"] + order["grossAmount"])
    assert {row["_id"] for row in await rows(ask, "/customers", productId=product, limit="1000")} == {
        *(row["_id"] for row in buyers),
        old["_id"],
    }
    assert (await rows(ask, "/orders", "orders", productId=product))[0] == order


@pytest.mark.parametrize(
    ("discount", "paid"),
    [
        ({"value": 25}, 15),
        ({"value": 5.5, "valueType": "fixed"}, 14.5),
        ({"value": 500, "valueType": "fixed"}, 0),
        ({"value": 50, "active": False}, 20),
        ({"value": 50, "expiration": "2020-01-01"}, 20),
        ({"value": -50}, 20),
    ],
)
async def test_a_discount_lowers_what_is_paid(sandbox, ask, discount, paid):
    """A code that can be used is applied and counted; one that cannot leaves the price as it is."""
    product = await a_product(ask)
    fields = {"name": "Sale", "code": "SALE9", "mainProductIds": [product], **discount}
    made = (await ask("POST", "/discounts", json=fields)).body
    valid = (await ask("POST", "/discounts/validate", json={"code": "sale9", "productId": product})).body["valid"]

    order = await sandbox.complete_checkout(await opened(ask, product, discountCode="sale9"))
    used = (await ask("GET", f"/discounts/{made['_id']}")).body["used"]

    assert order["grossAmount"] == paid
    assert valid == bool(used)
    assert order["netAmount"] >= 0


async def test_an_offer_becomes_a_membership(sandbox, ask):
    """Its buyer is a subscriber and a customer, and its first payment is listed, refunded and cancelled with it."""
    offer = await an_offer(ask)
    membership = await sandbox.complete_checkout(await opened(ask, offer), email="member@example.com")
    path = f"/orders/subscriptions/{{}}/{membership['stripeSubscriptionId']}"
    listed = (await ask("POST", "/orders/subscriptions", json={"startDate": membership["createdAt"]})).body
    subscriber = (await rows(ask, "/subscriptions/subscribers"))[0]
    payment = (await rows(ask, "/payments", "payments", type="subscription"))[0]
    orders = (await ask("GET", "/orders")).body["pagination"]["totalCount"]

    assert (membership["status"], membership["productId"]) == ("active", offer)
    assert listed["subscriptions"] == [membership]
    assert (await ask("GET", f"/orders/subscriptions/{membership['_id']}")).body == membership
    assert (subscriber["buyerEmail"], subscriber["_id"]) == ("member@example.com", membership["_id"])
    assert (payment["subscriptionId"], payment["amount"], payment["isRefunded"]) == (offer, 9, False)
    assert (await rows(ask, "/payments", "payments"))[0] == payment
    assert (await rows(ask, "/customers"))[0]["numberOfOrders"] == 0
    assert orders == 300

    assert (await ask("POST", path.format("refund"))).status == 200
    again = await ask("POST", path.format("refund"))
    assert (again.status, again.body["code"]) == (400, "NOTHING_TO_REFUND")
    assert (await rows(ask, "/payments", "payments"))[0] == {**payment, "isRefunded": True}
    assert (await ask("POST", path.format("cancel"))).status == 200
    twice = await ask("POST", path.format("cancel"))
    assert (twice.status, twice.body["code"]) == (400, "ALREADY_CANCELED")


@pytest.mark.parametrize("days", [7, 10**30])
async def test_a_trial_costs_nothing_at_first(sandbox, ask, days):
    """The first payment is 0, and the period is that of the trial."""
    offer = await an_offer(ask, trialPeriod=days)
    membership = await sandbox.complete_checkout(await opened(ask, offer))
    payment = (await rows(ask, "/payments", "payments"))[0]

    assert payment["amount"] == 0
    assert membership["currentPeriodEnd"] > membership["currentPeriodStart"]


async def test_payments_and_orders_agree_after_many_checkouts(sandbox, ask):
    """Orders and memberships in any mixture: every payment is there once, newest first."""
    product, offer = await a_product(ask), await an_offer(ask)
    before = (await ask("GET", "/payments")).body["pagination"]["totalCount"]
    wanted = [product, offer, offer, product, product]
    for item in wanted:
        await sandbox.complete_checkout(await opened(ask, item))

    payments = (await ask("GET", "/payments")).body
    newest = payments["payments"][:5]
    assert payments["pagination"]["totalCount"] == before + 5
    assert [row.get("productId") or row["subscriptionId"] for row in newest] == wanted[::-1]
    assert len({row["_id"] for row in payments["payments"]}) == 20
    since = newest[2]["createdAt"]
    assert await rows(ask, "/payments", "payments", startDate=since) == newest[:3]
    assert await rows(ask, "/payments", "payments", startDate=since, type="subscription") == newest[2:3]


async def test_a_new_order_is_refunded_like_any_other(sandbox, ask):
    """Partial refunds add up to what was paid and no further; the order is marked from the first one on."""
    order = await sandbox.complete_checkout(await opened(ask, await a_product(ask)))

    async def refund(**fields):
        return await ask("POST", "/refunds", json={"orderId": order["_id"], **fields})

    first = await refund(amount=12.5)
    marked = (await ask("GET", f"/orders/{order['_id']}")).body["isRefunded"]
    greedy = await refund(amount=7.51)
    rest = await refund()
    none = await refund()

    assert (first.body["amount"], marked, rest.body["amount"]) == (12.5, True, 7.5)
    assert greedy.body["error"] == "amount: must be more than 0 and at most 7.5, what is left to refund"
    assert (none.status, none.body["code"]) == (400, "ALREADY_REFUNDED")
    assert (await rows(ask, "/payments", "payments"))[0]["isRefunded"] is True


async def test_orders_outlive_their_product(sandbox, ask):
    """An order stays when its product is deleted, but nobody can pay for the product any more."""
    product = await a_product(ask)
    order = await sandbox.complete_checkout(await opened(ask, product))
    session = await opened(ask, product)
    await ask("DELETE", f"/products/{product}")

    assert await rows(ask, "/orders", "orders", productId=product) == [{**order, "product": None}]
    with pytest.raises(InvalidArgumentError, match="Product not found"):
        await sandbox.complete_checkout(session)


async def test_a_session_is_paid_once(sandbox, ask):
    """Unknown sessions, sessions that were paid and addresses that are none are refused."""
    session = await opened(ask, await a_product(ask))
    with pytest.raises(InvalidArgumentError, match="email"):
        await sandbox.complete_checkout(session, email="nobody")
    await sandbox.complete_checkout(session)

    with pytest.raises(InvalidArgumentError, match="completed already"):
        await sandbox.complete_checkout(session)
    with pytest.raises(InvalidArgumentError, match="not found"):
        await sandbox.complete_checkout("cs_nothing")
    with pytest.raises(ConfigurationError, match="not running"):
        await Sandbox(orders=1).complete_checkout(session)


async def test_a_checkout_is_completed_over_http(sandbox, ask):
    """The sandbox's own route needs no key, is not counted, and answers with the order."""
    session = await opened(ask, await a_product(ask))
    path = f"/_sandbox/checkout/{session}/complete"
    received = sandbox.received

    wrong = await ask("POST", path, key=None, json={"email": 5})
    order = await ask("POST", path, key=None, json={"email": "a@example.com"})
    again = await ask("POST", path, key=None)

    assert (wrong.status, wrong.body["field"]) == (400, "email")
    assert order.status == 200
    assert (again.status, again.body["code"]) == (400, "ALREADY_COMPLETED")
    assert sandbox.received == received
    assert (await rows(ask, "/orders", "orders"))[0] == order.body


async def test_a_sandbox_without_orders_can_sell(asking):
    """The first order of all is an order like any other."""
    async with Sandbox(orders=0) as sandbox:
        ask = asking(sandbox)
        product = (await rows(ask, "/products"))[-1]["_id"]
        order = await sandbox.complete_checkout(await opened(ask, product))

        assert await rows(ask, "/orders", "orders") == [order]
        assert await rows(ask, "/orders", "orders", productId=product) == [order]
        assert (await ask("GET", f"/orders/{order['_id']}")).body == order
        assert len(await rows(ask, "/payments", "payments")) == len(await rows(ask, "/customers")) == 1
        assert (await ask("GET", "/users/me")).body["hasSales"] is True
        assert (await ask("GET", "/orders/" + "0" * 24)).status == 404
