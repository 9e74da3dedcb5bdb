"""Undoes the content codings of a body piece by piece, also where the label does not fit. No network here."""

import codecs
import zlib
from collections.abc import Iterator

ACCEPTED = "gzip, deflate"
"""What is asked for, and can be decoded."""

GZIP = b"\x1f\x8b"
"""What gzip begins with, and text never."""

_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 31, 15, -15
_ZLIB = frozenset({"gzip", "x-gzip", "deflate", "x-deflate"})
_INPUT, _OUTPUT = 1 << 16, 1 << 18
_MOST = 5


class UndecodableError(Exception):
    """The codings cannot be undone; the text says why."""


def codings(header: str) -> list[str]:
    """The codings of a `Content-Encoding` header, in the order in which they are undone."""
    names = [name for name in (part.strip().lower() for part in header.split(",")) if name not in {"", "identity"}]
    if len(names) > _MOST:
        raise UndecodableError(f"it has {len(names)} content codings, and at most {_MOST} are decoded")
    return names[::-1]


def pieces(body: bytes, coding: str) -> Iterator[bytes]:
    """The decoded body in pieces of at most 256 KB, some of them empty.

    The bytes count for more than the label: text that is labelled as compressed is left as it is, and gzip and zlib
    are known by how they begin.

    Raises:
        UndecodableError: it is neither text nor in a coding that can be decoded.
        EOFError: it is cut off.
    """
    window = _window(body, coding)
    if window is None:
        yield body
        return
    try:
        yield from _inflated(memoryview(body), window)
    except zlib.error:
        raise UndecodableError(f"its content coding is {coding!r}, but it cannot be decompressed") from None


def _window(body: bytes, coding: str) -> int | None:
    """How zlib is to read it; None for text."""
    if body.startswith(GZIP):
        return _GZIP_WINDOW
    if coding in _ZLIB and body[:1] and body[0] & 15 == 8 and int.from_bytes(body[:2]) % 31 == 0:
        return _ZLIB_WINDOW
    if _is_text(body):
        return None
    if coding.endswith("deflate"):  # some servers leave out the frame
        return _RAW_WINDOW
    raise UndecodableError(f"its content coding is {coding!r}, which the client does not accept ({ACCEPTED})")


def _is_text(body: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(body[:4096])
    except UnicodeDecodeError:
        return False
    return all(mark >= " " or mark in "\t\r\n" for mark in text)


def _inflated(body: memoryview, window: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(window)
    for end in range(_INPUT, len(body) + _INPUT, _INPUT):
        rest: bytes | memoryview = body[end - _INPUT : end]
        while rest:
            yield inflater.decompress(rest, _OUTPUT)
            rest = inflater.unconsumed_tail
            if inflater.eof:
                rest = inflater.unused_data
                if window != _GZIP_WINDOW or (rest + body[end : end + 2])[:2] != GZIP:
                    return  # what follows is no further member: padding, which is ignored
                inflater = zlib.decompressobj(window)
    while not inflater.eof:  # what the last call held back
        piece = inflater.decompress(b"", _OUTPUT)
        if not piece:
            raise EOFError
        yield piece
