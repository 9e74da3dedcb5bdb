"""One page of a list, as the caller gets it."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs

T = TypeVar("T")


@attrs.define(kw_only=True, weakref_slot=False)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: the records, in the API's order.
        has_more: whether further pages follow; False only if the API says so, or sent a page without records.
        pagination: what the API says of its pages; None where it says nothing.
    """

    items: list[T]
    has_more: bool = False
    pagination: Any = None

    def __len__(self) -> int:
        return len(self.items)


@attrs.define(weakref_slot=False)
class RawPage:
    """A page whose records are the JSON text that the server sent (`msgspec.Raw`).

    Attributes:
        one_line: whether the whole answer came on one line, so that each record certainly is one.
        date: when the server sent it, as its header `Date` says.
    """

    items: list[Any]
    pagination: Any = None
    one_line: bool = False
    has_more: bool = False
    requests: int = 1
    throttled: int = 0
    date: str | None = None


Unread = Callable[[], Any]
"""A page that was fetched and is decoded when it is called: a `Page`, or a `RawPage`."""
