"""Files to send: streamed from where they are, never held whole in memory."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import IO, Any

import attrs

from pocketsflow_async._model import WIRE_NAME, Body
from pocketsflow_async._unset import Unset
from pocketsflow_async.errors import InvalidArgumentError

_CHUNK = 64 * 1024


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
        path = str(getattr(self.content, "name", "") or "")
        return self.filename or path.replace("\\", "/").rpartition("/")[2] or "file"


File = Upload | bytes | IO[bytes] | AsyncIterable[bytes]
"""What a method takes for a file."""


class Form:
    """The parts of a multipart body.

    Args:
        operation: for messages.
        body: the body's fields; a file among them is streamed.
    """

    def __init__(self, operation: str, body: Body) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[tuple[str, Upload]] = []
        for field in attrs.fields(type(body)):
            value: Any = getattr(body, field.name)
            if value is None or isinstance(value, Unset):
                continue
            wire_name = str(field.metadata[WIRE_NAME])
            if field.metadata.get("takes") == "file":
                self.files.append((wire_name, _upload(operation, field.name, value)))
            elif isinstance(value, str):
                self.fields.append((wire_name, value))
            else:
                raise InvalidArgumentError(f"{operation}: {field.name} must be text, not {value!r}")
        rewindable: list[Any] = [one.content for _, one in self.files if _can_rewind(one.content)]
        self._starts: list[tuple[Any, int]] = [(content, content.tell()) for content in rewindable]

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent a second time: everything is in memory or can be read again."""
        return all(isinstance(one.content, bytes) or _can_rewind(one.content) for _, one in self.files)

    def rewind(self) -> None:
        """Go back to where each file stood at first."""
        for content, start in self._starts:
            content.seek(start)


async def chunks(upload: Upload) -> AsyncIterator[bytes]:
    """The content in pieces; a file is read in a thread and left open."""
    content: Any = upload.content
    if isinstance(content, bytes):
        yield content
    elif hasattr(content, "read"):
        while piece := await asyncio.to_thread(content.read, _CHUNK):
            yield piece
    else:
        async for piece in content:
            yield piece


def _upload(operation: str, name: str, value: Any) -> Upload:
    upload = value if isinstance(value, Upload) else Upload(value)
    content: Any = upload.content
    if isinstance(content, bytes) or hasattr(content, "__aiter__") or hasattr(content, "read"):
        return upload
    raise InvalidArgumentError(
        f"{operation}: {name} must be bytes, a binary file or an async iterable, not {content!r}"
    )


def _can_rewind(content: Any) -> bool:
    return hasattr(content, "read") and hasattr(content, "seekable") and bool(content.seekable())
