"""The spec as a table of routes."""

from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, Final
from urllib.parse import unquote

import attrs
import msgspec

VERBS: Final = ("get", "post", "put", "patch", "delete")
"""The verbs that an OpenAPI document knows and the sandbox plays."""
FORM: Final = "multipart/form-data"
"""The type of a body that carries files."""
URLENCODED: Final = "application/x-www-form-urlencoded"
"""The type of a body with fields and nothing else."""


@attrs.frozen
class Operation:
    """What the spec says about one operation.

    Attributes:
        verb: such as `GET`.
        resource: such as `orders`.
        method: such as `list`.
        template: the path, such as `/orders/{id}`.
        open: whether it needs no key.
        success: the status of a good answer.
        paging: the style of a listing: page, offset, body-page or none.
        items: the key of a listing's records in the answer; None when the answer is the array.
        body_fields: the fields that a request body may have.
        form: whether the body is a form with files, and not JSON.
        urlencoded: whether the body is a form without files.
    """

    verb: str
    resource: str
    method: str
    template: str
    open: bool
    success: int
    paging: str
    items: str | None
    body_fields: frozenset[str]
    form: bool
    urlencoded: bool


@attrs.frozen
class Match:
    """The route of a path: its operations by verb, and the values in the path."""

    template: str
    operations: Mapping[str, Operation]
    values: Mapping[str, str]


class Routes:
    """Finds the operation for a verb and a path; a literal path goes before one with parameters, if it has the verb.

    Args:
        specs: OpenAPI documents; where two have the same path, the first of them counts.
    """

    def __init__(self, *specs: Mapping[str, Any]) -> None:
        self.operations: list[Operation] = []
        self._literal: dict[str, Match] = {}
        self._templated: dict[int, list[tuple[list[str], Match]]] = {}
        owners = {template: spec for spec in reversed(specs) for template in spec["paths"]}
        for template in sorted(owners, key=lambda path: [part.startswith("{") for part in path.split("/")]):
            operations = dict(_operations(owners[template], template))
            self.operations += operations.values()
            match = Match(template, operations, {})
            if "{" not in template:
                self._literal[template] = match
                continue
            parts = template.split("/")
            self._templated.setdefault(len(parts), []).append((parts, match))

    def find(self, path: str, verb: str = "") -> Match | None:
        """The route of a path as it was sent, percent signs and all; without the verb, all verbs of the path."""
        literal = self._literal.get(path)
        if literal is not None and verb in literal.operations:
            return literal
        parts = path.split("/")
        fits = [] if literal is None else [literal]
        for wanted, match in self._templated.get(len(parts), ()):
            values = _values(wanted, parts)
            if values is not None:
                fit = attrs.evolve(match, values=values)
                if verb in match.operations:
                    return fit
                fits.append(fit)
        if not fits:
            return None
        allowed = {name: operation for fit in reversed(fits) for name, operation in fit.operations.items()}
        return attrs.evolve(fits[0], operations=allowed)


def read_spec(name: str = "pocketsflow") -> dict[str, Any]:
    """A spec that the client was generated from: `pocketsflow` or `pocketsflow_preview`."""
    place = resources.files("pocketsflow_async") / "_generated" / name / "openapi.json"
    spec: dict[str, Any] = msgspec.json.decode(place.read_bytes(), type=dict[str, Any])
    return spec


def _values(wanted: list[str], parts: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for name, part in zip(wanted, parts, strict=True):
        if name.startswith("{"):
            if not part:
                return None
            values[name[1:-1]] = unquote(part)
        elif name != part:
            return None
    return values


def _operations(spec: Mapping[str, Any], template: str) -> Iterator[tuple[str, Operation]]:
    for verb in VERBS:
        described = spec["paths"][template].get(verb)
        if described is None:
            continue
        paging = described.get("x-paging", {})
        content = resolved(spec, described.get("requestBody", {})).get("content", {})
        operation = Operation(
            verb=verb.upper(),
            resource=described["x-resource"],
            method=described["x-method"],
            template=template,
            open=described.get("security", spec.get("security")) == [],
            success=max(int(status) for status in described["responses"] if status.startswith("2")),
            paging=paging.get("style", "none"),
            items=paging.get("items"),
            body_fields=frozenset(_body_fields(spec, described)),
            form=FORM in content,
            urlencoded=URLENCODED in content,
        )
        yield operation.verb, operation


def _body_fields(spec: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[str]:
    body = resolved(spec, described.get("requestBody", {}))
    pending = [content["schema"] for content in body.get("content", {}).values() if "schema" in content]
    while pending:
        schema = resolved(spec, pending.pop())
        yield from schema.get("properties", {})
        pending += schema.get("allOf", [])


def resolved(spec: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a part of the spec stands for: itself, or what its `$ref` names."""
    while "$ref" in node:
        target: Any = spec
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name.replace("~1", "/").replace("~0", "~")]
        node = target
    return node
