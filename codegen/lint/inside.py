"""What is inside a schema, references followed: how deep its objects are, and which kinds of value it has."""

from typing import Any

from codegen.lint.view import View, mapping, sequence

_AS_TEXT = {"text", "enum", "decimal"}


def depth_of(view: View, schema: Any, seen: frozenset[str] = frozenset()) -> int | None:
    """How many lists and maps stand around the objects in a schema; None where there are no objects."""
    node, name = mapping(schema), view.named(schema)
    if name:
        if view.kind(schema) in {"object", "choice"}:
            return 0
        return None if name in seen else depth_of(view, view.schemas[name], seen | {name})
    inner = node.get("items", node.get("additionalProperties"))
    found = None if inner is None else depth_of(view, inner, seen)
    return None if found is None else found + 1


def kinds_in(view: View, schema: dict[str, Any], seen: frozenset[str] = frozenset()) -> list[str]:
    """The kinds of value in a member of a union, those inside a union of its own included."""
    name = view.named(schema)
    if name:
        return [] if name in seen else kinds_in(view, mapping(view.schemas[name]), seen | {name})
    if "anyOf" in schema:
        return [kind for one in sequence(schema["anyOf"]) for kind in kinds_in(view, mapping(one), seen)]
    kind = view.kind(schema)
    return ["text" if kind in _AS_TEXT else kind]
