import warnings
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fakes import FakeTransport, answer, virtual_time
from hypothesis import given
from hypothesis import strategies as st

from pocketsflow_async import UNSET, InvalidArgumentError, Pocketsflow, RequestOptions, SpecDriftWarning
from pocketsflow_async._convert import encode_body
from pocketsflow_async._executor import Executor
from pocketsflow_async._kinds import arguments, checked
from pocketsflow_async._operation import Parameter
from pocketsflow_async._retry import RetryPolicy
from pocketsflow_async._values import shown
from pocketsflow_async.models import (
    CheckoutSessionCreate,
    CustomerSortField,
    NewsletterSend,
    Order,
    ProductCreate,
    RefundCreate,
    WebhookCreate,
    WebhookEvent,
)

EAST = timezone(timedelta(hours=2))
PF = Pocketsflow("pk_test_a", rate_limit=None)


def sent(**given: Any) -> dict[str, Any]:
    """The parameters of the first page of a list of orders."""
    return PF.orders.list(**given)._plan.asked()


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("start_date", "yesterday", "must be an ISO 8601 date or time, not 'yesterday'"),
        ("end_date", "01/02/2024", "must be an ISO 8601 date or time"),
        ("end_date", "2024-02-30", "must be an ISO 8601 date or time"),
        ("end_date", "2024-01-01\N{SNOWMAN}10:00", "must be an ISO 8601 date or time"),
        ("end_date", "2024-01-01\n10:00", "must be an ISO 8601 date or time"),
        ("start_date", "", "must not be empty"),
        ("start_date", 1704067200, "must be a datetime, a date or ISO 8601 text, not 1704067200"),
        ("start_date", datetime(2024, 1, 1), "2024-01-01T00:00:00 has no time zone"),  # noqa: DTZ001 - naive
        ("start_date", pd.NaT, "NaT cannot be written in UTC"),
        ("start_date", datetime(2024, 1, 1, tzinfo=tzinfo()), ".* cannot be written in UTC"),
        ("product_id", "", "must not be empty"),
        ("product_id", 5, "must be text, not 5"),
        ("product_id", ["a", "b"], "must be text, not list"),
        ("product_id", b"a", "must be text, not bytes"),
        ("page", "2", "must be a whole number, not '2'"),
        ("page", 1.0, "must be a whole number, not 1.0"),
        ("page", True, "must be a whole number, not True"),
        ("page", np.float64(2), r"must be a whole number, not float64"),
        ("page", 0, "must be a whole number from 1, not 0"),
        ("page_size", -(10**100), "must be a whole number from 1, not int"),
    ],
)
def test_arguments_of_a_list_are_checked_at_the_call(argument, value, message):
    """Nothing has to be awaited; the error names the argument as it is written in Python."""
    with pytest.raises(InvalidArgumentError, match=rf"^orders\.list: {argument}:? {message}"):
        PF.orders.list(**{argument: value})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (date(2024, 1, 2), "2024-01-02"),
        ("2024-01-02", "2024-01-02"),
        ("2024-01-02T03:04:05.678+02:00", "2024-01-02T03:04:05.678+02:00"),
        (datetime(2024, 1, 2, 1, tzinfo=EAST), "2024-01-01T23:00:00Z"),
        (pd.Timestamp("2024-01-02", tz="UTC"), "2024-01-02T00:00:00Z"),
    ],
)
def test_times_of_a_list_are_taken(value, text):
    """Dates, aware times of any library, and ISO 8601 text."""
    assert sent(start_date=value, page=np.int64(3), product_id=np.str_("p")) == {
        "startDate": text,
        "page": 3,
        "productId": "p",
    }


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-05-02", "2024-05-01"),
        (date(2024, 5, 2), datetime(2024, 5, 1, 23, tzinfo=UTC)),
        (datetime(2024, 5, 2, tzinfo=UTC), "2024-05-02T01:00:00+02:00"),
    ],
)
def test_a_span_does_not_end_before_it_starts(start, end):
    """The API would answer with an empty list, which looks as if there were no orders."""
    with pytest.raises(InvalidArgumentError, match=r"^orders\.list: start_date must be before end_date"):
        PF.orders.list(start_date=start, end_date=end)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-05-02", "2024-05-02"),
        (datetime(2024, 5, 2, 12, tzinfo=UTC), date(2024, 5, 2)),
        ("2024-05-02T00:00:00Z", "2024-05-02T02:00:00+02:00"),
        (None, "2024-05-02"),
        ("2024-05-02", UNSET),
    ],
)
def test_a_span_may_be_a_day_or_open(start, end):
    """A date may mean the whole day, and each end can be left out."""
    assert sent(start_date=start, end_date=end)


def test_what_is_required_is_given():
    """None is no value for an argument that the API wants."""
    takes = (Parameter("theName", "name", "text", required=True), Parameter("n", "n", "whole"))

    assert arguments("x.list", takes, {"theName": "a", "n": None}) == {"theName": "a"}
    for missing in (None, UNSET):
        with pytest.raises(InvalidArgumentError, match=r"^x\.list: name must be given"):
            arguments("x.list", takes, {"theName": missing, "n": 1})


def test_an_empty_value_that_the_spec_lists_is_taken():
    """A list of values may hold the empty one."""
    takes = (Parameter("a", "a", "text", known=("", "x")), Parameter("b", "b", "list[text]"))

    assert arguments("x.list", takes, {"a": "", "b": ("y",)}) == {"a": "", "b": ["y"]}
    with pytest.raises(InvalidArgumentError, match="b must not be empty"):
        arguments("x.list", takes, {"b": []})
    with pytest.raises(InvalidArgumentError, match=r"b\[1\] must be text, not 5"):
        arguments("x.list", takes, {"b": ["a", 5]})


@pytest.mark.parametrize("options", [{"timeout": 3}, {}, 5, RequestOptions])
def test_options_of_a_list_are_checked_at_the_call(options):
    """A mapping of settings is no `RequestOptions`."""
    with pytest.raises(InvalidArgumentError, match=r"^orders\.list: options must be a RequestOptions"):
        PF.orders.list(options=options)


def test_the_id_of_a_list_is_checked_at_the_call():
    """Not with its first page."""
    with pytest.raises(InvalidArgumentError, match="the id must be text"):
        PF.preview.product_reviews.list(5)


@virtual_time
async def test_nothing_is_sent_for_a_call_that_is_refused():
    """An endpoint that is no list checks its query and its body before the transport hears of it."""
    transport = FakeTransport(answer())
    client = Pocketsflow("pk_test_a", rate_limit=None)
    client._connection._executor = Executor(transport, None, RetryPolicy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in (
            client.preview.analytics.get(start_date="soon", end_date="2024-01-01"),
            client.preview.analytics.get(start_date="2024-01-02", end_date="2024-01-01"),
            client.refunds.create(order_id=5),
            client.request("POST", "/a", json={"a": b"bytes"}),
            client.request("POST", "/a", json={1, 2}),
            client.request("GET", "/a", params=[("a", "b")]),
            client.request("GET", "/a", params=[]),
            client.request("GET", "/a", params={5: "b"}),
            client.request("GET", b"/a"),
            client.request(5, "/a"),
        ):
            with pytest.raises(InvalidArgumentError):
                await call

    assert transport.requests == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (RefundCreate(order_id=Order(id="a", buyer_email="rosa@example.com")), "order_id must be text, not Order"),
        (ProductCreate(name="a", price=1, images={"x"}), "images must be a list, not set"),
        (ProductCreate(name="a", price=1, images=(x for x in "ab")), "images must be a list, not generator"),
        (ProductCreate(name="a", price=1, images=["a", 5]), r"images\[1\] must be text, not 5"),
        (ProductCreate(name="a", price=1, description=None), "description must be text, not None"),
        (ProductCreate(name="a", price="b" * 99), r"price must be a number .*, not 'b{50,60}…$"),
        (ProductCreate(name="a", price=1j), "price must be a number .*, not 1j|complex"),
        (ProductCreate(name="a", price=np.float64("nan")), "price: nan is no number"),
        (ProductCreate(name="a", price=np.float32("inf")), "price must be a number .*, not float32"),
        (NewsletterSend(to=["a@b", Path("c")], subject="s"), r"to\[1\] must be text, not PosixPath"),
        (WebhookCreate(url="u", events=[None]), r"events\[0\] must be text, not None"),
    ],
)
def test_a_body_is_refused_without_showing_what_it_holds(body, message):
    """A scalar is shortened; of anything else the error names the type alone."""
    with pytest.raises(InvalidArgumentError, match=f"^x: {message}") as caught:
        encode_body("x", body)

    assert "rosa" not in str(caught.value)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("value", "text"),
    [(np.float64(3.5), b"3.5"), (np.float32(0.5), b"0.5"), (np.int64(3), b"3"), (Fraction(1, 4), b"0.25")],
    ids=repr,
)
def test_numbers_of_other_libraries_are_sent(value, text):
    """In a field and anywhere in plain data."""
    assert encode_body("x", ProductCreate(name=np.str_("a"), price=value)) == b'{"name":"a","price":' + text + b"}"
    assert encode_body("x", {"a": [value, np.str_("b")]}) == b'{"a":[' + text + b',"b"]}'


@pytest.mark.parametrize(
    "value", [b"a", bytearray(b"a"), pytest.param(memoryview(b"a"), id="memoryview"), {1, 2}, frozenset("a")], ids=repr
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"a": [value]}], ids=["alone", "inside"])
def test_what_json_does_not_have_is_not_made_up(value, wrap):
    """Bytes would become Base64, and sets lists in any order."""
    with pytest.raises(InvalidArgumentError, match=rf"^x: the body cannot hold {type(value).__name__}: give"):
        encode_body("x", wrap(value))


@pytest.mark.parametrize("value", [object(), [1j], {"b": print}, {(1, 2): 3}])
def test_what_cannot_be_encoded_is_named(value):
    """The error names the field that holds it, however deep."""
    body = CheckoutSessionCreate(product_id="p", metadata={"a": value})

    with pytest.raises(InvalidArgumentError, match=r"^x: metadata cannot be written as JSON"):
        encode_body("x", body)


def test_names_in_a_mapping_are_text():
    """A number would become text on its way."""
    with pytest.raises(InvalidArgumentError, match=r"^x: a name must be text, not 5"):
        checked({"a": 1, 5: 2}, "x", "map")


def told(work: Any) -> list[warnings.WarningMessage]:
    """What a call warns of."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        work()
    return found


@pytest.mark.parametrize(
    ("work", "text"),
    [
        (lambda: PF.customers.list(sort_by="createdat"), "customers.list: sort_by: 'createdat' is not one of the 4"),
        (lambda: PF.customers.list(sort_order="descc"), "did you mean 'desc'?"),
        (
            lambda: encode_body("x", WebhookCreate(url="u", events=["order.complete"])),
            "did you mean 'order.completed'?",
        ),
        (lambda: encode_body("x", ProductCreate(name="a", price=1, type="onetime")), "did you mean 'one-time'?"),
        (lambda: encode_body("x", ProductCreate(name="a", price=1, type="Subscription")), "mean 'subscription'?"),
    ],
)
def test_a_slip_in_a_known_value_is_warned_of(work, text):
    """A webhook for an event that is nearly one of the API's would never be called. The value is sent all the same."""
    (warning,) = told(work)

    assert warning.category is SpecDriftWarning
    assert text in str(warning.message)
    assert warning.filename == __file__


def test_new_values_and_members_are_sent_without_a_word():
    """What is like none of the known values may be new; a member was made on purpose."""
    events = [WebhookEvent.ORDER_COMPLETED, WebhookEvent("order.complete"), "order.completed", "pigeon.landed"]

    assert told(lambda: encode_body("x", WebhookCreate(url="u", events=events))) == []
    assert told(lambda: PF.customers.list(sort_by=CustomerSortField.EMAIL)) == []


@virtual_time
async def test_a_slip_is_reported_at_the_line_of_the_call():
    """Also where cattrs, which makes code of its own, stands in between."""
    client = Pocketsflow("pk_test_a", rate_limit=None)
    client._connection._executor = Executor(FakeTransport(answer(body=b'{"_id":"a"}')), None, RetryPolicy())
    with pytest.warns(SpecDriftWarning) as found:
        await client.webhooks.create(url="u", events=["order.complete"])

    assert [warning.filename for warning in found] == [__file__]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (1.5, "1.5"),
        ("a\nb", r"'a\nb'"),
        (Decimal("1.50"), "Decimal('1.50')"),
        ([1], "list"),
        (b"secret", "bytes"),
        (Order(id="a"), "Order"),
        (WebhookEvent.ORDER_COMPLETED, "WebhookEvent"),
        (np.bool_(True), "numpy.bool"),  # noqa: FBT003
        pytest.param(10**5000, "int", id="long"),
    ],
)
def test_values_are_shown_without_what_they_hold(value, text):
    """Scalars as they are written, all else by its type; a type that is called like Python's own with its module."""
    assert shown(value) == text


@given(st.one_of(st.text(), st.integers(), st.decimals(), st.floats(), st.binary(), st.lists(st.text())))
def test_whatever_is_shown_is_short(value):
    """No value makes a long error, nor one that cannot be printed."""
    assert len(shown(value).encode()) <= 130
    assert len(shown(value)) <= 60


@pytest.mark.parametrize("method", ["items", "pages", "raw_pages", "collect"])
@pytest.mark.parametrize("concurrency", ["8", 0, -1, 1.5, True, None, [], 2.0], ids=repr)
@virtual_time
async def test_concurrency_is_checked_when_the_walk_is_asked_for(method, concurrency):
    """Not with the first page of a loop that is written later."""
    walk = getattr(PF.orders.list(), method)

    with pytest.raises(InvalidArgumentError, match=r"^orders\.list: concurrency must be a whole number from 1, not "):
        await walk(concurrency=concurrency)


@pytest.mark.parametrize("limit", ["5", -1, 1.5, True, [], b"5"], ids=repr)
@virtual_time
async def test_a_limit_is_a_whole_number(limit):
    """Text is not compared with a number."""
    with pytest.raises(InvalidArgumentError, match=r"^orders\.list: limit must be a whole number from 0, not "):
        await PF.orders.list().collect(limit=limit)
    with pytest.raises(InvalidArgumentError, match=r"^orders\.list: place must be"):
        await PF.orders.list().raw_page(limit)
