"""Large JSON texts, decoded piece by piece.

A decoder in C holds the GIL until it is done: even in a thread it stops the event loop, for up to 20 ms for each MB. So
a large text is cut into pieces, and between two of them other threads run. Where to cut is found by counting quotes
and brackets, which costs a fraction of decoding.
"""

import gc
import re
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

from pocketsflow_async._json import is_array, is_object

P = ParamSpec("P")
T = TypeVar("T")

LARGE = 512 * 1024
"""Bytes; a longer body is decoded in a thread, in pieces."""

PIECE = 256 * 1024
"""Bytes of a piece."""

DEEPEST = 100
"""Levels of free-form data; far more than a response has, and few enough to be copied, pickled and shown."""

_TRIALS = 8
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_OPENS = {"]": "[", "}": "{"}
_unmatched = re.compile(r"([\]}]*)([\[{]*)").fullmatch
_starts = re.compile(rb'\s*[\[{"]').match
_starts_closed = re.compile(rb"\s*[\]}]").match
_head_of_page = re.compile(rb'\s*(\{\s*"[^"\\]*"\s*:\s*)?\[\s*(?=\{)').match
_between_objects = re.compile(rb"\}\s*,\s*(?=\{)").finditer


_BY_PYTHON = 2000
"""More objects than the interpreter itself freezes: on 3.12 a few hundred, else none."""


def settle() -> None:
    """Let the garbage collector take all objects for old ones.

    While ever more objects are made it would look through all of them again and again, which takes several times as
    long as to make them, and holds up every thread. What a program froze itself stays frozen.
    """
    if gc.get_freeze_count() < _BY_PYTHON:
        gc.freeze()
        gc.unfreeze()


async def off_loop(body: bytes, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what decodes this body; in a thread if it is large."""
    if len(body) <= LARGE:
        return function(*args, **kwargs)
    from asyncio import to_thread

    return await to_thread(function, *args, **kwargs)


def is_deep(body: bytes) -> bool:
    """Whether the text is nested more deeply than free-form data may be."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST or not _brackets(body):
        return False
    return bool(_brackets(b"".join(_parts(body)[::2])))  # brackets may stand in strings


def pages_of(body: bytes) -> Iterator[bytes]:
    """A list's page as smaller pages with the same records; what the envelope holds beside them is in the last one."""
    head = _head_of_page(body)
    at = start = 0 if head is None else head.end()
    while head is not None and len(body) - at > PIECE:
        window = body[at : at + PIECE]
        gaps = [*_between_objects(window)][: -_TRIALS - 1 : -1]
        gap = next((gap for gap in gaps if _is_whole(window[: gap.start() + 1])), None)
        if gap is None:
            break
        yield b"%b%b%b" % (head[0], window[: gap.start() + 1], b"]}" if head[1] else b"]")
        at += gap.end()
    yield body if head is None or at == start else head[0] + body[at:]


def decode_in_pieces(body: bytes, decode: Callable[[bytes], Any]) -> Any:
    """What `decode` makes of a text, without giving it more than a piece at once; a string is never cut.

    A piece is put into the brackets that are open at its start and its end, decoded, and merged into what there is.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    if not _starts(body):
        raise ValueError("it begins with no value")
    live: list[Any] = []  # the containers that are open where the next piece starts, the outermost first
    stack, at = "", 0
    mark = "~"  # stands in a piece for what others hold
    while mark.encode() in body:
        mark += "~piece"
    while True:
        end, outside = _cut(body, at)
        is_last = end == len(body)
        if is_last and not at:
            return decode(body)
        piece = body[at:end]
        if at and _starts_closed(piece):
            raise ValueError(f"trailing comma (byte {at})")
        kept, following = _follow(stack, outside)
        before, after = _before(stack, mark), "" if is_last else _after(following, f"{mark}!")
        value = decode(b"%b%b%b" % (before.encode(), piece, after.encode()))
        if live:
            _merge(live, value, mark)
        else:
            live.append(value)
        settle()
        if is_last:
            return live[0]
        del live[max(kept, 1) :]
        while len(live) < len(following):
            live.append(_last(live[-1]))
        if not _unmark(live[-1], f"{mark}!"):  # an object has a name twice: which one is open cannot be told
            return decode(body)
        stack, at = following, end + 1


def _cut(body: bytes, at: int) -> tuple[int, bytes]:
    """The last comma outside of strings within a piece, or the end; and what stands before it outside of strings."""
    outside: list[bytes] = []
    inside, start = 0, at
    while True:
        end = start + PIECE
        while body[end - 1 : end] == b"\\":
            end += 1
        parts = _parts(body[start:end])
        if end < len(body):
            place = min(end, len(body))
            for number in range(len(parts) - 1, -1, -1):
                place -= len(parts[number])
                comma = parts[number].rfind(b",") if number % 2 == inside else -1
                if comma >= 0:
                    outside += [*parts[inside:number:2], parts[number][:comma]]
                    return place + comma, b"".join(outside)
                place -= 1
        outside += parts[inside::2]
        if end >= len(body):
            return len(body), b"".join(outside)
        inside = (inside + len(parts) - 1) % 2
        start = end


def _parts(text: bytes) -> list[bytes]:
    """The text cut at the quotes of its strings, so that every other part is the inside of one."""
    if b"\\" in text:
        text = text.replace(rb"\\", b"__").replace(rb"\"", b"__")
    return text.split(b'"')


def _is_whole(text: bytes) -> bool:
    """Whether no string and no bracket is open at its end, nor was closed that it did not open."""
    parts = _parts(text)
    return len(parts) % 2 == 1 and not _brackets(b"".join(parts[::2]))


def _brackets(text: bytes) -> bytes:
    """The brackets of a text, without those that belong together."""
    brackets = text.translate(None, _NO_BRACKETS)
    for _ in range(DEEPEST):
        inner = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(inner) == len(brackets):
            break
        brackets = inner
    return brackets


def _follow(stack: str, outside: bytes) -> tuple[int, str]:
    """How many of the open brackets stay open, and which are open at the end."""
    found = _unmatched(_brackets(outside).decode())
    if found is None:
        raise ValueError("it is nested too deeply, or its brackets do not match")
    for bracket in found[1]:
        if stack[-1:] != _OPENS[bracket]:
            raise ValueError("its brackets do not match")
        stack = stack[:-1]
    if len(stack) + len(found[2]) > DEEPEST:
        raise ValueError("it is nested too deeply")
    return len(stack), stack + found[2]


def _before(stack: str, mark: str) -> str:
    """What opens the brackets again, with the mark as the name of each object's first value."""
    return "".join("[" if bracket == "[" else f'{{"{mark}":' for bracket in stack[:-1]) + stack[-1:]


def _after(stack: str, mark: str) -> str:
    """What closes the brackets, with the mark as the innermost one's last value."""
    closed = "".join("]" if bracket == "[" else "}" for bracket in reversed(stack))
    return (f',"{mark}"' if stack.endswith("[") else f',"{mark}":0') + closed


def _merge(live: list[Any], value: Any, mark: str) -> None:
    for level, container in enumerate(live, 1):
        inner = None
        if is_array(container):
            inner = value.pop(0) if level < len(live) else None
            container.extend(value)
        else:
            inner = value.pop(mark) if level < len(live) else None
            container.update(value)
        value = inner


def _last(container: Any) -> Any:
    if is_object(container):
        return next(reversed(container.values()), None)
    return container[-1] if is_array(container) and container else None


def _unmark(container: Any, mark: str) -> bool:
    """Take the mark out; whether it was there."""
    if is_object(container):
        return container.pop(mark, None) is not None
    if is_array(container) and container[-1:] == [mark]:
        container.pop()
        return True
    return False
