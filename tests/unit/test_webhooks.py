import hashlib
import hmac
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from pocketsflow_async import ConfigurationError, InvalidArgumentError, WebhookVerificationError, webhooks
from pocketsflow_async._generated.pocketsflow.events import ALIASES, EVENTS
from pocketsflow_async._webhook_handler import MemoryStore
from pocketsflow_async._wire import load
from pocketsflow_async.models import InvoiceEvent, OpenEvent, OrderEvent, SubscriptionEvent

SECRET = "whsec_sandbox"
ORDER = {
    "webhookId": "65f0c0ffee0000000000aa01",
    "product": {"id": "65f0c0ffee00000000000001", "variantId": None, "name": "Course"},
    "order": {"id": "65f0c0ffee00000000000003"},
    "currency": "usd",
    "customer": {"email": "buyer@example.com", "firstName": "Ana"},
    "tax": {"amount": 4.99, "rate": 0.08, "percentage": 8.0, "ToCountry": "US", "ToZip": "10001", "ToState": None},
    "amount": 64.99,
    "amountBeforeTax": 60.00,
    "metadata": {"cart": "7"},
}
MEMBERSHIP = {
    "webhookId": "65f0c0ffee0000000000aa02",
    "subscription": {"id": "65f0c0ffee00000000000005", "customerId": "cus_sandbox"},
    "subscriptionCustomer": {"id": "65f0c0ffee00000000000006", "status": "active", "active": True, "paused": False},
    "customer": {"email": "buyer@example.com"},
    "paymentMethod": {"id": "pm_1", "type": "card", "brand": "visa", "last4": "4242", "expMonth": 11, "expYear": 2029},
    "portalUrl": "https://app.pocketsflow.com/portal/a/b",
    "subscriptionCustomerId": "65f0c0ffee00000000000006",
}


def delivery(payload: Any, *, event: str | None = None, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """A signed body and its headers, as the API sends them."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = {
        "X-Pocketsflow-Signature": webhooks.sign(body, secret),
        "X-Pocketsflow-Timestamp": "1718000000000",
        "Content-Type": "application/json",
    }
    return body, headers | ({"X-Pocketsflow-Event": event} if event else {})


def test_a_signature_is_the_documented_one():
    """Hexadecimal HMAC-SHA256 over the raw body, with the secret as it is, its prefix included."""
    body = b'{"a":1}'

    assert webhooks.sign(body, SECRET) == hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def test_an_order_is_typed():
    """A known event becomes the model of its payload, capitals in wire names and all."""
    body, headers = delivery(ORDER, event="order.completed")
    event = webhooks.construct_event(body, headers, SECRET)

    assert (event.type, event.webhook_id) == ("order.completed", "65f0c0ffee0000000000aa01")
    assert event.timestamp == datetime(2024, 6, 10, 6, 13, 20, tzinfo=UTC)
    assert isinstance(event.data, OrderEvent)
    assert event.data.order.id == "65f0c0ffee00000000000003"
    assert event.data.tax.to_country == "US"
    assert event.data.amount == Decimal("64.99")


def test_a_membership_is_typed():
    """Nested objects are models; what is null or missing is None."""
    body, headers = delivery({**MEMBERSHIP, "paymentMethod": None}, event="customer.subscription.deleted")
    event = webhooks.construct_event(body, headers, SECRET)
    full = webhooks.construct_event(*delivery(MEMBERSHIP, event="customer.subscription.created"), SECRET)

    assert isinstance(event.data, SubscriptionEvent)
    assert event.data.subscription_customer.status == "active"
    assert event.data.payment_method is None
    assert full.data.payment_method.brand == "visa"
    assert full.data.subscription.id == "65f0c0ffee00000000000005"


def test_old_bodies_have_text_where_objects_are_now():
    """A subscription and a customer given as plain ids are kept as text."""
    payload = {"subscription": "sub_old", "customer": "cus_old", "amount": 1500, "currency": "usd"}
    event = webhooks.construct_event(*delivery(payload, event="invoice.paid"), SECRET)

    assert isinstance(event.data, InvoiceEvent)
    assert (event.data.subscription, event.data.customer) == ("sub_old", "cus_old")
    assert event.data.amount == Decimal(1500)


def test_every_event_of_the_spec_has_a_model():
    """The 23 known events all lead to a decoder that reads an empty payload."""
    assert len(EVENTS) == 23
    for name, reference in EVENTS.items():
        event = webhooks.construct_event(*delivery({}, event=name), SECRET)
        assert type(event.data) is type(load(reference).from_plain({}))
    assert isinstance(webhooks.construct_event(*delivery({"x": 1}, event="product.created"), SECRET).data, OpenEvent)


@pytest.mark.parametrize(
    ("payload", "header", "name", "data"),
    [
        pytest.param({"order": {}}, "order.refunded", "order.refunded", None, id="header"),
        pytest.param({"event": "order.refunded"}, None, "order.refunded", None, id="event in the body"),
        pytest.param({"event": "order.refunded"}, "order.completed", "order.refunded", None, id="event against header"),
        pytest.param({"type": "a.b", "data": {}}, "order.completed", "a.b", {}, id="envelope against header"),
        pytest.param({"type": "a.b"}, "order.completed", "a.b", {"type": "a.b"}, id="flat name against header"),
        pytest.param({"type": "once"}, "thing.made", "thing.made", {"type": "once"}, id="type of something else"),
        pytest.param({"event": ""}, "thing.made", "thing.made", {"event": ""}, id="empty name"),
        pytest.param([{"a": 1}], "thing.made", "thing.made", {"value": [{"a": 1}]}, id="an array"),
        pytest.param(None, "order.completed", "order.completed", {"value": None}, id="null"),
        pytest.param("order", None, webhooks.UNKNOWN, {"value": "order"}, id="text"),
        pytest.param({"type": "thing.made", "data": {"a": 1}}, None, "thing.made", {"a": 1}, id="enveloped"),
        pytest.param(
            {"type": "thing.made", "data": 7}, None, "thing.made", {"type": "thing.made", "data": 7}, id="flat"
        ),
        pytest.param({"a": 1}, "thing.made", "thing.made", {"a": 1}, id="an event that nobody knows"),
        pytest.param({"a": 1}, None, webhooks.UNKNOWN, {"a": 1}, id="no name at all"),
        pytest.param({"a": 1, "event": 7, "type": []}, None, webhooks.UNKNOWN, None, id="names that are no text"),
        pytest.param({"order": "text"}, "order.completed", "order.completed", {"order": "text"}, id="another shape"),
        pytest.param({}, "customer.subscription.paused", "customer.subscription.pause", None, id="another spelling"),
    ],
)
def test_the_name_and_the_data_are_found(payload: Any, header: str | None, name: str, data: Any):
    """A signed name precedes the header's; data is taken out of an envelope; any JSON that is signed is delivered."""
    event = webhooks.construct_event(*delivery(payload, event=header), SECRET)

    assert event.type == name
    if data is not None:
        assert event.data == data


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda h: {k.lower(): v for k, v in h.items()}, id="lower case"),
        pytest.param(lambda h: {k.upper(): v for k, v in h.items()}, id="upper case"),
        pytest.param(CIMultiDict, id="a multidict"),
        pytest.param(lambda h: {**h, "X-Pocketsflow-Signature": "sha256=" + h["X-Pocketsflow-Signature"]}, id="prefix"),
        pytest.param(lambda h: {**h, "X-Pocketsflow-Signature": h["X-Pocketsflow-Signature"].upper()}, id="upper hex"),
    ],
)
def test_headers_in_any_spelling_verify(change: Any):
    """Header names in any case, an optional prefix and upper-case digits are accepted."""
    body, headers = delivery(ORDER, event="order.completed")

    assert webhooks.construct_event(body, change(headers), SECRET).type == "order.completed"


def test_two_secrets_while_one_is_replaced():
    """A delivery signed with either of several secrets verifies; with another one it does not."""
    body, headers = delivery(ORDER, event="order.completed", secret="whsec_old")

    assert webhooks.construct_event(body, headers, ["whsec_new", "whsec_old"])
    with pytest.raises(WebhookVerificationError):
        webhooks.construct_event(body, headers, ["whsec_new", "whsec_other"])


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"{}", {}, id="no header"),
        pytest.param(b"{}", {"X-Pocketsflow-Signature": ""}, id="empty"),
        pytest.param(b"{}", {"X-Pocketsflow-Signature": "sha256="}, id="only the prefix"),
        pytest.param(b"{}", {"X-Pocketsflow-Signature": "abc"}, id="odd length"),
        pytest.param(b"{}", {"X-Pocketsflow-Signature": "zz" * 32}, id="not hexadecimal"),
        pytest.param(b"{}", {"X-Pocketsflow-Signature": "ключ" * 16}, id="not ASCII"),
        pytest.param(b"{}", {"X-Pocketsflow-Signature": "\udcff" * 64}, id="a lone surrogate"),
        pytest.param(b"{}", {"X-Pocketsflow-Signature": 7}, id="no text"),
        pytest.param(b"{}", {7: "x"}, id="a name that is no text"),
        pytest.param(b"{}", CIMultiDict([("X-Pocketsflow-Signature", webhooks.sign(b"{}", SECRET))] * 2), id="twice"),
        pytest.param(*delivery(b""), id="empty body"),
        pytest.param(*delivery(b"\xff\xfe"), id="invalid UTF-8"),
        pytest.param(*delivery(b"{"), id="cut off"),
        pytest.param(*delivery(b"[" * 100_000), id="nested too deeply"),
        pytest.param(*delivery(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), id="objects nested too deeply"),
    ],
)
def test_hostile_deliveries_are_one_error(body: bytes, headers: Any):
    """Whatever is wrong with a delivery is a WebhookVerificationError and nothing else."""
    with pytest.raises(WebhookVerificationError):
        webhooks.construct_event(body, headers, SECRET)


@pytest.mark.parametrize(
    "header",
    [["a", "b"], ["order.refunded"] * 2, [""], ["\udcff"], [7]],
    ids=["two", "twice", "empty", "odd", "no text"],
)
@pytest.mark.parametrize("name", ["X-Pocketsflow-Event", "X-Pocketsflow-Timestamp"])
def test_headers_that_are_not_signed_reject_nothing(name: str, header: list[Any]):
    """Where the signature matches, an invalid header is like none."""
    body, headers = delivery({"event": "order.completed"})
    event = webhooks.construct_event(body, CIMultiDict([*headers.items(), *((name, one) for one in header)]), SECRET)

    assert event.type == "order.completed"
    if name == "X-Pocketsflow-Timestamp":
        assert event.timestamp is None


def test_ten_megabytes_are_no_problem():
    """A large signed body is read, a large forged one is refused."""
    body, headers = delivery({"a": "x" * 10_000_000}, event="thing.made")

    assert len(webhooks.construct_event(body, headers, SECRET).data["a"]) == 10_000_000
    with pytest.raises(WebhookVerificationError):
        webhooks.construct_event(body + b" ", headers, SECRET)


def test_one_changed_bit_is_noticed():
    """No single changed byte of the body verifies."""
    body, headers = delivery(ORDER, event="order.completed")
    for place in random.Random(7).sample(range(len(body)), 40):
        forged = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        with pytest.raises(WebhookVerificationError):
            webhooks.construct_event(forged, headers, SECRET)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1718000000000", datetime(2024, 6, 10, 6, 13, 20, tzinfo=UTC)),
        ("1718000000", datetime(2024, 6, 10, 6, 13, 20, tzinfo=UTC)),
        ("0", datetime(1970, 1, 1, tzinfo=UTC)),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        ("9" * 18, None),
        ("9" * 5000, None),
    ],
)
def test_timestamps_are_milliseconds_or_seconds(text: str, expected: datetime | None):
    """The unit is told from the magnitude; nonsense is no timestamp, and no error."""
    body, headers = delivery({}, event="order.completed")

    assert webhooks.construct_event(body, {**headers, "X-Pocketsflow-Timestamp": text}, SECRET).timestamp == expected


@pytest.mark.parametrize("off", [301, -301])
def test_a_tolerance_works_in_both_directions(off: int):
    """With a tolerance, a delivery from too long ago or from the future is refused; without one it is not."""
    body, headers = delivery({}, event="order.completed")
    now = datetime(2024, 6, 10, 6, 13, 20, tzinfo=UTC) + timedelta(seconds=off)

    assert webhooks.construct_event(body, headers, SECRET, clock=lambda: now)
    assert webhooks.construct_event(body, headers, SECRET, tolerance=302, clock=lambda: now)
    with pytest.raises(WebhookVerificationError, match="further"):
        webhooks.construct_event(body, headers, SECRET, tolerance=timedelta(seconds=300), clock=lambda: now)


def test_a_tolerance_needs_a_timestamp():
    """Where a tolerance is asked for, a delivery without a readable timestamp is refused."""
    body, headers = delivery({}, event="order.completed")
    del headers["X-Pocketsflow-Timestamp"]

    with pytest.raises(WebhookVerificationError, match="Timestamp"):
        webhooks.construct_event(body, headers, SECRET, tolerance=300)


@pytest.mark.parametrize("secret", ["", [], [""], [None]])
def test_no_secret_is_a_mistake_of_the_program(secret: Any):
    """Without a secret nothing can be verified: a ConfigurationError, also when the handler is built."""
    with pytest.raises(ConfigurationError):
        webhooks.construct_event(b"{}", {}, secret)
    with pytest.raises(ConfigurationError):
        webhooks.aiohttp_handler(None, secret=secret)


def test_a_parsed_body_is_a_mistake_of_the_program():
    """Text or parsed JSON instead of the raw bytes is told at once."""
    for body in ("{}", {}, None):
        with pytest.raises(InvalidArgumentError, match="raw bytes"):
            webhooks.construct_event(body, {}, SECRET)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(ORDER)) | st.text(), inner),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, "thing.made", *sorted(EVENTS)]))
def test_any_signed_json_is_delivered(payload: Any, name: str | None):
    """Whatever JSON is signed, under whatever name, becomes an event whose data is a model or a mapping."""
    event = webhooks.construct_event(*delivery(payload, event=name), SECRET)

    assert attrs.has(type(event.data)) or isinstance(event.data, Mapping)


@given(st.binary(max_size=200), st.dictionaries(st.text(max_size=30), st.text(max_size=80), max_size=4))
def test_nothing_else_is_ever_raised(body: bytes, headers: Mapping[str, str]):
    """For any bytes and headers, signed or not: an event or a WebhookVerificationError."""
    signed = {**headers, "x-pocketsflow-signature": webhooks.sign(body, SECRET)}
    for tried in (headers, signed):
        try:
            event = webhooks.construct_event(body, tried, SECRET)
        except WebhookVerificationError:
            continue
        assert isinstance(event.type, str)
    assert set(ALIASES.values()) <= EVENTS.keys()


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (None, "no webhook secret: give the secret"),
        ("", "no webhook secret"),
        ([], "no webhook secret"),
        ((None, "s"), "no webhook secret"),
        (b"whsec_secret", "a webhook secret must be a str, not bytes"),
        (["s", b"whsec_secret"], "a webhook secret must be a str, not bytes"),
        (5, "a webhook secret must be a str, not int"),
    ],
)
def test_a_secret_of_another_kind_is_refused(secret, message):
    """A variable that is not set says that there is no secret; no error shows one."""
    for work in (
        lambda: webhooks.construct_event(b"{}", {}, secret),
        lambda: webhooks.aiohttp_handler(print, secret=secret),
    ):
        with pytest.raises(ConfigurationError, match=f"^{message}") as caught:
            work()
        assert "whsec" not in str(caught.value)


class Half:
    """A store that lacks a method."""

    async def claim(self, key: str) -> str:
        return key

    async def finish(self, key: str) -> None: ...


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"on_event": 5}, "on_event must be callable, not 5"),
        ({"store": object()}, "store must have .* it lacks claim, finish, release"),
        ({"store": Half()}, "store must have .* it lacks release"),
        ({"store": MemoryStore}, "store must have .* it is a class"),
        ({"tolerance": "5"}, "tolerance must be a number of seconds"),
        ({"tolerance": -1}, "tolerance must be a number of seconds"),
        ({"answer_within": 0}, "answer_within must be a positive number"),
        ({"answer_within": None}, "answer_within must be a positive number"),
    ],
)
def test_a_handler_of_nothing_is_refused_when_it_is_made(settings, message):
    """Not with the first delivery."""
    with pytest.raises(ConfigurationError, match=f"^{message}"):
        webhooks.aiohttp_handler(**({"on_event": print, "secret": "s"} | settings))


@pytest.mark.parametrize("headers", [None, [("a", "b")], "signature", 5])
def test_headers_are_a_mapping(headers):
    """A list of pairs, as ASGI has, is refused by name."""
    with pytest.raises(InvalidArgumentError, match=r"^headers must be a mapping of str to str"):
        webhooks.construct_event(b"{}", headers, "s")
