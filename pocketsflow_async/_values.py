"""Values that callers pass: numbers of any library, and how an error shows what it got."""

import builtins
import math
from numbers import Integral, Real
from operator import index
from typing import Any

_SHOWN = {"str", "int", "float", "bool", "NoneType", "decimal.Decimal", "datetime.date", "datetime.datetime"}
_LONGEST = 60

_MOST_BITS = 14_000
"""Of an int: Python writes no more than 4,300 digits."""


def shown(value: object) -> str:
    """A value as an error shows it: a scalar, shortened; of all else the type, since it may hold personal data."""
    kind = type(value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    if name in _SHOWN and not (isinstance(value, int) and value.bit_length() > 4 * _LONGEST):
        text = repr(value[: _LONGEST + 1] if isinstance(value, str) else value)
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return name if hasattr(builtins, kind.__name__) else kind.__name__


def whole(value: object) -> int | None:
    """The int that a value is, such as numpy's `int64`; None for anything else, a bool, and what cannot be written."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        return None
    try:
        found = index(value)
    except TypeError:  # numpy counts its timedelta64 among the whole numbers
        return None
    return found if found.bit_length() <= _MOST_BITS else None


def number(value: object) -> float | None:
    """The finite float that a real number is; None for anything else and for a bool."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    if isinstance(value, Integral) and whole(value) is None:
        return None
    try:
        found = float(value)
    except (OverflowError, ValueError, TypeError):
        return None
    return found if math.isfinite(found) else None


def is_text(value: Any) -> bool:
    """Whether it is a str that can be written in UTF-8."""
    try:
        return isinstance(value, str) and (value.isascii() or bool(str.encode(value)))
    except UnicodeEncodeError:
        return False
