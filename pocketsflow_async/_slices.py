"""The records of a page as slices of its text, where the decoder in C rejects the text as a whole."""

import json
import re
from typing import Any

from pocketsflow_async._plain import decode_exact, in_utf8

_STRING_OR_BREAK = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\r\n]+', re.DOTALL)
_space = re.compile(r"[ \t\n\r]*").match
# Only the positions count: numbers stay text, and of the text one byte is one character.
_decode = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str).raw_decode


def slices(body: bytes) -> Any:
    """A body of any shape: arrays as lists of their elements' texts, each on one line, all else as plain data.

    Raises:
        ValueError, RecursionError: it is not JSON, or nested too deeply.
    """
    body = in_utf8(body)
    text = body.decode("latin-1")
    found, end = _value(body, text, _skip(text, 0), outermost=True)
    if _skip(text, end) != len(text):
        raise ValueError(f"trailing characters (byte {end})")
    return found


def _value(body: bytes, text: str, at: int, *, outermost: bool = False) -> tuple[Any, int]:
    if text.startswith("[", at):
        return _array(body, text, at)
    if outermost and text.startswith("{", at):
        return _object(body, text, at)
    end = _decode(text, at)[1]
    return decode_exact(body[at:end]), end


def _array(body: bytes, text: str, at: int) -> tuple[list[bytes], int]:
    found: list[bytes] = []
    at = _skip(text, at + 1)
    while not text.startswith("]", at):
        end = _decode(text, at)[1]
        found.append(_on_one_line(body[at:end]))
        at = _next(text, end, "]")
    return found, at + 1


def _object(body: bytes, text: str, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    at = _skip(text, at + 1)
    while not text.startswith("}", at):
        end = _decode(text, at)[1]
        name = decode_exact(body[at:end])
        colon = _skip(text, end)
        if not isinstance(name, str) or not text.startswith(":", colon):
            raise ValueError(f"expected a name and a colon (byte {at})")
        found[name], end = _value(body, text, _skip(text, colon + 1))
        at = _next(text, end, "}")
    return found, at + 1


def _next(text: str, end: int, close: str) -> int:
    """Where the next element begins, or where the bracket closes."""
    at = _skip(text, end)
    if text.startswith(close, at):
        return at
    following = _skip(text, at + 1)
    if not text.startswith(",", at) or text.startswith(close, following):
        raise ValueError(f"expected a comma (byte {at})")
    return following


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
