"""The report: for people in Markdown, for programs as JSON, and what it means for version and change log."""

import json
from collections.abc import Iterable, Iterator, Sequence

import attrs

from codegen.diff.change import LEVELS, Change, bump, worst

_HEADINGS = {"breaking": "Breaking", "behaviour": "Behaviour", "addition": "Additions"}


@attrs.frozen
class Report:
    """What a comparison found.

    Attributes:
        since: the revision on the old side, in words.
        version: the package's version there.
        now: the package's version now.
        changes: every change, the worst first.
        notes: what could not be compared, or only in part.
    """

    since: str
    version: str
    now: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...]

    @property
    def bump(self) -> tuple[str, str]:
        """What has to grow in the version, and the version that gives."""
        return bump(self.version, worst(self.changes))

    def markdown(self) -> str:
        """The report for people."""
        return "\n".join(self._lines()) + "\n"

    def json(self) -> str:
        """The report for programs."""
        part, version = self.bump
        told = {
            "since": self.since,
            "changes": [attrs.asdict(change) for change in self.changes],
            "version": {"then": self.version, "now": self.now, "bump": part, "suggested": version},
            "changelog": fragment(self.changes),
            "notes": list(self.notes),
        }
        return json.dumps(told, indent=2, ensure_ascii=False) + "\n"

    def _lines(self) -> Iterator[str]:
        yield f"# What changed for users since {self.since}"
        yield ""
        yield from (f"> {note}" for note in self.notes)
        if self.notes:
            yield ""
        if not self.changes:
            yield "Nothing that users of the package could notice."
            return
        for level in LEVELS:
            found = [change for change in self.changes if change.level == level]
            if found:
                yield from (
                    f"## {_HEADINGS[level]} ({len(found)})",
                    "",
                    "| where | what | kind | from |",
                    "|---|---|---|---|",
                )
                yield from (_row(f"`{one.where}`", one.text, one.kind, one.api) for one in found)
                yield ""
        part, version = self.bump
        enough = ", which it is already" if self.now == version else f"; it is {self.now} now"
        yield from ("## Version", "", f"A {part} release: {version} after {self.version}{enough}.", "")
        yield from ("## Fragment for the change log", "", "```markdown", fragment(self.changes).rstrip(), "```")


def fragment(changes: Sequence[Change]) -> str:
    """Lines for CHANGELOG.md."""
    return "".join(f"- {'Breaking: ' if one.level == 'breaking' else ''}{one}\n" for one in _unique(changes))


def _unique(changes: Iterable[Change]) -> list[Change]:
    """Each sentence once: two APIs may say the same."""
    return list({str(change): change for change in changes}.values())


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
