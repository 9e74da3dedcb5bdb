"""Breaks that the change log owns up to: `- Breaking: `orders.list` …` under the newest heading."""

import re
from collections.abc import Iterable
from pathlib import Path

from codegen.diff.change import Change

_NAME = re.compile(r"`([^`]+)`")


def declared(changelog: Path) -> set[str]:
    """Every name in backquotes in the entries that begin with `Breaking:`, from the newest section."""
    try:
        text = changelog.read_text(encoding="utf-8")
    except OSError:
        return set()
    newest = re.split(r"^## ", text, flags=re.MULTILINE)[1:2]
    entries = re.split(r"^[-*] ", newest[0], flags=re.MULTILINE)[1:] if newest else []
    return {name for entry in entries if entry.lower().startswith("breaking:") for name in _NAME.findall(entry)}


def undeclared(changes: Iterable[Change], names: set[str]) -> list[Change]:
    """The breaks that no entry names: neither the thing itself nor what it is in."""
    return [
        change
        for change in changes
        if change.level == "breaking" and change.where not in names and not names.intersection(change.names)
    ]
