"""Things of the old side matched with those of the new: by name first, then what is alike under another name."""

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import attrs

T = TypeVar("T")


@attrs.frozen
class Pairs(Generic[T]):
    """What was there and is there.

    Attributes:
        same: before and after, under one name or under two.
        removed: only before.
        added: only after.
    """

    same: tuple[tuple[T, T], ...]
    removed: tuple[T, ...]
    added: tuple[T, ...]


def pair(old: Sequence[T], new: Sequence[T], *keys: Callable[[T], Hashable]) -> Pairs[T]:
    """Match by the first key, what is left by the second, and so on.

    A key that says None matches nothing, and so does one that several things share.
    """
    same: list[tuple[T, T]] = []
    removed, added = list(old), list(new)
    for key in keys:
        before, after = _unique(removed, key), _unique(added, key)
        found = [(before[name], after[name]) for name in before if name in after]
        same += found
        removed = [one for one in removed if not any(one is taken for taken, _ in found)]
        added = [one for one in added if not any(one is taken for _, taken in found)]
    return Pairs(tuple(same), tuple(removed), tuple(added))


def _unique(things: Sequence[T], key: Callable[[T], Hashable]) -> dict[Hashable, T]:
    named = [(key(one), one) for one in things]
    counts: dict[Hashable, int] = {}
    for name, _ in named:
        counts[name] = counts.get(name, 0) + 1
    return {name: one for name, one in named if name is not None and counts[name] == 1}
