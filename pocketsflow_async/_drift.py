"""What answers hold that the spec does not know, gathered as a patch to the spec: `Pocketsflow(strict="warn")`.

A body is read once more as plain data and compared with the structs that are generated from the spec. Fields are told
by name and type, never by value; of enums the value is told, for it is the news.
"""

import re
import types
import typing
import warnings
from collections.abc import Callable, Iterator
from datetime import date, datetime
from threading import Lock
from typing import Annotated, Any

import attrs
import msgspec

from pocketsflow_async._caller import distance
from pocketsflow_async._json import is_array, is_object
from pocketsflow_async._model import OpenEnum
from pocketsflow_async._wire import Choice, Codec, load
from pocketsflow_async.errors import APIResponseError, SpecDriftWarning

MOST = 1000
"""Places that are remembered; an API that makes up names must not fill the memory."""

_LONGEST = 100
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NO_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_GENERATED = "pocketsflow_async._generated."


@attrs.frozen(order=True)
class Place:
    """Where the spec falls short: a schema, and the field or enum value that it lacks."""

    spec: str
    schema: str
    name: str
    is_value: bool


class Drift:
    """What one client has seen so far that the spec does not know. May be used by several threads."""

    def __init__(self) -> None:
        self._seen: dict[Place, set[str]] = {}
        self._full = False
        self._lock = Lock()

    def look(self, codec: Codec[Any], body: bytes) -> None:
        """Compare an answer that was read with the spec, and warn of what is new in it."""
        try:
            value = codec.plain(body)
        except APIResponseError:
            return  # read by its known fields; what else is in it cannot be read at all
        new: dict[Place, None] = {}
        for place, kind in _unknown(value, codec.wire):
            with self._lock:
                if place not in self._seen and len(self._seen) == MOST:
                    self._full = True
                    continue
                if place not in self._seen:
                    new[place] = None
                self._seen.setdefault(place, set()).add(kind)
        for place in new:
            warnings.warn(self._told(place), SpecDriftWarning, stacklevel=distance())

    def patch(self) -> str:
        """All of it as YAML, a document for each spec; empty where the spec knows everything."""
        with self._lock:
            seen = {place: frozenset(kinds) for place, kinds in self._seen.items()}
        specs = sorted({place.spec for place in seen})
        parts = [_patch(spec, {place: seen[place] for place in sorted(seen) if place.spec == spec}) for spec in specs]
        rest = f"# More than {MOST} places: the rest is not listed.\n" if self._full else ""
        return "---\n".join(parts) + rest

    def _told(self, place: Place) -> str:
        with self._lock:
            patch = _patch(place.spec, {place: frozenset(self._seen[place])})
        what = "a value" if place.is_value else "a field"
        return f"an answer holds {what} of {place.schema} that the spec does not know; to add it:\n{patch}"


def _unknown(value: Any, kind: Any) -> Iterator[tuple[Place, str]]:
    """Every place at which a value is not as its type says, with the kind of value that stands there."""
    for option in _options(kind):
        if isinstance(option, Choice) and is_object(value):
            chosen = option.chosen(value)
            if chosen is None:
                continue
            yield from _unknown(value, load(chosen).wire)
        elif isinstance(option, type) and issubclass(option, msgspec.Struct) and is_object(value):
            yield from _in_object(value, option)
        elif isinstance(option, type) and issubclass(option, OpenEnum) and isinstance(value, str):
            if value not in _values(option) and len(value) <= _LONGEST:
                yield Place(_spec(option), option.__name__, value, is_value=True), "string"
        elif typing.get_origin(option) is list and is_array(value):
            for one in value:
                yield from _unknown(one, typing.get_args(option)[0])
        elif typing.get_origin(option) is dict and is_object(value):
            for one in value.values():
                yield from _unknown(one, typing.get_args(option)[1])


def _in_object(value: dict[str, Any], wire: type[msgspec.Struct]) -> Iterator[tuple[Place, str]]:
    known = {field.encode_name: field.type for field in msgspec.structs.fields(wire)}
    if known.keys() & {"_id", "id"}:
        known = {"_id": str, "id": str, **known}
    for name, inner in value.items():
        if name in known:
            yield from _unknown(inner, known[name])
        elif len(name) <= _LONGEST:
            yield Place(_spec(wire), wire.__name__.removesuffix("Wire"), name, is_value=False), _kind(inner)


def _options(kind: Any) -> tuple[Any, ...]:
    """The members of a union; of what is annotated with a choice, the choice."""
    if typing.get_origin(kind) is Annotated:
        inner, *told = typing.get_args(kind)
        return next(((one,) for one in told if isinstance(one, Choice)), _options(inner))
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        return tuple(option for member in typing.get_args(kind) for option in _options(member))
    return (kind,)


def _values(enum: type[OpenEnum]) -> frozenset[str]:
    return frozenset(member.value for member in enum)


def _spec(generated: type) -> str:
    """The file that a generated class comes from."""
    name = generated.__module__.removeprefix(_GENERATED).partition(".")[0]
    return f"openapi/{name.replace('_', '-')}.yaml"


def _kind(value: Any) -> str:
    """The spec's words for a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, str):
        return _kind_of_text(value)
    if is_object(value):
        return "object"
    if is_array(value):
        return " ".join(["array", *sorted({_kind(one).partition(" ")[0] for one in value})])
    return "number"


def _kind_of_text(text: str) -> str:
    for form, (shape, read) in _FORMS.items():
        if shape.match(text):
            try:
                if getattr(read(text), "tzinfo", True):
                    return form
            except ValueError:
                pass
    return "string"


_FORMS: dict[str, tuple[re.Pattern[str], Callable[[str], Any]]] = {
    "date": (re.compile(r"\d{4}-\d\d-\d\d$"), date.fromisoformat),
    "date-time": (re.compile(r"\d{4}-\d\d-\d\d[Tt]"), datetime.fromisoformat),
}
_WRITTEN = {
    "string": "type: string",
    "date": "type: string, format: date",
    "date-time": "type: string, format: date-time",
    "integer": "type: integer",
    "number": "type: number, format: decimal",
    "boolean": "type: boolean",
    "object": "type: object, additionalProperties: true",
}


def _schema(kinds: frozenset[str]) -> str:
    """The inside of a schema that takes all kinds of value that were seen."""
    arrays = [kind for kind in kinds if kind.startswith("array")]
    found = {kind for kind in kinds if kind in _WRITTEN}
    if len(found & {"string", "date", "date-time"}) > 1:
        found = found - {"date", "date-time"} | {"string"}
    if "number" in found:
        found.discard("integer")
    texts = [_WRITTEN[kind] for kind in _WRITTEN if kind in found]
    if arrays:
        items = frozenset(word for kind in arrays for word in kind.split()[1:])
        inner = "" if "null" in items else _schema(items)
        texts.append(f"type: array, items: {{{inner}}}")
    if len(texts) > 1:
        return "anyOf: [" + ", ".join(f"{{{text}}}" for text in texts) + "]" if "null" not in kinds else ""
    text = texts[0] if texts else ""
    if "null" in kinds and text:
        word, _, rest = text.removeprefix("type: ").partition(",")
        return f'type: [{word}, "null"]' + (f",{rest}" if rest else "")
    return text


def _patch(spec: str, seen: dict[Place, frozenset[str]]) -> str:
    lines = [f"# {spec}", "components:", "  schemas:"]
    for schema in dict.fromkeys(place.schema for place in seen):
        here = {place: kinds for place, kinds in seen.items() if place.schema == schema}
        lines.append(f"    {schema}:")
        lines.append("      enum:" if next(iter(here)).is_value else "      properties:")
        for place, kinds in here.items():
            if place.is_value:
                lines.append(f"        - {_quoted(place.name)}  # x-stability: observed")
            else:
                told = ", ".join(filter(None, (_schema(kinds), "x-stability: observed")))
                lines.append(f"        {_quoted(place.name)}: {{{told}}}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Text as YAML reads it back, whatever is in it."""
    if _PLAIN_NAME.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text) + '"'
