"""Models, request bodies and enums compared."""

from collections.abc import Iterator, Mapping

import attrs

from codegen.diff.change import Change
from codegen.diff.members import Member, members
from codegen.diff.pairs import pair
from codegen.diff.types import Side
from codegen.ir import Api, Enum, Model, Operation, Type

_SELF = "(itself)"


def new_names(old: Api, new: Api) -> dict[str, str]:
    """The classes that have another name now: the old name is gone, and one new class has the same content."""
    matched: list[tuple[Model | Enum, Model | Enum]] = [
        *pair(_held(old), _held(new), lambda one: one.name, _content).same,
        *pair(old.enums, new.enums, lambda one: one.name, lambda one: one.members).same,
    ]
    return {before.name: after.name for before, after in matched if before.name != after.name}


def with_names(api: Api, names: Mapping[str, str]) -> Api:
    """An API with some of its classes under other names, wherever they are named."""

    def typed(one: Type) -> Type:
        tags = tuple((tag, names.get(name, name)) for tag, name in one.tags)
        return attrs.evolve(one, name=names.get(one.name, one.name), args=tuple(map(typed, one.args)), tags=tags)

    def member(one: Member) -> Member:
        return attrs.evolve(one, type=typed(one.type))

    def operation(one: Operation) -> Operation:
        paging = one.paging and attrs.evolve(one.paging, rest=tuple(map(member, one.paging.rest)))
        return attrs.evolve(one, arguments=tuple(map(member, one.arguments)), answer=typed(one.answer), paging=paging)

    return attrs.evolve(
        api,
        resources=tuple(attrs.evolve(one, operations=tuple(map(operation, one.operations))) for one in api.resources),
        models=tuple(
            attrs.evolve(one, name=names.get(one.name, one.name), fields=tuple(map(member, one.fields)))
            for one in api.models
        ),
        enums=tuple(attrs.evolve(one, name=names.get(one.name, one.name)) for one in api.enums),
        events=tuple(attrs.evolve(one, payload=names.get(one.payload, one.payload)) for one in api.events),
    )


def models(old: Api, new: Api) -> Iterator[Change]:
    """What changed in the classes that users read, and in those that they fill in."""
    found = pair(_held(old), _held(new), lambda one: one.name)
    for one in found.removed:
        yield Change(new.name, one.name, "removed", "breaking", "was removed")
    for one in found.added:
        yield Change(new.name, one.name, "added", "addition", "was added")
    for before, after in found.same:
        if _side(before) != _side(after):
            text = f"is part of a {_side(after)} now, no longer of a {_side(before)}".replace("a answer", "an answer")
            yield Change(new.name, before.name, "role", "breaking", text)
        yield from members(new.name, _side(after), before.fields, after.fields, f"{before.name}.{{}}".format)


def enums(old: Api, new: Api) -> Iterator[Change]:
    """What changed in the enums; they are open, so a new value is read as text before it has a name."""
    found = pair(old.enums, new.enums, lambda one: one.name)
    for one in found.removed:
        yield Change(new.name, one.name, "removed", "breaking", "was removed")
    for one in found.added:
        yield Change(new.name, one.name, "added", "addition", "was added")
    for before, after in found.same:
        yield from _values(new.name, before, after)


def spread_bodies(api: Api) -> set[str]:
    """The request bodies that are only ever seen as the arguments of a method."""
    operations = [one for resource in api.resources for one in resource.operations]
    inside = {name for one in operations for arg in one.arguments for name in arg.type.names()}
    inside |= {name for model in api.models for field in model.fields for name in field.type.names()}
    return {one.body for one in operations if one.body} - inside


def _values(api: str, old: Enum, new: Enum) -> Iterator[Change]:
    found = pair(old.members, new.members, lambda one: one[1])
    for name, value in found.removed:
        yield Change(api, f"{old.name}.{name}", "removed", "breaking", f"was removed (the value `{value}`)")
    for name, value in found.added:
        yield Change(api, f"{old.name}.{name}", "added", "addition", f"was added (the value `{value}`)")


def _held(api: Api) -> list[Model]:
    """The models that users hold: no envelope, and no body that is spread over the arguments of its method."""
    spread = spread_bodies(api)
    return [one for one in api.models if one.role != "envelope" and one.name not in spread]


def _side(model: Model) -> Side:
    return "request" if model.role == "body" else "answer"


def _content(model: Model) -> object:
    """What makes two models the same but for the name; an empty one is like any other, so it is like none."""

    def typed(one: Type) -> Type:
        return attrs.evolve(one, name=_SELF if one.name == model.name else one.name, args=tuple(map(typed, one.args)))

    fields = tuple((one.wire, typed(one.type), one.required, one.nullable) for one in model.fields)
    return (model.role, fields) if fields else None
