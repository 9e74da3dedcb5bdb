import json
from collections import OrderedDict
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from fakes import pickled
from hypothesis import given
from hypothesis import strategies as st

from pocketsflow_async import UNSET, APIResponseError, InvalidArgumentError
from pocketsflow_async._convert import encode_body, make_converter
from pocketsflow_async._model import Body
from pocketsflow_async.models import (
    CheckoutSessionCreate,
    DiscountCreate,
    DiscountUpdate,
    NewsletterSend,
    Order,
    ProductCreate,
    ProductType,
    ProductUpdate,
    WebhookCreate,
)


def sent(body: Any) -> Any:
    """The body as the server reads it."""
    return json.loads(encode_body("x", body), parse_float=Decimal)


def checkout(**metadata: Any) -> CheckoutSessionCreate:
    """A checkout with this metadata."""
    return CheckoutSessionCreate(product_id="p", metadata=metadata)


def test_what_is_unset_is_not_sent():
    """Only what was given goes out, under the API's names."""
    assert sent(ProductCreate(name="a", price=5, pay_want=True)) == {"name": "a", "price": 5, "payWant": True}
    assert sent(ProductUpdate()) == {}


def test_none_is_sent_as_null():
    """None clears a field; it is not the same as leaving it alone."""
    assert sent(ProductUpdate(description=None)) == {"description": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (DiscountUpdate(code=""), {"code": ""}),
        (DiscountUpdate(active=False), {"active": False}),
        (DiscountUpdate(value=0), {"value": 0}),
        (DiscountUpdate(main_product_ids=[]), {"mainProductIds": []}),
        (CheckoutSessionCreate(product_id="", metadata={}), {"productId": "", "metadata": {}}),
    ],
)
def test_values_that_are_nothing_are_sent(body, field):
    """A value is sent though it is empty, false or zero."""
    assert sent(body) == field


@pytest.mark.parametrize("text", ["0.1", "29.99", "29.90", "1E+2", "12345678901234567890.123456789", "0", "-5"])
def test_decimals_are_exact(text):
    """Amounts are JSON numbers with every digit."""
    body = encode_body("x", ProductUpdate(price=Decimal(text)))

    assert body == f'{{"price":{text}}}'.encode()


@pytest.mark.parametrize(("value", "text"), [(5, b"5"), (0.1, b"0.1"), (29.99, b"29.99"), (10**9, b"1000000000")])
def test_plain_numbers_are_numbers(value, text):
    """Whole numbers and floats are written as Python shows them."""
    assert encode_body("x", ProductUpdate(price=value)) == b'{"price":' + text + b"}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03:04:05Z"),
        (date(2024, 1, 2), "2024-01-02"),
        ("2024-01-02", "2024-01-02"),
        ("2024-01-02T03:04:05+02:00", "2024-01-02T03:04:05+02:00"),
        (None, None),
    ],
)
def test_times_are_written(value, text):
    """Times go in UTC; text that is a time goes as it is."""
    assert sent(DiscountUpdate(expiration=value)) == {"expiration": text}


def test_enums_are_written_by_value():
    """A member, an unknown member and plain text are all sent as text, alone and in lists."""
    for value in (ProductType.SUBSCRIPTION, ProductType("subscription"), "subscription"):
        assert sent(ProductCreate(name="a", price=1, type=value))["type"] == "subscription"
    assert sent(WebhookCreate(url="u", events=[ProductType("x"), "y"]))["events"] == ["x", "y"]


def test_a_field_may_take_two_kinds():
    """An address or several: both are sent as given."""
    assert sent(NewsletterSend(to="a@b", subject="s"))["to"] == "a@b"
    assert sent(NewsletterSend(to=("a@b", "c@d"), subject="s"))["to"] == ["a@b", "c@d"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(ProductUpdate(price="9.99"), id="text for a number: price"),
        pytest.param(ProductUpdate(price=True), id="flag for a number: price"),
        pytest.param(ProductUpdate(price=UNSET, name=5), id="number for text: name"),
        pytest.param(ProductUpdate(active=1), id="number for a flag: active"),
        pytest.param(ProductUpdate(name=["a"]), id="list for text: name"),
        pytest.param(ProductCreate(name=None, price=1), id="null where none may be: name"),
        pytest.param(ProductCreate(name=UNSET, price=1), id="nothing where something must be: name"),
        pytest.param(CheckoutSessionCreate(product_id="p", metadata=[1]), id="list for a mapping: metadata"),
        pytest.param(DiscountUpdate(main_product_ids="p"), id="text for a list: main_product_ids"),
        pytest.param(DiscountUpdate(expiration=5), id="number for a time: expiration"),
        pytest.param(DiscountUpdate(expiration="soon"), id="words for a time: expiration"),
        pytest.param(DiscountUpdate(expiration=datetime(2024, 1, 1)), id="naive time: expiration"),  # noqa: DTZ001
        pytest.param(ProductUpdate(price=float("nan")), id="NaN: price"),
        pytest.param(ProductUpdate(price=Decimal("Infinity")), id="endless: price"),
        pytest.param(checkout(a=float("nan")), id="NaN inside: metadata"),
        pytest.param(checkout(a=[{"b": Decimal("NaN")}]), id="NaN deep inside: metadata"),
        pytest.param(checkout(a=datetime(2024, 1, 1)), id="naive time inside: metadata"),  # noqa: DTZ001
        pytest.param(checkout(a=UNSET), id="UNSET inside: metadata"),
    ],
)
def test_wrong_values_are_refused_by_name(body, request):
    """The error names the operation and the field."""
    field = request.node.callspec.id.split(": ")[1]

    with pytest.raises(InvalidArgumentError, match=rf"^products\.create: {field}\b"):
        encode_body("products.create", body)


@pytest.mark.parametrize(
    "body",
    [
        {"a": float("inf")},
        [Decimal("NaN")],
        {"a": datetime(2024, 1, 1)},  # noqa: DTZ001 - naive on purpose
        {"a": UNSET},
        {"a": "\ud800"},
        {"a": object()},
        {(1, 2): "a"},
        float("nan"),
    ],
)
def test_any_body_that_is_no_json_is_refused(body):
    """Bodies for endpoints that nobody knows are checked as far as JSON goes."""
    with pytest.raises(InvalidArgumentError, match=r"^POST /a: "):
        encode_body("POST /a", body)


@attrs.define(kw_only=True)
class Anything(Body):
    """A body with a field that takes any kind of value."""

    thing: Any = attrs.field(metadata={"json": "theThing"})


def test_a_field_may_take_anything_but_nothing():
    """Where the spec names no kind, any JSON is sent; a required field has to be given all the same."""
    assert sent(Anything(thing=[{"a": None}])) == {"theThing": [{"a": None}]}
    with pytest.raises(InvalidArgumentError, match=r"^x: thing must be given"):
        sent(Anything(thing=UNSET))


def test_unset_is_nothing():
    """UNSET counts as false and shows its name."""
    assert not UNSET
    assert repr(UNSET) == "UNSET"
    assert pickled(UNSET) is UNSET


def test_a_body_that_holds_itself_is_refused():
    """Endless nesting is an argument error."""
    body: dict[str, Any] = {}
    body["a"] = body

    with pytest.raises(InvalidArgumentError, match=r"^POST /a: "):
        encode_body("POST /a", body)


@pytest.mark.parametrize("kind", [dict, OrderedDict, MappingProxyType])
def test_metadata_may_be_any_mapping(kind):
    """Whatever mapping it is, it is sent as an object."""
    body = CheckoutSessionCreate(product_id="p", metadata=kind({"a": kind({"b": Decimal("1.10")})}))

    assert encode_body("x", body) == b'{"productId":"p","metadata":{"a":{"b":1.10}}}'


def test_any_body_may_hold_our_values():
    """Plain data may hold times, amounts, enums and models on any level."""
    body = {"a": [datetime(2024, 1, 1, tzinfo=UTC), date(2024, 1, 1)], "b": (Decimal("1.10"),), "c": ProductType("x")}

    assert encode_body("x", body) == b'{"a":["2024-01-01T00:00:00Z","2024-01-01"],"b":[1.10],"c":"x"}'
    assert sent({"order": Order(id="a", gross_amount=Decimal("1.5"))})["order"]["grossAmount"] == Decimal("1.5")


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=20,
)


@given(json_values)
def test_plain_json_is_sent_as_it_is(value):
    """Plain JSON data comes out as the same data."""
    assert json.loads(encode_body("x", value)) == value


RECORD = {
    "_id": "a",
    "grossAmount": Decimal("29.90"),
    "createdAt": "2024-01-02T03:04:05Z",
    "isRefunded": False,
    "product": {"_id": "p", "type": "hologram", "files": [{"name": "f", "new": 1}], "newer": [1]},
    "metadata": {"k": 1},
    "newest": {"x": None},
}


def test_plain_data_becomes_a_model_and_back():
    """Structuring and unstructuring a record gives the record again, unknown fields and all."""
    converter = make_converter()

    order = converter.structure(RECORD, Order)
    plain = converter.unstructure(order)

    assert (order.id, order.gross_amount, order.product.type) == ("a", Decimal("29.90"), "hologram")
    assert order.created_at == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert order.extra == {"newest": {"x": None}}
    given = {name: value for name, value in plain.items() if value is not None}
    product = {name: value for name, value in given.pop("product").items() if value is not None}
    assert given == {name: value for name, value in RECORD.items() if name != "product"}
    assert {**product, "files": None} == {**RECORD["product"], "files": None}
    assert product["files"] == [{"name": "f", "url": None, "size": None, "new": 1}]
    assert converter.structure(plain, Order) == order


@pytest.mark.parametrize("value", [{}, {"_id": 5}, "text", None, [RECORD], {"_id": "a", "createdAt": "never"}])
def test_plain_data_is_checked_as_answers_are(value):
    """What is no order is not made into one."""
    with pytest.raises(APIResponseError):
        make_converter().structure(value, Order)


def test_models_inside_other_types_are_known():
    """Lists, mappings and optional values of models are structured too."""
    converter = make_converter()

    found = converter.structure({"x": [RECORD, None]}, dict[str, list[Order | None]])

    assert (found["x"][0].id, found["x"][1]) == ("a", None)


@attrs.frozen
class Money:
    cents: int


@attrs.define
class Sale:
    """A user's own class around one of ours."""

    order: Order
    paid: Money
    note: str = ""


def test_users_hooks_and_classes_work_beside_ours():
    """A converter takes hooks for other types, and other classes may hold our models."""
    converter = make_converter()
    converter.register_structure_hook(Money, lambda value, _: Money(int(Decimal(value) * 100)))
    converter.register_unstructure_hook(Money, lambda money: str(Decimal(money.cents) / 100))

    sale = converter.structure({"order": RECORD, "paid": "29.90"}, Sale)

    assert (sale.order.id, sale.paid, sale.note) == ("a", Money(2990), "")
    assert converter.unstructure(sale)["paid"] == "29.9"
    assert converter.unstructure(sale)["order"]["newest"] == {"x": None}


def test_converters_do_not_share_hooks():
    """A hook on one converter touches neither another one nor the bodies that are sent."""
    make_converter().register_unstructure_hook(Decimal, lambda _: "changed")

    assert make_converter().unstructure(Decimal("1.5")) == Decimal("1.5")
    assert sent(ProductUpdate(price=Decimal("1.5"))) == {"price": Decimal("1.5")}


def test_all_required_fields_are_sent():
    """A body with everything required and nothing else has just that."""
    body = DiscountCreate(name="n", code="c", value=5, main_product_ids=[])

    assert sent(body) == {"name": "n", "code": "c", "value": 5, "mainProductIds": []}
