"""An answer that is no success becomes an error of our tree. No network here."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

import attrs

from pocketsflow_async._json import is_object
from pocketsflow_async.errors import (
    STATUS_ERRORS,
    APIResponseError,
    APIStatusError,
    Attempt,
    RateLimitError,
    ServerError,
)


@attrs.define
class Response:
    """A complete answer. Only the executor changes it; a frozen class would take twice as long to fill.

    Attributes:
        failures: the tries before this one.
        times: when its attempt was asked for, was sent and was answered, by the executor's clock.
        deadline: the call's, where it has one: seconds, and the event loop's time at which they are over.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    failures: tuple[Attempt, ...] = ()
    times: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deadline: tuple[float, float] | None = None


def error_from(response: Response, name: str) -> APIStatusError:
    """The error for an answer that is not 2xx; reads every spelling of an error body that our APIs have."""
    headers: dict[str, str] = {}
    for key, value in response.headers.items():  # a field that is repeated is one list, as RFC 9110 has it
        lower = key.lower()
        headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    body = _decode(response.body)
    message, code, field = _told(body)
    if message is None:
        message = f"{name} was answered with status {response.status}"
        if 300 <= response.status < 400:
            message += f", a redirect to {headers.get('location', 'nowhere')!r}, which is not followed"
    fields: dict[str, Any] = {
        "status": response.status,
        "code": code,
        "field": field,
        "request_id": request_id(headers),
        "headers": headers,
        "body": body,
    }
    cls = STATUS_ERRORS.get(response.status, ServerError if response.status >= 500 else APIStatusError)
    if cls is RateLimitError:
        return RateLimitError(message, retry_after=retry_after(headers), **fields)
    return cls(message, **fields)


def decode_any(response: Response) -> Any:
    """The plain data of an answer whose shape nobody knows; None for an empty one."""
    from msgspec import DecodeError

    from pocketsflow_async._plain import decode_free

    if not response.body or response.body.isspace():
        return None
    try:
        return decode_free(response.body)
    except (DecodeError, ValueError, RecursionError) as exc:
        start = response.body[:60].decode("utf-8", "replace")
        raise APIResponseError(
            f"the answer is not JSON that can be read ({str(exc)[:100]}); it begins with {start!r}",
            status=response.status,
            body=response.body,
        ) from None


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds that `Retry-After` asks for, given as seconds or as a date; None when absent or invalid.

    A date is compared with the response's own `Date`, because both are read from the server's clock; the local clock
    serves where `Date` is missing or invalid. Of several values the longest counts.

    Args:
        headers: names in lower case, or a mapping that ignores case.
        now: what a date is compared with instead.
    """
    if "retry-after" not in headers:
        return None
    getall: Any = getattr(headers, "getall", None)
    text = ",".join(getall("retry-after")) if getall else headers["retry-after"]
    return max(_waits(text, now or _date(headers.get("date", "")) or datetime.now(UTC)), default=None)


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id that the server gave to a request; names in lower case, or a mapping that ignores case."""
    return _text(headers["x-request-id"]) if "x-request-id" in headers else None


_BETWEEN_VALUES = re.compile(r"(?<=[0-9A-Z])\s*,")
"""A comma that separates values; the one within a date follows the day's name."""


def _waits(values: str, now: datetime) -> Iterator[float]:
    for part in _BETWEEN_VALUES.split(values.strip(" ,")):
        text = part.strip()
        if text.isascii() and text.replace(".", "", 1).isdigit():
            seconds = float(text)
            if math.isfinite(seconds):
                yield seconds
        elif (moment := _date(text)) is not None:
            yield max((moment - now).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    """An HTTP date in any of its three formats; None for anything else. A leap second counts as the one before."""
    try:
        moment = parsedate_to_datetime(text.replace(":60", ":59"))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _decode(body: bytes) -> Any:
    """The decoded JSON, or the text where it is none."""
    from msgspec import DecodeError

    from pocketsflow_async._plain import decode_free, text_of

    try:
        return decode_free(body)
    except (DecodeError, ValueError, RecursionError):
        return text_of(body)


_write = json.JSONEncoder(default=str).iterencode
_LONGEST = 500
"""Parts of a JSON value that are told in an error."""


def _told(body: Any) -> tuple[str | None, str | None, str | None]:
    """Message, code and field of an error, wherever the body has them."""
    if isinstance(body, str):
        return (_text(body.strip()[:500]) or None), None, None
    while is_object(body) and is_object(body.get("error")):
        body = body["error"]
    if not is_object(body):
        return None, None, None
    message = body.get("message") or body.get("error")
    code, field = (_text(body[name]) if body.get(name) is not None else None for name in ("code", "field"))
    return (_text(message) if message else None), code, field


def _text(value: Any) -> str:
    """Text that can be printed and logged: JSON and headers may hold halves of characters."""
    text = value if isinstance(value, str) else "".join(islice(_write(value), _LONGEST))
    return text.encode("utf-8", "replace").decode()
