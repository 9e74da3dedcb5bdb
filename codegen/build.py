"""A spec that passed the lint becomes the values that the templates read."""

from typing import Any

from codegen.ir import Api, Argument, Event, Field, Operation, Paging, Resource, Type
from codegen.naming import attribute, class_name
from codegen.schemas import Schemas
from codegen.sizes import SIZES, largest
from codegen.spec import Spec, described

COMMON = "common"
"""The module of classes that no single resource is nearest to."""

EVENTS = "events"
"""The module of what only webhooks carry."""


def build(spec: Spec, source: str) -> Api:
    """Everything that is generated from a spec; `source` is the spec's path as people type it."""
    schemas = Schemas(spec)
    operations = [_operation(spec, schemas, path, http, node) for _, path, http, node in spec.operations()]
    docs = {tag["name"]: tag.get("description", "") for tag in spec.data.get("tags", [])}
    names = list(dict.fromkeys(operation.resource for operation in operations))
    resources = [
        Resource(name, docs.get(name, ""), tuple(op for op in operations if op.resource == name)) for name in names
    ]
    bodies = _reach(schemas, {op.body for op in operations if op.body and op.paging is None})
    events = [_event(name, item) for name, item in spec.data.get("webhooks", {}).items()]
    answers = _reach(schemas, {name for op in operations for name in _answered(op)} | {one.payload for one in events})
    arguments = {name for op in operations for arg in op.arguments for name in arg.type.names()}
    envelopes = {op.envelope for op in operations if op.envelope}
    used = bodies | answers | arguments
    roots = {resource.name: {name for op in resource.operations for name in _named(op)} for resource in resources}
    modules = _layout(schemas, {**roots, EVENTS: {event.payload for event in events}}, used)
    unwrap = {op.answer.name: op.unwrap for op in operations if op.unwrap}
    return Api(
        name=spec.name,
        title=" ".join(spec.data["info"]["title"].split()),
        source=source,
        resources=tuple(resources),
        models=tuple(
            schemas.model(
                name,
                "envelope" if name in envelopes else "body" if name in bodies else "answer",
                modules[name],
                unwrap.get(name, ()),
            )
            for name in schemas.names()
            if name in used and not schemas.is_enum(name)
        ),
        enums=tuple(
            schemas.enum(name, modules[name]) for name in schemas.names() if name in used and schemas.is_enum(name)
        ),
        events=tuple(events),
    )


def _event(name: str, item: dict[str, Any]) -> Event:
    node = item["post"]
    payload = node["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return Event(
        name=name,
        doc=("Deprecated. " if node.get("deprecated") else "") + " ".join(node["summary"].split()),
        payload=class_name(payload.rpartition("/")[2]),
        aliases=tuple(node.get("x-aliases", ())),
    )


def _successes(spec: Spec, node: dict[str, Any]) -> list[dict[str, Any]]:
    """The content of each success answer; empty where it has none."""
    found = [spec.resolve(one) for status, one in node["responses"].items() if status.startswith("2")]
    return [one.get("content", {}) for one in found]


def _answered(operation: Operation) -> set[str]:
    return {*operation.answer.names(), *([operation.envelope] if operation.envelope else [])}


def _named(operation: Operation) -> set[str]:
    """Every class that a method's signature or answer names."""
    arguments = {name for argument in operation.arguments for name in argument.type.names()}
    return _answered(operation) | arguments | ({operation.body} if operation.body else set())


def _operation(spec: Spec, schemas: Schemas, path: str, http: str, node: dict[str, Any]) -> Operation:
    parameters = spec.parameters(path, node)
    arguments = [
        Argument(
            name=attribute(one["name"], one),
            wire=one["name"],
            place=one["in"],
            type=schemas.in_place(one["schema"]),
            required=one.get("required", False),
            nullable=False,
            doc=described(one),
            default=one["schema"].get("default"),
        )
        for one in parameters
    ]
    content: dict[str, Any] = spec.resolve(node.get("requestBody", {})).get("content", {})
    body = ""
    for media in content.values():
        body = class_name(media["schema"]["$ref"].rpartition("/")[2])
        arguments += [
            Argument(
                field.name, field.wire, "body", field.type, field.required, field.nullable, field.doc, field.default
            )
            for field in schemas.fields(body)
        ]
        further = schemas.further(body)
        if further is not None:
            arguments.append(
                Argument(further.name, "", "body", further.type, required=False, nullable=False, doc=further.doc)
            )
    # Ids in the order of the path, which they fill in by position; then what must be given.
    arguments.sort(key=lambda one: (0, path.index(f"{{{one.wire}}}")) if one.place == "path" else (1, not one.required))
    successes = _successes(spec, node)
    schema = next((one["application/json"]["schema"] for one in successes if one), None)
    answer = Type("none") if schema is None else schemas.in_place(schema)
    paging, envelope, answer = _paging(schemas, node, answer, _sizes(spec, schemas, node, parameters, body))
    return Operation(
        name=node["operationId"],
        resource=node["x-resource"],
        method=node["x-method"],
        http=http.upper(),
        path=path,
        summary=" ".join(node["summary"].split()),
        description=node.get("description", "").strip(),
        idempotency=node["x-idempotency"],
        stability=node["x-stability"],
        sources=tuple(node["x-sources"]),
        auth=any(node.get("security", spec.data.get("security", ()))),
        arguments=tuple(arguments),
        body=body or None,
        answer=answer,
        envelope=envelope,
        paging=paging,
        unwrap=tuple(node.get("x-unwrap", ())),
        multipart="multipart/form-data" in content,
        empty=schema is not None and not all(successes),
        deprecated=node.get("deprecated", False),
    )


def _sizes(
    spec: Spec, schemas: Schemas, node: dict[str, Any], parameters: list[dict[str, Any]], body: str
) -> dict[str, Any]:
    """What the spec says of the size of a page: the schema of the parameter, or field of the body, that asks for it."""
    style = node.get("x-paging", {}).get("style")
    told = schemas.told(body) if style == "body-page" else {}
    if style != "body-page":
        told = {one["name"]: one["schema"] for one in parameters if one["in"] == "query"}
    found: dict[str, Any] = spec.resolve(told.get(SIZES.get(style, ""), {}))
    return found


def _paging(
    schemas: Schemas, node: dict[str, Any], answer: Type, sizes: dict[str, Any]
) -> tuple[Paging | None, str | None, Type]:
    """How the list is paged, its envelope's class, and the type of one record."""
    told = node.get("x-paging")
    if told is None:
        return None, None, answer
    envelope = answer.name or None
    rest: tuple[Field, ...] = ()
    record = answer.args[0] if answer.args else answer
    if envelope:
        fields = schemas.fields(envelope)
        record = next(field.type.args[0] for field in fields if field.wire == told["items"])
        rest = tuple(field for field in fields if field.wire not in {told["items"], "pagination"})
    paging = Paging(
        style=told["style"],
        items=told.get("items"),
        default_size=sizes.get("default"),
        max_size=largest(sizes),
        rest=rest,
    )
    return paging, envelope, record


def _reach(schemas: Schemas, roots: set[str]) -> set[str]:
    """The classes and every class inside them."""
    found: set[str] = set()
    waiting = sorted(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += sorted(schemas.used_by(name))
    return found


def _layout(schemas: Schemas, roots: dict[str, set[str]], used: set[str]) -> dict[str, str]:
    """The module of each class: the resource that is nearest to it by references, `common` where several are.

    Where two modules would need each other, all classes go to `common`.
    """
    steps: dict[str, dict[str, int]] = {name: {} for name in used}
    for resource, named in roots.items():
        near = named
        distance = 0
        while near:
            for name in near & used:
                steps[name].setdefault(resource, distance)
            near = {inner for name in near for inner in schemas.used_by(name) if resource not in steps[inner]}
            distance += 1
    modules: dict[str, str] = {}
    for name, distances in steps.items():
        least = min(distances.values())
        nearest = [resource for resource, distance in distances.items() if distance == least]
        modules[name] = nearest[0] if len(nearest) == 1 else COMMON
    needs = {module: set[str]() for module in modules.values()}
    for name, module in modules.items():
        needs[module] |= {modules[inner] for inner in schemas.used_by(name)} - {module}
    return dict.fromkeys(modules, COMMON) if _cyclic(needs) else modules


def _cyclic(needs: dict[str, set[str]]) -> bool:
    """Whether modules need each other in a circle."""
    left = {module: set(others) for module, others in needs.items()}
    while left:
        free = [module for module, others in left.items() if not others & left.keys()]
        if not free:
            return True
        for module in free:
            del left[module]
    return False
