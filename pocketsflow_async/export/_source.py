"""One list of the API, as an export reads it: any page of it, with the ids and the lines of its records."""

import asyncio
import inspect
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from operator import ge
from typing import Any, cast

import attrs
import msgspec

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async._config import RequestOptions
from pocketsflow_async._json import is_object
from pocketsflow_async._page import RawPage
from pocketsflow_async._page_rules import contradicts
from pocketsflow_async._paging import Pager
from pocketsflow_async.errors import APIResponseError, NotFoundError, PermissionDeniedError
from pocketsflow_async.export._chain import Part, Seam

_SIZE = 100
_TRIES = 8
_BELIEVED_AT = 4
_PAUSE = 0.1
_TICK = timedelta(milliseconds=1)
_LATE = timedelta(seconds=2)

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
        value: Any = json.loads(line.decode(errors="replace"), parse_int=float)
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
        start: how many records lie in front of it.
        size: how many it was asked to have.
        lines: its records, each as the server sent it on a line of its own.
        ids: their ids.
        total: how many records the list has, as the answer said; None where it says nothing.
        reach: how many records the list has at most, as far as the answer tells; likewise.
        more: whether further pages follow.
        odd: whether the answer contradicts itself about that.
    """

    start: int
    size: int
    lines: bytes
    ids: Sequence[str | None]
    total: int | None
    reach: int | None
    more: bool
    odd: bool
    requests: int
    throttled: int

    @property
    def end(self) -> int:
        """How many records lie in front of what follows."""
        return self.start + len(self.ids)

    def times(self, start: int, end: int) -> list[datetime | None]:
        """When some of its records were created."""
        return _moments(b"\n".join(self.lines.split(b"\n", end)[start:end]))

    def is_plain(self, size: int) -> bool:
        """Whether it meets its neighbours, if all pages have that size."""
        return size in {self.size, len(self.ids)} and self.start % size == 0

    @property
    def keys(self) -> Sequence[str]:
        """What tells its records apart: their ids, or their text where they have none."""
        ids = self.ids
        if None not in ids:
            return cast("Sequence[str]", ids)
        return [
            name or f"\0{sha256(line).hexdigest()}" for name, line in zip(ids, self.lines.splitlines(), strict=True)
        ]

    def without(self, seam: Seam) -> tuple[bytes, Sequence[str | None]]:
        """The lines and ids of the records that were not read before."""
        cut = seam.cut
        if cut == len(seam.places):
            start = 0
            for _ in range(cut):
                start = self.lines.index(b"\n", start) + 1
            return self.lines[start:], self.ids[cut:]
        return self.only([place for place in range(len(self.ids)) if place >= cut or place not in seam.places])

    def only(self, places: Sequence[int]) -> tuple[bytes, Sequence[str | None]]:
        """The lines and ids of some of its records."""
        lines = self.lines.splitlines(keepends=True)
        return b"".join(lines[place] for place in places), [self.ids[place] for place in places]


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
        size: how many records the API gives on a page at most.
        end: what is sent as the end of the window; `first` moves it.
        closed: whether the API keeps to that end, so that nothing new comes into the list.
        newest: a moment after the youngest record, where the first page tells it.
        began: when the first page was sent, by the server's clock; None where it does not say.
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
        self.name = resource
        self._turn = turn
        self.style = self._list().style
        self.dated = "start_date" in inspect.signature(self._list).parameters
        self._since = since
        self.end = until if self.dated else None
        self.size = _SIZE
        self.closed = False
        self._believes = False  # that strange answers are how this list is
        self.newest: datetime | None = None
        self.began: datetime | None = None

    async def read(self, part: Part) -> Read:
        """Read a page; an answer that cannot be understood, or is strange, is asked for again a few times."""
        requests = strange = 0
        for trial in range(1, _TRIES + 1):
            async with self._turn:
                try:
                    read = self._read(part, await self._ask(part))
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
                        return read if trial == 1 else attrs.evolve(read, requests=requests)
            await asyncio.sleep(_PAUSE * trial)
        raise APIResponseError(f"{self.name}.list: {_TRIES} answers to one page could not be understood")

    def _is_strange(self, read: Read) -> bool:
        """Whether an answer looks like one to another question: records without ids, or no word of further pages."""
        return None in read.ids or (read.reach is None and self.style in {"page", "body-page"})

    async def first(self) -> Read:
        """Read the first page, and close the window if the list goes on.

        The time of the youngest record is the end by the server's own clock: what comes in later is younger. The end
        counts only if the API gives the same page with it, because nobody documents what it makes of one.
        """
        first = await self.read((0, _SIZE))
        if first.more and 0 < len(first.ids) < _SIZE and self.style != "offset":
            self.size = len(first.ids)
        newest = newest_of(first.lines) if self.dated else None
        self.newest = newest and newest + _TICK
        if newest is None or self.newest is None or not first.more:
            return first
        given = self.end
        self.end = self.newest if given is None else min(given, self.newest)
        closed = await self.read((0, _SIZE))
        now = (self.began or datetime.now(UTC)) + _LATE
        self.closed = closed.ids[:1] == first.ids[:1] and newest <= min(self.end, now)
        if closed.ids[:1] != first.ids[:1]:
            self.end = given
            closed = await self.read((0, _SIZE))
            first = attrs.evolve(first, requests=first.requests + 1)
        return attrs.evolve(
            closed, requests=first.requests + closed.requests, throttled=first.throttled + closed.throttled
        )

    async def _ask(self, part: Part) -> RawPage:
        start, size = part
        given: dict[str, Any] = {"start_date": self._since, "end_date": self.end} if self.dated else {}
        if self.style == "offset":
            given |= {"limit": size, "offset": start, "sort_by": "createdAt", "sort_order": "asc"}
        elif self.style != "none":
            given |= {"page": start // size + 1, "page_size": size}
        pages: Pager[Any] = self._list(options=LOW, **given)
        return await pages.raw_page()

    def _read(self, part: Part, raw: RawPage) -> Read:
        self.began = self.began or _sent_at(raw.date)
        start, size = part
        lines = _lines_of(raw)
        ids = raw.items and (_first_ids(raw.items) or ids_of(lines))
        told = raw.pagination
        total = getattr(told, "total_count", None)
        pages = getattr(told, "total_pages", None)
        if self.style == "none":
            total = len(ids)
        reach = None if pages is None else pages * size
        odd = contradicts(told, len(ids))
        return Read(start, size, lines, ids, total, reach, raw.has_more, odd, raw.requests, raw.throttled)


def _sent_at(date: str | None) -> datetime | None:
    """The moment that an answer's `Date` names."""
    try:
        moment = parsedate_to_datetime(date or "")
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def newest_of(lines: bytes) -> datetime | None:
    """The time of the first record, if the page is certainly ordered from new to old."""
    times = _moments(lines)
    known = [moment for moment in times if moment is not None]
    if len(known) != len(times) or not known or known[0] == known[-1]:
        return None
    return known[0] if all(map(ge, known, known[1:])) else None


def _moments(lines: bytes) -> list[datetime | None]:
    return [_moment(created) for created in _times_of(lines)]


def _moment(created: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(created) if isinstance(created, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo else None
