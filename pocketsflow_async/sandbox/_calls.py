"""One request on its way through the sandbox: reading its parameters, and writing a listing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import attrs

from pocketsflow_async.sandbox._routes import Operation
from pocketsflow_async.sandbox._store import Store
from pocketsflow_async.sandbox._times import bounds

T = TypeVar("T")

_DEFAULT_SIZE: Final = 20
_MOST_SIZE: Final = 100


class Refused(Exception):  # noqa: N818 - it carries any answer that is not a success, not only failures
    """A request that is answered with an error.

    Args:
        status: the HTTP status.
        code: for programs.
        message: for people.
        headers: of the answer.
        field: the parameter or field of the body that is at fault.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.field = field

    @property
    def payload(self) -> dict[str, str]:
        """The body of the answer."""
        payload = {"error": self.message, "code": self.code}
        return payload if self.field is None else {**payload, "field": self.field}


def invalid(field: str, reason: str) -> Refused:
    """A parameter or body field is not what it should be."""
    return Refused(400, "INVALID_PARAMETER", f"{field}: {reason}", field=field)


def missing(what: str) -> Refused:
    """There is no such record."""
    return Refused(404, "NOT_FOUND", f"{what} not found")


@attrs.frozen
class Call:
    """A request that was let in.

    Attributes:
        store: the records.
        operation: what is asked for.
        path: the values in the path.
        query: the values of the query that the spec knows, checked against it.
        body: the JSON object that was sent, checked against the spec; empty when there was none.
    """

    store: Store
    operation: Operation
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]

    def known_fields(self) -> dict[str, Any]:
        """The body without the fields that the spec does not know."""
        return {name: value for name, value in self.body.items() if name in self.operation.body_fields}

    def text(self, name: str) -> str:
        """A text of the body that must have something in it."""
        value: str = self.body.get(name, "")
        if not value.strip():
            raise invalid(name, "must not be empty")
        return value

    def cents(self, name: str) -> int:
        """An amount of money in the body, which cannot be negative."""
        value: float = self.body[name]
        if value < 0:
            raise invalid(name, "must be at least 0")
        return round(value * 100)

    def parameter(self, name: str, default: Any = None) -> Any:
        """A parameter of a listing: from the body of a listing by POST, else from the query."""
        return (self.body if self.operation.paging == "body-page" else self.query).get(name, default)

    def span(self) -> tuple[int | None, int | None]:
        """The first moment of startDate, and the first moment after endDate."""
        start = self.parameter("startDate")
        end = self.parameter("endDate")
        return start and bounds(start)[0], end and bounds(end)[1] + 1


def listing(call: Call, items: Sequence[T], render: Callable[[T], Any]) -> Any:
    """The part of a listing that was asked for, in the style that the spec gives it.

    Args:
        call: the request.
        items: all that match, in order; only the part that was asked for is looked at.
        render: writes one of them.
    """
    style = call.operation.paging
    if style == "offset":
        offset = call.parameter("offset", 0)
        part = items[offset : offset + call.parameter("limit", _DEFAULT_SIZE)]
        answer: Any = [render(item) for item in part]
    elif style in {"page", "body-page"}:
        page = int(call.parameter("page", 1))
        size = min(int(call.parameter("pageSize", _DEFAULT_SIZE)), _MOST_SIZE)
        pages = -(-len(items) // size)
        part = items[(page - 1) * size : page * size]
        return {
            call.operation.items or "data": [render(item) for item in part],
            "pagination": {
                "totalCount": len(items),
                "totalPages": pages,
                "currentPage": page,
                "pageSize": size,
                "hasMore": page < pages,
            },
        }
    else:
        answer = [render(item) for item in items]
    return answer if call.operation.items is None else {call.operation.items: answer}
