"""What the generator says about one endpoint: plain frozen values, no behaviour of the network."""

from collections.abc import Sequence
from typing import Generic, Literal, NamedTuple, TypeVar
from urllib.parse import quote

from pocketsflow_async._values import shown
from pocketsflow_async.errors import InvalidArgumentError

T = TypeVar("T")

Style = Literal["page", "offset", "body-page", "none"]
Idempotency = Literal["safe", "key", "never"]
Stability = Literal["documented", "sdk-only", "observed", "preview"]


class Paging(NamedTuple):
    """How a list endpoint is paged.

    Attributes:
        style: by page number in the query, by offset, by page number in the body, or not at all.
        default_size: records on a page when the size is not sent; None where nobody says.
        max_size: the largest page that may be asked for; also what iteration asks for.
    """

    style: Style
    default_size: int | None = None
    max_size: int = 100


class Parameter(NamedTuple):
    """An argument that goes into the query, or in the body that asks for a page, or into a header.

    Attributes:
        wire: the API's spelling.
        name: in Python, for messages.
        takes: the kinds of value; empty for any.
        required: whether it must be given.
        known: the texts that the spec lists, where it lists any.
        until: the API's spelling of the argument that ends the span which this one starts.
    """

    wire: str
    name: str
    takes: str
    required: bool = False
    known: tuple[str, ...] = ()
    until: str = ""


class Operation(NamedTuple, Generic[T]):
    """One endpoint, answering with a `T`.

    Attributes:
        name: resource and method, such as ``orders.get``.
        method: the HTTP method.
        path: the path below the base address, with ``{}`` for each id.
        answer: where the decoder of its answer stands: ``module:name``.
        idempotency: ``safe`` reads only; ``key`` is sent with an idempotency key; ``never`` must not be
            repeated unless it certainly did not arrive.
        stability: how sure it is that the endpoint exists as described.
        paging: for list endpoints.
        auth: False for endpoints that are open to everyone; they are not sent the key.
        multipart: True for endpoints that take files.
        urlencoded: True for endpoints that take fields as a browser's form sends them.
        takes: what goes into the query, or into the body that asks for a page.
        headers: what goes into headers.
        empty: True where a success may come without content, which is None.
    """

    name: str
    method: str
    path: str
    answer: str
    idempotency: Idempotency
    stability: Stability = "documented"
    paging: Paging | None = None
    auth: bool = True
    multipart: bool = False
    urlencoded: bool = False
    takes: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    empty: bool = False

    def target(self, ids: Sequence[str]) -> str:
        """The path with its ids in place, each percent-encoded whole."""
        return self.path.format(*[_segment(self.name, value) for value in ids]) if ids else self.path


def _segment(operation: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{operation}: the id must be text, not {type(value).__name__}")
    if not value.strip() or value in {".", ".."}:
        raise InvalidArgumentError(f"{operation}: {shown(value)} is no id")
    try:
        return quoted(value)
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{operation}: {shown(value)} is no id: it cannot be written in UTF-8") from None


def quoted(text: str) -> str:
    """Percent-encoded as a whole; most texts need nothing, and that is seen at a glance.

    Raises:
        UnicodeEncodeError: it cannot be written in UTF-8.
    """
    return text if text.isalnum() and text.isascii() else quote(text, safe="")
