"""Rules for the parameters that ask for a page: where pages begin, and how large they may be."""

from typing import Any

from codegen.lint.keywords import is_whole
from codegen.lint.operations import body
from codegen.lint.parameters import parameters
from codegen.lint.view import Operation, View, mapping, text
from codegen.sizes import SIZES, largest

_FIRST = {"page": ("page", 1), "offset": ("offset", 0), "body-page": ("page", 1)}


def check(view: View) -> None:
    """Refuse lists that would be asked for pages that they do not have."""
    for operation in view.operations():
        style = text(mapping(operation.node.get("x-paging")).get("style"))
        if style in SIZES:
            told = _told(view, operation, style)
            _size(view, SIZES[style], told)
            _first(view, *_FIRST[style], told)


def _told(view: View, operation: Operation, style: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """The schemas of what a list is asked with, each with its pointer."""
    if style == "body-page":
        found = view.properties(body(view, operation))
    else:
        found = {
            text(node.get("name")): (f"{place}/schema", mapping(node.get("schema")))
            for place, node in parameters(view, operation)
            if node.get("in") == "query"
        }
    return {wire: view.follow(schema, place) for wire, (place, schema) in found.items()}


def _size(view: View, wire: str, told: dict[str, tuple[str, dict[str, Any]]]) -> None:
    if wire not in told:
        return  # which is said elsewhere
    place, schema = told[wire]
    if not _is_number(view, wire, place, schema):
        return
    most, default, least = largest(schema), schema.get("default"), schema.get("minimum", 1)
    if "exclusiveMinimum" in schema:
        least = max(least, schema["exclusiveMinimum"] + 1)
    if most < 1 or least > most:
        view.refuse(place, f"a page of {wire} {most} cannot be asked for: maximum is at least 1, and not below minimum")
    elif default is not None and not 1 <= default <= most:
        view.refuse(f"{place}/default", f"a page has 1 to {most} records, not {default}: correct default or maximum")
    if "multipleOf" in schema and most % schema["multipleOf"]:
        view.refuse(f"{place}/maximum", f"iteration asks for {wire}={most}, which is no multiple: write one as maximum")


def _first(view: View, wire: str, first: int, told: dict[str, tuple[str, dict[str, Any]]]) -> None:
    if wire not in told:
        return
    place, schema = told[wire]
    if not _is_number(view, wire, place, schema):
        return
    for key, one in (("minimum", schema.get("minimum")), ("default", schema.get("default"))):
        if one is not None and one != first and not (key == "minimum" and first == 0 and one < 0):
            view.refuse(
                f"{place}/{key}",
                f"{wire} is counted from {first} here, not {one}: use style none, which leaves {wire} to the caller",
            )


def _is_number(view: View, wire: str, place: str, schema: dict[str, Any]) -> bool:
    numbers = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "default")
    if schema.get("type") != "integer" or schema.get("readOnly"):
        view.refuse(place, f"{wire} asks for a page: its type is integer, and it is sent")
        return False
    return all(is_whole(schema[key]) for key in numbers if key in schema)
