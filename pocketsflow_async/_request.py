"""An operation and its arguments become one request: address, headers, body. No network here."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from uuid import uuid4

import attrs

from pocketsflow_async._config import Priority, RequestOptions
from pocketsflow_async._json import is_mapping, is_several
from pocketsflow_async._kinds import arguments, to_plain
from pocketsflow_async._operation import Operation, quoted
from pocketsflow_async._unset import Unset
from pocketsflow_async._values import shown
from pocketsflow_async.errors import ConfigurationError, InvalidArgumentError

if TYPE_CHECKING:
    from pocketsflow_async._upload import Form


_DEFAULT = RequestOptions()
_SMALL = 10**18


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
        if operation.takes and operation.paging is None:  # those of a list are checked once for all its pages
            params = arguments(operation.name, operation.takes, params)
        query = encode_query(operation.name, params)
        target = f"{target}?{query}" if query else target
    check_options(operation.name, options)
    options = options or _DEFAULT
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


def check_options(operation: str, options: object) -> None:
    """Refuse options of another kind."""
    if options is not None and not isinstance(options, RequestOptions):
        raise InvalidArgumentError(
            f"{operation}: options must be a RequestOptions, such as RequestOptions(timeout=5), not {shown(options)}"
        )


def check_params(operation: str, params: object) -> None:
    """Refuse parameters that are not given by name."""
    if params is not None and not is_mapping(params):
        raise InvalidArgumentError(
            f"{operation}: params must be a mapping, not {shown(params)}; give several values of a name as a list"
        )


def with_headers(
    operation: Operation[Any], options: RequestOptions | None, headers: Mapping[str, Any]
) -> RequestOptions | None:
    """The options and an operation's own headers; what is UNSET or None is left out.

    Raises:
        InvalidArgumentError: a value is of a kind that is not taken, or cannot be sent in a header.
    """
    found = arguments(operation.name, operation.headers, headers)
    check_options(operation.name, options)
    if not found:
        return options
    own = {one.wire: one.name for one in operation.headers}
    told = {name: _query_text(value, f"{operation.name}: {own[name]}") for name, value in found.items()}
    options = options or _DEFAULT
    names = {name.lower() for name in told}
    others = {name: text for name, text in options.headers.items() if name.lower() not in names}
    try:
        return attrs.evolve(options, headers={**others, **told})
    except ConfigurationError as exc:
        raise InvalidArgumentError(f"{operation.name}: {exc}") from None


def any_operation(method: str, path: str) -> Operation[Any]:
    """An operation for an endpoint that the spec does not name."""
    for what, text in (("method", method), ("path", path)):
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgumentError(f"the {what} must be a str, not {shown(text)}")
    name = f"{method} {path}"
    if not (method.isascii() and method.isalpha()):
        raise InvalidArgumentError(f"{shown(method)} is no HTTP method")
    if not path.startswith("/") or path.startswith("//") or any(mark in path for mark in "?#\\"):
        raise InvalidArgumentError(f"{shown(path)} is no path: begin with one slash, and give the query as params=")
    if not path.isprintable() or {".", ".."} & set(unquote(path).split("/")):
        raise InvalidArgumentError(f"{shown(path)} is no path: control characters and dot segments are not sent")
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
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgumentError(f"{operation}: the name of a parameter must be a str, not {shown(name)}")
        try:
            for text in _query_texts(value, f"{operation}: {name}"):
                pairs.append(f"{quoted(name)}={text}")  # noqa: PERF401 - mostly one: a comprehension takes longer
        except UnicodeEncodeError:
            raise InvalidArgumentError(f"{operation}: {shown(name)} cannot be written in UTF-8") from None
    return "&".join(pairs)


def _query_texts(value: object, place: str) -> Sequence[str]:
    """One value or several, percent-encoded."""
    if type(value) is int and -_SMALL < value < _SMALL:  # a page or its size, as in nearly every query
        return (str(value),)
    if type(value) is str:
        return (_quoted(value),)
    if is_several(value):
        return [quoted(_query_text(one, place)) for one in value]
    return (quoted(_query_text(value, place)),)


_quoted = lru_cache(maxsize=64)(quoted)
"""The arguments of a list are the same for all its pages."""


def _query_text(value: object, place: str) -> str:
    plain = to_plain(value, place)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, str):
        return plain
    if isinstance(plain, int | float | Decimal):
        return str(plain)
    raise InvalidArgumentError(f"{place} cannot be a {type(value).__name__}")
