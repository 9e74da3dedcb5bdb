"""Rules for names in Python: arguments and attributes that differ, and `x-name` where the API's names do not."""

import keyword
import re
from typing import Any

from codegen.lint.operations import body
from codegen.lint.parameters import parameters
from codegen.lint.view import Operation, View, mapping, text
from codegen.naming import RESERVED, attribute
from codegen.spec import pointer

_UNREADABLE = {'"', "\\"}
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
OTHER = "give one of them another name with x-name"


def check(view: View) -> None:
    """Refuse what would be two arguments or two attributes of one name."""
    for name in view.schemas:
        if view.kind(view.schemas[name]) == "object":
            _attributes(view, name)
    for operation in view.operations():
        for place, node in parameters(view, operation):
            _given(view, place, node)
        _arguments(view, operation)


def is_free(name: object) -> bool:
    """Whether a name that a spec gives can be an argument."""
    told = text(name)
    return bool(_SNAKE.fullmatch(told)) and not keyword.iskeyword(told) and told not in RESERVED


def _given(view: View, place: str, node: dict[str, Any]) -> None:
    if "x-name" in node and not is_free(node["x-name"]):
        view.refuse(
            place + pointer("x-name"), "x-name must be a name in snake_case that is no Python keyword and not reserved"
        )


def _attributes(view: View, name: str) -> None:
    seen: dict[str, str] = {}
    for wire, (where, schema) in view.properties(name).items():
        _given(view, where, schema)
        if not wire.isprintable() or set(wire) & _UNREADABLE:
            view.refuse(where, "a decoder cannot be told such a name: no quotes, backslashes or control characters")
        found = attribute(wire, schema)
        first = seen.setdefault(found, wire)
        if first != wire:
            view.refuse(where, f"{first!r} and {wire!r} would both be the attribute {found}: {OTHER}")


def _arguments(view: View, operation: Operation) -> None:
    """Parameters and the body's fields become arguments of one method: each needs a name of its own."""
    taken: dict[str, str] = {}
    both = f"would both be the argument `{{}}` of {operation.name}: {OTHER}"
    for place, node in parameters(view, operation):
        wire = text(node.get("name"))
        name = attribute(wire, node)
        if wire and name in taken:
            view.refuse(place, f"{taken[name]!r} and {wire!r} {both.format(name)}")
        elif wire:
            taken[name] = wire
    # Two fields of one name collide as attributes of the body already.
    for wire, (_, schema) in view.properties(body(view, operation)).items():
        name = attribute(wire, schema)
        if name in taken and not mapping(schema).get("readOnly"):
            view.refuse(operation.place, f"{taken[name]!r} and {wire!r} {both.format(name)}")
