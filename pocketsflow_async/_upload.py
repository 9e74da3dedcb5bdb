"""Files to send: streamed from where they are, never held whole in memory."""

import asyncio
import io
import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import suppress
from threading import Lock
from typing import IO, Any

import attrs

from pocketsflow_async._kinds import checked
from pocketsflow_async._model import WIRE_NAME, Body
from pocketsflow_async._unset import Unset
from pocketsflow_async._values import is_text, shown
from pocketsflow_async.errors import InvalidArgumentError

_CHUNK = 64 * 1024
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+( *;[ -~]*)?", re.ASCII)


@attrs.frozen
class Upload:
    """A file to send.

    Attributes:
        content: bytes; a binary file, read from where it stands and left open; or an async iterable of bytes.
        filename: what the server is told; the file's own name, or `file`, when None.
        content_type: such as `image/png`.
    """

    content: bytes | IO[bytes] | AsyncIterable[bytes] = attrs.field(repr=False)
    filename: str | None = None
    content_type: str = "application/octet-stream"

    @property
    def name(self) -> str:
        """What the server is told."""
        path: Any = getattr(self.content, "name", None)
        own = path.replace("\\", "/").rpartition("/")[2] if isinstance(path, str) else ""
        return self.filename or own or "file"


File = Upload | bytes | IO[bytes] | AsyncIterable[bytes]
"""What a method takes for a file."""


@attrs.frozen
class Part:
    """A file in a form.

    Attributes:
        place: the operation and the field, for messages.
        content: as it was given.
        name: what the server is told.
        content_type: what the server is told.
        start: where a file stood at first; None where there is no going back.
        lock: held while a file is read.
    """

    place: str
    content: Any = attrs.field(repr=False)
    name: str
    content_type: str
    start: int | None
    lock: Lock = attrs.field(factory=Lock, repr=False)

    def read(self, place: int) -> bytes:
        """A piece of a file.

        A try that was broken off may still be reading in its thread, so each piece is read from its own place.
        """
        with self.lock:
            if self.start is not None:
                self.content.seek(self.start + place)
            piece: bytes = self.content.read(_CHUNK)
            return piece


class Form:
    """The parts of a multipart body.

    Args:
        operation: for messages.
        body: the body's fields; a file among them is streamed.
    """

    def __init__(self, operation: str, body: Body) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[tuple[str, Part]] = []
        for field in attrs.fields(type(body)):
            value: Any = getattr(body, field.name)
            if isinstance(value, Unset) and isinstance(field.default, Unset):
                continue
            wire_name = str(field.metadata[WIRE_NAME])
            place, takes = f"{operation}: {field.name}", str(field.metadata["takes"])
            if takes == "file":
                self.files.append((wire_name, _part(place, value)))
            else:
                self.fields.append((wire_name, checked(value, place, takes)))

    @property
    def replayable(self) -> bool:
        """Whether it can be sent again, each file from where it stood at first."""
        return all(isinstance(part.content, bytes) or part.start is not None for _, part in self.files)


async def chunks(part: Part) -> AsyncGenerator[bytes]:
    """The content in pieces; a file is read in a thread and left open, a generator is closed at the end.

    Raises:
        InvalidArgumentError: the caller's file or generator failed; its own error is the cause.
    """
    pieces: AsyncIterator[Any] | None = None
    try:
        pieces = aiter(part.content) if hasattr(part.content, "__aiter__") else _pieces(part)
        async for piece in pieces:
            yield piece if type(piece) is bytes else bytes(memoryview(piece))  # a TypeError for text or a number
    except Exception as exc:
        raise InvalidArgumentError(f"{part.place} could not be read to its end ({type(exc).__name__}: {exc})") from exc
    finally:
        if isinstance(pieces, AsyncGenerator):
            with suppress(Exception):
                await pieces.aclose()


async def _pieces(part: Part) -> AsyncIterator[Any]:
    if isinstance(part.content, bytes):
        yield part.content
        return
    place = 0
    while piece := await asyncio.to_thread(part.read, place):
        place += len(piece)
        yield piece


def _part(place: str, value: Any) -> Part:
    upload = value if isinstance(value, Upload) else Upload(value)
    content: Any = upload.content
    if not _is_binary(content):
        wanted = "bytes, a binary file or an async iterable"
        if isinstance(content, str) or hasattr(content, "__fspath__"):
            wanted += ' (for a path, open(path, "rb"))'
        raise InvalidArgumentError(f"{place} must be {wanted}, not a {type(content).__name__}")
    is_file = not hasattr(content, "__aiter__") and hasattr(content, "read")
    if is_file and getattr(content, "closed", False):
        raise InvalidArgumentError(f"{place} is a closed file")
    given: Any = upload.filename
    name: Any = upload.name if given is None or isinstance(given, str) else given
    if not is_text(name) or any(letter < " " or letter == "\x7f" for letter in name):
        raise InvalidArgumentError(f"{place} cannot be named {shown(name)}: a filename is text of one line")
    if not is_text(upload.content_type) or not _TYPE.fullmatch(upload.content_type):
        raise InvalidArgumentError(f"{place}: {shown(upload.content_type)} is no content type, such as image/png")
    try:
        can_rewind = is_file and hasattr(content, "seekable") and bool(content.seekable())
        start = content.tell() if can_rewind else None
    except Exception as exc:
        raise InvalidArgumentError(f"{place} cannot be read ({type(exc).__name__})") from exc
    return Part(place, content, name, upload.content_type, start)


def _is_binary(content: Any) -> bool:
    """Whether bytes can be had of it; a class has methods, but nobody whose they are."""
    if isinstance(content, bytes):
        return True
    readable = hasattr(content, "read") or hasattr(content, "__aiter__")
    return readable and not isinstance(content, io.TextIOBase | type)
