"""Rules for operations: their names, what is said about them, their parameters and bodies."""

import keyword
import re
from collections import Counter
from typing import Any

from codegen.lint.parameters import parameters
from codegen.lint.view import JSON, MULTIPART, Operation, View, mapping, sequence, text, types
from codegen.naming import OF_CLIENTS, OF_RESOURCES, class_name
from codegen.paths import refusal, template
from codegen.render import IMPORTS
from codegen.spec import pointer

_IDEMPOTENCY = ("safe", "key", "never")
_STABILITY = ("documented", "sdk-only", "observed", "preview")
_EXTENSIONS = frozenset({"x-resource", "x-method", "x-idempotency", "x-stability", "x-sources", "x-paging", "x-unwrap"})
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TAKEN = {"common", "events", "operations", "resources"}


def check(view: View) -> None:
    """Refuse operations that no method can be made of."""
    _paths(view)
    operations = view.operations()
    for operation in operations:
        _names(view, operation)
        _told(view, operation)
        _template(view, operation, parameters(view, operation))
        _body(view, operation)
    _unique(view, operations)


def body(view: View, operation: Operation) -> str:
    """The component that is an operation's body; none where there is no body, or none of the right kind."""
    _, node = view.follow(operation.node.get("requestBody"), operation.place)
    content = mapping(node.get("content"))
    schema = mapping(content.get(JSON, content.get(MULTIPART))).get("schema")
    return view.named(schema) if view.is_object(schema) else ""


def _paths(view: View) -> None:
    seen: dict[str, str] = {}
    for path, item in mapping(view.spec.data.get("paths")).items():
        place = pointer("paths", path)
        reason = refusal(path)
        if reason:
            view.refuse(place, reason)
        elif (first := seen.setdefault(template(path), path)) != path:
            view.refuse(place, f"on the wire this is {first}: put the operations of both under one path")
        if "trace" in mapping(item):
            view.refuse(f"{place}/trace", "TRACE is not generated: remove it")
        _elsewhere(view, place, mapping(item))
    for operation in view.operations():
        _elsewhere(view, operation.place, operation.node)


def _elsewhere(view: View, place: str, node: dict[str, Any]) -> None:
    for key in ("servers", "callbacks"):
        if key in node:
            view.refuse(f"{place}/{key}", f"`{key}` is not generated: all calls go to the client's address")


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
    if resource in OF_CLIENTS:
        view.refuse(f"{place}/x-resource", f"{resource!r} is an attribute that clients have anyway: use another word")
    cls = class_name(resource)
    if resource in _TAKEN or {resource, cls} & IMPORTS.keys() or keyword.iskeyword(cls):
        view.refuse(f"{place}/x-resource", f"{resource!r} is taken by the generated code: use another word")
    if method.upper() in IMPORTS or method in OF_RESOURCES:
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
