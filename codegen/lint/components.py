"""Rules between schemas: names that would meet in Python, inheritance, and components that lead back to themselves."""

import keyword
from typing import Any

from codegen.lint.view import View, closure, mapping, sequence, text
from codegen.naming import class_name, codec_name, function_name
from codegen.render import BUILTINS, IMPORTS
from codegen.spec import pointer

_BESIDE = ("Wire", "Open", "Raw")
_FORM = ("$ref", "type", "format", "items", "additionalProperties", "anyOf", "oneOf")


def check(view: View) -> None:
    """Refuse components whose classes or attributes would collide."""
    _classes(view)
    for name, schema in view.schemas.items():
        place = pointer("components", "schemas", name)
        if view.kind(schema) == "object":
            _required(view, name, place)
            _inherited(view, name, place)
        elif name in closure(_aliased(view, name), lambda one: _aliased(view, one)):
            view.refuse(place, "this leads back to itself without an object in between: make it an object")


def _classes(view: View) -> None:
    functions: dict[str, str] = {}
    taken = _taken(view)
    for name, schema in view.schemas.items():
        place, wanted = pointer("components", "schemas", name), class_name(name)
        if name != wanted or not name.isidentifier() or keyword.iskeyword(name):
            view.refuse(place, "a component is called as its class will be: like OrderItem")
        if wanted in taken:
            view.refuse(place, f"{wanted} is also {taken[wanted]} in the generated code: use another word")
        function = function_name(wanted)
        if function in taken:
            view.refuse(
                place, f"{codec_name(wanted)} would also be {taken[function]} in the generated code: use another word"
            )
        if functions.setdefault(function, name) != name:
            view.refuse(place, f"{functions[function]} and {name} become one name in Python: rename one of them")
        if view.kind(schema) == "object":
            for other in (name + ending for ending in _BESIDE):
                if other in view.schemas:
                    view.refuse(
                        pointer("components", "schemas", other), f"{other} is also made from {name}: use another word"
                    )


def _taken(view: View) -> dict[str, str]:
    """Names that generated modules have anyway, and what they are there."""
    found = dict.fromkeys(IMPORTS.keys() | BUILTINS, "imported")
    for operation in view.operations():
        resource, method = text(operation.node.get("x-resource")), text(operation.node.get("x-method"))
        found[class_name(resource)] = f"the class of the resource {resource}"
        found[method.upper()] = f"the constant of {operation.name}"
        found[f"{method}_page"] = f"the decoder of {operation.name}"
    return found


def _required(view: View, name: str, place: str) -> None:
    fields = view.properties(name)
    for here, part in view.parts(place, mapping(view.schemas[name])):
        for wire in sequence(part.get("required")):
            if isinstance(wire, str) and wire not in fields:
                view.refuse(f"{here}/required", f"{wire!r} is required but not described: add it to properties")


def _inherited(view: View, name: str, place: str) -> None:
    if name in view.ancestors(name):
        view.refuse(f"{place}/allOf", "this inherits from itself: break the circle")
        return
    told: dict[str, tuple[str, dict[str, Any]]] = {}
    for base in view.bases(name):
        for wire, (_, schema) in view.properties(base).items():
            first, other = told.setdefault(wire, (base, _form(schema)))
            if other != _form(schema):
                view.refuse(
                    f"{place}/allOf",
                    f"{first} and {base} have {wire} with different types, and no value is of both: "
                    "inherit from one of them, and describe what is left of the other here",
                )
    for here, part in view.parts(place, mapping(view.schemas[name])):
        for wire, one in mapping(part.get("properties")).items():
            base, other = told.setdefault(wire, ("another part", _form(mapping(one))))
            if other != _form(mapping(one)):
                view.refuse(
                    here + pointer("properties", wire), f"{base} has {wire} with another type: inherit it as it is"
                )


def _form(schema: dict[str, Any]) -> dict[str, Any]:
    """What makes the type of a schema, without what is said about it."""
    return {key: schema[key] for key in _FORM if key in schema}


def _aliased(view: View, name: str) -> set[str]:
    """The components without a class of their own that this one is made of."""
    return {one for one in view.uses(view.schemas[name]) if view.kind(view.schemas[one]) not in {"object", "enum"}}
