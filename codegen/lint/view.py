"""A look at a spec that may be wrong anywhere: every lookup gives something of the right shape."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import attrs

from codegen.problems import Problem
from codegen.spec import METHODS, Spec, needs, pointer, said_again

MULTIPART = "multipart/form-data"
SCHEMAS = "#/components/schemas/"
JSON = "application/json"

# Keys whose values are data, not parts of the document: what looks like a reference there is none.
_DATA = frozenset({"example", "examples", "default", "const", "enum"})
# Keys below which every key is a name that somebody chose, `default` and `enum` among them.
_NAMES = frozenset(
    {
        *("paths", "webhooks", "callbacks", "responses", "content", "headers", "encoding"),
        *("schemas", "parameters", "requestBodies", "securitySchemes", "links", "pathItems"),
        *("properties", "patternProperties", "dependentSchemas", "$defs"),
    }
)


def mapping(node: object) -> dict[str, Any]:
    """The node, if it is a mapping; else an empty one."""
    return cast("dict[str, Any]", node) if isinstance(node, dict) else {}


def sequence(node: object) -> list[Any]:
    """The node, if it is a list; else an empty one."""
    return cast("Any", node) if isinstance(node, list) else []


def text(node: object) -> str:
    """The node, if it is text; else none."""
    return node if isinstance(node, str) else ""


def types(schema: dict[str, Any]) -> list[str]:
    """The types of a schema but for null."""
    told = schema.get("type")
    return [text(one) for one in (sequence(told) or [told]) if text(one) and one != "null"]


@attrs.frozen
class Operation:
    """An operation as it stands in the document.

    Attributes:
        place: the JSON pointer to it.
        item: what stands around it: its path.
        node: the operation itself.
    """

    place: str
    path: str
    http: str
    item: dict[str, Any]
    node: dict[str, Any]

    @property
    def name(self) -> str:
        """What messages call it."""
        return text(self.node.get("operationId")) or f"{self.http.upper()} {self.path}"


@attrs.frozen
class View:
    """A spec, and what was found wrong with it so far."""

    spec: Spec
    problems: list[Problem] = attrs.field(factory=list[Problem])

    def refuse(self, place: str, reason: str) -> None:
        """Keep a problem."""
        self.problems.append(self.spec.problem(place, reason))

    def components(self, section: str) -> dict[str, Any]:
        """The components of one section by name."""
        return mapping(mapping(self.spec.data.get("components")).get(section))

    @property
    def schemas(self) -> dict[str, Any]:
        """The component schemas by name."""
        return self.components("schemas")

    def operations(self) -> list[Operation]:
        """Every operation, in the order of the document."""
        return [
            Operation(pointer("paths", path, http), path, http, mapping(item), mapping(mapping(item)[http]))
            for path, item in mapping(self.spec.data.get("paths")).items()
            for http in METHODS
            if http in mapping(item)
        ]

    def follow(self, node: object, place: str) -> tuple[str, dict[str, Any]]:
        """The node and its pointer, or those that its references lead to; an empty one where they lead nowhere."""
        seen: set[str] = set()
        while "$ref" in (found := mapping(node)):
            reference = text(found["$ref"])
            if reference in seen or not reference.startswith("#/"):
                return place, {}
            seen.add(reference)
            node, place = self.spec.at(reference), reference[1:]
        return place, found

    def named(self, schema: object) -> str:
        """The component schema that a reference names; none where it is no reference, or names none."""
        reference = text(mapping(schema).get("$ref"))
        name = reference.removeprefix(SCHEMAS).replace("~1", "/").replace("~0", "~")
        return name if reference.startswith(SCHEMAS) and name in self.schemas else ""

    def kind(self, schema: object, seen: frozenset[str] = frozenset()) -> str:
        """What a schema is, followed through references; none for what is refused elsewhere."""
        node = mapping(schema)
        if "$ref" in node:
            name = self.named(node)
            return self.kind(self.schemas[name], seen | {name}) if name and name not in seen else ""
        if "allOf" in node:
            return "object"
        if "anyOf" in node and not needs(node):
            return "union"
        if "discriminator" in node:
            return "choice"
        if "oneOf" in node:
            members = [self.kind(one, seen) for one in sequence(node["oneOf"]) if mapping(one).get("type") != "null"]
            return members[0] if len(members) == 1 else ""
        match types(node):
            case ["object"]:
                return "map" if "additionalProperties" in node and "x-extra" not in node else "object"
            case ["array"]:
                return "list"
            case ["string"]:
                return "enum" if "enum" in node else "text"
            case ["number"]:
                return "decimal" if node.get("format") == "decimal" else "double"
            case ["integer" | "boolean" as told]:
                return told
            case _:
                return ""

    def is_object(self, schema: object) -> bool:
        """Whether a schema names a component that becomes a class."""
        return bool(self.named(schema)) and self.kind(schema) == "object"

    def properties(self, name: str, seen: frozenset[str] = frozenset()) -> dict[str, tuple[str, dict[str, Any]]]:
        """The properties of an object component, each with its pointer; what it inherits first."""
        schema, place = mapping(self.schemas.get(name)), pointer("components", "schemas", name)
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for base in self.bases(name):
            if base not in seen:
                found |= self.properties(base, seen | {name})
        for here, part in self.parts(place, schema):
            for wire, one in mapping(part.get("properties")).items():
                _, first = found.get(wire, ("", {}))
                found[wire] = (here + pointer("properties", wire), said_again(first, mapping(one)))
        return found

    def required(self, name: str) -> set[str]:
        """The names that an object component requires, and what it inherits."""
        found: set[str] = set()
        for one in {name, *self.ancestors(name)}:
            for _, part in self.parts("", mapping(self.schemas.get(one))):
                found |= {text(wire) for wire in sequence(part.get("required"))}
        return found

    def parts(self, place: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Where an object component says what it has beside what it inherits."""
        yield place, schema
        for number, part in enumerate(sequence(schema.get("allOf"))):
            if "$ref" not in mapping(part):
                yield f"{place}/allOf/{number}", mapping(part)

    def bases(self, name: str) -> list[str]:
        """The components that an object component inherits from directly."""
        inner = sequence(mapping(self.schemas.get(name)).get("allOf"))
        return [base for base in map(self.named, inner) if base]

    def ancestors(self, name: str) -> set[str]:
        """The components that an object component inherits from, at any distance."""
        return closure(self.bases(name), self.bases)

    def references(self, node: object, place: str = "", *, names: bool = False) -> Iterator[tuple[str, str]]:
        """Every reference below a node, with the pointer to it."""
        for number, one in enumerate(sequence(node)):
            yield from self.references(one, f"{place}/{number}")
        for key, one in mapping(node).items():
            if key == "$ref" and isinstance(one, str):
                yield place + "/$ref", one
            elif names or not (key in _DATA or key.startswith("x-")):
                yield from self.references(one, place + pointer(key), names=key in _NAMES and not names)

    def uses(self, node: object) -> set[str]:
        """The component schemas that a node refers to directly."""
        return {name for _, reference in self.references(node) if (name := self.named({"$ref": reference}))}

    def sent(self, names: set[str]) -> set[str]:
        """The component schemas that a request carries: what is `readOnly` in one leads nowhere."""
        return closure(names, self._carried)

    def _carried(self, name: str) -> set[str]:
        if self.kind(self.schemas.get(name)) != "object":
            return self.uses(self.schemas.get(name))
        properties = [one for _, one in self.properties(name).values() if not one.get("readOnly")]
        return {*self.uses(properties), *self.uses(mapping(self.schemas.get(name)).get("additionalProperties"))}

    def reach(self, names: set[str]) -> set[str]:
        """The component schemas and every one that they lead to."""
        return closure(names, lambda name: self.uses(self.schemas.get(name)))


def closure(roots: Iterable[str], step: Callable[[str], Iterable[str]]) -> set[str]:
    """The roots and whatever the step leads to from them."""
    found: set[str] = set()
    waiting: list[str] = sorted(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += step(name)
    return found
