"""Methods and events compared."""

from collections.abc import Callable, Iterator
from typing import Any

from codegen.diff.change import Change, Level
from codegen.diff.members import members
from codegen.diff.pairs import pair
from codegen.diff.types import LEVELS, WORDS, direction, spelled
from codegen.ir import Api, Event, Operation, Paging

# What an operation is beside its name, arguments and answer: the aspect, how it is read, how it is told.
_ASPECTS: tuple[tuple[str, Callable[[Operation], Any], str], ...] = (
    ("path", lambda one: f"{one.http} {one.template}", "asked another address: `{new}` instead of `{old}`"),
    ("idempotency", lambda one: one.idempotency, "changed its idempotency from `{old}` to `{new}`"),
    ("stability", lambda one: one.stability, "changed its stability from `{old}` to `{new}`"),
    ("auth", lambda one: "with" if one.auth else "without", "was sent {new} the key instead of {old} it"),
    ("body", lambda one: "a form" if one.multipart else "JSON", "sent {new} instead of {old}"),
    (
        "unwrap",
        lambda one: ", ".join(f"`{key}`" for key in one.unwrap) or "nothing",
        "unwrapped {new} instead of {old} in its answer",
    ),
    ("deprecated", lambda one: "is deprecated" if one.deprecated else "is not deprecated", "{new} now"),
)
_PAGING: tuple[tuple[str, Callable[[Paging], Any], str], ...] = (
    ("paging", lambda one: one.style, "changed its style of paging from `{old}` to `{new}`"),
    ("paging", lambda one: one.items or "the answer itself", "read its records from `{new}` instead of `{old}`"),
    ("paging", lambda one: one.default_size, "changed its page size from {old} to {new} records"),
    ("paging", lambda one: one.max_size, "changed its largest page from {old} to {new} records"),
)


def operations(old: Api, new: Api) -> Iterator[Change]:
    """Everything that changed for callers of the methods."""
    found = pair(
        [operation for resource in old.resources for operation in resource.operations],
        [operation for resource in new.resources for operation in resource.operations],
        _name,
        lambda one: (one.http, one.template),
    )
    for one in found.removed:
        yield Change(new.name, _name(one), "removed", "breaking", f"was removed (`{one.http} {one.path}`)")
    for one in found.added:
        yield Change(new.name, _name(one), "added", "addition", f"was added (`{one.http} {one.path}`)")
    for before, after in found.same:
        yield from _operation(new.name, before, after)
        yield from _needs(new.name, _name(before), _groups(old, before), _groups(new, after))


def events(old: Api, new: Api) -> Iterator[Change]:
    """What changed for those who receive webhooks; an event that is not known is an event with a mapping in it."""
    found = pair(old.events, new.events, lambda one: one.name)
    for one in found.removed:
        yield Change(new.name, one.name, "removed", "breaking", "is no known event any more")
    for one in found.added:
        yield Change(new.name, one.name, "added", "addition", f"became a known event (`{one.payload}`)")
    for before, after in found.same:
        yield from _event(new.name, before, after)


def _name(operation: Operation) -> str:
    return f"{operation.resource}.{operation.method}"


def _operation(api: str, old: Operation, new: Operation) -> Iterator[Change]:
    name = _name(old)

    def told(kind: str, level: Level, text: str) -> Change:
        return Change(api, name, kind, level, text)

    if _name(new) != name:
        yield told("renamed", "breaking", f"was renamed to `{_name(new)}`")
    for kind, read, text in _ASPECTS:
        if read(old) != read(new):
            yield told(kind, "behaviour", text.format(old=read(old), new=read(new)))
    ids = [[one.wire for one in side.arguments if one.place == "path"] for side in (old, new)]
    if ids[0] != ids[1] and sorted(ids[0]) == sorted(ids[1]):
        yield told("path", "breaking", "took its ids in another order")
    yield from members(api, "request", old.arguments, new.arguments, lambda one: f"{name}({one})")
    turn = direction(old.answer, new.answer, "answer")
    if turn != "same":
        text = f"answered with `{spelled(new.answer)}` instead of `{spelled(old.answer)}`: its type {WORDS[turn]}"
        yield told("answer", LEVELS["answer", turn], text)
    elif old.empty != new.empty:
        text = "may now give None, where there is no content" if new.empty else "never gives None any more"
        yield told("answer", "breaking" if new.empty else "behaviour", text)
    if old.paging and new.paging:
        for kind, look, text in _PAGING:
            if look(old.paging) != look(new.paging):
                yield told(kind, "behaviour", text.format(old=look(old.paging), new=look(new.paging)))
        yield from members(api, "answer", old.paging.rest, new.paging.rest, lambda one: f"{new.answer.name}Page.{one}")
    elif old.paging or new.paging:
        yield told("paging", "breaking", "became a list of pages" if new.paging else "is no list of pages any more")


def _groups(api: Api, operation: Operation) -> set[str]:
    """The groups of fields, of which the body must have one; none where it need not."""
    models = [model for model in api.models if model.name == operation.body]
    return {" and ".join(f"`{field}`" for field in group) for model in models for group in model.needs}


def _needs(api: str, name: str, old: set[str], new: set[str]) -> Iterator[Change]:
    if old != new:
        level: Level = "addition" if not new or (old and old < new) else "breaking"
        text = f"asked for {' or '.join(sorted(new)) or 'nothing'} instead of {' or '.join(sorted(old)) or 'nothing'}"
        yield Change(api, name, "required", level, text)


def _event(api: str, old: Event, new: Event) -> Iterator[Change]:
    if old.payload != new.payload:
        text = f"carried `{new.payload}` instead of `{old.payload}`"
        yield Change(api, old.name, "answer", "breaking", text)
    for alias in old.aliases:
        if alias not in new.aliases:
            yield Change(api, old.name, "alias", "behaviour", f"is not known as `{alias}` any more")
    for alias in new.aliases:
        if alias not in old.aliases:
            yield Change(api, old.name, "alias", "addition", f"became known as `{alias}` too")
