"""What the API sends and the spec does not promise, normalized before a body is decoded again."""

import re
import types
import typing
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property
from typing import Annotated, Any

import msgspec

from pocketsflow_async._json import is_array, is_object
from pocketsflow_async._pieces import settle
from pocketsflow_async._plain import encode_exact, loosened

Normalize = Callable[[Any], Any]

_ID_NAMES = {"_id": "id", "id": "_id"}
_AT_ONCE = 10_000
_LONGEST = 4300
"""Digits of a whole number that Python can show."""

_TIME = re.compile(
    r"""\s* ([+-]?\d{4,6}) - (\d\d) - (\d\d)
    (?: [Tt\ ] (\d\d) : (\d\d) (?: : (\d\d) (?: [.,] (\d*) )? )? )?
    \s* (?: [Zz] | ([+-]\d\d) (?: :? (\d\d) )? )? \s*""",
    re.VERBOSE | re.ASCII,
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def straighten(value: Any, kind: Any) -> Any:
    """Exact plain data as its type wants it.

    - `id` for `_id` or the reverse;
    - times in other spellings, UTC where they have no offset, the following second for a leap second;
    - `5.0` for a whole number;
    - None for a time or number that its type cannot hold.

    Raises:
        ValidationError: there is no sound value; names the place.
    """
    normalize = _normalizer(kind)
    return value if normalize is None else normalize(value)


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


def relocated(exc: msgspec.ValidationError, place: str) -> msgspec.ValidationError:
    """The same error below another place, such as ``.price`` or ``[3]``."""
    reason, path = split_error(str(exc))
    return msgspec.ValidationError(f"{reason} - at `${place}{path.removeprefix('$')}`")


def shifted(exc: msgspec.ValidationError, first: str, by: int) -> msgspec.ValidationError:
    """The same error, if it is in a list that begins at this place, with so many elements before the list's."""
    start, bracket, _ = first.partition("[")
    pattern = re.escape(f" - at `${start}{bracket}") + r"(\d+)"
    return msgspec.ValidationError(
        re.sub(pattern, lambda found: f" - at `${start}[{int(found[1]) + by}", str(exc), count=1)
    )


def checked(value: Any, struct: type[msgspec.Struct]) -> Any:
    """The struct of normalized plain data. Long lists are checked part by part, so that other threads can run.

    Raises:
        ValidationError: it is not what the spec says; names the place.
    """
    if not is_object(value) or not any(is_array(one) and len(one) > _AT_ONCE for one in value.values()):
        return msgspec.convert(value, struct)
    lists: dict[str, list[Any]] = {}
    short = dict(value)
    for field in msgspec.structs.fields(struct):
        name = field.encode_name
        kind = next((option for option in _options(field.type) if typing.get_origin(option) is list), None)
        if kind is None or not is_array(value.get(name)):
            continue
        lists[field.name], short[name] = [], []
        for start in range(0, len(value[name]), _AT_ONCE):
            try:
                lists[field.name] += msgspec.convert(value[name][start : start + _AT_ONCE], kind)
            except msgspec.ValidationError as exc:
                raise relocated(shifted(exc, "[0]", start), f".{name}") from None
            settle()
    found = msgspec.convert(short, struct)
    for name, elements in lists.items():
        setattr(found, name, elements)
    return found


def split_error(text: str) -> tuple[str, str]:
    """What msgspec says, and where."""
    reason, found, place = text.rpartition(" - at `$")
    return (reason, f"${place.removesuffix('`')}") if found else (text, "$")


@cache
def _normalizer(kind: Any) -> Normalize | None:
    """How to normalize values of a type; None where there is nothing to do."""
    by_type: dict[type, Normalize] = {}
    for option in _options(kind):
        if option is Any:
            return loosened
        if option is msgspec.Raw:
            return _raw
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            by_type[dict] = _Object(option)
        elif typing.get_origin(option) is list:
            by_type[list] = _Many(typing.get_args(option)[0])
        elif typing.get_origin(option) is dict:
            by_type[dict] = _Each(typing.get_args(option)[1])
        else:
            by_type |= _SCALARS.get(option, {})

    def normalize(value: Any) -> Any:
        found = by_type.get(value.__class__)
        return value if found is None else found(value)

    return normalize if by_type else None


class _Object:
    """Normalizes the objects of one struct; structs may meet in circles, so its fields are looked at when one comes."""

    def __init__(self, struct: type[msgspec.Struct]) -> None:
        self._struct = struct

    @cached_property
    def _fields(self) -> list[tuple[str, Normalize]]:
        fields = msgspec.structs.fields(self._struct)
        return [(field.encode_name, fix) for field in fields if (fix := _normalizer(field.type)) is not None]

    @cached_property
    def _id(self) -> str | None:
        fields = msgspec.structs.fields(self._struct)
        return next((field.encode_name for field in fields if field.encode_name in _ID_NAMES), None)

    def __call__(self, value: dict[str, Any]) -> dict[str, Any]:
        straight = dict(value)
        name = self._id
        if name is not None and name not in straight and _ID_NAMES[name] in straight:
            straight[name] = straight.pop(_ID_NAMES[name])
        for name, normalize in self._fields:
            if straight.get(name) is not None or (normalize is _raw and name in straight):
                try:
                    straight[name] = normalize(straight[name])
                except msgspec.ValidationError as exc:
                    raise relocated(exc, f".{name}") from None
        return straight


class _Many:
    """Normalizes lists of one type."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __call__(self, value: list[Any]) -> list[Any]:
        normalize = _normalizer(self._inner)
        if normalize is None:
            return value
        straight: list[Any] = []
        for position, one in enumerate(value):
            try:
                straight.append(normalize(one))
            except msgspec.ValidationError as exc:
                raise relocated(exc, f"[{position}]") from None
            if position % _AT_ONCE == _AT_ONCE - 1:
                settle()
        return straight


class _Each:
    """Normalizes mappings to one type."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __call__(self, value: dict[str, Any]) -> dict[str, Any]:
        if self._inner is Any:
            straight: dict[str, Any] = loosened(value)
            return straight
        normalize = _normalizer(self._inner)
        try:
            return value if normalize is None else {key: normalize(one) for key, one in value.items()}
        except msgspec.ValidationError as exc:
            raise relocated(exc, "[...]") from None


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(encode_exact(value))


def _whole(value: Any) -> Any:
    number = Decimal(value)
    if number.adjusted() >= _LONGEST:
        return None
    return int(number) if number == number.to_integral_value() else value


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number not in {float("inf"), float("-inf")} else None


def _amount(text: str) -> Any:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None if _NUMBER.fullmatch(text) else text
    if not number.is_finite():
        raise msgspec.ValidationError(f"Expected a finite number, got `{number}`")
    return number


def _moment(text: str) -> Any:
    """The moment that a text names in any spelling; None for one that no calendar has, the text for anything else."""
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            return _aware(datetime.fromisoformat(text))
        return _spelled_out(found)
    except (ValueError, OverflowError):
        return text if found is None else None


def _spelled_out(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second, fraction, ahead, minutes = found.groups()
    hours, seconds = int(hour or 0), int(second or 0)
    later = timedelta(microseconds=(int(f"{fraction or 0:0<7}"[:7]) + 5) // 10)
    if seconds == 60:  # a leap second: the clock of a computer shows the following one
        seconds, later = 59, later + timedelta(seconds=1)
    if (hours, minute, seconds) == (24, "00", 0):
        hours, later = 0, later + timedelta(days=1)
    offset = f"{ahead}:{minutes or '00'}" if ahead else "+00:00"
    start = f"{int(year):04}-{month}-{day}T{hours:02}:{minute or '00'}:{seconds:02}{offset}"
    return _aware(datetime.fromisoformat(start)) + later


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_SCALARS: dict[Any, dict[type, Normalize]] = {
    datetime: {str: _moment},
    int: {float: _whole, Decimal: _whole},
    float: {int: _float, Decimal: _float},
    Decimal: {str: _amount},
}


def _options(kind: Any) -> tuple[Any, ...]:
    """The members of a union, without what `Annotated` adds."""
    if typing.get_origin(kind) is Annotated:
        return _options(typing.get_args(kind)[0])
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        return tuple(option for member in typing.get_args(kind) for option in _options(member))
    return (kind,)
