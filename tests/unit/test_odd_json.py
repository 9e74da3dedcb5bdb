"""Odd spellings that JSON allows, or that servers send all the same: none of them hides the rest of an answer."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from fakes import FakeTransport, answer, operation, virtual_time
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.json import encode
from mutations import example as whole_answer
from test_mutated_answers import CODECS
from test_wire import customers_codec, order_codec, orders_codec

from pocketsflow_async import APIResponseError, Page, RetryPolicy
from pocketsflow_async._convert import make_converter
from pocketsflow_async._executor import Executor
from pocketsflow_async._lenient import straighten
from pocketsflow_async._model import Model
from pocketsflow_async._plain import _ODD, decode_exact, decode_free, loosened, repaired
from pocketsflow_async._response import Response, decode_any, error_from
from pocketsflow_async._wire import Time
from pocketsflow_async.models import Order
from pocketsflow_async.pocketsuite import parse_trigger
from pocketsflow_async.webhooks import SIGNATURE_HEADER, construct_event, sign

FFFD = "\N{REPLACEMENT CHARACTER}"

ODD = {
    "half a character": (rb'"cut \ud83d"', f"cut {FFFD}"),
    "the other half": (rb'"\ude00 cut"', f"{FFFD} cut"),
    "halves in the wrong order": (rb'"\ude00\ud83d"', FFFD * 2),
    "a half before a whole": (rb'"\ud83d\ud83d\ude00"', f"{FFFD}😀"),
    "an escaped backslash before a u": (rb'"\\ud83d \ud83d"', f"\\ud83d {FFFD}"),
    "bytes that are not UTF-8": (b'"caf\xe9"', f"caf{FFFD}"),
    "half a character in UTF-8": (b'"\xed\xa0\xbd"', FFFD * 3),
    "control characters": (b'"a\tb\nc\x00"', "a\tb\nc\0"),
    "an escaped NUL": (rb'"\u0000"', "\0"),
    "NaN in a text": (rb'"NaN \ud83d"', f"NaN {FFFD}"),
}
TEXTS = [pytest.param(*case, id=name) for name, case in ODD.items()]

NUMBERS = [
    pytest.param(b"1" * 5_000, Decimal("1" * 5_000), id="thousands of digits"),
    pytest.param(b"1e400", Decimal("1e400"), id="more than a float holds"),
    pytest.param(b"-1E400", Decimal("-1e400"), id="less than a float holds"),
    pytest.param(b"1e-9999", 0.0, id="nearer to zero than a float comes"),
    pytest.param(b"1e" + b"9" * 30, "1e" + "9" * 30, id="more than a Decimal holds"),
    pytest.param(b"1e-" + b"9" * 30, 0.0, id="nearer to zero than a Decimal comes"),
    pytest.param(b"-0", 0, id="minus zero"),
    pytest.param(b"0.1234567890123456789012345678901234567890", 0.12345678901234568, id="forty digits"),
    pytest.param(b"NaN", None, id="NaN"),
    pytest.param(b"-Infinity", None, id="-Infinity"),
]


def record(*fields: bytes) -> bytes:
    """An order with these fields."""
    return b"{" + b",".join([b'"_id":"a"', *fields]) + b"}"


def readings(text: bytes) -> list[Order]:
    """The order, read on its own and as one of a page, of an envelope with another name, and of another shape."""
    page = b'{"orders":[{"_id":"before"},' + text + b',{"_id":"after"}],"more":[]}'
    bodies = [page, page.replace(b'"orders"', b'"data"', 1), page[10 : page.index(b',"more"')]]
    pages: list[Page[Order]] = [orders_codec().decode(body) for body in bodies]
    for one in pages:
        assert [order.id for order in one.items] == ["before", one.items[1].id, "after"]
    return [order_codec().decode(text), *(one.items[1] for one in pages)]


@pytest.mark.parametrize(("text", "value"), TEXTS)
def test_odd_text_is_read_wherever_it_stands(text: bytes, value: str) -> None:
    """In a known field, a free-form field, a field that the spec does not know, and in a name; it can be printed."""
    fields = (b'"currency":' + text, b'"metadata":{' + text + b":" + text + b"}", b'"new":[' + text + b"]")
    for order in readings(record(*fields, text + b":1")):
        assert order.currency == value
        assert order.metadata == {value: value}
        assert order.extra == {"new": [value], value: 1}
        assert str(order.extra).encode()


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_odd_numbers_are_read_where_any_value_may_stand(text: bytes, value: object) -> None:
    """As the number that Python can hold, or else as its text."""
    for order in readings(record(b'"metadata":{"x":[' + text + b"]}", b'"new":' + text)):
        assert repr(order.metadata) == repr({"x": [value]})
        assert repr(order.extra) == repr({"new": value})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1E5", "1E+5"),
        ("-0", "0"),
        ("1e400", "1E+400"),
        ("1e-9999", "1E-9999"),
        ("0.1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890"),
        ("1" * 5_000, "1" * 5_000),
        ("29.990", "29.990"),
        ('"29.990"', "29.990"),
    ],
)
@pytest.mark.parametrize("extra", [b'"new":1', rb'"new":"\ud83d"', b'"createdAt":"2016-12-31T23:59:60Z"'])
def test_amounts_keep_every_digit_beside_odd_values(text: str, value: str, extra: bytes) -> None:
    """Whatever makes the rest of a record odd, an amount is exact."""
    for order in readings(record(b'"grossAmount":' + text.encode(), extra)):
        assert order.gross_amount is not None
        assert order.gross_amount.compare_total(Decimal(value)) == 0


@pytest.mark.parametrize("text", [b"1e" + b"9" * 30, b"NaN", b"null"])
def test_an_amount_that_no_decimal_holds_is_none(text: bytes) -> None:
    """It has no value that could be given; the other amounts have theirs."""
    for order in readings(record(b'"grossAmount":' + text, b'"netAmount":5')):
        assert (order.gross_amount, order.net_amount) == (None, 5)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60.250Z", datetime(2017, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("2017-01-01T00:59:60+01:00", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2024-01-15t10:30:00z", datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        ("2024-01-15t10:30:00", datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        ("2024-01-15 10:30:00Z", datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        ("2024-01-15 10:30:00 +0530", datetime(2024, 1, 15, 5, tzinfo=UTC)),
        ("2024-01-15T10:30:00+0530", datetime(2024, 1, 15, 5, tzinfo=UTC)),
        ("2024-01-15T10:30:00-08", datetime(2024, 1, 15, 18, 30, tzinfo=UTC)),
        ("2024-01-15T10:30:00-00:00", datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        ("2024-01-15T10:30Z", datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        ("2024-01-15T10:30:00.123456789Z", datetime(2024, 1, 15, 10, 30, 0, 123_457, tzinfo=UTC)),
        ("2024-01-15T10:30:00.1234564999999", datetime(2024, 1, 15, 10, 30, 0, 123_456, tzinfo=UTC)),
        ("2024-01-15T10:30:00.9999999", datetime(2024, 1, 15, 10, 30, 1, tzinfo=UTC)),
        ("2024-01-15T10:30:00,5Z", datetime(2024, 1, 15, 10, 30, 0, 500_000, tzinfo=UTC)),
        ("2024-01-15T24:00:00Z", datetime(2024, 1, 16, tzinfo=UTC)),
        ("20240115T103000Z", datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        ("+002024-01-15T10:30:00Z", datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        ("0000-00-00T00:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("10000-01-01T00:00:00Z", None),
        ("+275760-09-13T00:00:00.000Z", None),
        ("2024-02-30T00:00:00Z", None),
        ("2024-01-15T10:30:00+24:00", None),
        ("9999-12-31T23:59:60Z", None),
    ],
)
@pytest.mark.parametrize("extra", [b'"new":1', rb'"new":"\ud83d"'])
def test_times_are_read_in_every_spelling(text: str, moment: datetime | None, extra: bytes) -> None:
    """A leap second is the following second; a time that no calendar has, or that Python cannot hold, is None."""
    for order in readings(record(b'"createdAt":"' + text.encode() + b'"', extra)):
        assert order.created_at == moment


@pytest.mark.parametrize("text", ["yesterday", "", "15.01.2024", "1705314600", "2024-01-15T10"])
def test_what_has_not_the_shape_of_a_time_is_an_error_with_its_place(text: str) -> None:
    """Only the spelling is forgiven; an hour alone is a time of ISO 8601."""
    body = record(b'"createdAt":"' + text.encode() + b'"')
    if text == "2024-01-15T10":
        assert order_codec().decode(body).created_at == datetime(2024, 1, 15, 10, tzinfo=UTC)
        return
    with pytest.raises(APIResponseError) as caught:
        order_codec().decode(body)

    assert caught.value.path == "$.createdAt"


def pages(current: str) -> Any:
    """What a page says of itself, with this number."""
    body = b'{"orders":[],"pagination":{"currentPage":%b,"totalPages":1,"hasMore":false}}' % current.encode()
    return [orders_codec().decode(body).pagination, orders_codec().raw(body).pagination]


@pytest.mark.parametrize(("text", "value"), [("5.0", 5), ("5e0", 5), ("0.5E1", 5), ("-0.0", 0), ("1e20", 10**20)])
def test_whole_numbers_may_be_spelled_with_a_point(text: str, value: int) -> None:
    """`5.0` and `5e0` are the whole number 5, in typed and in raw pages."""
    for told in pages(text):
        assert (told.current_page, type(told.current_page)) == (value, int)


@pytest.mark.parametrize("text", ["5.5", "1e9999999", '"5"', "true", "9" * 5_000])
def test_what_is_no_whole_number_is_an_error_with_its_place(text: str) -> None:
    """A part of a page, or more digits than Python can show."""
    with pytest.raises(APIResponseError) as caught:
        pages(text)

    assert caught.value.path == "$.pagination.currentPage"


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_other_encodings_and_byte_order_marks_are_read(encoding: str) -> None:
    """Everywhere: typed, raw, without a shape, in errors and in deliveries."""
    text = '{"orders":[{"_id":"ä","message":1}],"message":"é"}'
    body = text.encode(encoding)

    assert orders_codec().decode(body).items[0].id == "ä"
    assert [bytes(one).decode() for one in orders_codec().raw(body).items] == ['{"_id":"ä","message":1}']
    assert decode_any(Response(200, {}, body)) == json.loads(text)
    assert error_from(Response(400, {}, body), "x.y").message == "é"
    assert construct_event(body, {SIGNATURE_HEADER: sign(body, "s")}, "s").data == json.loads(text)


@virtual_time
async def test_white_space_around_a_response_is_left_to_its_encoding() -> None:
    """A line break at the end is two bytes in UTF-16; white space alone is an empty response."""
    for body, told in (('{"message":"é"}\n'.encode("utf-16-be"), "é"), (b' {"message":"e"}\r\n', "e"), (b" \n", None)):
        executor = Executor(FakeTransport(answer(200, body)), None, RetryPolicy(attempts=1))

        assert (await executor.call(operation())).message == told


@pytest.mark.parametrize("text", [rb'"\ud83d"', b'"\xff"', b"NaN", b"1e999", b"9" * 5_000, rb'"\\\ud83d]}"', b"1e5"])
def test_raw_pages_keep_odd_records_byte_for_byte(text: bytes) -> None:
    """A record of an export is what the server sent; only the white space around it is gone."""
    records = [record(b'"x": ' + text), b'{"' + text[1:-1].strip(b'"\\') + b'":[ [ ] ]}', b"{}"]
    body = b'{ "orders" : [\t' + b" , ".join(records) + b' ] , "x":' + text + b"}"
    for sent in (body, b"\xef\xbb\xbf" + body, body.replace(b'"orders"', b'"data"')):
        page = orders_codec().raw(sent)

        assert [bytes(one) for one in page.items] == records
    bare = body[body.index(b"[") : body.index(b"]  ,") if b"]  ," in body else body.index(b" ] ,") + 2]
    assert [bytes(one) for one in customers_codec().raw(bare).items] == records


def test_an_odd_record_of_an_export_stands_on_one_line() -> None:
    """White space between its parts may change, and a line break within a text is escaped."""
    page = orders_codec().raw(b'{"orders":[{\r\n  "_id": "a",\n  "x": "1\n2 \\ud83d"\n}]}')

    assert page.one_line
    assert json.loads(bytes(page.items[0])) == {"_id": "a", "x": "1\n2 \ud83d"}
    assert b"\n" not in bytes(page.items[0])


@pytest.mark.parametrize(
    "body", [b"[1,]", b'{"a":1,}', b'["\\ud83d"]x', b'["\\ud83d" 1]', b'{"\\ud83d"1}', b"[NaN", b"nan"]
)
def test_what_no_spelling_makes_json_is_an_error(body: bytes) -> None:
    """Missing and trailing parts are not guessed."""
    for read in (customers_codec().decode, customers_codec().raw, lambda sent: decode_any(Response(200, {}, sent))):
        with pytest.raises(APIResponseError, match=r"not JSON|Expected"):
            read(body)


@pytest.mark.parametrize("text", [r"\"" * 20_000, r"\"\ud83d" * 9_000, "\\" * 100_001])
def test_a_string_without_end_is_looked_through_once(text: str) -> None:
    """A body that is cut within a string full of quotes, as that of an error may be, is known to be no JSON at once."""
    body = f'{{"message":"{text}'.encode()

    assert _ODD.sub("", body.decode()).rstrip("\\") == "{:"
    assert error_from(Response(400, {}, body), "things.get").body == body.decode()
    with pytest.raises(APIResponseError, match="not JSON"):
        decode_any(Response(200, {}, body))


def test_a_body_is_repaired_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte order marks in a row are no JSON, however many they are."""
    repairs: list[bytes] = []
    monkeypatch.setattr("pocketsflow_async._codec.repaired", lambda body: repairs.append(body) or repaired(body))

    with pytest.raises(APIResponseError, match="not JSON"):
        order_codec().decode(b"\xef\xbb\xbf" * 50 + b"{}")

    assert len(repairs) == 1


def test_one_odd_record_leaves_the_others_on_their_road() -> None:
    """Of a page, only the odd record is read with patience: the others keep their own text and no copy of the page."""
    page = orders_codec().decode(b'{"orders":[{"_id":"a","new":1},{"_id":"b","createdAt":"2016-12-31T23:59:60Z"}]}')

    assert [isinstance(order._extra.way()[0], bytes) for order in page.items] == [True, False]


def test_the_last_of_two_equal_names_wins() -> None:
    """In known fields and in others."""
    for order in readings(record(b'"currency":"a"', b'"new":1', b'"currency":"b"', b'"new":2', b'"x":"\\ud83d"')):
        assert (order.currency, order.extra["new"]) == ("b", 2)


def test_plain_data_with_half_a_character_becomes_a_model() -> None:
    """Python's own json reads halves as they are; `make_converter` takes them as the API's answers are taken."""
    order = make_converter().structure(
        {"_id": "a\ud800", "metadata": {"\udfff": ["\ud83d\ude00"]}, "new": "\ud83d"}, Order
    )

    assert (order.id, order.metadata, order.extra) == (f"a{FFFD}", {FFFD: ["😀"]}, {"new": FFFD})


def test_a_trigger_of_a_text_with_half_a_character_is_read() -> None:
    """Given as bytes or as text, PocketSuite's deliveries are read alike."""
    body = rb'{"event":"client.created","data":{"id":"c","name":"cut \ud83d","x":1e400}}'
    for given_as in (body, body.decode(), body.decode().replace(r"\ud83d", "\ud83d")):
        found = parse_trigger(given_as)

        assert found.data.name.startswith("cut \N{REPLACEMENT CHARACTER}")
        assert found.data.extra["x"] == Decimal("1e400")


def test_a_delivery_keeps_its_digits_and_odd_texts() -> None:
    """Typed events are exact; of others, what Python's numbers can hold is a number."""
    body = rb'{"event":"order.completed","order":{"id":"\ud83d"},"tax":{"amount":29.990},"x":29.990,"y":1e400}'
    event = construct_event(body, {SIGNATURE_HEADER: sign(body, "s")}, "s")
    other = construct_event(
        body.replace(b"order.completed", b"no.such"),
        {SIGNATURE_HEADER: sign(body.replace(b"order.completed", b"no.such"), "s")},
        "s",
    )

    assert str(event.data.tax.amount) == "29.990"
    assert event.data.order.id == FFFD
    assert repr(other.data["x"]) == "29.99"
    assert other.data["y"] == Decimal("1e400")


def python_json() -> st.SearchStrategy[str]:
    """Texts that Python's json reads, halves of characters, NaN and large numbers among them."""
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(),
        st.text(st.characters(exclude_categories=()), max_size=6),
    )
    values = st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.text(st.characters(exclude_categories=()), max_size=3), inner, max_size=3),
        ),
        max_leaves=8,
    )
    return st.one_of(
        st.builds(lambda value, wide: json.dumps(value, indent=1 if wide else None), values, st.booleans()),
        st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,25})?\Z"),
        st.integers(4_299, 4_302).map(lambda digits: "9" * digits),
    )


@given(python_json())
@example('"\\ud83d"')
@example("NaN")
def test_whatever_python_reads_hides_nothing(text: str) -> None:
    """Any JSON in a field without a type of its own: the record is read and shown, and an error body never fails."""
    value = text.encode()
    for order in readings(record(b'"new":' + value, b'"metadata":{"x":' + value + b"}")):
        assert order.id == "a"
        assert order.extra["new"] == order.metadata["x"]
        assert repr(order.extra).encode()
    body = b'{"orders":[' + record(b'"new":' + value) + b"]}"
    if "\n" not in text:
        assert [bytes(one) for one in orders_codec().raw(body).items] == [record(b'"new":' + value)]
    assert decode_any(Response(200, {}, b"[" + value + b"]")) == [decode_free(value)]
    assert str(error_from(Response(400, {}, b'{"message":' + value + b"}"), "x.y")).encode()


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_any_text_of_a_known_field_is_read(text: str) -> None:
    """What can be written in UTF-8 is as it was; each half of a character is U+FFFD."""
    wanted = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    for order in readings(record(b'"buyerEmail":' + json.dumps(text).encode())):
        assert order.buyer_email == wanted


@given(python_json())
def test_plain_data_is_the_same_on_both_paths(text: str) -> None:
    """What the decoder in C reads, the permissive path reads alike."""
    body = text.encode()
    try:
        wanted = json.dumps(decode_free(body))
    except TypeError:  # a number that is a Decimal on both
        wanted = None
    again = loosened(decode_exact(repaired(body)))

    assert wanted is None or json.dumps(again) == wanted


@pytest.mark.parametrize("reference", CODECS)
def test_the_permissive_path_agrees_with_the_fast_one(reference: str) -> None:
    """A full answer of every kind, with and without unknown fields, gives the same model on either."""
    codec = CODECS[reference]
    value = whole_answer(codec.wire)
    for sent in (value, value | {"new": {"a": [1.5, "x"]}} if isinstance(value, dict) else value):
        body = encode(sent)
        fast = codec.decode(body)
        permissive = codec.permissive(decode_exact(body))

        assert permissive == fast
        assert repr(permissive) == repr(fast)
        if isinstance(fast, Model):
            assert permissive.extra == fast.extra


class Inner(msgspec.Struct, kw_only=True):
    """An object inside a mapping."""

    at: Time | None = None
    share: float | None = None


class Outer(msgspec.Struct, kw_only=True):
    """One field of every kind that today's specs use little."""

    share: float | None = None
    count: int | str | None = None
    each: dict[str, Inner] | None = None
    amounts: dict[str, Decimal] | None = None
    either: msgspec.Raw = msgspec.Raw(b"null")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5.0),
        ("1.50", 1.5),
        ("-0", 0.0),
        ("0.1234567890123456789", 0.12345678901234568),
        ("1e400", None),
        ("-1e400", None),
        ("9" * 400, None),
        ("9" * 5_000, None),
        ("1e-9999", 0.0),
    ],
)
def test_a_number_that_is_a_float_takes_any_spelling(text: str, value: float | None) -> None:
    """One that no float can hold is None; it is never infinite."""
    for share in (
        straighten(decode_exact(f'{{"share":{text}}}'.encode()), Outer)["share"],
        straighten(decode_exact(f'{{"each":{{"x":{{"share":{text}}}}}}}'.encode()), Outer)["each"]["x"]["share"],
    ):
        assert msgspec.convert(share, float | None) == value


def test_what_stands_in_mappings_is_normalized_too() -> None:
    """Models, amounts and objects of several kinds; an error names the place."""
    text = b'{"each":{"a":{"at":"2024-01-01"}},"amounts":{"x":"1.50"},"count":5.0,"either":{"a":1.50}}'
    found = msgspec.convert(straighten(decode_exact(text), Outer), Outer)

    assert found.each == {"a": Inner(at=datetime(2024, 1, 1, tzinfo=UTC))}
    assert str(found.amounts) == "{'x': Decimal('1.50')}"
    assert (found.count, bytes(found.either)) == (5, b'{"a":1.50}')
    with pytest.raises(msgspec.ValidationError, match=r"finite.*`\$\.amounts\[\.\.\.\]`"):
        straighten({"amounts": {"x": "NaN"}}, Outer)


def test_a_list_that_is_long_is_normalized_whole() -> None:
    """Each of 2,500 records with an odd value, in a page of another shape."""
    record = b'{"_id":"a","createdAt":"2016-12-31T23:59:60Z"}'
    page = orders_codec().decode(b'{"data":[' + b",".join([record] * 2_500) + b"]}")

    assert {order.created_at for order in page.items} == {datetime(2017, 1, 1, tzinfo=UTC)}
    assert len(page.items) == 2_500
