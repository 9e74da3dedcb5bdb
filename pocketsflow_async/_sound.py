"""Values that no model may hold: amounts that are not finite, and nesting that Python itself would stumble over."""

from collections.abc import Collection, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from msgspec import ValidationError

from pocketsflow_async._json import is_array, is_object
from pocketsflow_async._pieces import DEEPEST

_AT_ONCE = 10_000
_FLAT = frozenset({dict, list}).isdisjoint


def _some(values: Collection[Any]) -> Iterator[Collection[Any]]:
    """The values, of very many some at a time, so that other threads can run in between."""
    if len(values) <= _AT_ONCE:
        yield values
        return
    rest = iter(values)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def sound(value: Any) -> Any:
    """The value as it is: an amount, or free-form data.

    Raises:
        ValidationError: the amount is not finite, or the data is nested too deeply.
    """
    if is_object(value):
        if len(value) <= _AT_ONCE and _FLAT(map(type, value.values())):
            return value
    elif isinstance(value, Decimal) and not value.is_finite():
        raise ValidationError(f"Expected a finite number, got `{value}`")
    level = [value]
    for _ in range(DEEPEST):
        deeper: list[Any] = []
        for one in level:
            for inner in _some(one.values() if is_object(one) else one if is_array(one) else ()):
                if not _FLAT(map(type, inner)):
                    deeper += inner
        if not deeper:
            return value
        level = deeper
    raise ValidationError("it is nested too deeply")
