"""Rules for parameters: where they stand, what they carry, and that each can be sent as the spec says."""

import re
from typing import Any

from codegen.lint.view import Operation, View, mapping, sequence, text, types
from codegen.spec import identity

_HEADER = re.compile(r"[!#$%&'*+.^_`|~A-Za-z0-9-]+")
_SCALARS = {"text", "integer", "boolean", "decimal", "double", "enum"}
OWN_HEADERS = {
    *("authorization", "host", "content-length", "content-type", "transfer-encoding", "idempotency-key"),
    *("accept", "user-agent", "accept-encoding", "content-encoding", "expect", "proxy-authorization"),
    *("connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"),
}
_SENT: dict[str, dict[str, Any]] = {
    "path": {"style": "simple", "explode": False},
    "query": {"style": "form", "explode": True, "allowReserved": False, "allowEmptyValue": False},
    "header": {"style": "simple", "explode": False},
}
"""How values go out, in the words of OpenAPI; a spec may say so, but nothing else."""

_INSTEAD = {
    "style": "write {type: string} and let the caller join the values, or a parameter for each key of an object",
    "explode": "write {type: string} and let the caller join the values",
    "allowReserved": "leave it out: reserved signs are sent percent-encoded",
    "allowEmptyValue": "leave it out: an empty text is sent as one",
    "content": "write schema: {type: string} and let the caller encode the value",
}


def check(view: View) -> None:
    """Refuse parameters that could not be sent as the spec says."""
    for operation in view.operations():
        for place, parameter in parameters(view, operation):
            _parameter(view, place, parameter)
        _twice(view, operation.place, operation.node)
        _twice(view, operation.place.rpartition("/")[0], operation.item)


def parameters(view: View, operation: Operation) -> list[tuple[str, dict[str, Any]]]:
    """The parameters of an operation, references followed, each with its pointer.

    Its own take the place of those of its path with the same name.
    """
    around = operation.place.rpartition("/")[0]
    found: dict[object, tuple[str, dict[str, Any]]] = {}
    for above, node in ((around, operation.item), (operation.place, operation.node)):
        for number, one in enumerate(sequence(node.get("parameters"))):
            place = f"{above}/parameters/{number}"
            parameter = view.follow(one, place)[1]
            named = text(parameter.get("name")) and text(parameter.get("in"))
            key = identity(parameter) if named else place
            found[key] = (place, parameter)
    return list(found.values())


def _twice(view: View, above: str, node: dict[str, Any]) -> None:
    seen: set[tuple[str, str]] = set()
    for number, one in enumerate(sequence(node.get("parameters"))):
        parameter = view.follow(one, above)[1]
        if text(parameter.get("name")) and identity(parameter) in seen:
            view.refuse(
                f"{above}/parameters/{number}", f"{parameter['name']!r} is described above already: keep one of them"
            )
        seen.add(identity(parameter))


def _parameter(view: View, place: str, node: dict[str, Any]) -> None:
    where, name = node.get("in"), text(node.get("name"))
    if where == "cookie":
        view.refuse(place, "cookies are sent as a header: describe a parameter {in: header, name: Cookie}")
        return
    if where not in ("path", "query", "header"):
        view.refuse(place, f"a parameter stands in path, query or header: {where!r} is not supported")
        return
    if not name:
        view.refuse(place, "a parameter needs a name")
    if where == "header":
        _header(view, place, name)
    if where == "path" and node.get("required") is not True:
        view.refuse(place, "a parameter in the path is always there: write required: true")
    if not isinstance(node.get("required", False), bool):
        view.refuse(place, "required must be true or false")
    for key, remedy in _INSTEAD.items():
        if key in node and node[key] != _SENT[where].get(key):
            view.refuse(
                place, f"`{key}` is not supported: lists are sent as repeated names, all else as text; {remedy}"
            )
    _carried(view, place, node)


def _header(view: View, place: str, name: str) -> None:
    if name.lower() in OWN_HEADERS:
        view.refuse(place, f"the client sets {name} by itself: remove the parameter")
    if name and not _HEADER.fullmatch(name):
        view.refuse(place, f"{name!r} is no name of a header: use letters, digits, hyphens and the like")


def _carried(view: View, place: str, node: dict[str, Any]) -> None:
    where, schema = node["in"], mapping(node.get("schema"))
    item = mapping(schema.get("items")) if types(schema) == ["array"] else schema
    for key in ("readOnly", "writeOnly"):
        if key in schema:
            view.refuse(f"{place}/schema/{key}", f"`{key}` is for properties: leave it out, a parameter is always sent")
    if where == "path" and schema.get("type") != "string":
        view.refuse(place, "a parameter in the path is text: write schema: {type: string}")
    elif not (view.named(item) or (view.kind(item) in _SCALARS and isinstance(item.get("type"), str))):
        view.refuse(place, "the schema must be a reference, a scalar, or an array of those: name it as a component")
    elif where == "header" and "array" in types(schema):
        view.refuse(place, "a header carries one value: use a scalar")
    elif not _sendable(view, schema, listed=where == "header"):
        view.refuse(place, "a query cannot carry objects, nor lists of lists: use scalars, or a request body")


def _sendable(view: View, schema: dict[str, Any], seen: frozenset[str] = frozenset(), *, listed: bool = False) -> bool:
    """Whether a query can carry it: no objects, and no lists in lists."""
    name = view.named(schema)
    if name:
        return name in seen or _sendable(view, mapping(view.schemas[name]), seen | {name}, listed=listed)
    if "anyOf" in schema:
        return all(_sendable(view, mapping(one), seen, listed=listed) for one in sequence(schema["anyOf"]))
    if view.kind(schema) == "list":
        return not listed and _sendable(view, mapping(schema.get("items")), seen, listed=True)
    return view.kind(schema) not in {"object", "map", "choice"}
