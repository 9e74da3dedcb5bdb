r"""The permissive path: JSON text to plain data, however odd its spelling.

The decoders in C reject a whole body for one odd value. What they reject is decoded here, in Python:

- a half of a surrogate pair (`"\ud83d"`, which RFC 8259 allows) and a byte that is not UTF-8 become U+FFFD;
- a byte order mark is skipped, UTF-16 and UTF-32 are decoded, a control character in a string is accepted;
- `NaN` and `Infinity`, which are not JSON, become null, as JavaScript writes them;
- a number that `int` or `float` cannot hold becomes a `Decimal`, or its text where that cannot hold it either.
"""

import json
import re
from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from msgspec import MsgspecError, ValidationError
from msgspec.json import Decoder, Encoder

from pocketsflow_async._json import is_array, is_mapping, is_object
from pocketsflow_async._pieces import DEEPEST, LARGE, PIECE, decode_in_pieces, is_deep

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
"""A string; one that is not closed reaches to the end, so that nothing is looked through again from within it."""
_ODD = re.compile(rf"{_STRING}|-?(?:NaN|Infinity)", re.DOTALL)
_HIGH, _LOW = r"u[dD][89abAB][\da-fA-F]{2}", r"u[dD][c-fC-F][\da-fA-F]{2}"
_ESCAPE = re.compile(rf"\\(?:{_HIGH}\\{_LOW}|{_HIGH}|{_LOW}|.)", re.ASCII)
_HALF = len(r"\ud83d")
_CONTROL = re.compile(r"[\x00-\x1f]")

_decode = Decoder().decode

encode_exact = Encoder(decimal_format="number").encode
"""Plain data to JSON text, `Decimal` digit for digit."""


def repaired(body: bytes) -> bytes:
    """The text as RFC 8259 and UTF-8 want it, so that the decoders in C accept it; other errors stay."""
    return _ODD.sub(_repaired, text_of(body)).encode()


def in_utf8(body: bytes) -> bytes:
    """The text without a byte order mark, from UTF-16 or UTF-32 too."""
    body = body.removeprefix(BOM_UTF8)
    encoding = json.detect_encoding(body)
    return body if encoding == "utf-8" else body.decode(encoding, "replace").encode()


def _repaired(match: re.Match[str]) -> str:
    token = match[0]
    if token[0] != '"':
        return "null"
    if "\\u" in token:
        token = _ESCAPE.sub(lambda escape: r"\ufffd" if len(escape[0]) == _HALF else escape[0], token)
    return _CONTROL.sub(lambda control: f"\\u{ord(control[0]):04x}", token)


def text_of(body: bytes) -> str:
    """The text, with U+FFFD for what is not UTF-8; decoded in pieces."""
    decode = getincrementaldecoder("utf-8")("replace").decode
    body = in_utf8(body)
    return "".join([decode(body[at : at + PIECE]) for at in range(0, len(body), PIECE)]) + decode(b"", final=True)


def decode_free(body: bytes) -> Any:
    """Plain data of no known shape: numbers with a fraction as floats.

    Raises:
        DecodeError, ValueError, RecursionError: it is not JSON, or nested too deeply.
    """
    if len(body) > LARGE:
        return decode_in_pieces(in_utf8(body), _free)
    if is_deep(body):
        raise ValidationError("it is nested too deeply")
    return _free(body)


def decode_exact(body: bytes) -> Any:
    """Plain data whose numbers keep every digit: a float where that is exact, else a `Decimal`.

    Raises:
        DecodeError, ValueError, RecursionError: it is not JSON, or nested too deeply.
    """
    return decode_in_pieces(in_utf8(body), _exact) if len(body) > LARGE else _exact(body)


def _free(body: bytes) -> Any:
    try:
        return _decode(body)
    except (MsgspecError, UnicodeDecodeError):
        return _decoded(body, _float)


def _exact(body: bytes) -> Any:
    try:
        return _decode_exact(body)
    except (MsgspecError, UnicodeDecodeError):
        return _decoded(body, _digits)


def loosened(value: Any, depth: int = 0) -> Any:
    """Exact plain data as free-form data, in place: a `Decimal` only where no float can hold the number.

    Raises:
        ValidationError: it is nested too deeply.
    """
    if depth > DEEPEST:
        raise ValidationError("it is nested too deeply")
    if isinstance(value, Decimal):
        number = float(value)
        return number if isfinite(number) else value
    if is_object(value):
        for key, one in value.items():
            if type(one) in _CHANGED:
                value[key] = loosened(one, depth + 1)
    elif is_array(value):
        for start in range(0, len(value), _AT_ONCE):
            some = value[start : start + _AT_ONCE]
            if not _CHANGED.isdisjoint(map(type, some)):
                value[start : start + _AT_ONCE] = [
                    loosened(one, depth + 1) if type(one) in _CHANGED else one for one in some
                ]
    return value


_CHANGED = frozenset({Decimal, dict, list})
_AT_ONCE = 10_000


def whole(value: Any) -> Any:
    """A copy of plain data with U+FFFD for each half of a surrogate pair."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if is_mapping(value):
        return {whole(key): whole(one) for key, one in value.items()}
    return [whole(one) for one in value] if is_array(value) else value


def _decoded(body: bytes, number: Callable[[str], Any]) -> Any:
    return json.loads(repaired(body), parse_int=_integer, parse_float=number)


def _float(text: str) -> Any:
    number = float(text)
    return number if isfinite(number) else _decimal(text, number)


def _digits(text: str) -> Any:
    number = float(text)
    return number if repr(number) == text else _decimal(text, number)


def _decimal(text: str, number: float) -> Any:
    try:
        return Decimal(text)
    except InvalidOperation:
        return number if isfinite(number) else text


def _integer(text: str) -> Any:
    try:
        return int(text)
    except ValueError:  # more digits than Python turns into an int
        return Decimal(text)


_decode_exact = Decoder(float_hook=_digits).decode
