"""Long rows of numbers that are never written down: two put together, or one with some taken out."""

from abc import abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import neg
from typing import overload


class Row(Sequence[int]):
    """A row that computes each of its numbers when it is asked for."""

    @abstractmethod
    def at(self, index: int) -> int:
        """The number at a place from 0 to len - 1."""

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        places = range(len(self))
        return [self.at(place) for place in places[index]] if isinstance(index, slice) else self.at(places[index])


class Chain(Row):
    """Two rows, one after the other; only the numbers that are asked for are looked at."""

    def __init__(self, first: Sequence[int], then: Sequence[int]) -> None:
        self._first = first
        self._then = then

    def __len__(self) -> int:
        return len(self._first) + len(self._then)

    def at(self, index: int) -> int:
        """The number at a place."""
        split = len(self._first)
        return self._first[index] if index < split else self._then[index - split]


class Without(Row):
    """A row of falling numbers without some of them.

    Args:
        row: the numbers, greatest first.
        gone: those that are left out, least first; all are in the row.
    """

    def __init__(self, row: Sequence[int], gone: Sequence[int]) -> None:
        self._row = row
        find = row.index if isinstance(row, range) else self._place
        self._places = [find(number) for number in reversed(gone)]

    def _place(self, number: int) -> int:
        return bisect_left(self._row, -number, key=neg)

    def __len__(self) -> int:
        return len(self._row) - len(self._places)

    def at(self, index: int) -> int:
        """The number at a place."""
        left_out = range(len(self._places))
        return self._row[index + bisect_right(left_out, index, key=lambda one: self._places[one] - one)]
