"""What a schema allows, whatever the version of OpenAPI it is written for and however it is put together."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from codegen.drift.document import Document
from codegen.drift.plain import is_list, is_mapping

_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
_NULL = frozenset({"null"})
_LIMITS = ("minLength", "maxLength", "minItems", "maxItems", "multipleOf", "pattern")
_IMPLIED = {"properties": "object", "additionalProperties": "object", "items": "array"}


@attrs.frozen
class Part:
    """A schema inside of another, with the pointer to it."""

    node: Any
    place: str


@attrs.frozen
class Shape:
    """What values a schema allows.

    Attributes:
        name: the component it is, if it is one.
        types: JSON's words for the types; empty where nobody says.
        formats: what `format` says of texts.
        values: the enum, each value as JSON; None where there is none.
        fields: the properties.
        required: those that must be there.
        items: the schema of a list's members.
        rest: the schema of fields without a name of their own.
        limits: bounds of numbers, texts and lists.
        default: what stands for an absent value, as JSON.
    """

    name: str = ""
    types: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()
    values: tuple[str, ...] | None = None
    fields: Mapping[str, Part] = attrs.field(factory=dict[str, Part])
    required: frozenset[str] = frozenset()
    items: Part | None = None
    rest: Part | None = None
    limits: Mapping[str, str] = attrs.field(factory=dict[str, str])
    default: str | None = None


ANYTHING = Shape()


class Shapes:
    """The shapes of one document's schemas, each worked out once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._known: dict[int, Shape] = {}
        self._joined: dict[tuple[str, tuple[int, ...]], dict[str, Any]] = {}
        self._open: set[int] = set()

    def of(self, part: Part) -> Shape:
        """What a schema allows; one that stands inside of its own definition allows anything."""
        node, place = self._document.resolve(part.node, part.place)
        if not is_mapping(node):
            if node is not None and not isinstance(node, bool):
                self._document.mapping(node, place)
            return ANYTHING
        key = id(node)
        if key in self._open:
            return ANYTHING
        if key not in self._known:
            self._open.add(key)
            try:
                self._known[key] = self._worked_out(self._document.mapping(node, place), place)
            finally:
                self._open.discard(key)
        beside = part.node
        if beside is not node and "default" in beside:  # 3.1 lets words stand beside a reference
            with_default = attrs.evolve(self._known[key], default=_json(beside["default"]))
            return self._known.setdefault(id(beside), with_default)
        return self._known[key]

    def _worked_out(self, node: dict[str, Any], place: str) -> Shape:
        shape = self._own(node, place)
        for word in ("allOf", "anyOf", "oneOf"):
            parts = [
                Part(inner, f"{place}/{word}/{i}")
                for i, inner in enumerate(self._document.listed(node.get(word), f"{place}/{word}"))
            ]
            if not parts:
                continue
            inner = [self.of(part) for part in parts]
            if word != "allOf":
                inner = [self._one(inner)]
            # What only wraps another schema, to make it nullable or to say a word on it, is that schema.
            name = "" if shape.fields or len(inner) > 1 else inner[0].name
            shape = self._all([shape, *inner], name)
        if node.get("nullable") is True and shape.types:
            shape = attrs.evolve(shape, types=shape.types | _NULL)
        if not shape.name and place.startswith("/components/schemas/") and place.count("/") == 3:
            return attrs.evolve(shape, name=place.rpartition("/")[2].replace("~1", "/").replace("~0", "~"))
        return shape

    def _own(self, node: dict[str, Any], place: str) -> Shape:
        """What a schema says itself, without the schemas it is made of."""
        note = self._document.note
        told = node.get("type")
        types = {str(one) for one in (told if is_list(told) else [told]) if one is not None}
        for odd in sorted(types.difference(_TYPES)):
            note(place, f"{odd!r} is no type")
        types.intersection_update(_TYPES)
        values = self._document.listed(node.get("enum"), f"{place}/enum") if "enum" in node else None
        if "const" in node:
            values = [node["const"]]
        if not types:
            types = {kind for word, kind in _IMPLIED.items() if word in node} or {_type_of(one) for one in values or ()}
        if values is not None and None in values:
            types.add("null")
        fields = self._document.mapping(node.get("properties"), f"{place}/properties")
        required = node.get("required")
        rest = node.get("additionalProperties")
        return Shape(
            types=frozenset(types),
            formats=frozenset({node["format"]} if isinstance(node.get("format"), str) else ()),
            values=None if values is None else tuple(dict.fromkeys(_json(one) for one in values if one is not None)),
            fields={name: Part(inner, f"{place}/properties/{name}") for name, inner in fields.items()},
            required=frozenset(map(str, required)) if is_list(required) else frozenset(),
            items=Part(node["items"], f"{place}/items") if "items" in node else None,
            rest=Part(rest, f"{place}/additionalProperties") if is_mapping(rest) and rest else None,
            limits=_limits(node),
            default=_json(node["default"]) if "default" in node else None,
        )

    def _all(self, shapes: list[Shape], name: str) -> Shape:
        """What all of the shapes allow together."""
        told = [shape.types for shape in shapes if shape.types]
        enums = [shape.values for shape in shapes if shape.values is not None]
        return Shape(
            name=name,
            types=told[0].intersection(*told) if told else frozenset(),
            formats=frozenset[str]().union(*(shape.formats for shape in shapes)),
            values=tuple(one for one in enums[0] if all(one in enum for enum in enums)) if enums else None,
            fields=self._fields(shapes, "allOf"),
            required=frozenset[str]().union(*(shape.required for shape in shapes)),
            items=self._join("allOf", [shape.items for shape in shapes]),
            rest=self._join("allOf", [shape.rest for shape in shapes]),
            limits={word: value for shape in shapes for word, value in shape.limits.items()},
            default=next((shape.default for shape in shapes if shape.default is not None), None),
        )

    def _one(self, shapes: list[Shape]) -> Shape:
        """What any of the shapes allows; a lone null only makes the rest nullable."""
        null = [shape for shape in shapes if shape.types == _NULL]
        rest = [shape for shape in shapes if shape not in null]
        if len(rest) == 1:
            types = rest[0].types
            return attrs.evolve(rest[0], types=types | _NULL if null and types else types)
        told = [shape.types for shape in shapes]
        enums = [shape.values for shape in rest]
        objects = [shape for shape in rest if "object" in shape.types]
        return Shape(
            types=frozenset[str]().union(*told) if all(told) else frozenset(),
            formats=frozenset[str]().union(*(shape.formats for shape in rest)),
            values=None if None in enums else tuple(dict.fromkeys(one for enum in enums for one in enum or ())),
            fields=self._fields(objects, "anyOf"),
            required=objects[0].required.intersection(*(shape.required for shape in objects))
            if objects
            else frozenset(),
            items=self._join("anyOf", [shape.items for shape in rest]),
            rest=self._join("anyOf", [shape.rest for shape in rest]),
        )

    def _fields(self, shapes: list[Shape], word: str) -> dict[str, Part]:
        names = dict.fromkeys(name for shape in shapes for name in shape.fields)
        joined = {name: self._join(word, [shape.fields.get(name) for shape in shapes]) for name in names}
        return {name: part for name, part in joined.items() if part is not None}

    def _join(self, word: str, parts: Iterable[Part | None]) -> Part | None:
        """Several schemas as one; the same ones give the same one, so that recursion ends."""
        found: dict[int, Part] = {}
        for part in parts:
            if part is not None:
                node = self._document.resolve(part.node, part.place)[0]
                found.setdefault(id(node), part)
        if len(found) < 2:
            return next(iter(found.values()), None)
        key = word, tuple(sorted(found))
        if key not in self._joined:
            # A schema that was joined before is taken apart again, else recursion could join joined ones for ever.
            flat: dict[int, Any] = {}
            for number, part in found.items():
                inner = part.node.get(f"x-joined-{word}") if is_mapping(part.node) else None
                flat |= inner or {number: part.node}
            again = word, tuple(sorted(flat))
            if again not in self._joined:
                self._joined[again] = {word: list(flat.values()), f"x-joined-{word}": flat}
            self._joined[key] = self._joined[again]
        return Part(self._joined[key], next(iter(found.values())).place)


def _limits(node: dict[str, Any]) -> dict[str, str]:
    """The bounds, with those of 3.0 (`exclusiveMinimum: true`) written as those of 3.1."""
    found = {word: _json(node[word]) for word in _LIMITS if word in node}
    for word, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        bound, flag = node.get(word), node.get(exclusive)
        if flag is True and bound is not None:
            found[exclusive] = _json(bound)
            continue
        if bound is not None:
            found[word] = _json(bound)
        if flag is not None and not isinstance(flag, bool):
            found[exclusive] = _json(flag)
    return found


def _json(value: Any) -> str:
    """The value as JSON; whole numbers are the same with and without a point."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, default=str, ensure_ascii=False)


def _type_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case _:
            return "array" if is_list(value) else "object" if is_mapping(value) else "string"
