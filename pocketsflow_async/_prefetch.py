"""Pages that are fetched before they are needed."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Generic, Self, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Prefetch(Generic[K, T]):
    """Fetches that run concurrently, each once; leaving the block cancels those that nobody took.

    Args:
        fetch: fetches one page, by what tells it from the others.
    """

    def __init__(self, fetch: Callable[[K], Coroutine[Any, Any, T]]) -> None:
        self._fetch = fetch
        self._tasks: dict[K, asyncio.Task[T]] = {}
        self._dropped: list[asyncio.Task[T]] = []

    async def get(self, key: K, following: Iterable[K] = ()) -> T:
        """Wait for one page, while those that follow it are fetched; others in flight are cancelled."""
        wanted = (key, *following)
        for one in self._tasks.keys() - wanted:
            task = self._tasks.pop(one)
            task.cancel()
            self._dropped = [other for other in (*self._dropped, task) if not other.done()]
        for one in wanted:
            if one not in self._tasks:
                self._tasks[one] = asyncio.ensure_future(self._fetch(one))
        found = await self._tasks[key]
        del self._tasks[key]
        return found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        tasks = [*self._tasks.values(), *self._dropped]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
