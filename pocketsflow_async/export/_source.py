"""One list of the API, as an export reads it: any page of it, with the ids and the lines of its records."""

import asyncio
import inspect
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from operator import ge
from typing import Any

import attrs
import msgspec

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async._config import RequestOptions
from pocketsflow_async._json import is_object
from pocketsflow_async._page import RawPage
from pocketsflow_async._paging import Pager
from pocketsflow_async.errors import APIResponseError, NotFoundError, PermissionDeniedError

_SIZE = 100
_TRIES = 8
_BELIEVED_AT = 4
_PAUSE = 0.1
_TICK = timedelta(milliseconds=1)

LOW = RequestOptions(priority="low")
"""An export waits for the quota behind everything else that its client does."""


class _Id(msgspec.Struct):
    """What an export reads of every record."""

    wire_id: str | None = msgspec.field(name="_id", default=None)
    id: str | None = None


class _Created(msgspec.Struct):
    created: Any = msgspec.field(name="createdAt", default=None)


_begins_with_id: Any = re.compile(rb'\{"_id":"([^"\\\n]+)"').match
_without_space: Any = re.compile(rb'("(?:[^"\\]|\\.)*")|\s+').sub
_read_ids = msgspec.json.Decoder(_Id).decode_lines
_read_times = msgspec.json.Decoder(_Created).decode_lines


def ids_of(lines: bytes) -> list[str | None]:
    """The ids of records that stand one a line; None for what has no id, or one that is no text."""
    try:
        return [record.wire_id or record.id for record in _read_ids(lines)]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [_id_of(line) for line in lines.splitlines()]


def _id_of(line: bytes) -> str | None:
    fields = _fields(line)
    name = fields.get("_id") or fields.get("id")
    if not isinstance(name, str):
        return None
    return name if name.isascii() or name == name.encode(errors="ignore").decode() else None  # half a character


def _fields(line: bytes) -> dict[str, Any]:
    """The fields of a record that msgspec refuses: it may be no object, or have half a character somewhere."""
    try:
        value = json.loads(line.decode(errors="replace"), parse_int=float)
    except (ValueError, RecursionError):
        return {}
    return value if is_object(value) else {}


def _times_of(lines: bytes) -> list[Any]:
    try:
        return [record.created for record in _read_times(lines)]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [_fields(line).get("createdAt") for line in lines.splitlines()]


def _first_ids(records: Sequence[Any]) -> list[str | None] | None:
    """The ids, if every record begins with a plain one, as those of the API do: three times as fast as to read all."""
    try:
        return [*b"\n".join([_begins_with_id(record)[1] for record in records]).decode().split("\n")]
    except (TypeError, UnicodeDecodeError):
        return None


def _lines_of(page: RawPage) -> bytes:
    """Each record on a line of its own; only white space between its parts is ever touched."""
    lines = b"\n".join([*page.items, b""])
    if page.one_line or (lines.count(b"\n") == len(page.items) and b"\r" not in lines):
        return lines
    return b"".join(_without_space(rb"\1", bytes(record)) + b"\n" for record in page.items)


@attrs.define
class Read:
    """A page that was read.

    Attributes:
        number: counted from 0.
        lines: its records, each as the server sent it on a line of its own.
        ids: their ids.
        total: how many records the list has, as the answer said; None where it says nothing.
        last: the number of the last page, likewise.
        more: whether further pages follow.
    """

    number: int
    lines: bytes
    ids: Sequence[str | None]
    total: int | None
    last: int | None
    more: bool
    requests: int
    throttled: int


async def account_of(pf: Pocketsflow) -> str | None:
    """Whose data the client reads; None where the API does not tell."""
    for trial in range(1, _TRIES + 1):
        try:
            return (await pf.users.me(options=LOW)).id
        except APIResponseError:
            if trial == _TRIES:
                raise
        except (NotFoundError, PermissionDeniedError):
            return None
        await asyncio.sleep(_PAUSE * trial)
    raise AssertionError


class Source:
    """A list within its window of time.

    Args:
        pf: the client.
        resource: its name.
        since: the start of the window; lists that know no time ignore it.
        until: the end of the window, likewise.
        turn: keeps the number of pages on their way, for all lists of the export, within bounds.

    Attributes:
        style: how the API pages it.
        dated: whether the API can cut a window of time out of it.
        end: what is sent as the end of the window; `first` moves it.
        newest: a moment after the youngest record, where the first page tells it.
        began: when the first page was sent, by the server's clock; None where it does not say.
        step: how many records lie between the starts of two pages; smaller than a page where pages overlap.
        lowest: the smallest total that any answer told.
        grew: whether a later answer told more than an earlier one.
    """

    def __init__(
        self,
        pf: Pocketsflow,
        resource: str,
        *,
        since: datetime | None,
        until: datetime | None,
        turn: asyncio.Semaphore,
    ) -> None:
        self._list = getattr(pf, resource).list
        self._name = resource
        self._turn = turn
        self.style = self._list().style
        self.dated = "start_date" in inspect.signature(self._list).parameters
        self._since = since
        self.end = until if self.dated else None
        self._pages: Pager[Any] | None = None
        self._closed_at: datetime | None = None
        self.step = _SIZE - 1
        self._believes = False  # that strange answers are how this list is
        self.newest: datetime | None = None
        self.began: datetime | None = None
        self.lowest: int | None = None
        self.grew = False

    async def page(self, number: int) -> Read:
        """Read a page; an answer that cannot be understood, or is strange, is asked for again a few times."""
        requests = strange = 0
        for trial in range(1, _TRIES + 1):
            async with self._turn:
                before = self.lowest
                try:
                    read = self._read(number, await self._ask(number))
                except APIResponseError as exc:
                    if trial == _TRIES:
                        raise
                    requests += len(exc.attempts) + 1
                else:
                    requests += read.requests
                    is_strange = self._is_strange(read)
                    strange += is_strange
                    if self._believes or not is_strange or strange == _BELIEVED_AT:
                        self._believes = self._believes or strange == _BELIEVED_AT
                        self._watch(before, read.total)
                        return read if trial == 1 else attrs.evolve(read, requests=requests)
            await asyncio.sleep(_PAUSE * trial)
        raise APIResponseError(f"{self._name}.list: {_TRIES} answers to page {number + 1} could not be understood")

    def _is_strange(self, read: Read) -> bool:
        """Whether an answer looks like one to another question: records without ids, or no word of further pages."""
        return None in read.ids or (read.last is None and self.style in {"page", "body-page"})

    async def first(self) -> Read:
        """Read the first page, and close the window if the list goes on.

        The time of the youngest record is the end by the server's own clock: what comes in later is younger. The end
        counts only if the API gives the same page with it, because nobody documents what it makes of one.
        """
        first = await self.page(0)
        if self.style == "offset" and 1 < len(first.ids) < _SIZE:
            self.step = len(first.ids) - 1  # the list is this short, or the API gives no larger pages
        newest = _newest(first.lines) if self.dated else None
        self.newest = newest and newest + _TICK
        if self.newest is None or not first.more:
            return first
        given, lowest = self.end, self.lowest
        self.end = self.newest if given is None else min(given, self.newest)
        closed = await self.page(0)
        if closed.ids[:1] != first.ids[:1]:
            self.end, self.lowest = given, lowest
            closed = await self.page(0)
            first = attrs.evolve(first, requests=first.requests + 1)
        return attrs.evolve(
            closed, requests=first.requests + closed.requests, throttled=first.throttled + closed.throttled
        )

    async def _ask(self, number: int) -> RawPage:
        if self.style == "offset":
            order = {"sort_by": "createdAt", "sort_order": "asc"}
            walk: Pager[Any] = self._list(options=LOW, limit=_SIZE, offset=number * self.step, **order)
            return await walk.raw_page()
        pages = self._pages
        if pages is None or self._closed_at != self.end:
            window: dict[str, Any] = {"start_date": self._since, "end_date": self.end} if self.dated else {}
            size = {} if self.style == "none" else {"page_size": _SIZE}
            pages = self._pages = self._list(options=LOW, **window, **size)
            self._closed_at = self.end
        return await pages.raw_page(number)

    def _read(self, number: int, raw: RawPage) -> Read:
        self.began = self.began or _sent_at(raw.date)
        lines = _lines_of(raw)
        ids = raw.items and (_first_ids(raw.items) or ids_of(lines))
        told = raw.pagination
        total = getattr(told, "total_count", None)
        pages = getattr(told, "total_pages", None)
        more = raw.has_more
        if self.style == "none":
            total, more = len(ids), False
        elif self.style == "offset":
            more = len(ids) > 1  # the first one is the last of the page before
        return Read(number, lines, ids, total, None if pages is None else pages - 1, more, raw.requests, raw.throttled)

    def _watch(self, before: int | None, total: int | None) -> None:
        if total is None:
            return
        if before is not None and total > before:
            self.grew = True
        self.lowest = total if self.lowest is None else min(self.lowest, total)


def _sent_at(date: str | None) -> datetime | None:
    """The moment that an answer's `Date` names."""
    try:
        moment = parsedate_to_datetime(date or "")
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _newest(lines: bytes) -> datetime | None:
    """The time of the first record, if the page is certainly ordered from new to old."""
    times = [_moment(created) for created in _times_of(lines)]
    known = [moment for moment in times if moment is not None]
    if len(known) != len(times) or not known or known[0] == known[-1]:
        return None
    return known[0] if all(map(ge, known, known[1:])) else None


def _moment(created: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(created) if isinstance(created, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo else None
