"""Plain JSON data: what it may be, and how it is read and written without losing a digit."""

from decimal import Decimal
from typing import Any, TypeGuard

from msgspec.json import Decoder, Encoder

decode_exact = Decoder(float_hook=Decimal).decode
"""JSON text to plain data, numbers with a fraction as exact `Decimal`."""

encode_exact = Encoder(decimal_format="number").encode
"""Plain data to JSON text, `Decimal` digit for digit."""


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it is a JSON object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a JSON array."""
    return isinstance(value, list)
