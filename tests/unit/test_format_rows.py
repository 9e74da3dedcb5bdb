from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import ORDERS, exact, expected, line, records, restored, same

from pocketsflow_async.export._columns import columns_of
from pocketsflow_async.export._rows import RowReader

CUSTOMERS = columns_of("customers")


def read(*lines: bytes, columns: Any = CUSTOMERS) -> list[dict[str, Any]]:
    """The rows, by the names of their columns."""
    (table,) = RowReader(columns).tables(lines, len(lines))
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*table, strict=True)]


def typed(row: list[Any]) -> list[Any]:
    """The cells as Python values."""
    make = {"money": Decimal, "time": datetime.fromisoformat}
    return [
        value if value is None else make.get(column.kind, lambda one: one)(value)
        for column, value in zip(ORDERS, row, strict=True)
    ]


def customer(**fields: str) -> bytes:
    return ('{"_id":"c1"' + "".join(f',"{name}":{value}' for name, value in fields.items()) + "}").encode()


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(records(), min_size=1, max_size=5))
def test_nothing_is_lost_and_nothing_is_made_up(many: list[dict[str, Any]]):
    """Columns and `extra` together say exactly what was sent, whatever it was."""
    (table,) = RowReader(ORDERS).tables(map(line, many), 5)

    for row, record in zip(zip(*table, strict=True), many, strict=True):
        assert same(restored(ORDERS, typed(list(row))), expected(ORDERS, record))


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(records(), max_size=30), st.integers(1, 30))
def test_a_row_does_not_depend_on_its_neighbours(many: list[dict[str, Any]], size: int):
    """Read in one pass with others or alone, with unknown fields learned before or not, a record gives the same row."""
    lines = [line(record) for record in many]
    together = [row for table in RowReader(ORDERS).tables(lines * 2, size) for row in zip(*table, strict=True)]
    alone = [row for one in lines for table in RowReader(ORDERS).tables([one], 1) for row in zip(*table, strict=True)]

    assert together == alone * 2


@pytest.mark.parametrize(
    ("sent", "cell"),
    [
        ("29.90", "29.90"),
        ("-3", "-3"),
        ('"12.5"', "12.5"),
        ("1e3", "1000"),
        ("26.790000000000003", "26.790000000000003"),
        ("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"),
        ("1.50000000000000000000000", "1.5"),
        ("0e999999", "0"),
        ("0.1234567890123456789", None),
        ("123456789012345678901", None),
        ("1e999999999", None),
        ('"NaN"', None),
        ('"-Infinity"', None),
        ('"1,5"', None),
        ("true", None),
        ("[1]", None),
    ],
)
def test_an_amount_is_exact_or_in_extra(sent: str, cell: str | None):
    """An amount that decimal(38, 18) cannot hold is not rounded: its cell is empty, and extra has it as it was sent."""
    for filler in (0, 20):
        row = read(*[customer()] * filler, customer(totalSpent=sent))[-1]

        assert row["total_spent"] == cell
        assert row["extra"] == (None if cell else f'{{"totalSpent":{sent}}}')


@pytest.mark.parametrize(
    ("sent", "cell", "extra"),
    [
        ("2024-05-06T07:08:09.064Z", "2024-05-06T07:08:09.064000Z", False),
        ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09.000000Z", False),
        ("2024-05-06T07:08:09.064+05:30", "2024-05-06T01:38:09.064000Z", False),
        ("2024-05-06T07:08:09", "2024-05-06T07:08:09.000000Z", False),
        ("2024-05-06", "2024-05-06T00:00:00.000000Z", False),
        ("2024-05-06T07:08:09.123456000Z", "2024-05-06T07:08:09.123456Z", False),
        ("2024-05-06T07:08:09.1234564Z", "2024-05-06T07:08:09.123456Z", True),
        ("0001-01-01T00:00:00+05:00", None, True),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z", True),
        ("10000-01-01T00:00:00Z", None, True),
        ("yesterday", None, True),
        ("", None, True),
    ],
)
def test_a_time_is_in_utc_or_in_extra(sent: str, cell: str | None, extra: bool):
    """Without an offset it is UTC, as for the models; one that is finer than a microsecond is in extra, too."""
    row = read(customer(createdAt=f'"{sent}"'))[0]

    assert row["created_at"] == cell
    assert row["extra"] == (f'{{"createdAt":"{sent}"}}' if extra else None)


@pytest.mark.parametrize(
    ("sent", "cell"), [("9223372036854775807", 2**63 - 1), ("9223372036854775808", None), ("1.5", None), ('"1"', None)]
)
def test_a_whole_number_has_64_bits_or_is_in_extra(sent: str, cell: int | None):
    """No database wraps it round."""
    row = read(customer(numberOfOrders=sent))[0]

    assert (row["number_of_orders"], row["extra"]) == (cell, None if cell else f'{{"numberOfOrders":{sent}}}')


@pytest.mark.parametrize(
    ("sent", "cell"), [("4.1", 4.1), ("5", 5.0), ("0.12345678901234567891", None), ("1e999", None)]
)
def test_a_number_is_what_its_spelling_says_or_in_extra(sent: str, cell: float | None):
    """Floating-point cells spell the number that was sent."""
    row = read(customer(rating=sent), columns=columns_of("reviews"))[0]

    assert (row["rating"], row["extra"]) == (cell, None if cell else f'{{"rating":{sent}}}')


def test_the_two_names_of_an_id_are_one():
    """`id` counts where `_id` is absent, for records of any number; where both are there, extra has the other one."""
    rows = read(b'{"_id":"a"}', b'{"id":"b"}', b'{"_id":"c","id":"d"}', b'{"id":"e"}', *[b'{"id":"f"}'] * 50)

    assert [row["id"] for row in rows[:5]] == ["a", "b", "c", "e", "f"]
    assert {row["id"] for row in rows[4:]} == {"f"}
    assert [row["extra"] for row in rows if row["extra"]] == ['{"id":"d"}']


def test_unknown_fields_are_kept_as_sent_at_every_level():
    """Spelling and order of numbers inside are the server's; the names are sorted."""
    sent = b'{"_id":"o","zeta": [1.50, 1e2],"product":{"_id":"p","b":null,"a":{"n":1.0}},"alpha":"x"}'
    rows = read(*[sent] * 3, columns=ORDERS)

    assert {row["extra"] for row in rows} == {'{"alpha":"x","product":{"a":{"n":1.0},"b":null},"zeta":[1.50, 1e2]}'}
    assert rows[0]["product__id"] == "p"


def test_any_number_of_unknown_names_is_read():
    """A server that makes up a name for every record is answered with `extra`, not with ever more columns in memory."""
    rows = read(*[b'{"_id":"a","new%d":%d}' % (number, number) for number in range(300)])

    assert [row["extra"] for row in rows] == [f'{{"new{number}":{number}}}' for number in range(300)]


@pytest.mark.parametrize(
    "text", [b"[1]", b"5", b"null", b'"text"', b"{", b'{"_id":"a"},{"_id":"b"}', b'{"a":"\\ud800"}']
)
def test_what_is_no_record_is_kept_whole(text: bytes):
    """Its text stands in extra, and the rows beside it are not touched."""
    rows = read(b'{"_id":"before"}', text, b'{"_id":"after"}')

    assert [row["id"] for row in rows] == ["before", None, "after"]
    assert rows[1]["extra"] == text.decode()


@pytest.mark.parametrize(
    ("value", "extra"),
    [
        (rb'"\ud83d"', r'"\ud83d"'),
        (b'"caf\xe9"', '"caf\N{REPLACEMENT CHARACTER}"'),
        (b"NaN", "NaN"),
        (b'"a\tb"', '"a\tb"'),
    ],
)
@pytest.mark.parametrize("name", ["country", "new"])
def test_an_odd_value_leaves_the_rest_of_its_row(value: bytes, extra: str, name: str):
    """It stands in extra as it was sent; the other columns have their values."""
    record = b'{"_id":"c","%b":%b,"buyerEmail":"e@x.org"}' % (name.encode(), value)

    row = read(b'{"_id":"before"}', record, b'{"_id":"after"}')[1]

    assert (row["id"], row["buyer_email"], row["country"]) == ("c", "e@x.org", None)
    assert row["extra"] == f'{{"{name}":{extra}}}'


def test_large_records_come_in_smaller_tables():
    """What is held at once is bounded in bytes as well as in records."""
    tables = RowReader(CUSTOMERS).tables([b'{"_id":"a"}'] * 5 + [b'{"_id":"%s"}' % (b"b" * 50)] * 3, 4, room=60)

    assert [len(table[0]) for table in tables] == [4, 2, 1, 1]


def test_an_object_of_another_kind_is_kept():
    """Where the spec has an object and the server sent something else, it stands in extra."""
    rows = read(b'{"_id":"o","customer":"c1","product":{"_id":5,"name":"N"}}', columns=ORDERS)

    assert exact(rows[0]["extra"]) == {"customer": "c1", "product": {"_id": 5}}
    assert rows[0]["product__name"] == "N"
