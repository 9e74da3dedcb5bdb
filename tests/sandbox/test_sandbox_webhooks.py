import asyncio
import hashlib
import hmac
import json
import socket

import attrs
import pytest
from aiohttp import web

from pocketsflow_async.sandbox import Sandbox
from pocketsflow_async.sandbox import _deliveries as deliveries


@attrs.define
class Inbox:
    """A server of the test's own that webhooks point to."""

    url: str = ""
    got: list = attrs.field(factory=list)
    status: int = 200
    headers: dict = attrs.field(factory=dict)
    hold: asyncio.Event | None = None

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(status=self.status, headers=self.headers)

    def told(self) -> list:
        """The events, and what was told of them."""
        return [(headers["X-Pocketsflow-Event"], json.loads(body)) for headers, body in self.got]


@pytest.fixture
async def inbox():
    inbox = Inbox()
    app = web.Application()
    app.router.add_post("/{path:.*}", inbox.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    inbox.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield inbox
    if inbox.hold is not None:
        inbox.hold.set()
    await runner.cleanup()


async def hooked(ask, url, *events, **more):
    """A registered webhook, with its secret."""
    return (await ask("POST", "/webhooks", json={"url": url, "events": list(events), **more})).body


async def bought(sandbox, ask, **session):
    product = (await ask("POST", "/products", json={"name": "Atlas", "price": 20})).body["_id"]
    opened = (await ask("POST", "/checkout/sessions", json={"productId": product, **session})).body["id"]
    return await sandbox.complete_checkout(opened, email="ada.abbot@example.com")


async def test_a_delivery_is_signed_and_stamped(asking, inbox):
    """The signature is the HMAC of the very bytes with the secret as text; the time is in milliseconds."""
    async with Sandbox(orders=10, wall_clock=lambda: 1_700_000_000.25) as sandbox:
        ask = asking(sandbox)
        hook = await hooked(ask, inbox.url, "order.completed")
        order = await bought(sandbox, ask, metadata={"seat": 5}, clientReferenceId="ref")
        await sandbox.delivered()

        [(headers, body)] = inbox.got
        signature = hmac.new(hook["secret"].encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Pocketsflow-Signature"] == signature
        assert headers["X-Pocketsflow-Event"] == "order.completed"
        assert headers["X-Pocketsflow-Timestamp"] == "1700000000250"
        assert headers["Content-Type"] == "application/json"
        payload = json.loads(body)
        assert (
            payload.items()
            >= {
                "webhookId": hook["_id"],
                "order": {"id": order["_id"]},
                "amount": 20,
                "amountBeforeTax": 20,
                "currency": "usd",
                "metadata": {"seat": 5},
                "clientReferenceId": "ref",
                "product": {"id": order["productId"], "variantId": None, "name": "Atlas"},
                "customer": {"email": "ada.abbot@example.com", "firstName": "Ada", "lastName": "Abbot"},
            }.items()
        )
        assert payload["tax"].keys() == {
            "amount", "rate", "percentage", "ToCountry", "ToZip", "ToState", "vatNumber",
        }  # fmt: skip
        [delivery] = [one for one in sandbox.deliveries if one.url == inbox.url]
        assert (delivery.event, delivery.url, delivery.status, delivery.error) == (
            "order.completed",
            inbox.url,
            200,
            None,
        )


async def test_every_event_is_told(sandbox, ask, inbox):
    """Products, orders, refunds, customers and memberships tell what becomes of them."""
    events = [
        *("order.completed", "order.refunded", "product.created", "product.updated", "product.deleted"),
        *("customer.created", "customer.subscription.created", "customer.subscription.updated"),
        "customer.subscription.deleted",
    ]
    await hooked(ask, inbox.url, *events)
    order = await bought(sandbox, ask)
    await ask("POST", f"/products/update/{order['productId']}", json={"price": 5})
    await ask("POST", "/refunds", json={"orderId": order["_id"], "amount": 3})
    await ask("DELETE", f"/products/{order['productId']}")
    offer = (await ask("GET", "/subscriptions")).body[0]["_id"]
    sent = {"productId": offer, "clientReferenceId": "ref", "metadata": {"a": 1}}
    session = (await ask("POST", "/checkout/sessions", json=sent)).body["id"]
    member = await sandbox.complete_checkout(session, email="lone@example.com")
    await ask("POST", f"/orders/subscriptions/cancel/{member['stripeSubscriptionId']}")
    await sandbox.delivered()

    told = inbox.told()
    assert sorted({event for event, _ in told}) == sorted(events)
    assert len(told) == len(events) + 1  # two customers
    refund = next(payload for event, payload in told if event == "order.refunded")
    assert refund["refund"].items() >= {"amount": 3, "status": "succeeded"}.items()
    assert refund["order"] == {"id": order["_id"]}
    products = {event: payload["product"] for event, payload in told if event.startswith("product.")}
    assert [products[f"product.{change}"]["price"] for change in ("created", "updated", "deleted")] == [20, 5, 5]
    members = {event.rpartition(".")[2]: payload for event, payload in told if "subscription." in event}
    assert members["created"]["subscription"]["id"] == offer
    assert members["created"]["subscriptionCustomerId"] == members["deleted"]["subscriptionCustomer"]["id"]
    assert [members[change]["status"] for change in ("created", "updated", "deleted")] == [
        "active",
        "canceled",
        "canceled",
    ]
    assert members["deleted"].items() >= {"clientReferenceId": "ref", "metadata": {"a": 1}}.items()
    assert members["created"]["paymentMethod"]["last4"] == "4242"
    assert members["deleted"]["paymentMethod"] is None
    new = [payload["customer"]["email"] for event, payload in told if event == "customer.created"]
    assert sorted(new) == ["ada.abbot@example.com", "lone@example.com"]


async def test_a_membership_of_the_start_is_told_of_too(sandbox, ask, inbox):
    """Nothing was given at a checkout that never was."""
    await hooked(ask, inbox.url, "customer.subscription.deleted")
    member = (await ask("POST", "/orders/subscriptions", json={"status": "active"})).body["subscriptions"][0]
    await ask("POST", f"/orders/subscriptions/cancel/{member['stripeSubscriptionId']}")
    await sandbox.delivered()

    [(_, payload)] = inbox.told()
    assert payload["subscriptionCustomer"]["id"] == member["_id"]
    assert (payload["metadata"], payload["clientReferenceId"]) == ({}, None)


async def test_only_who_wants_to_hear_is_told(sandbox, ask, inbox):
    """Inactive webhooks and those for other events hear nothing; a change of mind counts."""
    await hooked(ask, inbox.url + "/other", "order.completed")
    await hooked(ask, inbox.url + "/inactive", "product.created", active=False)
    hook = await hooked(ask, inbox.url + "/later")
    await ask("POST", "/products", json={"name": "A", "price": 1})
    await sandbox.delivered()
    before = len(inbox.got)
    await ask("PUT", f"/webhooks/{hook['_id']}", json={"events": ["product.created"]})
    await ask("POST", "/products", json={"name": "B", "price": 1})
    await sandbox.delivered()

    assert before == 0
    assert [payload["product"]["name"] for _, payload in inbox.told()] == ["B"]


async def test_a_refused_request_tells_nothing(sandbox, ask, inbox):
    """What was not done is no event, and what is answered again is told once."""
    await hooked(ask, inbox.url, "product.created", "product.deleted")
    await ask("POST", "/products", json={"name": "A"})
    await ask("DELETE", "/products/nothing")
    for _ in range(3):
        await ask("POST", "/products", json={"name": "A", "price": 1}, headers={"Idempotency-Key": "k"})
    await sandbox.delivered()

    assert len(inbox.got) == 1


async def test_a_webhook_is_tested_with_a_sample(sandbox, ask, inbox):
    """The test event is an order.completed, sent even to a webhook that is off and wants none."""
    hook = await hooked(ask, inbox.url, active=False)
    await ask("POST", f"/webhooks/{hook['_id']}/test")
    await sandbox.delivered()

    [(event, payload)] = inbox.told()
    assert event == "order.completed"
    assert payload.keys() >= {"product", "order", "customer", "tax", "amount", "amountBeforeTax", "webhookId"}


async def test_a_bad_answer_is_recorded_and_not_tried_again(sandbox, ask, inbox):
    """One attempt; a redirect is not followed."""
    inbox.status, inbox.headers = 307, {"Location": inbox.url + "/elsewhere"}
    await hooked(ask, inbox.url, "product.created")
    await ask("POST", "/products", json={"name": "A", "price": 1})
    await sandbox.delivered()

    assert len(inbox.got) == 1
    assert [delivery.status for delivery in sandbox.deliveries] == [307]


async def test_an_address_where_nobody_listens_is_recorded(sandbox, ask):
    """The request is answered as ever, and the delivery says what went wrong."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    await hooked(ask, f"http://localhost:{port}/", "product.created")
    answer = await ask("POST", "/products", json={"name": "A", "price": 1})
    await sandbox.delivered()

    assert answer.status == 201
    [delivery] = sandbox.deliveries
    assert delivery.status is None
    assert "ClientConnectorError" in delivery.error


async def test_other_machines_are_left_alone(sandbox, ask):
    """Without deliver_anywhere only this machine is called; the refusal is recorded."""
    for url in ("https://hooks.example.com/x", "http://192.0.2.1/", "http://localhost.example.com/"):
        await hooked(ask, url, "product.created")
    await ask("POST", "/products", json={"name": "A", "price": 1})
    await sandbox.delivered()

    assert len(sandbox.deliveries) == 3
    assert all("deliver_anywhere" in delivery.error for delivery in sandbox.deliveries)


async def test_other_machines_are_told_when_that_is_wanted(asking, inbox, monkeypatch):
    """With deliver_anywhere an address is not looked at."""
    monkeypatch.setattr(deliveries, "_is_here", lambda _: False)
    async with Sandbox(orders=1, deliver_anywhere=True) as sandbox:
        ask = asking(sandbox)
        await hooked(ask, inbox.url, "product.created")
        await ask("POST", "/products", json={"name": "A", "price": 1})
        await sandbox.delivered()

        assert [delivery.status for delivery in sandbox.deliveries] == [200]


async def test_no_answer_in_time_is_recorded(sandbox, ask, inbox, monkeypatch):
    """A webhook that does not answer is given up."""
    monkeypatch.setattr(deliveries, "_TIMEOUT", 0.03)
    inbox.hold = asyncio.Event()
    await hooked(ask, inbox.url, "product.created")
    answer = await ask("POST", "/products", json={"name": "A", "price": 1})
    await sandbox.delivered()

    assert answer.status == 201
    assert [delivery.error for delivery in sandbox.deliveries] == ["no answer within 0 seconds"]


async def test_closing_ends_what_is_on_its_way(asking, inbox):
    """A webhook that never answers does not keep the sandbox open, and leaves no task behind."""
    inbox.hold = asyncio.Event()
    before = asyncio.all_tasks()
    async with Sandbox(orders=1) as sandbox:
        ask = asking(sandbox)
        await hooked(ask, inbox.url, "product.created")
        await ask("POST", "/products", json={"name": "A", "price": 1})
        while not inbox.got:  # noqa: ASYNC110 - it is on its way
            await asyncio.sleep(0)

    assert not [task for task in asyncio.all_tasks() - before if "_deliver" in repr(task)]
    assert sandbox.deliveries == []


async def test_not_more_than_so_many_are_on_their_way(sandbox, ask, inbox, monkeypatch):
    """Deliveries beyond the limit are recorded as not sent."""
    monkeypatch.setattr(deliveries, "_MOST", 2)
    inbox.hold = asyncio.Event()
    await hooked(ask, inbox.url, "product.created")
    for _ in range(3):
        await ask("POST", "/products", json={"name": "A", "price": 1})

    [delivery] = sandbox.deliveries
    assert "on their way already" in delivery.error
    inbox.hold.set()
    await sandbox.delivered()
    assert len(sandbox.deliveries) == 3


@pytest.mark.parametrize("url", ["ftp://example.com", "example.com", "", "http://", "https://[", "javascript:1", "/a"])
async def test_an_address_must_be_one_of_the_web(ask, url):
    """Neither create nor update takes another."""
    hook = (await ask("GET", "/webhooks")).body[0]["_id"]
    made = await ask("POST", "/webhooks", json={"url": url, "events": []})
    changed = await ask("PUT", f"/webhooks/{hook}", json={"url": url})

    assert (made.status, made.body["field"]) == (changed.status, changed.body["field"]) == (400, "url")


async def test_secrets_differ_and_follow_the_seed(asking):
    """Each webhook has its own secret, and the same seed gives the same ones."""
    runs = []
    for seed in (7, 7, 8):
        async with Sandbox(orders=1, seed=seed) as sandbox:
            ask = asking(sandbox)
            runs.append([(await hooked(ask, "http://localhost", "order.completed"))["secret"] for _ in range(2)])

    assert runs[0] == runs[1]
    assert len({secret for run in runs for secret in run}) == 4
    assert all(secret.startswith("whsec_") for run in runs for secret in run)
