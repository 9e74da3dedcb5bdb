"""A spec as plain data, with the line on which each part of it stands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import attrs

from codegen.loading import pointer, read
from codegen.problems import Problem, SpecError, problem

__all__ = ["METHODS", "Spec", "described", "identity", "load", "needs", "pointer", "said_again"]

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")

# What a property says of itself, beside its type.
_KEPT = frozenset({"readOnly", "writeOnly", "deprecated", "x-name", "x-repeats", "x-secret"})


@attrs.frozen
class Spec:
    """An OpenAPI document.

    Attributes:
        path: its file.
        data: the document as plain data.
        lines: the line of each JSON pointer.
    """

    path: Path
    data: dict[str, Any]
    lines: dict[str, int]

    @property
    def name(self) -> str:
        """The API's name: the file's, and the generated folder's."""
        return self.path.stem.replace("-", "_")

    @property
    def schemas(self) -> dict[str, Any]:
        """The component schemas by name."""
        return cast("dict[str, Any]", self.data.get("components", {}).get("schemas", {}))

    def problem(self, pointer: str, reason: str) -> Problem:
        """A problem at this place, or at the nearest place above it that has a line."""
        near = pointer
        while near and near not in self.lines:
            near = near.rpartition("/")[0]
        return problem(self.path, self.lines.get(near, 0), pointer, reason)

    def resolve(self, node: Any) -> Any:
        """The node, or what its `$ref` points to."""
        while isinstance(node, dict) and "$ref" in node:
            node = self.at(cast("dict[str, str]", node)["$ref"])
        return cast("Any", node)

    def at(self, reference: str) -> Any:
        """What a local reference points to; None when it points nowhere."""
        node: Any = self.data
        for part in reference.removeprefix("#/").split("/"):
            node = cast("dict[str, Any]", node).get(_unescape(part)) if isinstance(node, dict) else None
        return node

    def parameters(self, path: str, node: dict[str, Any]) -> list[dict[str, Any]]:
        """The parameters of an operation: its own take the place of those of its path with the same name."""
        around = self.data["paths"][path].get("parameters", [])
        found = [self.resolve(one) for one in (*around, *node.get("parameters", []))]
        return list({identity(one): one for one in found}.values())

    def operations(self) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """Every operation: its pointer, path, method and node, in the order of the document."""
        for path, item in self.data.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    yield pointer("paths", path, method), path, method, item[method]


def load(path: Path) -> Spec:
    """Read a spec from YAML (or JSON, which YAML contains).

    Raises:
        SpecError: the file cannot be read as one mapping.
    """
    data, lines = read(path)
    if not isinstance(data, dict):
        raise SpecError([problem(path, 1, "", "an OpenAPI document is a mapping")])
    return Spec(path, cast("dict[str, Any]", data), lines)


def identity(parameter: dict[str, Any]) -> tuple[str, str]:
    """What tells a parameter from others: place and name, which in a header has no upper and lower case."""
    place, name = str(parameter.get("in")), str(parameter.get("name"))
    return place, name.lower() if place == "header" else name


def described(node: dict[str, Any]) -> str:
    """The description in one paragraph, and first whether it is deprecated."""
    text = " ".join(str(node.get("description", "")).split())
    return f"Deprecated. {text}".rstrip() if node.get("deprecated") else text


def said_again(first: Any, again: Any) -> dict[str, Any]:
    """A property of a base that an object describes again: what it is not said to be any more, it still is."""
    kept = {key: value for key, value in cast("dict[str, Any]", first).items() if key in _KEPT}
    return {**kept, **again}


def needs(schema: dict[str, Any]) -> list[list[str]]:
    """The groups of fields of which an object needs one; none where `anyOf` is missing or says something else."""
    groups = _sequence(schema.get("anyOf") if schema.get("type") == "object" else None)
    names: list[Any] = [
        one["required"] for one in groups if isinstance(one, dict) and [*cast("Any", one)] == ["required"]
    ]
    fits = len(names) == len(groups) and all(isinstance(group, list) for group in names)
    return names if fits else []


def _sequence(node: object) -> list[Any]:
    return cast("Any", node) if isinstance(node, list) else []


def _unescape(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
