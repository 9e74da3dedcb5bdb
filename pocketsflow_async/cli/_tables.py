"""Reports for people."""

from pocketsflow_async.errors import printable
from pocketsflow_async.export import AuditReport, Difference, ExportReport

_COLUMNS = ("resource", "records", "expected", "duplicates", "gaps", "pages", "requests", "429s", "seconds")
_IDS_A_LINE = 5


def export_text(report: ExportReport) -> str:
    """What an export did: a line for each resource and one for all, then what is not certain."""
    rows: list[list[str]] = [[*_COLUMNS]]
    for one in report.resources:
        expected = "-" if one.expected is None else str(one.expected)
        counts = [one.duplicates, one.gaps, one.pages, one.requests, one.throttled]
        rows.append([one.resource, str(one.records), expected, *map(str, counts), f"{one.seconds:.2f}"])
    columns = [[row[column] for row in rows[1:]] for column in range(1, 8)]
    sums = ["-" if "-" in column else str(sum(map(int, column))) for column in columns]
    rows.append(["all", *sums, f"{report.seconds:.2f}"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(_aligned(row, widths)) for row in rows]
    lines += [f"note: {note}" for one in report.resources for note in one.notes]
    outcome = "complete" if report.complete else "finished, but not certainly complete"
    return _text([*lines, f"{outcome}: {report.manifest}"])


def audit_text(report: AuditReport) -> str:
    """What an audit found: a line for each difference and note, and the outcome."""
    lines = [_difference(one) for one in report.differences] + [f"note: {note}" for note in report.notes]
    found = "nothing differs" if report.sound else f"{_count(len(report.differences), 'difference')}"
    looked_at = f"{_count(report.resources, 'resource')}, {_count(report.records, 'record')}"
    return _text([*lines, f"{report.folder}: {looked_at}, {found}"])


def _text(lines: list[str]) -> str:
    return "\n".join(map(printable, lines))


def _difference(one: Difference) -> str:
    ids = ", ".join(one.ids[:_IDS_A_LINE])
    more = f" and {len(one.ids) - _IDS_A_LINE} more" if len(one.ids) > _IDS_A_LINE else ""
    return f"{one.resource or 'manifest'}: {one.text}" + (f" ({ids}{more})" if ids else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _aligned(row: list[str], widths: list[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
