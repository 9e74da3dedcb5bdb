"""Reads the body of a response up to a limit, and decodes it piece by piece.

aiohttp's own decompression is not used: it trusts what a response says of itself, and older versions decompress all
that has arrived at once, to a thousand times its size.
"""

import asyncio

import aiohttp
from aiohttp import ClientResponse

from pocketsflow_async._codings import GZIP, UndecodableError, codings, pieces
from pocketsflow_async.errors import APIResponseError

_ERROR_BODY = 1 << 17
"""The most bytes that are read of the body of an error status: what an error keeps, and as much again, so that a secret
at the end of that is seen whole."""

_AT_ONCE = 4
"""Pieces that are decoded before others have a turn of the event loop: about 1 MB, a few milliseconds."""


async def read_body(answer: ClientResponse, limit: int | None, ends: float | None) -> bytes:
    """The whole body, decoded.

    Args:
        answer: the response, of which only the head was read.
        limit: the most bytes, before and after decoding; None for no limit.
        ends: the event loop's time at which the attempt runs out of time; None for never.

    Raises:
        APIResponseError: it is larger, or its content codings cannot be undone.
        aiohttp.ClientPayloadError: it is cut off.
        TimeoutError: it was not decoded in time.
    """
    if answer.content.is_eof():  # all of it has arrived, as of nearly every response
        body = await answer.read()
        _check(len(body), limit, answer)
    else:
        _check(int(answer.headers.get("Content-Length", 0)), limit, answer)
        body = await _stream(answer, limit)
    header = answer.headers.get("Content-Encoding")
    if (header is None and not body.startswith(GZIP)) or not body:
        return body
    try:
        for coding in codings(header or ""):
            body = await _decode(body, coding, answer, limit, ends)
        return await _decode(body, "gzip", answer, limit, ends) if body.startswith(GZIP) else body
    except UndecodableError as exc:
        raise APIResponseError(f"the response cannot be read: {exc}", status=answer.status, body=body) from None
    except EOFError:
        raise aiohttp.ClientPayloadError from None


async def read_error_body(answer: ClientResponse, limit: int | None) -> tuple[bytes, bool]:
    """What can be read of the body of an error status, and whether it is whole. It never fails: the status counts."""
    most = _ERROR_BODY if limit is None else min(limit, _ERROR_BODY)
    body, is_whole = await _stream_start(answer, most)
    try:
        for coding in codings(answer.headers.get("Content-Encoding", "")):
            body, is_whole = _decoded_start(body, coding, most, is_whole=is_whole)
        if body.startswith(GZIP):
            body, is_whole = _decoded_start(body, "gzip", most, is_whole=is_whole)
    except UndecodableError:
        pass
    return body[:most], is_whole and len(body) <= most


async def _stream(answer: ClientResponse, limit: int | None) -> bytes:
    content = answer.content
    found: list[bytes] = []
    size = 0
    while True:
        piece = await content.readany()
        if not piece and content.at_eof():
            return b"".join(found)
        size += len(piece)
        _check(size, limit, answer)
        found.append(piece)


async def _stream_start(answer: ClientResponse, most: int) -> tuple[bytes, bool]:
    content = answer.content
    found: list[bytes] = []
    size = 0
    try:
        if content.is_eof():
            return await answer.read(), True
        while size <= most:
            piece = await content.readany()
            if not piece and content.at_eof():
                return b"".join(found), True
            size += len(piece)
            found.append(piece)
    except Exception:  # noqa: BLE001, S110 - it is cut off, late, or no HTTP any more: what came before is kept
        pass
    answer.close()
    return b"".join(found), False


async def _decode(body: bytes, coding: str, answer: ClientResponse, limit: int | None, ends: float | None) -> bytes:
    clock = asyncio.get_running_loop().time
    found: list[bytes] = []
    size = 0
    for number, piece in enumerate(pieces(body, coding), 1):
        size += len(piece)
        _check(size, limit, answer)
        found.append(piece)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
            if ends is not None and clock() > ends:
                raise TimeoutError
    return b"".join(found)


def _decoded_start(body: bytes, coding: str, most: int, *, is_whole: bool) -> tuple[bytes, bool]:
    found: list[bytes] = []
    size = 0
    try:
        for piece in pieces(body, coding):
            size += len(piece)
            found.append(piece)
            if size > most:
                return b"".join(found), False
    except (UndecodableError, EOFError):
        return (b"".join(found) or body), False
    return b"".join(found), is_whole


def _check(size: int, limit: int | None, answer: ClientResponse) -> None:
    if limit is not None and size > limit:
        answer.close()
        raise APIResponseError(
            f"the response is larger than max_response_size, {limit} bytes: "
            "ask for less at once, or give the client a larger max_response_size",
            status=answer.status,
        )
