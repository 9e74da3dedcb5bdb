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
_MOST_DIGITS: Final = 15
_MOST_MONEY: Final = 1e12


class Refused(Exception):  # noqa: N818 - it carries any answer that is not a success, not only failures
    """A request that is answered with an error.

    Args:
        status: the HTTP status.
        code: for programs.
        message: for people.
        headers: of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def invalid(field: str, wish: str) -> Refused:
    """A parameter or body field is not what it should be."""
    return Refused(400, "INVALID_PARAMETER", f"{field} must be {wish}")


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
        query: the parameters after the question mark.
        body: the JSON object that was sent; empty when there was none.
    """

    store: Store
    operation: Operation
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]

    def known_fields(self) -> dict[str, Any]:
        """The body without the fields that the spec does not know."""
        return {name: value for name, value in self.body.items() if name in self.operation.body_fields}

    def text(self, name: str) -> str:
        """A field of the body that must be a text with something in it."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value.strip():
            raise invalid(name, "a non-empty string")
        return value

    def amount(self, name: str) -> float:
        """A field of the body that must be an amount of money."""
        value = self.body.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST_MONEY:
            raise invalid(name, "a number of at least 0")
        return value

    def parameter(self, name: str) -> Any:
        """A parameter of a listing: from the body of a listing by POST, else from the query."""
        return (self.body if self.operation.paging == "body-page" else self.query).get(name)

    def word(self, name: str, choices: Sequence[str] = ()) -> str | None:
        """A text parameter, which may be left out."""
        value = self.parameter(name)
        if value is None:
            return None
        if not isinstance(value, str) or (choices and value not in choices):
            raise invalid(name, f"one of {', '.join(choices)}" if choices else "a string")
        return value

    def whole(self, name: str, default: int, least: int) -> int:
        """A whole number, in a query as digits and in a body as a number."""
        value = self.parameter(name)
        if value is None:
            return default
        if isinstance(value, str) and self.operation.paging != "body-page":
            digits = value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
            value = int(value) if digits else None
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise invalid(name, f"a whole number of at least {least}")
        return value

    def span(self) -> tuple[int | None, int | None]:
        """The first moment of startDate, and the first moment after endDate."""
        start = self._bounds("startDate")
        end = self._bounds("endDate")
        return start and start[0], end and end[1] + 1

    def _bounds(self, name: str) -> tuple[int, int] | None:
        value = self.word(name)
        if value is None:
            return None
        try:
            return bounds(value)
        except (ValueError, OverflowError):
            raise invalid(name, "an ISO 8601 date or date-time") from None


def listing(call: Call, items: Sequence[T], render: Callable[[T], Any]) -> Any:
    """The part of a listing that was asked for, in the style that the spec gives it.

    Args:
        call: the request.
        items: all that match, in order; only the part that was asked for is looked at.
        render: writes one of them.
    """
    style = call.operation.paging
    if style == "offset":
        offset = call.whole("offset", 0, 0)
        part = items[offset : offset + call.whole("limit", _DEFAULT_SIZE, 1)]
        answer: Any = [render(item) for item in part]
    elif style in {"page", "body-page"}:
        page = call.whole("page", 1, 1)
        size = min(call.whole("pageSize", _DEFAULT_SIZE, 1), _MOST_SIZE)
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
