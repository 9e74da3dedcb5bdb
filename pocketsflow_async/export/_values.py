"""What stands in the cells of a table: the same values in every format, or none where a value does not fit.

A reader gets the decoded values of a whole column and gives back its cells, None for null:

    text     str
    money    str, the exact number in plain digits: at most 20 before the point and 18 behind it
    integer  int of 64 bits
    number   float of 64 bits whose shortest spelling is the number that was sent
    flag     bool
    time     str, in UTC with microseconds: 2025-01-31T08:00:00.000000Z
    json     str, JSON as it was sent

It raises one of `UNFIT` where a value does not fit: nothing is rounded, cut or guessed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

from msgspec import MsgspecError, Raw, convert, to_builtins

from pocketsflow_async._lenient import straighten
from pocketsflow_async._wire import Time
from pocketsflow_async.export._columns import Kind

PRECISION = 38
SCALE = 18
"""Digits of an amount, and those behind the point: a server that calculates in binary sends 26.790000000000003."""

UNFIT = (MsgspecError, ValueError, ArithmeticError, RecursionError)
"""What is raised where a value does not fit its column."""

Cells = list[Any]

_EXACT = Context(prec=PRECISION, traps=[Inexact, InvalidOperation])
_STEP = Decimal(1).scaleb(-SCALE)
_SHORT = 19  # so long, a number without an exponent always fits
_TIMES = list[Time | None]
_MICROSECONDS = 27  # the length of a time in UTC
_FINER = re.compile(r"[.,]\d{6}\d*[1-9]", re.ASCII)
_LARGEST = 2**63 - 1


def _same(values: Sequence[Any]) -> Cells:
    return list(values)


def _money(values: Sequence[Decimal | None]) -> Cells:
    texts = [None if value is None else str(value) for value in values]
    given = list(filter(None, texts))
    if max(map(len, given), default=0) <= _SHORT and not "".join(given).strip("0123456789.-"):
        return texts
    return [None if value is None else _plain_digits(value) for value in values]


def _plain_digits(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is no amount")
    return format(value.quantize(_STEP, context=_EXACT).normalize(_EXACT), "f")


def _integer(values: Sequence[int | None]) -> Cells:
    given = [value for value in values if value is not None]
    if given and (max(given) > _LARGEST or min(given) < -_LARGEST - 1):
        raise OverflowError("more than 64 bits")
    return list(values)


def _number(values: Sequence[Decimal | None]) -> Cells:
    return [None if value is None else _float(value) for value in values]


def _float(value: Decimal) -> float:
    found = float(value)
    if Decimal(repr(found)) != value:
        raise ValueError(f"{value} is not {found}")
    return found


def _time(values: Sequence[str | None]) -> Cells:
    given = list(set(values))
    if any(value is not None and len(value) > _MICROSECONDS and _FINER.search(value) for value in given):
        raise ValueError("finer than a microsecond")
    cells = dict(zip(given, _in_utc(convert(given, _TIMES)), strict=True))
    return [cells[value] for value in values]


def time_as_models(text: str) -> tuple[str | None, bool]:
    """A time as the models read it, UTC where it has no offset and the nearest microsecond where it is finer.

    Returns:
        the cell, and whether it holds all that was sent.
    """
    (cell,) = _in_utc(convert([straighten(text, datetime)], _TIMES))
    return cell, cell is not None and not _FINER.search(text) and ":60" not in text


def _in_utc(moments: list[datetime | None]) -> Cells:
    texts = to_builtins([m if m is None or m.tzinfo is UTC else m.astimezone(UTC) for m in moments])
    return [t if t is None or len(t) == _MICROSECONDS else f"{t[:19]}.000000Z" for t in texts]


def _json(values: Sequence[Raw | None]) -> Cells:
    texts = [None if value is None else bytes(value).decode() for value in values]
    return [None if text == "null" else text for text in texts]


READERS: Mapping[Kind, Callable[[Sequence[Any]], Cells]] = {
    "text": _same,
    "money": _money,
    "integer": _integer,
    "number": _number,
    "flag": _same,
    "time": _time,
    "json": _json,
}

SENT_AS: Mapping[Kind, Any] = {
    "text": str,
    "money": Decimal,
    "integer": int,
    "number": Decimal,
    "flag": bool,
    "time": str,
    "json": Raw,
}
"""What a value of each kind is decoded to before its reader gets it."""
