"""One change that users of the package can notice, and what a list of them asks of the next version."""

import re
from collections.abc import Iterable
from typing import Literal

import attrs

Level = Literal["breaking", "behaviour", "addition"]
Bump = Literal["major", "minor", "patch", "none"]

LEVELS: tuple[Level, ...] = ("breaking", "behaviour", "addition")

_BUMPS: dict[tuple[bool, Level], Bump] = {
    # Before 1.0 a minor version may break; who pins `~= 0.3.0` gets neither breaks nor other behaviour.
    (False, "breaking"): "minor",
    (False, "behaviour"): "minor",
    (False, "addition"): "patch",
    (True, "breaking"): "major",
    (True, "behaviour"): "minor",
    (True, "addition"): "minor",
}


@attrs.frozen
class Change:
    """One change.

    Attributes:
        api: the spec it comes from, or the package.
        where: `orders.list`, `orders.list(page)`, `Order.total`, or the name of a class, event or API.
        kind: what changed: the thing itself (added, removed, renamed) or an aspect of it (type, default, path …).
        level: what it means for users.
        text: what happened to it, in the past tense; `where` and this are a sentence.
    """

    api: str
    where: str
    kind: str
    level: Level
    text: str

    def __str__(self) -> str:
        return f"`{self.where}` {self.text}."

    @property
    def names(self) -> tuple[str, ...]:
        """The name of what changed, then the names of what it is in."""
        parts = re.sub(r"\((.*)\)$", r".\1", self.where).split(".")
        return tuple(".".join(parts[:end]) for end in range(len(parts), 0, -1))


def worst(changes: Iterable[Change]) -> Level | None:
    """The level that decides on the version."""
    found = {change.level for change in changes}
    return next((level for level in LEVELS if level in found), None)


def bump(version: str, level: Level | None) -> tuple[Bump, str]:
    """Which part of a version has to grow, and the version that this gives."""
    numbers = [int(text) for text in re.findall(r"\d+", version)[:3]]
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    if level is None:
        return "none", f"{major}.{minor}.{patch}"
    part = _BUMPS[major > 0, level]
    grown = {
        "major": f"{major + 1}.0.0",
        "minor": f"{major}.{minor + 1}.0",
        "patch": f"{major}.{minor}.{patch + 1}",
    }
    return part, grown[part]
