"""A list endpoint as the caller sees it: await it for one page, iterate it for every record of every page.

Four styles of paging become one here. What is common to them is a page's number counted from 0; `_Plan` turns it
into the style's own parameters.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar

from pocketsflow_async._caller import Caller
from pocketsflow_async._config import RequestOptions
from pocketsflow_async._kinds import arguments
from pocketsflow_async._operation import Operation, Paging, Style
from pocketsflow_async._page import Page, RawPage, Unread
from pocketsflow_async._page_rules import Announced, Repeats, more_follow
from pocketsflow_async._prefetch import Prefetch
from pocketsflow_async._request import check_options
from pocketsflow_async._values import shown, whole
from pocketsflow_async.errors import APIResponseError, InvalidArgumentError

T = TypeVar("T")

_id_of = attrgetter("id")


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
        check_options(operation.name, options)
        operation.target(ids)  # which refuses what is no id
        self._caller = caller
        self._operation = operation
        self._options = options
        self._ids = ids
        given = arguments(operation.name, operation.takes, params)
        self._plan = _Plan(operation.name, operation.paging or Paging("none"), given)

    def __repr__(self) -> str:
        return f"<Pager of {self._operation.name}>"

    def __await__(self) -> Generator[Any, None, Page[T]]:
        return self._first().__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        return self.items()

    def items(self, *, concurrency: int = 1) -> AsyncGenerator[T, None]:
        """Every record of every page, in order; `concurrency` pages are fetched side by side."""
        return _records(self.pages(concurrency=concurrency))

    def pages(self, *, concurrency: int = 1) -> AsyncGenerator[Page[T], None]:
        """Every page, in order; `concurrency` of them are fetched side by side."""
        return self._walk(self._whole("concurrency", concurrency, 1), raw=False)

    async def collect(self, *, limit: int | None = None, concurrency: int = 1) -> list[T]:
        """A list of all records, or of the first `limit`."""
        if limit is not None:
            limit = self._whole("limit", limit, 0)
        concurrency = self._whole("concurrency", concurrency, 1)
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
        return self._walk(self._whole("concurrency", concurrency, 1), raw=True)

    async def raw_page(self, place: int = 0) -> RawPage:
        """One page of the walk, with its records as the JSON text that the server sent."""
        place = self._whole("place", place, 0)
        page: RawPage = self._read(await self._fetch(place, raw=True), place)
        return page

    @property
    def style(self) -> Style:
        """How the API pages this list."""
        return self._plan.paging.style

    def _whole(self, name: str, value: object, least: int) -> int:
        return _at_least(f"{self._operation.name}: {name}", value, least)

    async def _first(self) -> Page[T]:
        page = await self._caller.call(self._operation, **self._sent(self._plan.asked()))
        self._plan.finish(page, 0, self._plan.size or self._plan.paging.default_size)
        return page

    def _sent(self, params: dict[str, Any]) -> dict[str, Any]:
        place = "body" if self._plan.paging.style == "body-page" else "params"
        return {place: params, "ids": self._ids, "options": self._options}

    async def _walk(self, concurrency: int, *, raw: bool) -> AsyncGenerator[Any, None]:
        plan = self._plan
        repeats, announced = Repeats(plan.name), Announced(plan.name, plan.before)
        held: list[Any] = []
        place, step, seen = 0, plan.step, 0
        ahead = 1
        fetches: Prefetch[int, Unread] = Prefetch(partial(self._fetch, raw=raw))
        async with fetches:
            while True:
                following = range(place + step, place + ahead * step, step)
                held.append(self._read(await fetches.get(place, following), place))
                records, more, told = len(held[0].items), held[0].has_more, held[0].pagination
                if more or seen:
                    repeats.look(map(bytes, held[0].items) if raw else _keys(held[0].items))
                last = plan.last_page(held[0])
                yield held.pop()  # from here on it is the caller's alone: it may be gone before the next one is read
                announced.look(told, records, more=more)
                if not more:
                    return
                seen += 1
                place += step
                if plan.by_offset and records != step:
                    place, step, seen = place - step + records, min(records, step), 1
                # Where the API does not say how many pages there are, go no further ahead than was found already.
                ahead = min(concurrency, seen if last is None else max(last - place + 1, 1))

    def _fetch(self, place: int, *, raw: bool) -> Coroutine[Any, Any, Unread]:
        return self._caller.fetch(self._operation, raw=raw, **self._sent(self._plan.walked(place)))

    def _read(self, unread: Unread, place: int) -> Any:
        page = unread()
        self._plan.finish(page, place, self._plan.walking_size)
        return page


async def _records(pages: AsyncGenerator[Page[T], None]) -> AsyncGenerator[T, None]:
    async with aclosing(pages):
        async for page in pages:
            for item in page.items:
                yield item


def _at_least(place: str, value: object, least: int) -> int:
    found = whole(value)
    if found is None or found < least:
        raise InvalidArgumentError(f"{place} must be a whole number from {least}, not {shown(value)}")
    return found


def _keys(items: list[Any]) -> Iterable[Any]:
    """What tells the records of a list apart."""
    try:
        ids = [*map(_id_of, items)]
    except AttributeError:
        ids = [None]
    return map(repr, items) if None in ids else ids


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

    @property
    def step(self) -> int:
        """From the place of a full page to that of the next: places are records of lists by offset, else pages."""
        return self.walking_size if self.by_offset else 1

    @property
    def before(self) -> int:
        """How many records lie in front of the place where the caller wants to begin, as far as full pages go."""
        return (self.start or 0) if self.by_offset else ((self.start or 1) - 1) * self.walking_size

    def walked(self, place: int) -> dict[str, Any]:
        """The parameters of one page of a walk; the caller wants to begin at place 0."""
        if not self.paged:
            return self.given
        size = self.walking_size
        if self.by_offset:
            return {**self.given, "limit": size, "offset": (self.start or 0) + place}
        return {**self.given, "page": (self.start or 1) + place, "pageSize": size}

    def last_page(self, page: _Paged) -> int | None:
        """The place of the last page, as far as this page tells."""
        total = getattr(page.pagination, "total_pages", None)
        return None if total is None else total - (self.start or 1)

    def finish(self, page: _Paged, place: int, size: int | None) -> None:
        """Say on the page whether more follow; raises if it is not the page that was asked for, with that size."""
        pagination = page.pagination
        if self.by_offset:
            page.has_more = len(page.items) > 0  # a page that is short may be as large as the API makes them
        elif self.paged and pagination is None:
            page.has_more = size is not None and len(page.items) >= size
        elif pagination is not None:
            page.has_more = more_follow(pagination, len(page.items))
            expected = (self.start or 1) + place
            if pagination.current_page != expected:
                raise APIResponseError(
                    f"{self.name}: asked for page {expected}, the API answered with page {pagination.current_page}",
                    path="$.pagination.currentPage",
                )

    @property
    def walking_size(self) -> int:
        """How many records a page of a walk is asked to have."""
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
        told = {"pageSize": "page_size"}.get(name, name)
        return _at_least(f"{self.name}: {told}", value, at_least)
