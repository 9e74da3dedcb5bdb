"""Records of every kind, and what a row of a table says of the record that it came from."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from pocketsflow_async._plain import encode_exact
from pocketsflow_async.export._columns import Column, columns_of

ORDERS = columns_of("orders")

numbers = st.integers(-(10**25), 10**25) | st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda number: abs(number.adjusted()) < 400
)
amounts = st.decimals(-(10**6), 10**6, places=2) | st.floats(-1e6, 1e6).map(lambda number: Decimal(repr(number)))
texts = st.text(st.characters(exclude_categories=["Cs"]))
moments = st.datetimes(timezones=st.just(UTC) | st.timezones()).map(datetime.isoformat)
times = (
    moments | st.datetimes().map(datetime.isoformat) | st.sampled_from(["2024-05-06T07:08:09.123456789Z", "", "soon"])
)
anything = st.recursive(
    st.none() | st.booleans() | numbers | texts | times,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
_LIKELY: Mapping[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "money": amounts,
    "integer": st.integers(-(2**64), 2**64),
    "number": amounts,
    "flag": st.booleans(),
    "time": times,
    "json": anything,
}


@st.composite
def records(draw: st.DrawFn, columns: Sequence[Column] = ORDERS) -> dict[str, Any]:
    """A record with some of the fields of the spec, mostly of the right kind, and some others."""
    record: dict[str, Any] = {}
    for column in draw(st.lists(st.sampled_from(columns[:-1]), max_size=12, unique=True)):
        value = draw(st.one_of(_LIKELY[column.kind], _LIKELY[column.kind], anything))
        inner = record
        for name in column.path[:-1]:
            inner = inner.setdefault(name, {})
        inner[column.path[-1]] = value
    unknown = st.dictionaries(texts.filter(lambda name: name not in {"id", "_id"}), anything, max_size=2)
    for inner in [record, *(record[name] for name in ("product", "customer") if name in record)]:
        inner |= {name: value for name, value in draw(unknown).items() if name not in inner}
    return draw(st.one_of(st.just(record), st.just(record), st.just(record | {"customer": draw(anything)})))


def line(record: Any) -> bytes:
    """The record as the server would send it."""
    return encode_exact(record)


def exact(text: str | bytes) -> Any:
    """JSON with every digit."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def restored(columns: Sequence[Column], row: Sequence[Any]) -> dict[str, Any]:
    """The record that a row tells of; what is in `extra` counts more than what is in a column.

    The cells are Python values: Decimal for money, an aware datetime for times, text for JSON.
    """
    record: dict[str, Any] = {}
    for column, value in zip(columns[:-1], row, strict=False):
        if value is not None:
            inner = record
            for name in column.path[:-1]:
                inner = inner.setdefault(name, {})
            inner[column.path[-1]] = exact(value) if column.kind == "json" else value
    return merged(record, {} if row[-1] is None else exact(row[-1]))


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    both = first.keys() & second.keys()
    deep = {
        name: merged(first[name], second[name])
        for name in both
        if isinstance(first[name], dict) and isinstance(second[name], dict)
    }
    return first | second | deep


def expected(columns: Sequence[Column], record: dict[str, Any]) -> dict[str, Any]:
    """What a table has to tell of a record: all of it, except that null, absent and an empty object are one."""
    known = {column.path for column in columns[:-1]}
    return without_nulls(exact(line(record)), known, ())


def without_nulls(record: dict[str, Any], known: set[tuple[str, ...]], path: tuple[str, ...]) -> dict[str, Any]:
    left: dict[str, Any] = {}
    for name, value in record.items():
        here = (*path, name)
        inside = any(one[: len(here)] == here and one != here for one in known)
        kept = (without_nulls(value, known, here) or None) if inside and isinstance(value, dict) else value
        if kept is not None or not (inside or here in known):
            left[name] = kept
    return left


def same(told: Any, sent: Any) -> bool:
    """Whether a value of a table is the one that was sent, to the last digit."""
    if isinstance(told, dict) and isinstance(sent, dict):
        return told.keys() == sent.keys() and all(same(told[name], sent[name]) for name in told)
    if isinstance(told, datetime):
        moment = datetime.fromisoformat(sent)
        return told == (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    if isinstance(told, Decimal | int | float) and not isinstance(told, bool):
        return Decimal(repr(told) if isinstance(told, float) else told) == Decimal(sent)
    return type(told) is type(sent) and told == sent
