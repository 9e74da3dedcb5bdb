"""Parts of a JSON text as slices of it, where the decoder in C rejects the text as a whole."""

import json
import re
from collections.abc import Iterator
from typing import Any

from pocketsflow_async._plain import decode_exact, in_utf8

_SPACE = b" \t\n\r"
_STRING_OR_BREAK = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\r\n]+', re.DOTALL)
_space = re.compile(r"[ \t\n\r]*").match
# Only the positions count: numbers stay text, and of the text one byte is one character.
_decode = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str).raw_decode


def slices(body: bytes) -> Any:
    """A body of any shape: arrays as lists of their elements' texts, each on one line, all else as plain data.

    Raises:
        ValueError, RecursionError: it is not JSON, or nested too deeply.
    """
    body = in_utf8(body).strip(_SPACE)
    if body.startswith(b"["):
        return _elements(body)
    if not body.startswith(b"{"):
        return decode_exact(body)
    return {
        name: _elements(value) if value.startswith(b"[") else decode_exact(value)
        for name, value in members(body).items()
    }


def members(body: bytes) -> dict[str, bytes]:
    """The texts of an object's values; of values with the same name, the last.

    Raises:
        ValueError, RecursionError: it is not a JSON object, or nested too deeply.
    """
    found: dict[str, bytes] = {}
    text = body.decode("latin-1")
    for at in (walk := _Walk(text, "{}")):
        end = _decode(text, at)[1]
        name = decode_exact(body[at:end])
        colon = _skip(text, end)
        if not isinstance(name, str) or not text.startswith(":", colon):
            raise ValueError(f"expected a name and a colon (byte {at})")
        start = _skip(text, colon + 1)
        walk.end = _decode(text, start)[1]
        found[name] = body[start : walk.end]
    return found


def _elements(body: bytes) -> list[bytes]:
    found: list[bytes] = []
    text = body.decode("latin-1")
    for at in (walk := _Walk(text, "[]")):
        walk.end = _decode(text, at)[1]
        found.append(_on_one_line(body[at : walk.end]))
    return found


class _Walk:
    """The positions at which the elements between two brackets begin; `end` is where the last one ended."""

    def __init__(self, text: str, brackets: str) -> None:
        self._text = text
        self._brackets = brackets
        self.end = 0

    def __iter__(self) -> Iterator[int]:
        text, opening, closing = self._text, self._brackets[0], self._brackets[1]
        at = _skip(text, 0)
        if not text.startswith(opening, at):
            raise ValueError(f"expected {opening}")
        at = _skip(text, at + 1)
        while not text.startswith(closing, at):
            yield at
            at = _skip(text, self.end)
            if text.startswith(",", at):
                at = _skip(text, at + 1)
                if text.startswith(closing, at):
                    raise ValueError(f"trailing comma (byte {at})")
            elif not text.startswith(closing, at):
                raise ValueError(f"expected a comma (byte {at})")
        if _skip(text, at + 1) != len(text):
            raise ValueError(f"trailing characters (byte {at + 1})")


def _skip(text: str, at: int) -> int:
    found = _space(text, at)
    assert found is not None  # noqa: S101 - the pattern fits everywhere
    return found.end()


def _on_one_line(record: bytes) -> bytes:
    if b"\n" not in record and b"\r" not in record:
        return record
    return _STRING_OR_BREAK.sub(_on_line, record)


def _on_line(match: re.Match[bytes]) -> bytes:
    token = match[0]
    return token.replace(b"\n", rb"\n").replace(b"\r", rb"\r") if token.startswith(b'"') else b" "
