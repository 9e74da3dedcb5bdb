"""Forms with files: read part by part and forgotten, save for what a record needs."""

from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

import attrs
import msgspec
from aiohttp import BasicAuth, BodyPartReader, hdrs, web
from aiohttp.http import HttpProcessingError

from pocketsflow_async.sandbox._bodies import read_body
from pocketsflow_async.sandbox._calls import Refused, invalid
from pocketsflow_async.sandbox._routes import FORM, URLENCODED

_CHUNK: Final = 64 * 1024
_LONGEST_TEXT: Final = 64 * 1024
_MOST_PARTS: Final = 100
_BROKEN: Final = (ValueError, RuntimeError, AssertionError, HttpProcessingError, web.RequestPayloadError)


@attrs.frozen
class UploadedFile:
    """A file that came, whatever became of the request.

    Attributes:
        field: the name of its part of the form.
        filename: what its sender calls it.
        content_type: what its sender says it is; empty when nothing was said.
        size: in bytes.
        sha256: the digest of its bytes, in hexadecimal.
    """

    field: str
    filename: str
    content_type: str
    size: int
    sha256: str


async def read_form(request: web.Request) -> tuple[bytes, list[UploadedFile]]:
    """A form as a JSON object, each file in it described but not contained, and the files.

    Two requests have the same JSON when their parts are the same, whatever stands between the parts.

    Raises:
        Refused: it is no form, or did not arrive whole.
    """
    if request.content_type != FORM:
        raise invalid("body", f"must be a form: {FORM}")
    fields: dict[str, Any] = {}
    files: list[UploadedFile] = []
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise invalid("body", "must be one form, with none inside")
            name = part.name or ""
            if name in fields:
                raise invalid(name, "must not come twice")
            if len(fields) == _MOST_PARTS:
                raise invalid("body", f"must have at most {_MOST_PARTS} parts")
            if part.filename is None:
                fields[name] = await _read_text(part, name)
                continue
            file = await _read_file(part, name, part.filename)
            files.append(file)
            fields[name] = attrs.asdict(file)
        await _read_rest(request)
    except ConnectionError:
        raise Refused(400, "INCOMPLETE_BODY", "the connection was lost before the body was complete") from None
    except _BROKEN:
        raise Refused(400, "INVALID_BODY", "the body is not the form that its headers say") from None
    return msgspec.json.encode(fields), files


async def read_urlencoded(request: web.Request) -> bytes:
    """A form without files as a JSON object; what HTTP basic says of the client stands among its fields.

    Raises:
        Refused: it is no such form, or did not arrive whole.
    """
    if request.content_type != URLENCODED:
        raise invalid("body", f"must be a form: {URLENCODED}")
    fields: dict[str, str] = {}
    for name, value in parse_qsl((await read_body(request)).decode("utf-8", "replace"), keep_blank_values=True):
        if name in fields:
            raise invalid(name, "must not come twice")
        fields[name] = value
    try:
        told: Any = BasicAuth.decode(request.headers.get(hdrs.AUTHORIZATION, ""))
    except ValueError:
        return msgspec.json.encode(fields)
    return msgspec.json.encode(
        {**fields, "client_id": unquote_plus(told.login), "client_secret": unquote_plus(told.password)}
    )


async def _read_file(part: BodyPartReader, field: str, filename: str) -> UploadedFile:
    digest = sha256()
    size = 0
    while chunk := await part.read_chunk(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    if not part.at_eof():
        raise ValueError(field)
    return UploadedFile(field, filename, part.headers.get(hdrs.CONTENT_TYPE, ""), size, digest.hexdigest())


async def _read_text(part: BodyPartReader, name: str) -> str:
    text = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        text += chunk
        if len(text) > _LONGEST_TEXT:
            raise invalid(name, f"must have at most {_LONGEST_TEXT} bytes")
    return text.decode()


async def _read_rest(request: web.Request) -> None:
    """What follows the last part says nothing, but has to arrive."""
    while await request.content.readany():
        pass
