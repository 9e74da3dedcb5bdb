"""Arguments of methods and fields of models: both have a name, a type, and may be left out or not."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from codegen.diff.change import Change, Level
from codegen.diff.pairs import pair
from codegen.diff.types import LEVELS, WORDS, Side, direction, spelled
from codegen.ir import Argument, Field

Member = TypeVar("Member", Field, Argument)

_ADDED: dict[tuple[Side, bool], Level] = {
    ("answer", False): "addition",
    ("answer", True): "behaviour",  # an answer without it is an error now
    ("request", False): "addition",
    ("request", True): "breaking",
}
_REQUIRED: dict[tuple[Side, bool], tuple[Level, str]] = {
    ("answer", False): ("breaking", "became optional: it may be None"),
    ("answer", True): ("behaviour", "became required: an answer without it is an error"),
    ("request", False): ("addition", "became optional"),
    ("request", True): ("breaking", "became required"),
}
_NULLABLE: dict[tuple[Side, bool], tuple[Level, str]] = {
    ("answer", False): ("behaviour", "is never None any more"),
    ("answer", True): ("breaking", "may now be None"),
    ("request", False): ("breaking", "took no None any more"),
    ("request", True): ("addition", "took None as well"),
}


def members(
    api: str, side: Side, old: Sequence[Member], new: Sequence[Member], where: Callable[[str], str]
) -> Iterator[Change]:
    """What changed between two lists of arguments or fields; `where` gives a member its full name."""
    places: dict[int, tuple[int, int]] = {
        id(one): (i, len(listed)) for listed in (old, new) for i, one in enumerate(listed)
    }
    found = pair(
        old,
        new,
        lambda one: one.wire,
        lambda one: one.name,
        lambda one: (*_shape(one), one.doc) if one.doc else None,
        lambda one: (*_shape(one), *places[id(one)]),
    )
    for one in found.removed:
        yield Change(api, where(one.name), "removed", "breaking", "was removed")
    for one in found.added:
        must = ", required" if one.required else ""
        level = _ADDED[side, one.required]
        yield Change(api, where(one.name), "added", level, f"was added (`{spelled(one.type)}`{must})")
    for before, after in found.same:
        if before.name != after.name:
            yield Change(api, where(before.name), "renamed", "breaking", f"was renamed to `{where(after.name)}`")
        for kind, level, text in _changes(side, before, after):
            yield Change(api, where(before.name), kind, level, text)


def _shape(one: Field | Argument) -> tuple[object, ...]:
    return one.type, one.required, one.nullable, getattr(one, "place", None)


def _changes(side: Side, old: Member, new: Member) -> Iterator[tuple[str, Level, str]]:
    if old.name == new.name and old.wire != new.wire:
        yield "wire", "behaviour", f"changed its spelling in the API from `{old.wire}` to `{new.wire}`"
    turn = direction(old.type, new.type, side)
    if turn != "same":
        text = f"{WORDS[turn]} from `{spelled(old.type)}` to `{spelled(new.type)}`"
        yield "type", LEVELS[side, turn], text
    if side == "answer":
        # In an answer None stands for both, absent and null.
        if (old.required and not old.nullable) != (new.required and not new.nullable):
            if old.required != new.required:
                yield "required", *_REQUIRED[side, new.required]
            else:
                yield "nullable", *_NULLABLE[side, new.nullable]
        return
    if old.required != new.required:
        yield "required", *_REQUIRED[side, new.required]
    if old.nullable != new.nullable:
        yield "nullable", *_NULLABLE[side, new.nullable]
    if (type(old.default), old.default) != (type(new.default), new.default):
        yield "default", "behaviour", f"changed its default from {_value(old.default)} to {_value(new.default)}"


def _value(value: object) -> str:
    return "none" if value is None else f"`{value!r}`"
