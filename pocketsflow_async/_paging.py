"""A list endpoint as the caller sees it: await it for one page, iterate it for every record of every page.

Four styles of paging become one here. What is common to them is a page's number counted from 0; `_Plan` turns it
into the style's own parameters.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Generic, Protocol, TypeVar

from pocketsflow_async._caller import Caller
from pocketsflow_async._config import RequestOptions
from pocketsflow_async._operation import Operation, Paging, Style
from pocketsflow_async._page import Page, RawPage, Unread
from pocketsflow_async._unset import Unset
from pocketsflow_async.errors import APIResponseError, InvalidArgumentError

T = TypeVar("T")


class _Paged(Protocol):
    """What a walk needs to know of a page."""

    @property
    def items(self) -> list[Any]: ...
    @property
    def pagination(self) -> Any: ...

    has_more: bool


class Pager(Generic[T]):
    """A list of `T`, fetched when it is asked for.

    `await pager` gives one `Page`; `async for record in pager` gives every record of every page, in the API's
    order. Iterating asks for the largest pages, unless a page or a page size was given. A pager can be used again
    and then starts again.

    Raises:
        InvalidArgumentError: at once, for a page below 1, an empty page or a negative offset. A page size above
            the API's largest is lowered to it.
    """

    def __init__(
        self,
        caller: Caller,
        operation: "Operation[Page[T]]",
        params: Mapping[str, Any],
        options: RequestOptions | None = None,
        *,
        ids: Sequence[str] = (),
    ) -> None:
        self._caller = caller
        self._operation = operation
        self._options = options
        self._ids = ids
        given = {name: value for name, value in params.items() if value is not None and not isinstance(value, Unset)}
        self._plan = _Plan(operation.name, operation.paging or Paging("none"), given)

    def __repr__(self) -> str:
        return f"<Pager of {self._operation.name}>"

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._first().__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        return self.items()

    async def items(self, *, concurrency: int = 1) -> AsyncGenerator[T, None]:
        """Every record of every page, in order; `concurrency` pages are fetched side by side."""
        async with aclosing(self.pages(concurrency=concurrency)) as pages:
            async for page in pages:
                for item in page.items:
                    yield item

    def pages(self, *, concurrency: int = 1) -> AsyncGenerator[Page[T], None]:
        """Every page, in order; `concurrency` of them are fetched side by side."""
        return self._walk(concurrency, raw=False)

    async def collect(self, *, limit: int | None = None, concurrency: int = 1) -> list[T]:
        """A list of all records, or of the first `limit`."""
        if limit is not None and (isinstance(limit, bool) or limit < 0):
            raise InvalidArgumentError(f"{self._operation.name}: limit must be at least 0, not {limit!r}")
        found: list[T] = []
        if limit == 0:
            return found
        async with aclosing(self.pages(concurrency=concurrency)) as pages:
            async for page in pages:
                found += page.items
                if limit is not None and len(found) >= limit:
                    del found[limit:]
                    break
        return found

    def raw_pages(self, *, concurrency: int = 1) -> AsyncGenerator[RawPage, None]:
        """Every page with its records as the JSON text that the server sent; no models are built."""
        return self._walk(concurrency, raw=True)

    async def raw_page(self, number: int = 0) -> RawPage:
        """One page of the walk, counted from 0, with its records as the JSON text that the server sent."""
        page: RawPage = self._read(await self._fetch(number, raw=True), number)
        return page

    @property
    def style(self) -> Style:
        """How the API pages this list."""
        return self._plan.paging.style

    async def _first(self) -> Page[T]:
        page = await self._caller.call(self._operation, **self._sent(self._plan.asked()))
        self._plan.finish(page, 0)
        return page

    def _sent(self, params: dict[str, Any]) -> dict[str, Any]:
        place = "body" if self._plan.paging.style == "body-page" else "params"
        return {place: params, "ids": self._ids, "options": self._options}

    async def _walk(self, concurrency: int, *, raw: bool) -> AsyncGenerator[Any, None]:
        if isinstance(concurrency, bool) or concurrency < 1:
            raise InvalidArgumentError(f"{self._operation.name}: concurrency must be at least 1, not {concurrency!r}")
        window: deque[asyncio.Future[Unread]] = deque()
        held = [self._read(await self._fetch(0, raw=raw), 0)]
        number = seen = 1
        try:
            while True:
                more, last = held[0].has_more, self._plan.last_page(held[0])
                yield held.pop()  # from here on it is the caller's alone: it may be gone before the next one is read
                if not more:
                    return
                # Where the API does not say how many pages there are, go no further ahead than was found already.
                ahead = concurrency if last is not None else min(concurrency, seen)
                while len(window) < ahead and (last is None or number <= last or not window):
                    window.append(asyncio.ensure_future(self._fetch(number, raw=raw)))
                    number += 1
                held.append(self._read(await window[0], seen))
                window.popleft()
                seen += 1
        finally:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)

    def _fetch(self, number: int, *, raw: bool) -> Coroutine[Any, Any, Unread]:
        return self._caller.fetch(self._operation, raw=raw, **self._sent(self._plan.walked(number)))

    def _read(self, unread: Unread, number: int) -> Any:
        page = unread()
        self._plan.finish(page, number)
        return page


class _Plan:
    """Which parameters ask for which page."""

    def __init__(self, name: str, paging: Paging, given: dict[str, Any]) -> None:
        self.name = name
        self.paging = paging
        self.given = given
        self.by_offset = paging.style == "offset"
        self.paged = paging.style != "none"
        start, size = ("offset", "limit") if self.by_offset else ("page", "pageSize")
        self.start = self._whole(start, at_least=0 if self.by_offset else 1)
        self.size = self._whole(size, at_least=1)
        if self.size is not None:
            self.size = min(self.size, paging.max_size)

    def asked(self) -> dict[str, Any]:
        """The parameters of the one page that the caller asked for; what was not given is left to the API."""
        if self.by_offset:
            return self.walked(0)
        sizes = {} if self.size is None else {"pageSize": self.size}
        return {**self.given, **sizes}

    def walked(self, number: int) -> dict[str, Any]:
        """The parameters of one page of a walk, counted from 0 where the caller wants to begin."""
        if not self.paged:
            return self.given
        size = self._walking_size()
        if self.by_offset:
            return {**self.given, "limit": size, "offset": (self.start or 0) + number * size}
        return {**self.given, "page": (self.start or 1) + number, "pageSize": size}

    def last_page(self, page: _Paged) -> int | None:
        """The number of the last page, as far as this page tells."""
        total = getattr(page.pagination, "total_pages", None)
        return None if total is None else total - (self.start or 1)

    def finish(self, page: _Paged, number: int) -> None:
        """Say on the page whether more follow, after a look at whether it is the page that was asked for."""
        pagination = page.pagination
        if self.by_offset:
            page.has_more = len(page.items) >= self._walking_size()
        elif pagination is not None:
            page.has_more = pagination.has_more and bool(page.items)
            expected = (self.start or 1) + number
            if pagination.current_page != expected:
                raise APIResponseError(
                    f"{self.name}: asked for page {expected}, the API answered with page {pagination.current_page}",
                    path="$.pagination.currentPage",
                )

    def _walking_size(self) -> int:
        if self.size is not None:
            return self.size
        # A start page was counted in pages of the API's own size.
        if not self.by_offset and self.start is not None and self.start > 1 and self.paging.default_size:
            return self.paging.default_size
        return self.paging.max_size

    def _whole(self, name: str, *, at_least: int) -> int | None:
        value = self.given.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
            told = {"pageSize": "page_size"}.get(name, name)
            raise InvalidArgumentError(f"{self.name}: {told} must be a whole number from {at_least}, not {value!r}")
        return value
