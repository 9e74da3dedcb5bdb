"""Rules for what comes back: the success answer and its paging."""

from collections.abc import Iterator
from typing import Any

import attrs

from codegen.lint.operations import body
from codegen.lint.parameters import parameters
from codegen.lint.view import JSON, Operation, View, mapping, sequence, text, types
from codegen.naming import attribute
from codegen.spec import pointer

_STYLES = ("page", "offset", "body-page", "none")
_NEEDS = {"page": ("page", "pageSize"), "offset": ("limit", "offset"), "body-page": ("page", "pageSize"), "none": ()}
_OF_THE_PAGE = {"items", "has_more", "pagination"}


def check(view: View) -> None:
    """Refuse answers that no model or page can be made of."""
    for operation in view.operations():
        schema = _answer(view, operation)
        if "x-paging" in operation.node:
            _paging(view, operation, schema)
        elif types(schema) == ["array"]:
            view.refuse(operation.place, "x-paging is missing: a list needs it, {style: none} if all comes at once")
        elif schema and not view.is_object(schema):
            view.refuse(operation.place, "the success answer must be a $ref to an object component: name it there")
        _unwrap(view, operation)


def answer(view: View, operation: Operation) -> dict[str, Any]:
    """The schema of an operation's success answer; empty where there is none."""
    return next((one.schema for one in _successes(view, operation) if one.schema), dict[str, Any]())


def read(view: View) -> set[str]:
    """The component schemas that success answers and the payloads of webhooks lead to."""
    answers = {name for operation in view.operations() for name in view.uses(answer(view, operation))}
    return view.reach(answers | view.uses(view.spec.data.get("webhooks")))


def records(view: View, operation: Operation) -> str:
    """The component that is one record of a list; none where it is no list."""
    schema = answer(view, operation)
    if types(schema) == ["array"]:
        return view.named(schema.get("items"))
    items = text(mapping(operation.node.get("x-paging")).get("items"))
    _, listed = view.properties(view.named(schema)).get(items, ("", {}))
    return view.named(listed.get("items"))


@attrs.frozen
class _Success:
    """A success answer: its status, whether it has content, and the schema of that if it is JSON and nothing else."""

    place: str
    status: str
    full: bool
    schema: dict[str, Any]


def _successes(view: View, operation: Operation) -> Iterator[_Success]:
    for status, response in mapping(operation.node.get("responses")).items():
        if status.startswith("2"):
            place = f"{operation.place}/responses{pointer(status)}"
            content = view.follow(response, place)[1].get("content")
            schema = mapping(mapping(mapping(content).get(JSON)).get("schema")) if [*mapping(content)] == [JSON] else {}
            yield _Success(place, status, content not in (None, {}), schema)


def _answer(view: View, operation: Operation) -> dict[str, Any]:
    found = list(_successes(view, operation))
    if not found:
        view.refuse(f"{operation.place}/responses", "there is no success answer: describe the 2xx")
    full = [one for one in found if one.full]
    for one in full:
        if one.status in {"204", "205"} or operation.http == "head":
            what = "an answer to HEAD" if operation.http == "head" else f"a {one.status}"
            view.refuse(one.place, f"{what} has no content: leave content out, and the method gives None")
        elif not one.schema:
            view.refuse(
                one.place,
                f"a success answer is {JSON} and nothing else, with a schema: describe what comes back, "
                "or leave content out where nothing does",
            )
        elif one.schema != full[0].schema:
            view.refuse(
                one.place,
                "the success answers differ: a method has one return type: put the fields of both into one schema",
            )
    if len(full) < len(found) and "x-paging" in operation.node:
        view.refuse(
            next(one.place for one in found if not one.full),
            "a list comes with content even where it is empty: describe it, or leave x-paging out",
        )
    return answer(view, operation)


def _paging(view: View, operation: Operation, schema: dict[str, Any]) -> None:
    place, told = f"{operation.place}/x-paging", mapping(operation.node["x-paging"])
    style = told.get("style")
    if style not in _STYLES:
        view.refuse(place, f"x-paging needs a style, one of {', '.join(_STYLES)}")
        return
    for key in told:
        if key not in {"style", "items"}:
            view.refuse(place + pointer(key), f"{key} means nothing in x-paging: known are style and items")
    if types(schema) == ["array"]:
        if "items" in told:
            view.refuse(f"{place}/items", "the answer is a bare array: remove items")
        if not view.is_object(schema.get("items")):
            view.refuse(operation.place, "a list holds objects: items of the answer must be a $ref to a component")
        if style in {"page", "body-page"}:
            view.refuse(place, f"a bare array does not say whether more follow: use offset or none, not {style}")
    elif view.is_object(schema):
        _envelope(view, operation, view.named(schema))
    elif schema:
        view.refuse(operation.place, "a list answers with an array of a $ref, or with a $ref to an object component")
    _asked(view, operation, style)


def _envelope(view: View, operation: Operation, name: str) -> None:
    place, told = f"{operation.place}/x-paging", mapping(operation.node["x-paging"])
    fields, required = view.properties(name), view.required(name)
    items = text(told.get("items"))
    _, listed = fields.get(items, ("", {}))
    if types(listed) != ["array"] or not view.is_object(listed.get("items")):
        where = f"{place}/items" if "items" in told else place
        view.refuse(where, f"items must name the property of {name} that is an array of a $ref to an object")
        fields = {wire: found for wire, found in fields.items() if wire == "pagination"}
    elif items not in required or listed.get("type") != "array" or listed.get("writeOnly"):
        view.refuse(f"{place}/items", f"{items} of {name} must be required and never null: an empty page is []")
    if "pagination" in fields:
        _pagination(view, *fields["pagination"])
    elif told["style"] in {"page", "body-page"}:
        view.refuse(place, f"{name} has no `pagination` that says whether more follow: use offset or none")
    for wire, (where, schema) in fields.items():
        if wire not in {items, "pagination"}:
            name = attribute(wire, schema)
            if name in _OF_THE_PAGE:
                view.refuse(where, f"a page has an attribute `{name}` of its own: give {wire} another name with x-name")
            if any(view.kind(view.schemas[one]) in {"object", "choice"} for one in view.uses(schema)):
                view.refuse(where, "beside its records a page carries no objects: make this free-form or a scalar")


def _pagination(view: View, where: str, schema: dict[str, Any]) -> None:
    name = view.named(schema)
    fields, required = view.properties(name), view.required(name)
    for wire, wanted in (("hasMore", "boolean"), ("currentPage", "integer")):
        found = fields.get(wire, ("", {}))[1]
        if wire not in required or found.get("type") != wanted or found.get("writeOnly"):
            view.refuse(where, f"pagination must be a $ref to an object that requires `{wire}`, of the type {wanted}")


def _asked(view: View, operation: Operation, style: str) -> None:
    found = [node for _, node in parameters(view, operation)]
    queries = {text(node.get("name")) for node in found if node.get("in") == "query"}
    component = body(view, operation)
    fields = view.properties(component)
    place = f"{operation.place}/x-paging"
    for name in _NEEDS[style]:
        if name not in (fields if style == "body-page" else queries):
            where = "property of the body" if style == "body-page" else "query parameter"
            view.refuse(place, f"style {style} needs a {where} called {name}: describe it or use another style")
    if style == "body-page":
        if queries - {""}:
            view.refuse(
                operation.place, "style body-page sends everything in the body: move the query parameters there"
            )
        for where, schema in fields.values():
            if any(view.kind(view.schemas[one]) in {"object", "choice"} for one in view.uses(schema)):
                view.refuse(where, "the body of a list carries no objects: use scalars, or lists and maps of them")
    elif "requestBody" in operation.node:
        view.refuse(f"{operation.place}/requestBody", f"a list of style {style} sends no body: use body-page")


def _unwrap(view: View, operation: Operation) -> None:
    if "x-unwrap" not in operation.node:
        return
    place, keys = f"{operation.place}/x-unwrap", sequence(operation.node["x-unwrap"])
    if not keys or not all(text(one) for one in keys):
        view.refuse(place, "x-unwrap must be a list of texts: the keys under which the object may be wrapped")
    if "x-paging" in operation.node:
        view.refuse(place, "a list is not unwrapped: x-paging items names where its records are")
    name = view.named(answer(view, operation))
    if not answer(view, operation):
        view.refuse(place, "nothing comes back that could be unwrapped: remove it")
    for other in view.operations():
        if name and name == view.named(answer(view, other)) and other.node.get("x-unwrap", keys) != keys:
            view.refuse(
                place, f"{other.name} unwraps {name} differently: all that answer with it share one list of keys"
            )
