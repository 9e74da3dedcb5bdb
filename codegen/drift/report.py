"""The report of a drift: for people in Markdown, for programs as JSON."""

import json
from collections.abc import Iterator

import attrs

from codegen.drift.compare import Drift
from codegen.drift.finding import Finding

HEADINGS = {
    "base": "Another base path",
    "endpoint-here": "Endpoints only here",
    "endpoint-there": "Endpoints only there",
    "field-here": "Fields and parameters only here",
    "field-there": "Fields and parameters only there",
    "type": "Conflicts of type",
    "required": "Required on one side",
    "enum": "Enums on one side",
    "values": "Enum values on one side",
    "limit": "Limits",
    "default": "Defaults",
}


def markdown(drift: Drift, ours: str, theirs: str) -> str:
    """The report for people; what stands in either document is told, nothing is quoted at length."""
    return "\n".join(_lines(drift, ours, theirs)) + "\n"


def as_json(drift: Drift, ours: str, theirs: str) -> str:
    """The report for programs."""
    told = {
        "here": ours,
        "there": theirs,
        "drift": bool(drift.findings),
        "compared": drift.compared,
        "findings": [{**attrs.asdict(finding), "endpoints": list(names)} for finding, names in drift.findings],
        "preview": {"confirmed": list(drift.confirmed), "denied": list(drift.denied)},
        "notes": list(drift.notes),
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _lines(drift: Drift, ours: str, theirs: str) -> Iterator[str]:
    yield f"# {ours} (here) against {theirs} (there)"
    yield ""
    count = len(drift.findings)
    yield f"{drift.compared} endpoints compared, {count or 'no'} difference{'' if count == 1 else 's'}."
    for kind, heading in HEADINGS.items():
        found = [(finding, names) for finding, names in drift.findings if finding.kind == kind]
        if not found:
            continue
        yield from ("", f"## {heading} ({len(found)})", "")
        if kind.startswith("endpoint"):
            yield from (f"- `{finding.where}`{_named(names)}" for finding, names in found)
            continue
        yield from ("| where | side | here | there | endpoints |", "|---|---|---|---|---|")
        yield from (_row(finding, names) for finding, names in found)
    for heading, guesses in (("confirmed", drift.confirmed), ("denied", drift.denied)):
        if guesses:
            yield from ("", f"## Preview: {heading} ({len(guesses)})", "", *(f"- `{one}`" for one in guesses))
    if drift.notes:
        yield from ("", f"## Notes ({len(drift.notes)})", "", *(f"- {' '.join(note.split())}" for note in drift.notes))


def _named(names: tuple[str, ...]) -> str:
    told = ", ".join(name for name in names if name)
    return f" ({told})" if told else ""


def _row(finding: Finding, names: tuple[str, ...]) -> str:
    cells = (f"`{finding.where}`", finding.side, finding.here, finding.there, ", ".join(names))
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
