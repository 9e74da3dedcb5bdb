"""Rules for examples: each is of the type beside it."""

from collections.abc import Callable
from typing import Any

from codegen.lint.keywords import is_whole
from codegen.lint.view import View, sequence, types

_IS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": is_whole,
    "number": lambda value: is_whole(value) or isinstance(value, float),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def check(view: View, place: str, schema: dict[str, Any]) -> None:
    """Refuse examples of another type than the schema's."""
    given = [(f"{place}/examples/{number}", value) for number, value in enumerate(sequence(schema.get("examples")))]
    if "example" in schema:
        given.append((f"{place}/example", schema["example"]))
    told = types(schema)
    for here, value in given:
        null = value is None and "null" in sequence(schema.get("type"))
        if told and not null and not any(_IS[one](value) for one in told if one in _IS):
            view.refuse(here, f"an example of a {' or '.join(told)} cannot be {value!r}: correct one of them")
