"""A list that changes while it is read, served with every oddity that a list endpoint may have."""

import asyncio
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from pocketsflow_async import Page
from pocketsflow_async._operation import Operation
from pocketsflow_async._page import RawPage, Unread
from pocketsflow_async.models import Pagination

START = datetime(2025, 1, 1, tzinfo=UTC)
ENDLESS = 3000
"""Requests after which a walk will never end."""


class EndlessError(Exception):
    """A walk sent more requests than any that ends."""


class KilledError(Exception):
    """The process ends with this request."""


@attrs.define
class Server:
    """How the endpoint behaves.

    Attributes:
        totals: whether it tells totalCount.
        largest: records on a page at most.
        fixed: whether every page has that size, whatever is asked for.
        ends: what it makes of endDate: `moment`, `day`, `ignored`.
        cap: how many records it lets be read.
        says: of hasMore and totalPages: `true`, `no more`, `always more`, `a page too many`, `no pages`.
        empty: a page that comes without its records.
        short: a page that comes without the last of its records, though more follow.
        wraps: what it makes of the place that is asked for: `no`, `ignored`, `circle`.
        shuffles: whether records of one time come in another order each time.
    """

    totals: bool = True
    largest: int = 1000
    fixed: bool = False
    ends: str = "moment"
    cap: int = 10**9
    says: str = "true"
    empty: int = -1
    short: int = -1
    wraps: str = "no"
    shuffles: bool = False


@attrs.define(eq=False)
class Record:
    id: str
    at: datetime


class List:
    """A list of records from new to old; the caller of a `Pager` or of an export.

    Args:
        count: records at the start.
        ties: how many of them share a time.
        changes: kinds of change that happen while it is read: `new`, `back`, `gone`, `front`, `burst`.
        often: changes at each request, on average.
    """

    def __init__(
        self,
        dice: random.Random,
        server: Server,
        *,
        count: int,
        ties: int = 1,
        changes: tuple[str, ...] = (),
        often: float = 0.0,
        latency: bool = True,
    ) -> None:
        self.dice, self.server, self.changes, self.often, self.latency = dice, server, changes, often, latency
        self.made = 0
        self.records = [self.record(START - timedelta(minutes=place // ties)) for place in range(count)]
        self.there = {record.id for record in self.records}
        self.gone: set[str] = set()
        self.requests = 0
        self.fails_at = 0
        self.changed: dict[str, int] = {}

    @property
    def survivors(self) -> set[str]:
        """The records that were there all the time."""
        return self.there - self.gone

    def record(self, at: datetime) -> Record:
        self.made += 1
        return Record(f"{self.dice.randrange(16**8):08x}{self.made:06x}", at)

    def change(self) -> None:
        """Something comes or goes."""
        kind = self.dice.choice(self.changes)
        self.changed[kind] = self.changed.get(kind, 0) + 1
        records = self.records
        if kind == "new":
            records.insert(0, self.record(START + timedelta(hours=1, milliseconds=self.made)))
        elif kind == "back":
            place = self.dice.randrange(len(records) + 1)
            before = records[max(place - 1, 0)].at if records else START
            records.insert(place, self.record(min(before, START)))
        elif records:
            size = self.dice.randrange(1, 40) if kind == "burst" else 1
            place = self.dice.randrange(min(len(records), 15) if kind == "front" else len(records))
            self.gone |= {record.id for record in records[place : place + size]}
            del records[place : place + size]

    async def fetch(self, operation: Operation[Any], *, raw: bool = False, **arguments: Any) -> Unread:
        self.requests += 1
        if self.requests > ENDLESS:
            raise EndlessError
        if self.requests == self.fails_at:
            raise KilledError
        if self.latency:
            await asyncio.sleep(self.dice.random())
        self.pass_time()
        assert operation.paging is not None
        asked = arguments["body"] if operation.paging.style == "body-page" else arguments["params"]
        items, told = self.answer(operation.paging.style, asked)
        if raw:
            page = RawPage([_text(record) for record in items], told, one_line=True)
            return lambda: page
        return lambda: Page(items=items, pagination=told)

    async def call(self, operation: Operation[Any], **arguments: Any) -> Any:
        return (await self.fetch(operation, **arguments))()

    def pass_time(self) -> None:
        """Whatever happens until the answer."""
        while self.changes and self.dice.random() < self.often / (1 + self.often):
            self.change()

    def answer(self, style: str, asked: Mapping[str, Any]) -> tuple[list[Record], Pagination | None]:
        server = self.server
        found = self.within(asked.get("endDate"))
        if server.shuffles:
            found.sort(key=lambda record: (record.at, self.dice.random()), reverse=True)
        if style == "offset":
            start, size = asked["offset"], server.largest if server.fixed else min(asked["limit"], server.largest)
            return self.part(found[::-1], start, size), None
        number, size = asked["page"], server.largest if server.fixed else min(asked["pageSize"], server.largest)
        items = self.part(found, (number - 1) * size, size)
        if number - 1 == server.empty:
            items = []
        pages = -(-len(found) // size)
        if number - 1 == server.short and number < pages:
            items = items[:-2]
        pages += server.says == "a page too many"
        told = Pagination(
            current_page=number,
            total_pages=0 if server.says == "no pages" else pages,
            has_more=server.says == "always more" or (number < pages and server.says != "no more"),
            total_count=len(found) if server.totals else None,
        )
        return items, told

    def part(self, found: list[Record], start: int, size: int) -> list[Record]:
        if self.server.wraps == "ignored":
            start = 0
        elif self.server.wraps == "circle":
            return [found[(start + place) % len(found)] for place in range(min(size, len(found)))]
        return found[start : min(start + size, self.server.cap)]

    def within(self, last: datetime | str | None) -> list[Record]:
        if last is None or self.server.ends == "ignored":
            return [*self.records]
        end = datetime.fromisoformat(last) if isinstance(last, str) else last
        if self.server.ends == "day":
            end = end.replace(hour=0, minute=0, second=0, microsecond=0)
        return [record for record in self.records if record.at <= end]


def _text(record: Record) -> bytes:
    return json.dumps({"_id": record.id, "createdAt": record.at.isoformat()}, separators=(",", ":")).encode()
