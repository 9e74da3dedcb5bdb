"""What arguments may be: kinds of value by name, and the check that names the argument."""

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from numbers import Real
from typing import Any, NamedTuple

from pocketsflow_async._json import is_mapping, is_several
from pocketsflow_async._operation import Parameter
from pocketsflow_async._unset import Unset
from pocketsflow_async._values import is_text, number, shown, whole
from pocketsflow_async.errors import InvalidArgumentError, SpecDriftWarning

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "text"),
    "number": ((Decimal, int, float), "a number (Decimal, int or float)"),
    "whole": ((int,), "a whole number"),
    "flag": ((bool,), "True or False"),
    "time": ((datetime, date, str), "a datetime, a date or ISO 8601 text"),
    "list": ((list, tuple), "a list"),
    "map": ((Mapping,), "a mapping"),
    "null": ((type(None),), "None"),
}
_TIME = re.compile(r"[0-9:.,+\-TWZtz ]+")
_SMALL = 64
"""Bits of whole numbers that are sent without another look."""

_CLOSE = 0.8
"""How much alike two texts are if one is taken for a slip in writing the other."""


class _Kinds(NamedTuple):
    """Kinds of value.

    Attributes:
        types: the types of such values.
        wanted: how an error calls them.
        elements: the kinds of a list's elements, as a text.
        names: each by its name.
    """

    types: tuple[type, ...]
    wanted: str
    elements: str
    names: frozenset[str]


@lru_cache(maxsize=256)
def _read(takes: str) -> _Kinds:
    """Kinds as the generator writes them: names with spaces in between, those of a list's elements in brackets."""
    words = [word.partition("[") for word in takes.split()]
    found = [_KINDS[name] for name, _, _ in words]
    return _Kinds(
        types=tuple(one for types, _ in found for one in types),
        wanted=" or ".join(wanted for _, wanted in found),
        elements=" ".join(inner[:-1].replace("|", " ") for name, _, inner in words if name == "list"),
        names=frozenset(name for name, _, _ in words),
    )


def checked(value: Any, place: str, takes: str, known: Sequence[str] = ()) -> Any:
    """An argument as it goes out, if it is of a kind that is taken; see `to_plain`.

    Args:
        value: as the caller gave it.
        place: the argument's name.
        takes: the kinds of value; none for any.
        known: texts that the spec lists, where it lists any: a slip in writing one of them is warned of.

    Raises:
        InvalidArgumentError: it is of another kind, or cannot be sent.
    """
    if not takes:
        if isinstance(value, Unset):
            raise InvalidArgumentError(f"{place} must be given")
        return to_plain(value, place)
    kinds = _read(takes)
    if not isinstance(value, kinds.types) or (value.__class__ is bool and "flag" not in kinds.names):
        value = _of_another_library(value, place, kinds)
    if isinstance(value, str):
        if "time" in kinds.names and "text" not in kinds.names:
            _check_time(value, place)
        elif known and type(value) is str and value not in known:
            _warn_of_slip(value, place, known)
    elif is_several(value):
        return [checked(one, f"{place}[{n}]", kinds.elements, known) for n, one in enumerate(value)]
    elif is_mapping(value):
        _check_names(value, place)
    return to_plain(value, place)


def arguments(operation: str, takes: Sequence[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by the API's names, each checked; what is None or UNSET is left out.

    Raises:
        InvalidArgumentError: one is of a kind that is not taken, is empty, or is missing; or a span ends before it
            starts.
    """
    if not takes:
        return {name: value for name, value in given.items() if value is not None and not isinstance(value, Unset)}
    found: dict[str, Any] = {}
    spans: list[Parameter] = []
    for parameter in takes:
        value = given.get(parameter.wire)
        if value is None or isinstance(value, Unset):
            if parameter.required:
                raise InvalidArgumentError(f"{operation}: {parameter.name} must be given")
            continue
        place = f"{operation}: {parameter.name}"
        if _is_blank(value) and value not in parameter.known:
            raise InvalidArgumentError(f"{place} must not be empty: leave it out, or give a value")
        found[parameter.wire] = checked(value, place, parameter.takes, parameter.known)
        if parameter.until:
            spans.append(parameter)
    for start in spans:
        end = next((one for one in takes if one.wire == start.until and one.wire in found), None)
        if end is not None and _moment(found[start.wire], last=False) > _moment(found[end.wire], last=True):
            raise InvalidArgumentError(
                f"{operation}: {start.name} must be before {end.name}, "
                f"not {shown(found[start.wire])} with {shown(found[end.wire])}"
            )
    return found


def _is_blank(value: Any) -> bool:
    return isinstance(value, str | list | tuple) and not (value.strip() if isinstance(value, str) else value)


def to_plain(value: Any, place: str) -> Any:
    """A scalar as it goes out: enums by value, times in UTC, numbers finite; everything else as it is.

    Raises:
        InvalidArgumentError: the value has no place in JSON or would be read as something else.
    """
    if value.__class__ is int and value.bit_length() < _SMALL:  # a page's number and size, with every page
        return value
    if isinstance(value, Unset):
        raise InvalidArgumentError(f"{place}: UNSET cannot be sent; leave it out")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return _utc(value, place)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        if not is_text(value):
            raise InvalidArgumentError(f"{place} cannot be written in UTF-8")
        return value if type(value) is str else str.__str__(value)  # no JSON encoder takes a class of somebody else
    if isinstance(value, Decimal | float):
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            raise InvalidArgumentError(f"{place}: {value} is no number that can be sent")
        return value if isinstance(value, Decimal) or type(value) is float else float(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    found: int | float | None = whole(value)
    if found is None:
        found = number(value)
    if found is None:
        raise InvalidArgumentError(f"{place}: {shown(value)} is no number that can be sent")
    return found


def _utc(value: datetime, place: str) -> str:
    try:
        if value.utcoffset() is not None:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, NotImplementedError):  # pandas' NaT, or a zone that knows no offset
        raise InvalidArgumentError(
            f"{place}: {value.replace(tzinfo=None).isoformat()} cannot be written in UTC"
        ) from None
    raise InvalidArgumentError(
        f"{place}: {value.isoformat()} has no time zone; give an aware datetime, "
        "such as datetime(2024, 1, 1, tzinfo=timezone.utc)"
    )


def _of_another_library(value: Any, place: str, kinds: _Kinds) -> Any:
    """The number that a value is where numbers are taken."""
    found: Any = None
    if kinds.names & {"number", "whole"} and not isinstance(value, bool):
        found = whole(value)
        if found is None and "number" in kinds.names:
            found = number(value)
    if found is not None:
        return found
    if isinstance(value, Unset):
        raise InvalidArgumentError(f"{place} must be given")
    raise InvalidArgumentError(f"{place} must be {kinds.wanted}, not {shown(value)}")


def _check_names(value: Mapping[Any, Any], place: str) -> None:
    for name in value:
        if not isinstance(name, str):
            raise InvalidArgumentError(f"{place}: a name must be text, not {shown(name)}")


def _check_time(text: str, place: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        good = False
    else:
        good = _TIME.fullmatch(text) is not None  # Python takes any sign between date and time
    if not good:
        raise InvalidArgumentError(f"{place} must be an ISO 8601 date or time, not {shown(text)}")


def _moment(text: str, *, last: bool) -> datetime:
    """The first or last moment that a date or time may mean."""
    found = datetime.fromisoformat(text)
    if last and "T" not in text.upper() and ":" not in text:
        found = found.replace(hour=23, minute=59, second=59)
    return found if found.utcoffset() is not None else found.replace(tzinfo=UTC)


def _warn_of_slip(value: str, place: str, known: Sequence[str]) -> None:
    """Warn of a text that is nearly one of the spec's; what is altogether different may be new."""
    from difflib import get_close_matches

    from pocketsflow_async._caller import distance

    lowered = {text.lower(): text for text in known}
    for match in get_close_matches(value.lower(), lowered, n=1, cutoff=_CLOSE):
        text = f"{place}: {shown(value)} is not one of the {len(known)} known values; did you mean {lowered[match]!r}?"
        warnings.warn(text, SpecDriftWarning, stacklevel=distance())
