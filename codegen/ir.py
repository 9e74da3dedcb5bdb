"""What is generated, between the spec and the text: frozen values that the templates read."""

import re
from collections.abc import Iterator
from typing import Literal

import attrs

Kind = Literal[
    "str",
    "int",
    "float",
    "bool",
    "decimal",
    "datetime",
    "date",
    "any",
    "enum",
    "model",
    "list",
    "map",
    "union",
    "file",
]


@attrs.frozen
class Type:
    """The type of a value.

    Attributes:
        kind: what it is.
        name: the class, of an enum or model.
        args: the members of a list, map or union.
    """

    kind: Kind
    name: str = ""
    args: tuple["Type", ...] = ()

    def names(self) -> Iterator[str]:
        """The classes in it."""
        if self.name:
            yield self.name
        for arg in self.args:
            yield from arg.names()

    def has(self, kind: Kind) -> bool:
        """Whether it is of the kind, or holds one."""
        return self.kind == kind or any(arg.has(kind) for arg in self.args)


@attrs.frozen
class Field:
    """A property of an object.

    Attributes:
        name: in Python.
        wire: the API's spelling.
        nullable: whether a request may say null.
    """

    name: str
    wire: str
    type: Type
    required: bool
    nullable: bool
    doc: str


@attrs.frozen
class Model:
    """An object.

    Attributes:
        role: an answer is read, a body is written, an envelope holds a page.
        module: the generated module it stands in.
    """

    name: str
    doc: str
    fields: tuple[Field, ...]
    role: Literal["answer", "body", "envelope"]
    module: str
    unwrap: tuple[str, ...] = ()


@attrs.frozen
class Enum:
    """An open enum: its known members by name and value."""

    name: str
    doc: str
    members: tuple[tuple[str, str], ...]
    module: str


@attrs.frozen
class Argument:
    """A parameter of a generated method."""

    name: str
    wire: str
    place: Literal["path", "query", "body"]
    type: Type
    required: bool
    nullable: bool
    doc: str


@attrs.frozen
class Paging:
    """How a list is paged, and what its envelope holds beside the records."""

    style: str
    items: str | None
    default_size: int | None
    max_size: int
    rest: tuple[Field, ...] = ()


@attrs.frozen
class Operation:
    """One endpoint and its method."""

    name: str
    resource: str
    method: str
    http: str
    path: str
    summary: str
    description: str
    idempotency: str
    stability: str
    sources: tuple[str, ...]
    auth: bool
    arguments: tuple[Argument, ...]
    body: str | None
    answer: Type
    envelope: str | None
    paging: Paging | None
    unwrap: tuple[str, ...] = ()
    multipart: bool = False

    @property
    def template(self) -> str:
        """The path with ``{}`` for each id."""
        return re.sub(r"\{[^}]*\}", "{}", self.path)

    @property
    def constant(self) -> str:
        """The name of its value in the generated module."""
        return self.method.upper()


@attrs.frozen
class Resource:
    """A group of operations."""

    name: str
    doc: str
    operations: tuple[Operation, ...]


@attrs.frozen
class Event:
    """A webhook: its name, the class of its payload, and other spellings of the name."""

    name: str
    doc: str
    payload: str
    aliases: tuple[str, ...]


@attrs.frozen
class Api:
    """Everything generated from one spec."""

    name: str
    title: str
    source: str
    resources: tuple[Resource, ...]
    models: tuple[Model, ...]
    enums: tuple[Enum, ...]
    events: tuple[Event, ...] = ()

    def module_of(self, name: str) -> str:
        """The module that a class stands in."""
        return {
            **{one.name: one.module for one in self.models},
            **{one.name: one.module for one in self.enums},
        }[name]

    def model(self, name: str) -> Model:
        """The model of that name."""
        return next(item for item in self.models if item.name == name)
