import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from pocketsflow_async import APIResponseError, Page
from pocketsflow_async._generated.pocketsflow.wire.common import pagination
from pocketsflow_async._generated.pocketsflow.wire.creator_pages import CREATOR_PAGE
from pocketsflow_async._generated.pocketsflow.wire.customers import CUSTOMER, CustomerWire
from pocketsflow_async._generated.pocketsflow.wire.orders import (
    ORDER,
    OrderOpen,
    OrderPageRaw,
    OrderPageWire,
    OrderWire,
)
from pocketsflow_async._generated.pocketsflow.wire.orders import order as build_order
from pocketsflow_async._generated.pocketsflow.wire.upsells import LIST_PAGE as UPSELLS
from pocketsflow_async._model import Source
from pocketsflow_async._page import RawPage
from pocketsflow_async._wire import CODECS, Codec, PageCodec, each, load
from pocketsflow_async.models import Order


def order_codec() -> Codec[Order]:
    """The generated codec of one order, as it is before its first answer."""
    return Codec(OrderWire, OrderOpen, build_order, unwrap=("sale", "order"))


def orders_codec() -> PageCodec[Order]:
    """The generated codec of a page of orders, as it is before its first answer."""
    return PageCodec(OrderPageWire, OrderPageRaw, order_codec(), items="orders", pagination=pagination)


def customers_codec() -> PageCodec:
    """The generated codec of a bare array of customers, as it is before its first answer."""
    return PageCodec(list[CustomerWire], list[Raw], CUSTOMER)


def order(text: str | bytes) -> Order:
    """The order that this JSON stands for."""
    return order_codec().decode(text if isinstance(text, bytes) else text.encode())


def orders(value: object) -> Page[Order]:
    """The page of orders that this body stands for."""
    return orders_codec().decode(json.dumps(value).encode())


def customers(value: object) -> Page:
    """The page of customers that this body stands for."""
    return customers_codec().decode(json.dumps(value).encode())


EXTRA = ["", ',"new":1']
"""Without and with a field that the spec does not know: the strict and the open road."""


@pytest.mark.parametrize("extra", EXTRA)
@pytest.mark.parametrize("name", ["_id", "id"])
def test_either_spelling_of_the_id_is_read(name, extra):
    """`_id` and `id` mean the same, in a record and in the records inside it."""
    found = order(f'{{"{name}":"a","product":{{"{name}":"b"}},"customer":{{"_id":"c"}}{extra}}}')

    assert (found.id, found.product.id, found.customer.id) == ("a", "b", "c")


@pytest.mark.parametrize("extra", EXTRA)
def test_absent_and_null_are_none(extra):
    """In answers an optional field that is null or missing is None."""
    found = order(f'{{"_id":"a","currency":null,"product":null,"metadata":null{extra}}}')

    assert found == Order(id="a")


@pytest.mark.parametrize("extra", EXTRA)
@pytest.mark.parametrize(
    "text", ["0.1", "29.99", "0", "-5", "100", "1e400", "12345678901234567890.123456789", "1E-7", "29.990", "1" * 5000]
)
def test_money_is_exact(text, extra):
    """Amounts keep every digit that the API sent."""
    found = order(f'{{"_id":"a","grossAmount":{text}{extra}}}')

    assert isinstance(found.gross_amount, Decimal)
    assert found.gross_amount.compare_total(Decimal(text)) == 0


@pytest.mark.parametrize("text", ["0.1", "29.99", "1e400", "12345678901234567890.123456789"])
def test_money_is_exact_on_the_lenient_road(text):
    """A body that has to be straightened loses no digit either."""
    found = order(f'{{"id":"a","grossAmount":{text}}}')

    assert found.gross_amount.compare_total(Decimal(text)) == 0


@pytest.mark.parametrize("extra", EXTRA)
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-15T10:30:00Z", datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        ("2024-01-15T10:30:00.250Z", datetime(2024, 1, 15, 10, 30, 0, 250_000, tzinfo=UTC)),
        ("2024-01-15T10:30:00+05:30", datetime(2024, 1, 15, 10, 30, tzinfo=timezone(timedelta(hours=5.5)))),
        ("2024-01-15T10:30:00-08:00", datetime(2024, 1, 15, 10, 30, tzinfo=timezone(timedelta(hours=-8)))),
        ("2024-01-15T10:30:00", datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        ("2024-01-15T10:30:00.5", datetime(2024, 1, 15, 10, 30, 0, 500_000, tzinfo=UTC)),
        ("2024-01-15 10:30:00", datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        ("2024-01-15", datetime(2024, 1, 15, tzinfo=UTC)),
    ],
)
def test_times_are_aware(text, moment, extra):
    """A time keeps its offset; without one it is UTC, and a date alone is its midnight in UTC."""
    found = order(f'{{"_id":"a","createdAt":"{text}"{extra}}}').created_at

    assert found == moment
    assert found.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize("key", ["sale", "order"])
def test_a_wrapped_record_is_unwrapped(key):
    """One observed answer wraps the order; both shapes are read."""
    found = order(f'{{"{key}":{{"_id":"a","product":{{"id":"b","new":1}}}}}}')

    assert (found.id, found.product.extra) == ("a", {"new": 1})


def test_a_record_with_an_id_is_not_unwrapped():
    """A field of that name beside an id is just an unknown field."""
    found = order('{"_id":"a","sale":{"_id":"b"}}')

    assert (found.id, found.extra) == ("a", {"sale": {"_id": "b"}})


RECORDS = [{"_id": "a"}, {"_id": "b", "new": 1}]


@pytest.mark.parametrize(
    "body", [{"orders": RECORDS}, RECORDS, {"data": RECORDS}, {"sales": RECORDS}, {"data": RECORDS, "tags": []}]
)
def test_the_records_are_found_under_any_name(body):
    """An envelope, a bare array, `data`, or the only array there is: the records are the same."""
    page = orders(body)

    assert [one.id for one in page.items] == ["a", "b"]
    assert page.items[1].extra == {"new": 1}
    assert len(page) == 2
    assert not page.has_more


@pytest.mark.parametrize("body", [RECORDS, {"customers": RECORDS}, {"data": RECORDS, "total": 2}])
def test_an_envelope_is_opened_where_an_array_was_expected(body):
    """The other way round too."""
    assert [one.id for one in customers(body).items] == ["a", "b"]


def test_pages_that_cannot_be_reached_are_refused():
    """A list that the spec calls whole, but that says there is more, is an error and not a silent loss."""
    with pytest.raises(APIResponseError, match=r"Expected `array`"):
        customers({"data": RECORDS, "pagination": {"hasMore": True}})


def test_two_arrays_are_not_guessed_between():
    """Where it is not clear which array holds the records, none is taken."""
    with pytest.raises(APIResponseError, match="orders"):
        orders({"these": RECORDS, "those": []})


def test_the_pagination_is_read():
    """A page shows what the API says of its pages."""
    told = {"currentPage": 1, "totalPages": 3, "hasMore": True, "totalCount": 5, "pageSize": 2}

    page = orders({"orders": RECORDS, "pagination": told})

    assert page.has_more
    assert (page.pagination.current_page, page.pagination.total_pages, page.pagination.total_count) == (1, 3, 5)


def test_what_stands_beside_the_records_is_kept():
    """The page of upsells also shows the sales."""
    page = UPSELLS.decode(b'{"upsells":[{"_id":"a"}],"salesWithUpsells":[{"x":1}]}')

    assert page.sales_with_upsells == [{"x": 1}]


@pytest.mark.parametrize("extra", [{}, {"new": 1}, {"id": "x"}])
def test_a_wrong_type_is_told_with_its_place(extra):
    """The error says which field of which record is wrong, on every road."""
    records = [{"_id": "a"}] * 3 + [{"_id": "d", "grossAmount": []} | extra]

    with pytest.raises(APIResponseError) as caught:
        orders({"orders": records})

    assert caught.value.path == "$.orders[3].grossAmount"
    assert "$.orders[3].grossAmount: Expected `decimal | null`, got `array`" in str(caught.value)


@pytest.mark.parametrize("record", [5, None, [], {"new": 1}])
def test_a_record_that_is_none_is_told_with_its_place(record):
    """What is no record at all is named by its number."""
    with pytest.raises(APIResponseError) as caught:
        orders({"orders": [{"_id": "a", "new": 1}, record]})

    assert caught.value.path == "$.orders[1]"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"_id":5}', "$._id"),
        ('{"_id":null}', "$._id"),
        ("{}", "$"),
        ("null", "$"),
        ("[]", "$"),
        ('"text"', "$"),
        ('{"_id":"a","product":"b"}', "$.product"),
        ('{"_id":"a","product":{}}', "$.product"),
        ('{"_id":"a","product":{"_id":"b","files":[{"size":"x"}]}}', "$.product.files[0].size"),
        ('{"_id":"a","createdAt":1700000000}', "$.createdAt"),
        ('{"_id":"a","createdAt":"yesterday"}', "$.createdAt"),
        ('{"_id":"a","isRefunded":"no"}', "$.isRefunded"),
    ],
)
def test_each_wrong_place_is_named(body, path):
    """`.path` is the place of what is wrong or missing, and `.body` is the body as it came."""
    with pytest.raises(APIResponseError) as caught:
        order(body)

    assert (caught.value.path, caught.value.body) == (path, body.encode())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"_id":"a"', id="truncated"),
        pytest.param(b"", id="empty"),
        pytest.param(b"<!doctype html><html>", id="HTML"),
        pytest.param(b'{"_id":"a","metadata":' + b'{"a":' * 100_000, id="deep objects"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="deep arrays"),
    ],
)
def test_what_is_no_json_is_refused(body):
    """An answer that cannot be read is an APIResponseError that shows how it begins."""
    with pytest.raises(APIResponseError, match="not JSON") as caught:
        order(body)

    assert caught.value.body == body
    assert len(str(caught.value)) < 250


def test_raw_pages_keep_the_text_of_the_records():
    """A raw page has each record as it was written, with its spaces and its unknown fields."""
    told = b'"pagination":{"currentPage":1,"totalPages":1,"hasMore":false}'
    body = b'{"orders":[ {"_id" : "a", "new":1.10 },{"id":"b"} ],' + told + b"}"

    page = orders_codec().raw(body)

    assert [bytes(one) for one in page.items] == [b'{"_id" : "a", "new":1.10 }', b'{"id":"b"}']
    assert page.pagination.current_page == 1


def test_raw_pages_find_their_records_too():
    """A raw page of another shape has its records with every digit."""
    page = orders_codec().raw(b'{"data":[{"_id":"a","grossAmount":29.990}]}')

    assert isinstance(page, RawPage)
    assert [bytes(one) for one in page.items] == [b'{"_id":"a","grossAmount":29.990}']


@pytest.mark.parametrize(
    "body", [b'{"orders":{}}', b"5", b"", b'{"orders":[{]}', b"[" * 100_000, b'{"x":1}', b'{"orders":[{},]}']
)
def test_a_raw_page_that_cannot_be_read_is_refused(body):
    """Raw pages check at least that there are records."""
    with pytest.raises(APIResponseError):
        orders_codec().raw(body)


def test_one_odd_answer_does_not_change_the_next():
    """Once an unknown field was met, later answers are read alike."""
    codec = orders_codec()
    plain, odd = b'{"orders":[{"_id":"a"}]}', b'{"orders":[{"_id":"a","new":1}],"more":2}'

    found = [codec.decode(body).items[0] for body in (plain, odd, plain, odd)]

    assert [one.extra for one in found] == [{}, {"new": 1}, {}, {"new": 1}]
    assert len({repr(one) for one in found}) == 1


def test_lists_of_models_in_a_model():
    """Unknown fields are kept for every member of a list inside a model."""
    page = CREATOR_PAGE.decode(b'{"products":[{"name":"a","new":1},{"name":"b","new":2}],"top":3}')

    assert [one.extra for one in page.products] == [{"new": 1}, {"new": 2}]
    assert page.extra == {"top": 3}


def test_mappings_of_models_in_a_model():
    """Models under names of the server's own are copied with their unknown fields."""
    struct = CUSTOMER.wire(id="a")
    source = Source(b'{"by":{"x":{"_id":"a","new":1}}}')

    found = each(CUSTOMER.build, {"x": struct}, source, "by")

    assert (found["x"].id, found["x"].extra) == ("a", {"new": 1})
    assert each(CUSTOMER.build, {"x": struct}, None, "by")["x"].extra == {}


def test_codecs_are_loaded_by_reference():
    """The codec of a `module:name` is imported once."""
    assert load(Order.WIRE) is ORDER is CODECS[Order.WIRE]


NAMES = [
    "_id",
    "id",
    "orders",
    "data",
    "pagination",
    "currentPage",
    "totalPages",
    "hasMore",
    "sale",
    "product",
    "files",
]
MORE_NAMES = ["sale", "customer", "size", "type", "grossAmount", "createdAt", "metadata", "isRefunded"]
names = st.sampled_from(NAMES + MORE_NAMES)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=()), max_size=8),
    st.sampled_from(["a", "2024-01-01", "2024-01-01T10:00:00Z", "one-time", "1.5", "1e9", "nan", "0001-01-01"]),
)
keys = st.one_of(names, names, names, st.text(max_size=3))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=20,
)
pages = st.fixed_dictionaries({"orders": st.lists(values, max_size=3)}, optional={"pagination": values})


def outcome(read: Callable[[bytes], Any], body: bytes) -> str:
    """What came of reading this body."""
    try:
        return repr(read(body))
    except APIResponseError as error:
        return f"{error!r} {error.path} {error.body == body}"


@given(st.one_of(values, pages))
@example([{"_id": "a"}])
@example({"orders": [{"id": "\ud800"}]})
def test_any_json_gives_a_model_or_an_error_of_ours(value):
    """Whatever JSON arrives, the outcome is a model or an APIResponseError with the body, and always the same one."""
    body = json.dumps(value).encode()
    for codec in (order_codec(), orders_codec(), customers_codec()):
        first, second = outcome(codec.decode, body), outcome(codec.decode, body)

        assert first == second
        assert not first.endswith("False")
    assert not outcome(orders_codec().raw, body).endswith("False")


@given(st.one_of(st.binary(max_size=40), st.binary(max_size=10).map(lambda junk: b'{"_id":"a","new":' + junk + b"}")))
def test_any_bytes_give_a_model_or_an_error_of_ours(body):
    """Bytes that are no JSON do no harm, not even when the unknown fields are looked at."""
    try:
        extra = order(body).extra
    except APIResponseError:
        return

    assert isinstance(extra, dict)


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"message":null}'])
def test_an_answer_without_a_word_is_a_message(body: bytes) -> None:
    """An endpoint that has nothing to say is not an error, where no field is required."""
    message = load("pocketsflow_async._generated.pocketsflow.wire.common:MESSAGE").decode(body)

    assert message.message is None
