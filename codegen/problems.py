"""What is wrong with a spec, as values: collected, then told all at once."""

from pathlib import Path

import attrs


@attrs.frozen(order=True)
class Problem:
    """One mistake in a spec.

    Attributes:
        file: the spec.
        line: where the mistake stands, counted from 1; 0 when nobody knows.
        pointer: the JSON pointer to it.
        reason: what is wrong, and what to do instead.
    """

    file: str
    line: int
    pointer: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.pointer or '/'}: {self.reason}"


class SpecError(Exception):
    """A spec that nothing can be generated from."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, sorted(problems))))
        self.problems = sorted(problems)


class GeneratorError(Exception):
    """The generator itself failed: a template, the formatter or the disk. The text is one line."""


def problem(file: Path, line: int, pointer: str, reason: str) -> Problem:
    """A problem, its file named as people type it."""
    return Problem(file.name if not file.parent.name else f"{file.parent.name}/{file.name}", line, pointer, reason)
