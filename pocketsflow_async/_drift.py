"""What answers hold that the spec does not know, gathered as a patch to the spec: `Pocketsflow(strict="warn")`.

A body is read once more as plain data and compared with the structs that are generated from the spec. Fields are told
by name and type, never by value; of enums the value is told, for it is the news.
"""

import types
import typing
import warnings
from collections.abc import Callable
from functools import cache, cached_property, partial
from threading import Lock
from typing import Annotated, Any, TypeVar

import msgspec

from pocketsflow_async._caller import distance
from pocketsflow_async._drift_patch import Place, kind_of, patch
from pocketsflow_async._json import is_array, is_object
from pocketsflow_async._model import OpenEnum
from pocketsflow_async._redaction import Redactor
from pocketsflow_async._wire import Choice, Codec, load
from pocketsflow_async.errors import APIResponseError, SpecDriftWarning

T = TypeVar("T")

MOST = 1000
"""Places that are remembered; an API that makes up names must not fill the memory."""

_LONGEST = 100
_GENERATED = "pocketsflow_async._generated."


class Drift:
    """What one client has seen so far that the spec does not know. May be used by several threads.

    Args:
        secrets: what no name may show; a field or value with one in it is left out.
    """

    def __init__(self, secrets: Callable[[], tuple[str, ...]] = tuple) -> None:
        self._secrets = secrets
        self._seen: dict[Place, set[str]] = {}
        self._full = False
        self._lock = Lock()

    def look(self, codec: Codec[Any], body: bytes) -> None:
        """Compare an answer that was read with the spec, and warn of what is new in it."""
        self.warn(self.compare(codec, body), None)

    def compare(self, codec: Codec[Any], body: bytes) -> list[Place]:
        """What is new in an answer."""
        try:
            value = codec.plain(body)
        except APIResponseError:
            return []  # read by its known fields; what else is in it cannot be read at all
        found: list[tuple[Place, Any]] = []
        look = _look(codec.wire)
        if look is not None:
            look(value, found)
        return self._note(found)

    def warn(self, places: list[Place], answer: T) -> T:
        """Give the answer back after a warning of what is new, which names the caller's line."""
        for place in places:
            warnings.warn(self._told(place), SpecDriftWarning, stacklevel=distance())
        return answer

    def patch(self) -> str:
        """All of it as YAML, a document for each spec; empty where the spec knows everything."""
        with self._lock:
            seen = {place: frozenset(kinds) for place, kinds in self._seen.items()}
        specs = sorted({place.spec for place in seen})
        parts = [patch(spec, {place: seen[place] for place in sorted(seen) if place.spec == spec}) for spec in specs]
        rest = f"# More than {MOST} places: the rest is not listed.\n" if self._full else ""
        return "---\n".join(parts) + rest

    def _note(self, found: list[tuple[Place, Any]]) -> list[Place]:
        """Remember what was found; gives back what is new."""
        new: list[Place] = []
        redactor: Redactor | None = None
        with self._lock:
            for place, value in found:
                kinds = self._seen.get(place)
                if kinds is None and len(self._seen) == MOST:
                    self._full = True
                    continue
                if kinds is None:
                    redactor = redactor or Redactor(self._secrets())
                    if redactor.text(place.name) != place.name:
                        continue
                    kinds = self._seen[place] = set()
                    new.append(place)
                kinds.add(kind_of(value))
        return new

    def _told(self, place: Place) -> str:
        with self._lock:
            written = patch(place.spec, {place: frozenset(self._seen[place])})
        what = "a value" if place.is_value else "a field"
        return f"an answer holds {what} of {place.schema} that the spec does not know; to add it:\n{written}"


Look = Callable[[Any, list[tuple[Place, Any]]], None]
"""Looks at a value and adds every place at which it is not as its type says, with what stands there."""


@cache
def _look(kind: Any) -> Look | None:
    """How to look at values of a type; None where nothing in them can be unknown."""
    looks = [look for option in _options(kind) if (look := _look_at(option)) is not None]
    if len(looks) < 2:
        return looks[0] if looks else None

    def at_any(value: Any, found: list[tuple[Place, Any]]) -> None:
        for look in looks:
            look(value, found)

    return at_any


def _look_at(option: Any) -> Look | None:
    if isinstance(option, Choice):
        return partial(_at_choice, option)
    if isinstance(option, type) and issubclass(option, msgspec.Struct):
        return _Object(option)
    if isinstance(option, type) and issubclass(option, OpenEnum):
        return partial(_at_enum, option, frozenset(member.value for member in option))
    if typing.get_origin(option) in {list, dict}:
        inner = _look(typing.get_args(option)[-1])
        return None if inner is None else partial(_at_many, inner)
    return None


class _Object:
    """Looks at the objects of one struct; what it is made of is worked out when the first one comes."""

    def __init__(self, wire: type[msgspec.Struct]) -> None:
        self._wire = wire

    @cached_property
    def _fields(self) -> dict[str, Look | None]:
        known = {field.encode_name: _look(field.type) for field in msgspec.structs.fields(self._wire)}
        return {"_id": None, "id": None, **known} if known.keys() & {"_id", "id"} else known

    @cached_property
    def _inside(self) -> list[tuple[str, Look]]:
        return [(name, look) for name, look in self._fields.items() if look is not None]

    def __call__(self, value: Any, found: list[tuple[Place, Any]]) -> None:
        if not is_object(value):
            return
        known = self._fields
        if not value.keys() <= known.keys():
            spec, schema = _spec(self._wire), self._wire.__name__.removesuffix("Wire")
            for name, inner in value.items():
                if name not in known and len(name) <= _LONGEST:
                    found.append((Place(spec, schema, name, is_value=False), inner))
        for name, look in self._inside:
            inner = value.get(name)
            if inner is not None:
                look(inner, found)


def _at_choice(choice: Choice, value: Any, found: list[tuple[Place, Any]]) -> None:
    chosen = choice.chosen(value) if is_object(value) else None
    look = None if chosen is None else _look(load(chosen).wire)
    if look is not None:
        look(value, found)


def _at_enum(enum: type[OpenEnum], known: frozenset[str], value: Any, found: list[tuple[Place, Any]]) -> None:
    if isinstance(value, str) and value not in known and len(value) <= _LONGEST:
        found.append((Place(_spec(enum), enum.__name__, value, is_value=True), value))


def _at_many(look: Look, value: Any, found: list[tuple[Place, Any]]) -> None:
    for one in value.values() if is_object(value) else value if is_array(value) else ():
        look(one, found)


def _options(kind: Any) -> tuple[Any, ...]:
    """The members of a union; of what is annotated with a choice, the choice."""
    if typing.get_origin(kind) is Annotated:
        inner, *told = typing.get_args(kind)
        return next(((one,) for one in told if isinstance(one, Choice)), _options(inner))
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        return tuple(option for member in typing.get_args(kind) for option in _options(member))
    return (kind,)


def _spec(generated: type) -> str:
    """The file that a generated class comes from."""
    name = generated.__module__.removeprefix(_GENERATED).partition(".")[0]
    return f"openapi/{name.replace('_', '-')}.yaml"
