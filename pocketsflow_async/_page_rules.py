"""What a page says of those that follow, and when a walk over pages ends; the same for iteration and export.

Where an API contradicts itself, the walk goes on as long as anything says that more follows. It ends when a page
brings nothing and nothing promises more, or with an error, never in silence and never not at all.
"""

from collections.abc import Iterable
from typing import Any

from pocketsflow_async.errors import APIResponseError

EMPTY_PAGES = 20
"""Pages without records that are read in a row."""


def more_follow(pagination: Any, records: int) -> bool:
    """Whether a page of so many records is followed by more, as far as its answer tells."""
    if pagination is None:
        return False
    return pagination.current_page < pagination.total_pages or (pagination.has_more and records > 0)


def contradicts(pagination: Any, records: int) -> bool:
    """Whether an answer says one thing with `hasMore` or its records and another with `totalPages`."""
    if pagination is None:
        return False
    follows = pagination.current_page < pagination.total_pages
    beyond = records > 0 and pagination.current_page > pagination.total_pages
    return bool(pagination.has_more) != follows or beyond or _is_hollow(pagination, records)


def _is_hollow(pagination: Any, records: int) -> bool:
    """Whether a page is one of those that the list has, by its own word, and holds nothing."""
    return not records and 1 < pagination.current_page <= pagination.total_pages


class Repeats:
    """Finds walks that came back to where they were, in memory that does not grow.

    The ids of one page are kept, of a later one each time the number of pages has doubled (Brent's way to find a
    cycle). If all of them come again, or many of them often, the API repeats itself.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._pages = 0
        self._kept_at = 0
        self._kept = self._missing = frozenset[Any]()
        self._again = 0

    def look(self, keys: Iterable[Any]) -> None:
        """Look at the ids of the next page.

        Raises:
            APIResponseError: the walk is in a circle.
        """
        self._pages += 1
        ids = frozenset(keys)
        if not ids:
            return
        if not ids.isdisjoint(self._kept):
            self._missing -= ids
            self._again += len(self._kept & ids)
        kept, missing = len(self._kept), len(self._missing)
        # Some records may come again because others came in before them.
        if (kept and not missing) or (self._again > 2 * kept + 4 and 2 * missing <= kept):
            raise APIResponseError(
                f"{self._name}: page {self._pages} of the walk brings the records of page {self._kept_at} again: "
                "the API ignores which page is asked for, or its list moves as fast as it is read"
            )
        if self._pages >= 2 * self._kept_at:
            self._kept_at, self._kept, self._missing, self._again = self._pages, ids, ids, 0


class Announced:
    """Compares what the API announced with what it gave, page by page.

    Args:
        name: of the list.
        before: how many records lie in front of the first page.
    """

    def __init__(self, name: str, before: int) -> None:
        self._name = name
        self._records = before
        self._largest = self._empty = self._short = 0

    def look(self, pagination: Any, records: int, *, more: bool) -> None:
        """Look at the next page.

        Raises:
            APIResponseError: more was announced than can be read.
        """
        self._records += records
        self._empty = 0 if records else self._empty + 1
        if pagination is None:
            return
        # All pages that are asked for have the same size, so all but the last are as large as any other.
        self._short += (
            _is_hollow(pagination, records) or 0 < self._largest < records or (more and records < self._largest)
        )
        self._largest = max(self._largest, records)
        if more:
            if self._empty >= EMPTY_PAGES:
                raise self._error(pagination, f"the last {self._empty} pages had no records")
            return
        total = pagination.total_count
        if total is not None:
            if total > self._records:
                raise self._error(pagination, f"the API announced {total}")
        elif not records and pagination.has_more:
            raise self._error(pagination, "it has no records, but says that more follow")
        elif self._short:
            raise self._error(pagination, f"{self._short} of the {pagination.total_pages} pages lacked records")

    def _error(self, pagination: Any, reason: str) -> APIResponseError:
        return APIResponseError(
            f"{self._name}: the list ended with page {pagination.current_page} after {self._records} records, "
            f"but {reason}: some of it cannot be read",
            path="$.pagination",
        )
