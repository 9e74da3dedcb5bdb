"""What is generated, between the spec and the text: frozen values that the templates read."""

from collections.abc import Iterator
from typing import Any, Literal

import attrs

from codegen.paths import template

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
    "choice",
    "file",
    "none",
]


@attrs.frozen
class Type:
    """The type of a value.

    Attributes:
        kind: what it is.
        name: the class, of an enum or model; the component, of a choice.
        args: the members of a list, map, union or choice.
        by: the property that tells the members of a choice apart.
        tags: its values, each with the class that it stands for.
    """

    kind: Kind
    name: str = ""
    args: tuple["Type", ...] = ()
    by: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    def names(self) -> Iterator[str]:
        """The classes in it."""
        if self.name and self.kind != "choice":
            yield self.name
        for arg in self.args:
            yield from arg.names()

    def has(self, kind: Kind) -> bool:
        """Whether it is of the kind, or holds one; what a choice holds is its own business."""
        return self.kind == kind or (self.kind != "choice" and any(arg.has(kind) for arg in self.args))

    def choices(self) -> Iterator["Type"]:
        """The choices in it."""
        if self.kind == "choice":
            yield self
        else:
            for arg in self.args:
                yield from arg.choices()


@attrs.frozen
class Field:
    """A property of an object.

    Attributes:
        name: in Python.
        wire: the API's spelling.
        nullable: whether a request may say null.
        default: what the server takes where a request leaves it out.
        repeats: whether most records hold the same text, so that one copy of it serves all.
        secret: whether `repr` leaves it out.
    """

    name: str
    wire: str
    type: Type
    required: bool
    nullable: bool
    doc: str
    default: Any = None
    repeats: bool = False
    secret: bool = False


@attrs.frozen
class Model:
    """An object.

    Attributes:
        role: an answer is read, a body is written, an envelope holds a page.
        module: the generated module it stands in.
        needs: groups of fields; a body has all fields of at least one of them.
        further: a body's argument for keys of other names.
    """

    name: str
    doc: str
    fields: tuple[Field, ...]
    role: Literal["answer", "body", "envelope"]
    module: str
    unwrap: tuple[str, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()
    further: Field | None = None


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
    place: Literal["path", "query", "header", "body"]
    type: Type
    required: bool
    nullable: bool
    doc: str
    default: Any = None


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
    """One endpoint and its method.

    Attributes:
        answer: what a success holds, or one record of a list.
        empty: whether a success may come without content as well.
    """

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
    empty: bool = False
    deprecated: bool = False

    @property
    def returns(self) -> str:
        """What the method gives, as an annotation; of a list, one record."""
        if self.answer.kind == "none":
            return "None"
        return f"models.{self.answer.name} | None" if self.empty else f"models.{self.answer.name}"

    @property
    def parameters(self) -> list[Argument]:
        """What goes into the query, or into the body that asks for a page."""
        places = {"query"} if self.paging is None else {"query", "body"}
        return [one for one in self.arguments if one.place in places]

    @property
    def headers(self) -> list[Argument]:
        """What goes into headers."""
        return [one for one in self.arguments if one.place == "header"]

    @property
    def template(self) -> str:
        """The path as it is sent, with ``{}`` for each id."""
        return template(self.path)

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
