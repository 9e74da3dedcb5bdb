import csv
import io
import re
import unicodedata
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import ORDERS, expected, line, records, restored, same, texts

from pocketsflow_async.export._columns import columns_of
from pocketsflow_async.export._csv import GUARDED, guarded, write_csv

CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)')
MAKE = {
    "money": Decimal,
    "integer": int,
    "number": float,
    "flag": {"true": True, "false": False}.__getitem__,
    "time": datetime.fromisoformat,
}
beginnings = st.sampled_from(
    ["=", "+", "-", "@", "\t", "\r", "\n", '"', "'", " ", "\0", "\uff1d", "\ufeff", "\u3000", "-1", ";"]
)
evil = st.lists(beginnings, max_size=4).map("".join).flatmap(lambda start: texts.map(lambda text: start + text))


def written(many: list[Any], resource: str = "orders") -> str:
    file = io.BytesIO()
    write_csv(file, columns_of(resource), map(line, many))
    return file.getvalue().decode()


def parsed(text: str) -> list[list[str | None]]:
    """The cells as RFC 4180 reads them; None for one that has neither content nor quotes."""
    rows: list[list[str | None]] = [[]]
    position = 0
    while position < len(text):
        found = CELL.match(text, position)
        assert found is not None, text[position : position + 50]
        quoted, bare, end = found.groups()
        rows[-1].append(bare or None if quoted is None else quoted.replace('""', '"'))
        position = found.end()
        if end == "\r\n":
            rows.append([])
    return rows[:-1]


def unguarded(text: str) -> str:
    """What was sent, as the documentation says how to get it back."""
    return text[1:] if GUARDED.match(text) else text


def evaluates(cell: str) -> bool:
    """Whether a spreadsheet could take a cell for more than the text or the number that it shows."""
    if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?", cell, re.ASCII):
        return False
    start = next((one for one in cell if not one.isspace() and one not in '"\0\ufeff'), "")
    return unicodedata.normalize("NFKC", start) in {"=", "+", "-", "@"} or cell[:1] in {"\t", "\r", "\n"}


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(records(), max_size=4))
def test_every_record_can_be_read_back(many: list[dict[str, Any]]):
    """Columns and `extra` of the file together say what was sent; null and empty text are told apart."""
    header, *rows = parsed(written(many))

    assert header == [column.name for column in ORDERS]
    assert len(rows) == len(many)
    for row, record in zip(rows, many, strict=True):
        cells = [
            None if cell is None else MAKE.get(column.kind, unguarded)(cell)
            for column, cell in zip(ORDERS, row, strict=True)
        ]
        assert same(restored(ORDERS, cells), expected(ORDERS, record))


@settings(max_examples=examples(300), deadline=None)
@given(evil, evil, st.dictionaries(evil, evil, max_size=2), evil)
def test_no_cell_is_evaluated(name: str, email: str, metadata: dict[str, str], free: str):
    """Whatever buyers and sellers write, no spreadsheet takes it for a formula."""
    record = {"_id": name, "buyerEmail": email, "product": {"_id": "p", "name": name}, "metadata": metadata, name: free}
    text = written([record, {"_id": email, "metadata": free, "grossAmount": Decimal("-5.50")}])

    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 3
    assert not [cell for row in rows for cell in row if evaluates(cell)]


@settings(max_examples=examples(500), deadline=None)
@given(evil)
def test_the_guard_can_be_taken_away(text: str):
    """An apostrophe is put in front only where it is needed, and what was sent can be told from the file alone."""
    assert unguarded(guarded(text)) == text
    assert guarded(text) == text or evaluates(text.lstrip("'"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+491711234567", "'+491711234567"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ('"=1+1"', '\'"=1+1"'),
        ("\t=1", "'\t=1"),
        ("\r", "'\r"),
        ("'=1", "''=1"),
        ("\uff1d1", "'\uff1d1"),
        ("-5.50", "-5.50"),
        ("'s-Hertogenbosch", "'s-Hertogenbosch"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_only_formulas_are_guarded(text: str, cell: str):
    """Negative numbers and ordinary texts stay as they are."""
    assert guarded(text) == cell


def test_the_file_is_plain():
    """A header, lines that end with CR LF, texts in quotes, everything else bare, nothing for null."""
    text = written(
        [
            {
                "_id": "a",
                "country": "",
                "numberOfOrders": 2,
                "totalSpent": Decimal("-29.90"),
                "testMode": True,
                "x": None,
            },
            {"_id": 'b"', "createdAt": "2024-05-06T07:08:09.064Z"},
        ],
        "customers",
    )

    assert text.split("\r\n") == [
        "id,user_id,buyer_email,country,number_of_orders,total_spent,test_mode,created_at,extra",
        '"a",,,"",2,-29.90,true,,"{""x"":null}"',
        '"b""",,,,,,,2024-05-06T07:08:09.064000Z,',
        "",
    ]
