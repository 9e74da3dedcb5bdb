"""Values that no model may hold: amounts that are not finite, and nesting that Python itself would stumble over."""

from decimal import Decimal
from typing import Any

from msgspec import ValidationError

from pocketsflow_async._json import is_array, is_object

DEEPEST = 100
"""Levels of free-form data; far more than an answer has, and few enough to be copied, pickled and shown."""


def sound(value: Any) -> Any:
    """The value as it is.

    Raises:
        ValidationError: a number in it is not finite, or it is nested too deeply.
    """
    level = [value]
    for _ in range(DEEPEST):
        deeper: list[Any] = []
        for one in level:
            if type(one) is str:
                continue
            if is_object(one):
                deeper += one.values()
            elif is_array(one):
                deeper += one
            elif isinstance(one, Decimal) and not one.is_finite():
                raise ValidationError(f"Expected a finite number, got `{one}`")
        if not deeper:
            return value
        level = deeper
    raise ValidationError("it is nested too deeply")
