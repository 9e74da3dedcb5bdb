"""cattrs for all that is off the hot road: request bodies out, plain data in and out, users' own types."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from numbers import Real
from typing import Any

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from pocketsflow_async._json import is_mapping
from pocketsflow_async._kinds import checked, to_plain
from pocketsflow_async._model import WIRE_NAME, Body, Model
from pocketsflow_async._plain import encode_exact
from pocketsflow_async._unset import UNSET, Unset
from pocketsflow_async._values import shown
from pocketsflow_async._wire import load
from pocketsflow_async.errors import InvalidArgumentError

TAKES = "takes"
"""The key of a body field's metadata that names the kinds of value it takes."""

FURTHER = "further"
"""The key of the metadata of a mapping whose keys go beside a body's own: the kinds of its values."""

KNOWN = "known"
"""The key of a body field's metadata that holds the enum whose values the field takes."""


def make_converter() -> Converter:
    """A cattrs converter that knows the models, to structure plain data and to take hooks for your own types.

    Structuring checks types as for the API's answers; unstructuring gives the API's own names, exact `Decimal`
    numbers and ISO 8601 times, with the unknown fields in place.
    """
    converter = Converter()
    converter.register_structure_hook_factory(_is_model, _structure_model)
    converter.register_unstructure_hook_factory(_is_model, _unstructure_model)
    converter.register_unstructure_hook_factory(_is_body, _unstructure_body)
    for scalar in (datetime, date, Decimal, float, Enum, str):
        converter.register_unstructure_hook(scalar, _scalar)
    converter.register_unstructure_hook_func(_is_number, _scalar)
    return converter


def encode_body(operation: str, body: Any) -> bytes:
    """The JSON of a request body.

    Raises:
        InvalidArgumentError: a value is of the wrong kind or has no place in JSON; names the field.
    """
    try:
        return encode_exact(_converter().unstructure(body))
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"{operation}: {exc}") from None
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise InvalidArgumentError(f"{operation}: {_culprit(body)} cannot be written as JSON ({exc})") from None


def _culprit(body: Any) -> str:
    """The field that cannot be encoded; the body itself where it has no fields, or is not at fault."""
    fields = {} if not isinstance(body, Body) else attrs.asdict(body, recurse=False)
    for name, value in fields.items():
        try:
            encode_exact(None if value is UNSET else _converter().unstructure(value))
        except (TypeError, ValueError, OverflowError, RecursionError):
            return name
    return "the body"


@lru_cache(maxsize=1)
def _converter() -> Converter:
    converter = make_converter()
    for kind in (bytes, bytearray, memoryview, set, frozenset):
        converter.register_unstructure_hook(kind, _refuse)
    return converter


def _refuse(value: Any) -> Any:
    """JSON has neither; the encoder would make Base64 of bytes, and of a set a list in any order."""
    kind = type(value).__name__
    remedy = "a list" if kind.endswith("set") else "a str or decoded data"
    raise InvalidArgumentError(f"the body cannot hold {kind}: give {remedy}")


def _is_number(kind: Any) -> bool:
    return isinstance(kind, type) and kind is not int and kind is not bool and issubclass(kind, Real)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Model)


def _is_body(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Body)


def _scalar(value: Any) -> Any:
    return to_plain(value, "a value")


def _structure_model(kind: type[Model]) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        return load(kind.WIRE).from_plain(value)

    return structure


def _unstructure_model(kind: type[Model], converter: Converter) -> Callable[[Any], dict[str, Any]]:
    names: dict[str, Any] = {
        field.name: override(rename=field.metadata[WIRE_NAME]) if WIRE_NAME in field.metadata else override(omit=True)
        for field in attrs.fields(kind)
    }
    known = make_dict_unstructure_fn(kind, converter, **names)

    def unstructure(model: Any) -> dict[str, Any]:
        return {**known(model), **model.extra}

    return unstructure


def _unstructure_body(kind: type[Body], converter: Converter) -> Callable[[Any], dict[str, Any]]:
    fields = [
        (field.name, str(field.metadata[WIRE_NAME]), field.default is UNSET, _checked(converter, field))
        for field in attrs.fields(kind)
        if WIRE_NAME in field.metadata
    ]
    names = frozenset(wire for _, wire, _, _ in fields)
    mappings = [field for field in attrs.fields(kind) if FURTHER in field.metadata]

    def unstructure(body: Any) -> dict[str, Any]:
        if kind.NEEDS and not any(all(_given(body, name) for name in group) for group in kind.NEEDS):
            raise InvalidArgumentError(f"{' or '.join(' with '.join(group) for group in kind.NEEDS)} must be given")
        found: dict[str, Any] = {}
        for name, wire, optional, way_out in fields:
            value = getattr(body, name)
            if value is not UNSET or not optional:
                found[wire] = way_out(value)
        for field in mappings:
            found |= _further(converter, field, getattr(body, field.name), names)
        return found

    return unstructure


def _given(body: Any, name: str) -> bool:
    value = getattr(body, name)
    return value is not None and value is not UNSET


def _further(converter: Converter, field: "attrs.Attribute[Any]", given: Any, names: frozenset[str]) -> dict[str, Any]:
    """The keys that go beside the body's own."""
    if isinstance(given, Unset):
        return {}
    if not is_mapping(given):
        raise InvalidArgumentError(f"{field.name} must be a mapping, not {shown(given)}")
    for name in given:
        if not isinstance(name, str) or not name:
            raise InvalidArgumentError(f"{field.name}: a name must be text and not empty, not {shown(name)}")
        if name in names:
            raise InvalidArgumentError(f"{field.name}: {name} is a field of its own: give it as an argument")
    kinds = field.metadata[FURTHER]
    return {name: _way_out(converter, f"{field.name}[{shown(name)}]", kinds)(value) for name, value in given.items()}


def _checked(converter: Converter, field: "attrs.Attribute[Any]") -> Callable[[Any], Any]:
    known = tuple(str(member) for member in field.metadata.get(KNOWN, ()))
    return _way_out(converter, field.name, field.metadata.get(TAKES, ""), known)


def _way_out(converter: Converter, place: str, takes: str, known: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    """The value's way out, after a look at its kind, so that an error can name the field."""

    def unstructure(value: Any) -> Any:
        try:
            return converter.unstructure(checked(value, place, takes, known))
        except InvalidArgumentError as exc:
            text = str(exc)
            raise InvalidArgumentError(text if text.startswith(place) else f"{place}: {text}") from None

    return unstructure
