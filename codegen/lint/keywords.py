"""The keywords of schemas: which ones the generator knows, what stands in them, and what to do without the others."""

from collections.abc import Callable
from typing import Any

import attrs

from codegen.lint.view import View, mapping, sequence, types
from codegen.spec import pointer

NULLABLE = "to allow null, write type: [X, 'null'] or oneOf: [$ref, {type: 'null'}]"

_REFUSED = {
    "not": "say what the value is, not what it is not",
    **dict.fromkeys(("if", "then", "else"), "describe all fields in one object and leave the rule to the server"),
    **dict.fromkeys(("dependentSchemas", "dependentRequired"), "leave the rule to the server"),
    **dict.fromkeys(("patternProperties", "propertyNames"), "use additionalProperties"),
    **dict.fromkeys(("contains", "prefixItems", "unevaluatedItems"), "use items, or name an object component"),
    "unevaluatedProperties": "leave it out: unknown fields are always kept",
    "const": "name an enum component with this one value",
    "nullable": NULLABLE,
    "$defs": "put the schema under components",
    "$dynamicRef": "use $ref",
    "$schema": "leave it out: schemas are those of OpenAPI 3.1",
    **dict.fromkeys(("$id", "$anchor", "$dynamicAnchor"), "leave it out: components are known by their names"),
    "<<": "merge keys are not read; write the keys out",
}


@attrs.frozen
class _Keyword:
    """What stands in a keyword, and the type that it belongs to."""

    fits: Callable[[Any], bool]
    wanted: str
    type: str = ""


def is_whole(value: object) -> bool:
    """Whether a value is a whole number; JSON's true is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in sequence(value))  # pyright: ignore[reportUnknownArgumentType] - looked at


_TEXT = _Keyword(lambda value: isinstance(value, str), "text")
_FLAG = _Keyword(lambda value: isinstance(value, bool), "true or false")
_NUMBER = _Keyword(lambda value: is_whole(value) or isinstance(value, float), "a number")
_COUNT = _Keyword(lambda value: is_whole(value) and value >= 0, "a whole number")
_ANYTHING = _Keyword(lambda _: True, "anything")
_MAPPING = _Keyword(lambda value: isinstance(value, dict), "a mapping")
_LIST = _Keyword(lambda value: bool(sequence(value)), "a list that is not empty")

ANNOTATIONS: dict[str, _Keyword] = {
    "description": _TEXT,
    "title": _TEXT,
    "example": _ANYTHING,
    "examples": _Keyword(lambda value: isinstance(value, list), "a list"),
    **dict.fromkeys(("deprecated", "readOnly", "writeOnly", "x-secret"), _FLAG),
}
OF_PROPERTIES = ("readOnly", "writeOnly", "x-name", "x-repeats", "x-secret")
"""What is said of a property, not of its type."""

_KEYWORDS: dict[str, _Keyword] = {
    **ANNOTATIONS,
    "$ref": _TEXT,
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _LIST),
    "discriminator": _MAPPING,
    "type": _Keyword(lambda value: isinstance(value, str) or _are_texts(value), "a type or [type, 'null']"),
    "format": _TEXT,
    "default": _ANYTHING,
    "properties": attrs.evolve(_MAPPING, type="object"),
    "required": _Keyword(_are_texts, "a list of names", "object"),
    "additionalProperties": _Keyword(
        lambda value: value is True or isinstance(value, dict), "true or a schema: unknown fields are kept", "object"
    ),
    **dict.fromkeys(("minProperties", "maxProperties"), attrs.evolve(_COUNT, type="object")),
    "items": attrs.evolve(_MAPPING, wanted="a schema", type="array"),
    **dict.fromkeys(("minItems", "maxItems"), attrs.evolve(_COUNT, type="array")),
    "uniqueItems": attrs.evolve(_FLAG, type="array"),
    "x-repeats": attrs.evolve(_FLAG, type="string"),
    **dict.fromkeys(("enum", "x-enum-varnames"), attrs.evolve(_LIST, type="string")),
    **dict.fromkeys(("minLength", "maxLength"), attrs.evolve(_COUNT, type="string")),
    "pattern": attrs.evolve(_TEXT, type="string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _NUMBER),
}


def check(view: View, place: str, schema: dict[str, Any]) -> bool:
    """Whether every keyword of a schema is known and filled as it should be; refuses those that are not."""
    before = len(view.problems)
    for key, value in schema.items():
        if key in _KEYWORDS or not key.startswith("x-"):
            reason = _refusal(schema, key, value)
            if reason:
                view.refuse(place + pointer(key), reason)
    return len(view.problems) == before


def _refusal(schema: dict[str, Any], key: str, value: Any) -> str:
    known = _KEYWORDS.get(key)
    if key in _REFUSED:
        return f"`{key}` cannot be generated: {_REFUSED[key]}"
    if known is None:
        return f"the generator does not know the keyword `{key}`: leave it out"
    if not known.fits(value):
        return f"`{key}` must be {known.wanted}"
    if key == "writeOnly" and value and schema.get("readOnly"):
        return "readOnly and writeOnly together: nobody would ever see it; leave one of them out"
    if key == "discriminator" and "oneOf" not in schema:
        return "`discriminator` belongs to oneOf; write the $refs that it tells apart beside it, or remove it"
    inherits = known.type == "object" and "allOf" in mapping(schema)
    if known.type and known.type not in types(schema) and not inherits:
        return f"`{key}` belongs to type: {known.type}; write that type beside it, or remove it"
    return ""
