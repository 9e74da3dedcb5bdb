"""Comma-separated text that spreadsheets show and never evaluate.

Text and JSON stand in quotes, always: so `,` and `;` cannot open another cell, and an empty text (`""`) is not a null
(nothing). Numbers, amounts, times and flags stand bare, negative ones too: they are what they look like.

A text that a spreadsheet would take for a formula gets an apostrophe in front, and so does one that looks like such a
guarded text already. Taking one apostrophe away where `GUARDED` matches gives back what was sent.
"""

import re
from collections.abc import Iterable, Sequence
from gzip import GzipFile
from typing import IO

from pocketsflow_async.export._columns import Column, Kind
from pocketsflow_async.export._rows import RowReader
from pocketsflow_async.export._values import Cells

_AT_ONCE = 1000
_FORMULA = r"""(?:[\t\r\n]|[\s"\0\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])"""
_NUMBER = re.compile(r"-\d+(\.\d+)?", re.ASCII)
_RISKY = re.compile(rf"'*{_FORMULA}")

GUARDED = re.compile(rf"'+{_FORMULA}")
"""Matches the texts of a finished file that got an apostrophe."""


def write_csv(file: IO[bytes] | GzipFile, columns: Sequence[Column], records: Iterable[bytes]) -> None:
    """Write a header and a line for each record, as RFC 4180 has it, in UTF-8."""
    file.write(",".join(column.name for column in columns).encode() + b"\r\n")
    for table in RowReader(columns).tables(records, _AT_ONCE):
        cells = [_column(column.kind, values) for column, values in zip(columns, table, strict=True)]
        rows = "\r\n".join(map(",".join, zip(*cells, strict=True)))
        file.write(f"{rows}\r\n".encode())


def _column(kind: Kind, values: Cells) -> list[str]:
    """The cells of a column as they stand in the file."""
    if values.count(None) == len(values):
        return [""] * len(values)
    if kind in {"money", "time"}:
        return ["" if value is None else value for value in values]
    if kind in {"integer", "number"}:
        return ["" if value is None else repr(value) for value in values]
    if kind == "flag":
        return ["" if value is None else "true" if value else "false" for value in values]
    written = {
        value: f'"{value}"' if value[:1].isalnum() and '"' not in value else _quoted(value)
        for value in set(values) - {None}
    }
    written[None] = ""
    return [written[value] for value in values]


def _quoted(text: str) -> str:
    return '"' + guarded(text).replace('"', '""') + '"'


def guarded(text: str) -> str:
    """The text, with an apostrophe in front if a spreadsheet could evaluate it."""
    return f"'{text}" if _RISKY.match(text) and not _NUMBER.fullmatch(text) else text
