"""Plain JSON data: what a value may be."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it is a JSON object."""
    return isinstance(value, dict)


def is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it is a mapping of any kind: what a caller may give for an object."""
    return isinstance(value, Mapping)


def is_several(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether it is a list or a tuple: what a caller may give for an array."""
    return isinstance(value, list | tuple)


def is_collection(value: Any) -> TypeGuard[Iterable[Any]]:
    """Whether it holds values of which each counts; a text counts as one, and so does a mapping."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray | Mapping)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Whether it is a JSON array."""
    return isinstance(value, list)
