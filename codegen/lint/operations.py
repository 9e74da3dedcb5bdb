"""Rules for operations: their names, what is said about them, their parameters and bodies."""

import keyword
import re
from collections import Counter
from typing import Any

from codegen.lint.view import JSON, MULTIPART, Operation, View, mapping, sequence, text, types
from codegen.naming import class_name, python_name
from codegen.render import IMPORTS
from codegen.spec import pointer

_IDEMPOTENCY = ("safe", "key", "never")
_STABILITY = ("documented", "sdk-only", "observed", "preview")
_EXTENSIONS = frozenset({"x-resource", "x-method", "x-idempotency", "x-stability", "x-sources", "x-paging", "x-unwrap"})
_PATH = re.compile(r"(/([^/{}?#\s]|\{[^/{}?#\s]+\})*)+")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_TAKEN = {"common", "events", "resources"}
OWN_HEADERS = {
    *("authorization", "host", "content-length", "content-type", "transfer-encoding", "idempotency-key"),
    *("accept", "user-agent"),
}


def check(view: View) -> None:
    """Refuse operations that no method can be made of."""
    _paths(view)
    operations = view.operations()
    for operation in operations:
        _names(view, operation)
        _told(view, operation)
        found = parameters(view, operation)
        for place, parameter in found:
            _parameter(view, place, parameter)
        _template(view, operation, found)
        _body(view, operation)
        _arguments(view, operation, found)
    _unique(view, operations)


def parameters(view: View, operation: Operation) -> list[tuple[str, dict[str, Any]]]:
    """The parameters of an operation and of its path, references followed, each with its pointer."""
    around = operation.place.rpartition("/")[0]
    return [
        (place, view.follow(one, place)[1])
        for above, node in ((around, operation.item), (operation.place, operation.node))
        for number, one in enumerate(sequence(node.get("parameters")))
        for place in [f"{above}/parameters/{number}"]
    ]


def body(view: View, operation: Operation) -> str:
    """The component that is an operation's body; none where there is no body, or none of the right kind."""
    _, node = view.follow(operation.node.get("requestBody"), operation.place)
    content = mapping(node.get("content"))
    schema = mapping(content.get(JSON, content.get(MULTIPART))).get("schema")
    return view.named(schema) if view.is_object(schema) else ""


def _paths(view: View) -> None:
    for path, item in mapping(view.spec.data.get("paths")).items():
        place = pointer("paths", path)
        if not _PATH.fullmatch(path):
            view.refuse(place, "a path begins with a slash, has its parameters as {name}, and no query or fragment")
        if "trace" in mapping(item):
            view.refuse(f"{place}/trace", "TRACE is not generated: remove it")
        for key in ("servers", "callbacks"):
            for node, here in [
                (mapping(item), place),
                *((one.node, one.place) for one in view.operations() if one.path == path),
            ]:
                if key in node:
                    view.refuse(f"{here}/{key}", f"`{key}` is not generated: all calls go to the client's address")


def _names(view: View, operation: Operation) -> None:
    node, place = operation.node, operation.place
    for key in ("x-resource", "x-method"):
        name = node.get(key)
        if not isinstance(name, str) or not _SNAKE.fullmatch(name) or keyword.iskeyword(name):
            view.refuse(
                f"{place}/{key}" if key in node else place,
                f"{key} must be a name in snake_case that is no Python keyword, such as `orders` or `list`",
            )
    resource, method = text(node.get("x-resource")), text(node.get("x-method"))
    if resource in _TAKEN or class_name(resource) in IMPORTS:
        view.refuse(f"{place}/x-resource", f"{resource!r} is taken by the generated code: use another word")
    if method.upper() in IMPORTS:
        view.refuse(f"{place}/x-method", f"{method!r} is taken by the generated code: use another word")
    told = node.get("operationId")
    if told is None:
        view.refuse(place, "operationId is missing: it is `<x-resource>.<x-method>`")
    elif told != f"{resource}.{method}":
        view.refuse(
            f"{place}/operationId", f"operationId must be `{resource}.{method}`, as x-resource and x-method say"
        )


def _told(view: View, operation: Operation) -> None:
    node, place = operation.node, operation.place
    for key, allowed in (("x-idempotency", _IDEMPOTENCY), ("x-stability", _STABILITY)):
        if node.get(key) not in allowed:
            view.refuse(f"{place}/{key}" if key in node else place, f"{key} must be one of {', '.join(allowed)}")
    if operation.http in {"get", "head", "options"} and node.get("x-idempotency") in ("key", "never"):
        view.refuse(f"{place}/x-idempotency", f"a {operation.http.upper()} only reads: write safe")
    sources = sequence(node.get("x-sources"))
    if not sources or not all(text(one).strip() for one in sources):
        view.refuse(
            f"{place}/x-sources" if "x-sources" in node else place,
            "x-sources must be a list of texts that say where the facts come from, at least one",
        )
    if not text(node.get("summary")).rstrip().endswith("."):
        view.refuse(
            f"{place}/summary" if "summary" in node else place, "summary must be a sentence that ends with a full stop"
        )
    for key in node:
        if key.startswith("x-") and key not in _EXTENSIONS:
            view.refuse(place + pointer(key), f"{key} means nothing here: known are {', '.join(sorted(_EXTENSIONS))}")


def _parameter(view: View, place: str, node: dict[str, Any]) -> None:
    where = node.get("in")
    if where not in ("path", "query", "header"):
        view.refuse(place, f"a parameter stands in path, query or header: {where!r} is not supported")
        return
    if not text(node.get("name")):
        view.refuse(place, "a parameter needs a name")
    if where == "header" and text(node.get("name")).lower() in OWN_HEADERS:
        view.refuse(place, f"the client sets {node['name']} by itself: remove the parameter")
    if where == "header" and not _HEADER.fullmatch(text(node.get("name")) or "x"):
        view.refuse(place, f"{node['name']!r} is no name of a header: use letters, digits and hyphens")
    if where == "path" and node.get("required") is not True:
        view.refuse(place, "a parameter in the path is always there: write required: true")
    if not isinstance(node.get("required", False), bool):
        view.refuse(place, "required must be true or false")
    for key in ("style", "explode", "allowReserved", "content"):
        if key in node:
            view.refuse(place, f"`{key}` is not supported: lists are sent as repeated names, all else as plain text")
    schema = mapping(node.get("schema"))
    item = mapping(schema.get("items")) if types(schema) == ["array"] else schema
    simple = {"text", "integer", "boolean", "decimal", "double", "enum"}
    if where == "path" and schema.get("type") != "string":
        view.refuse(place, "a parameter in the path is text: write schema: {type: string}")
    elif not (view.named(item) or (view.kind(item) in simple and isinstance(item.get("type"), str))):
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


def _template(view: View, operation: Operation, found: list[tuple[str, dict[str, Any]]]) -> None:
    told = re.findall(r"\{([^{}]*)\}", operation.path)
    declared = [text(node.get("name")) for _, node in found if node.get("in") == "path"]
    for name, times in Counter(told).items():
        if times > 1:
            view.refuse(operation.place, f"the path has {{{name}}} twice: give each its own name")
        if name not in declared:
            view.refuse(
                operation.place, f"the path has {{{name}}}, but there is no such parameter: declare it in: path"
            )
    for place, node in found:
        name = text(node.get("name"))
        if node.get("in") == "path" and name and name not in told:
            view.refuse(place, f"the path has no {{{name}}}: put it there or remove the parameter")


def _body(view: View, operation: Operation) -> None:
    if "requestBody" not in operation.node:
        return
    place, node = view.follow(operation.node["requestBody"], f"{operation.place}/requestBody")
    content = mapping(node.get("content"))
    if list(content) not in ([JSON], [MULTIPART]):
        view.refuse(place, f"a request body is {JSON} or {MULTIPART} and nothing else")
    elif not body(view, operation):
        view.refuse(
            f"{place}/content{pointer(*content)}",
            "the body's schema must be a $ref to an object component: name it there",
        )
    elif node.get("required") is not True:
        view.refuse(place, "the body is always sent, if only as {}: write required: true")
    else:
        for wire, (where, schema) in view.properties(body(view, operation)).items():
            file = schema.get("format") == "binary"
            if file and MULTIPART not in content:
                view.refuse(where, f"{wire} is a file: only a {MULTIPART} body carries one")
            elif MULTIPART in content and not file and (types(schema) != ["string"] or "format" in schema):
                view.refuse(
                    where, f"{wire} is neither text nor a file (format: binary): a {MULTIPART} body has only those"
                )


def _arguments(view: View, operation: Operation, found: list[tuple[str, dict[str, Any]]]) -> None:
    """Parameters and the body's fields become arguments of one method: each needs a name of its own."""
    taken: dict[str, str] = {}
    both = "are both `{}` among the arguments of {}: no method can have both, so describe one of them"
    for place, node in found:
        wire = text(node.get("name"))
        name = python_name(wire)
        if wire and name in taken:
            view.refuse(place, f"{taken[name]!r} and {wire!r} {both.format(name, operation.name)}")
        elif wire:
            taken[name] = wire
    # Two fields of one name collide as attributes of the body already.
    for wire in view.properties(body(view, operation)):
        name = python_name(wire)
        if name in taken:
            view.refuse(operation.place, f"{taken[name]!r} and {wire!r} {both.format(name, operation.name)}")


def _unique(view: View, operations: list[Operation]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for operation in operations:
        node = operation.node
        for key, words in (
            ("operationId", (text(node.get("operationId")),)),
            ("x-method", (text(node.get("x-resource")), text(node.get("x-method")))),
        ):
            first = seen.setdefault((key, ".".join(words)), operation.place)
            if all(words) and first != operation.place:
                where = f"{operation.place}/{key}"
                view.refuse(where, f"{'.'.join(words)} is there already, at {first}: give this one another name")
                break
    classes: dict[str, str] = {}
    for operation in operations:
        resource = text(operation.node.get("x-resource"))
        other = classes.setdefault(class_name(resource), resource)
        if other != resource:
            view.refuse(
                f"{operation.place}/x-resource", f"{other!r} and {resource!r} become one class: rename one of them"
            )
