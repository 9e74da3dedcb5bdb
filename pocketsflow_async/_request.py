"""An operation and its arguments become one request: address, headers, body. No network here."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from uuid import uuid4

import attrs

from pocketsflow_async._config import Priority, RequestOptions
from pocketsflow_async._json import is_array
from pocketsflow_async._operation import Operation, quoted
from pocketsflow_async._unset import Unset
from pocketsflow_async._values import shown
from pocketsflow_async.errors import ConfigurationError, InvalidArgumentError

if TYPE_CHECKING:
    from pocketsflow_async._upload import Form


_DEFAULT = RequestOptions()


@attrs.define
class Request:
    """What is sent, the same on every try. Nobody else changes it; a frozen class would take twice as long to fill.

    Attributes:
        name: the operation, for messages.
        target: path and query, percent-encoded, below the base address.
        repeatable: whether it may be sent again when the server may have received it.
        timeout: seconds for one try; None for the client's.
        priority: its rank where calls wait for the quota.
        content_type: of a body that is bytes.
        write: whether it may change something on the server.
        begun: whether the last attempt that failed or was cancelled may have been written; kept by the transport.
    """

    name: str
    method: str
    target: str
    body: "bytes | Form | None" = attrs.field(repr=False)
    headers: Mapping[str, str]
    repeatable: bool
    auth: bool
    timeout: float | None
    priority: Priority = "normal"
    content_type: str = "application/json"
    write: bool = False
    begun: bool = True

    @property
    def keyed(self) -> bool:
        """Whether it carries an idempotency key."""
        return "Idempotency-Key" in self.headers

    @property
    def replayable(self) -> bool:
        """Whether the body can be sent again; False where it could be read only once."""
        return self.body is None or isinstance(self.body, bytes) or self.body.replayable


def build_request(
    operation: Operation[Any],
    ids: Sequence[str],
    params: Mapping[str, Any] | None,
    body: "bytes | Form | None",
    options: RequestOptions | None,
) -> Request:
    """The request of one call; an operation that wants an idempotency key gets it here, once for all tries."""
    target = operation.target(ids)
    if params:
        query = encode_query(operation.name, params)
        target = f"{target}?{query}" if query else target
    if options is None:
        options = _DEFAULT
    elif not isinstance(options, RequestOptions):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_options(operation.name, options)
    headers, key = options.headers, options.idempotency_key
    if key is None and operation.idempotency == "key":
        key = str(uuid4())
    if key is not None:
        headers = {**headers, "Idempotency-Key": key}
    return Request(
        name=operation.name,
        method=operation.method,
        target=target,
        body=body,
        headers=headers,
        repeatable=operation.idempotency == "safe" or key is not None,
        auth=operation.auth,
        timeout=options.timeout,
        priority=options.priority,
        content_type="application/x-www-form-urlencoded" if operation.urlencoded else "application/json",
        write=operation.idempotency != "safe",
    )


def wrong_options(operation: str, options: object) -> InvalidArgumentError:
    """The error for options of another kind."""
    return InvalidArgumentError(
        f"{operation}: options must be a RequestOptions, such as RequestOptions(timeout=5), not {shown(options)}"
    )


def with_headers(operation: str, options: RequestOptions | None, headers: Mapping[str, Any]) -> RequestOptions | None:
    """The options and an operation's own headers; what is UNSET or None is left out.

    Raises:
        InvalidArgumentError: a value cannot be sent in a header.
    """
    told = {
        name: _query_text(value, f"{operation}: {name}")
        for name, value in headers.items()
        if value is not None and not isinstance(value, Unset)
    }
    if not told:
        return options
    if options is None:
        options = _DEFAULT
    elif not isinstance(options, RequestOptions):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong_options(operation, options)
    names = {name.lower() for name in told}
    others = {name: text for name, text in options.headers.items() if name.lower() not in names}
    try:
        return attrs.evolve(options, headers={**others, **told})
    except ConfigurationError as exc:
        raise InvalidArgumentError(f"{operation}: {exc}") from None


def any_operation(method: str, path: str) -> Operation[Any]:
    """An operation for an endpoint that the spec does not name."""
    name = f"{method} {path}"
    if not (method.isascii() and method.isalpha()):
        raise InvalidArgumentError(f"{method!r} is no HTTP method")
    if not path.startswith("/") or path.startswith("//") or any(mark in path for mark in "?#\\"):
        raise InvalidArgumentError(f"{path!r} is no path: begin with one slash, and give the query as params=")
    if not path.isprintable() or {".", ".."} & set(unquote(path).split("/")):
        raise InvalidArgumentError(f"{path!r} is no path: control characters and dot segments are not sent")
    return Operation(
        name=name,
        method=method.upper(),
        path=quote(path, safe="/%:@!$&'()*+,;=~"),
        answer="",
        idempotency="safe" if method.upper() in {"GET", "HEAD", "OPTIONS"} else "never",
    )


def encode_query(operation: str, params: Mapping[str, Any]) -> str:
    """The query string; what is UNSET or None is left out."""
    pairs: list[str] = []
    for name, value in params.items():
        if value is None or isinstance(value, Unset):
            continue
        try:
            for text in _query_texts(value, f"{operation}: {name}"):
                pairs.append(f"{quoted(name)}={text}")  # noqa: PERF401 - mostly one: a comprehension takes longer
        except UnicodeEncodeError as exc:
            raise InvalidArgumentError(f"{operation}: {exc.object!r} cannot be written in UTF-8") from None
    return "&".join(pairs)


def _query_texts(value: object, place: str) -> Sequence[str]:
    """One value or several, percent-encoded."""
    if type(value) is int:  # neither a bool nor an enum: a page or its size, as in nearly every query
        return (str(value),)
    if type(value) is datetime:
        return (_quoted_time(value, place),)
    return [quoted(_query_text(one, place)) for one in (value if is_array(value) else (value,))]


@lru_cache(maxsize=64)
def _quoted_time(value: datetime, place: str) -> str:
    """A time in a query; the ends of a window are the same for all its pages."""
    return quoted(to_plain(value, place))


def _query_text(value: object, place: str) -> str:
    plain = to_plain(value, place)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, str):
        return plain
    if isinstance(plain, int | float | Decimal):
        return str(plain)
    raise InvalidArgumentError(f"{place} cannot be a {type(value).__name__}")


def to_plain(value: object, place: str) -> Any:
    """A scalar as it goes out: enums by value, times in UTC, numbers finite; everything else as it is.

    Raises:
        InvalidArgumentError: the value has no place in JSON or would be read as something else.
    """
    if isinstance(value, Unset):
        raise InvalidArgumentError(f"{place}: UNSET cannot be sent; leave it out")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidArgumentError(
                f"{place}: {value.isoformat()} has no time zone; give an aware datetime, "
                "such as datetime(2024, 1, 1, tzinfo=timezone.utc)"
            )
        try:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        except OverflowError:
            raise InvalidArgumentError(f"{place}: {value.isoformat()} cannot be written in UTC") from None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidArgumentError(f"{place}: {value} is no number that can be sent")
    if isinstance(value, Decimal) and not value.is_finite():
        raise InvalidArgumentError(f"{place}: {value} is no number that can be sent")
    return value
