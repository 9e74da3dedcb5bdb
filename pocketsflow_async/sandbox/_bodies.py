"""What comes in and what goes out, as bytes."""

from typing import Any, Final, cast

import attrs
import msgspec
from aiohttp import web

from pocketsflow_async.sandbox._calls import Refused

LARGEST_BODY: Final = 8 * 1024 * 1024
JSON: Final = "application/json; charset=utf-8"


@attrs.frozen
class Answer:
    """An answer that is ready to be sent.

    Attributes:
        status: the HTTP status.
        body: as it goes over the wire.
        headers: beside those that every answer has.
    """

    status: int
    body: bytes
    headers: dict[str, str] = attrs.field(factory=dict[str, str])


def refusal(refused: Refused) -> Answer:
    """The answer to a request that was refused."""
    return Answer(refused.status, msgspec.json.encode(refused.payload), refused.headers)


async def read_body(request: web.Request) -> bytes:
    """The bytes of a request.

    Raises:
        Refused: they did not all arrive, or are too many.
    """
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refused(413, "BODY_TOO_LARGE", f"the body is larger than {LARGEST_BODY} bytes") from None
    except ConnectionError:
        raise Refused(400, "INCOMPLETE_BODY", "the connection was lost before the body was complete") from None
    except web.RequestPayloadError:
        raise Refused(400, "INVALID_BODY", "the body is not encoded as its headers say") from None


def decode_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in a body; empty when there is nothing.

    Raises:
        Refused: it is something else.
    """
    try:
        body: Any = msgspec.json.decode(raw) if raw.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(400, "INVALID_JSON", "the body is not valid JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "INVALID_JSON", "the body must be a JSON object")
    return cast(dict[str, Any], body)
