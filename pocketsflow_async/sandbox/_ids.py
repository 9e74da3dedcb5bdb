"""Ids and chance: both are computed from the seed and a number, so nothing needs to be remembered."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, TypeVar

T = TypeVar("T")

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
MOST_RECORDS: Final = 1 << 24
"""An ObjectId's counter has three bytes."""


def key_of(seed: int, purpose: str) -> int:
    """64 bits that differ for every seed and purpose."""
    return int.from_bytes(blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest(), "big")


def noise(key: int, index: int) -> int:
    """64 evenly spread bits for a key and an index (the splitmix64 generator, entered at any step)."""
    z = (key + index * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class Dice:
    """A stream of chance that is the same on every Python, unlike the methods of `random.Random`."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._key = key_of(seed, purpose)
        self._step = 0

    def below(self, bound: int) -> int:
        """A whole number from 0 to bound - 1."""
        self._step += 1
        return noise(self._key, self._step) % bound

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in a chance order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in items]


class IdSpace:
    """The ids of one kind of record: Mongo ObjectIds that tell the record's time and index.

    Four bytes of time in seconds, five bytes from the seed and the kind, three bytes of index: an id can be
    written for an index and read back without a table.
    """

    def __init__(self, seed: int, kind: str) -> None:
        self._middle = blake2b(f"{seed}/id/{kind}".encode(), digest_size=5).hexdigest()

    def write(self, milliseconds: int, index: int) -> str:
        """The id of the record with this index, created at this time."""
        return f"{milliseconds // 1000:08x}{self._middle}{index:06x}"

    def read(self, record_id: str) -> int | None:
        """The index in an id of this kind; None for any other text. The time in it is not checked."""
        if len(record_id) != 24 or record_id[8:18] != self._middle:
            return None
        try:
            return int(record_id[18:], 16)
        except ValueError:
            return None
