"""The habits of the API that the spec does not promise, straightened out before a body is read again."""

import types
import typing
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import msgspec

from pocketsflow_async._json import is_array, is_object
from pocketsflow_async._sound import sound

_ID_NAMES = {"_id": "id", "id": "_id"}


def straighten(value: Any, kind: Any, place: str = "$") -> Any:
    """The value as its type wants it: `id` for `_id` or the reverse, times with an offset (UTC where none is given).

    Raises:
        ValidationError: at its `place` stands what is no sound value.
    """
    options = _options(kind)
    if is_object(value):
        for option in options:
            if isinstance(option, type) and issubclass(option, msgspec.Struct):
                return _straighten_object(value, option, place)
            if typing.get_origin(option) is dict:
                inner = typing.get_args(option)[1]
                if inner is Any:
                    _check(value, place, amount=False)
                    return value
                return {key: straighten(one, inner, f"{place}[...]") for key, one in value.items()}
    if is_array(value):
        for option in options:
            if typing.get_origin(option) is list:
                inner = typing.get_args(option)[0]
                return [straighten(one, inner, f"{place}[{number}]") for number, one in enumerate(value)]
    if isinstance(value, str) and datetime in options:
        return _aware(value)
    if Any in options or Decimal in options:
        _check(value, place, amount=Decimal in options)
    return value


def unwrap(value: Any, keys: Sequence[str]) -> Any:
    """The record, where the answer wrapped it under one of the keys."""
    if is_object(value) and not _ID_NAMES.keys() & value.keys():
        for key in keys:
            if is_object(value.get(key)):
                return value[key]
    return value


def find_records(value: Any, key: str | None) -> Any:
    """A list's body in the shape that the spec names, wherever it put the records.

    Args:
        value: the body: an array, or an object with the records under any name.
        key: the name that the spec gives them; None where it says that the body is an array.
    """
    if is_array(value):
        return value if key is None else {key: value}
    if not is_object(value) or key in value:
        return value
    lists = [name for name, inner in value.items() if is_array(inner)]
    found = "data" if "data" in lists else lists[0] if len(lists) == 1 else None
    if found is None:
        return value
    if key is not None:
        return {**{name: inner for name, inner in value.items() if name != found}, key: value[found]}
    pagination = value.get("pagination")
    if is_object(pagination) and pagination.get("hasMore"):
        return value  # will be refused: the spec knows no way to the other pages
    return value[found]


def _straighten_object(value: dict[str, Any], wire: type[msgspec.Struct], place: str) -> dict[str, Any]:
    straight = dict(value)
    for field in msgspec.structs.fields(wire):
        name = field.encode_name
        other = _ID_NAMES.get(name)
        if other in straight and name not in straight:
            straight[name] = straight.pop(other)
        if name in straight:
            straight[name] = straighten(straight[name], field.type, f"{place}.{name}")
    return straight


def _check(value: Any, place: str, *, amount: bool) -> None:
    try:
        sound(Decimal(value) if amount and isinstance(value, str) else value)
    except InvalidOperation:
        pass  # no number at all: the decoder says so
    except msgspec.ValidationError as exc:
        raise msgspec.ValidationError(f"{exc} - at `{place}`") from None


def _aware(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _options(kind: Any) -> tuple[Any, ...]:
    """The members of a union, without what `Annotated` adds."""
    if typing.get_origin(kind) is Annotated:
        return _options(typing.get_args(kind)[0])
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        return tuple(option for member in typing.get_args(kind) for option in _options(member))
    return (kind,)
