"""Thousands of lists, changing and odd, read by the real export walk and by the real pager, on virtual time."""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from shifting import EndlessError, KilledError, List, Server
from virtual_loop import VirtualLoop

from pocketsflow_async import APIResponseError
from pocketsflow_async._generated.pocketsflow.operations.customers import Customers
from pocketsflow_async._generated.pocketsflow.operations.orders import Orders
from pocketsflow_async._generated.pocketsflow.operations.subscriptions import Subscriptions
from pocketsflow_async.export import _forwards, _source, _walk
from pocketsflow_async.export._source import Source
from pocketsflow_async.export._state import State
from pocketsflow_async.export._walk import Walk

SIZE = 12
"""Records on the largest page, in place of 100: so a short list has many pages."""

ODD: tuple[dict[str, Any], ...] = (
    {},
    {"largest": 7},
    {"largest": 5, "fixed": True},
    {"largest": SIZE, "fixed": True},
    {"largest": 3 * SIZE, "fixed": True},
    {"ends": "ignored"},
    {"ends": "day"},
    {"cap": 30},
    {"says": "no more"},
    {"says": "always more"},
    {"says": "a page too many"},
    {"says": "no pages"},
    {"empty": 1},
    {"empty": 3},
    {"short": 1},
    {"short": 2},
    {"short": 1, "largest": 5, "fixed": True},
    {"wraps": "ignored"},
    {"wraps": "circle"},
    {"shuffles": True},
)
PLAIN = (Server(totals=True), Server(totals=False))
CHANGES = ("new", "back", "gone", "front", "burst")
RESOURCES = {"orders": Orders, "subscriptions": Subscriptions, "customers": Customers}


class Memory:
    """A spool that is nothing but memory."""

    ids_path = lines_path = Path("memory")

    def __init__(self, dice: random.Random | None = None) -> None:
        self.dice = dice
        self.records = 0
        self.read: list[tuple[int, list[str | None]]] = []
        self.saved: tuple[int, dict[str, Any]] = 0, {}

    def add(self, lines: bytes, ids: Any, *, found: int = 0) -> None:
        assert lines.count(b"\n") == len(ids)
        self.records += len(ids)
        self.read.append((found, [*ids]))

    @property
    def due(self) -> bool:
        return self.dice is not None and self.dice.random() < 0.3

    def commit(self, state: dict[str, Any]) -> None:
        self.seal(self.mark(state))

    def mark(self, state: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return len(self.read), json.loads(json.dumps(state))

    def seal(self, mark: tuple[int, dict[str, Any]]) -> None:
        self.saved = mark

    def cut_back(self) -> State:
        """What a process finds that comes after a kill."""
        pages, state = self.saved
        del self.read[pages:]
        self.records = sum(len(ids) for _, ids in self.read)
        return State(**state)

    def pages(self) -> Iterator[tuple[int, list[str | None]]]:
        return iter(self.read)

    def last_ids(self, pages: int) -> list[list[str | None]]:
        return [ids for _, ids in self.read[-pages:]]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    async def directly(work: Any, *arguments: Any) -> Any:
        return work(*arguments)

    monkeypatch.setattr(_source, "_SIZE", SIZE)
    monkeypatch.setattr(_forwards, "_BACK", SIZE // 2)
    monkeypatch.setattr(_walk, "in_thread", directly)


async def read(shop: List, resource: str, concurrency: int, *, killed: bool) -> tuple[set[str], State]:
    """The ids that an export finds, which may be killed and resumed, and what it knows of them."""
    pf: Any = SimpleNamespace(**{resource: RESOURCES[resource](shop)})
    spool: Any = Memory(shop.dice if killed else None)
    shop.fails_at = shop.dice.randrange(1, 30) if killed else 0
    while True:
        state = spool.cut_back()
        source = Source(pf, resource, since=None, until=None, turn=asyncio.Semaphore(concurrency))
        with suppress(KilledError):
            drop = await Walk(source, spool, state, concurrency=concurrency, told=lambda: None).run()
            break
    ids = [name for _, names in spool.read for name in names]
    kept = [name for line, name in enumerate(ids) if not (drop.count and line in drop)]
    assert len(kept) == len(set(kept))
    return set(filter(None, kept)), state


def is_known(server: Server) -> bool:
    """Whether what stands still can be known in spite of how the server behaves."""
    return server.short < 0 and (server.fixed or server.ends != "moment" or server.largest < SIZE)


def play(seed: int) -> tuple[List, str, State | None]:
    """One list, read by one export: what came of it."""
    dice = random.Random(seed)
    resource = dice.choice([*RESOURCES])
    server = Server(totals=dice.random() < 0.5, **dice.choice([{}, dice.choice(ODD)]))
    if not server.totals or resource == "customers":
        server.cap = 10**9  # a list that ends there looks the same
    shop = List(
        dice,
        server,
        count=dice.choice([0, 1, 2, SIZE - 1, SIZE, SIZE + 1, dice.randrange(150)]),
        ties=dice.choice([1, 1, 3, 30]),
        changes=tuple(dice.sample(CHANGES, dice.randrange(len(CHANGES)))),
        often=dice.choice([0.1, 0.4, 1.0]),
    )
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        try:
            found, state = runner.run(read(shop, resource, dice.choice([1, 4]), killed=dice.random() < 0.1))
        except EndlessError:
            return shop, "endless", None
        except APIResponseError:
            return shop, "error", None
    if not state.complete:
        return shop, "noted", state
    return shop, "missed" if shop.survivors - found else "complete", state


@pytest.mark.usefixtures("small_pages")
def test_an_export_misses_nothing_in_silence(thoroughly: int) -> None:
    """Whatever comes and goes, and however odd the server, what was there all the time is there, or a note says so."""
    ends: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    quiet: Counter[str] = Counter()
    runs = 6000 * thoroughly
    for seed in range(runs):
        shop, end, state = play(seed)
        changes.update(shop.changed)
        ends[end] += 1
        assert end not in {"missed", "endless"}, (seed, shop.server, shop.changed, state)
        # An error is for lists that repeat themselves; one that moves as fast as it is read looks the same.
        assert end != "error" or shop.server.wraps != "no" or shop.changed, (seed, shop.server, state)
        if not shop.changed and (shop.server in PLAIN or is_known(shop.server)):
            quiet[end] += 1

    told = (
        f"{runs} runs, changes {dict(changes)}, ends {dict(ends)}, silent misses 0, endless runs 0, quiet {dict(quiet)}"
    )
    sys.stdout.write(told + "\n")
    assert list(quiet) == ["complete"]
    assert quiet["complete"] > runs // 10
    assert ends["complete"] > runs // 2


def walk(seed: int) -> str:
    """One list that stands still, read by one pager."""
    dice = random.Random(seed)
    resource = dice.choice([*RESOURCES])
    server = Server(totals=dice.random() < 0.5, **dice.choice([{}, *[odd for odd in ODD if "shuffles" not in odd]]))
    if not server.totals or resource == "customers":
        server.cap = 10**9
    shop = List(dice, server, count=dice.choice([0, 1, 2, SIZE, dice.randrange(120)]))
    size: Any = {"limit" if resource == "customers" else "page_size": dice.choice([1, 2, 5, SIZE, 60])}
    way = RESOURCES[resource](shop).list(**size).collect(concurrency=dice.choice([1, 2, 8]))
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        try:
            found = [record.id for record in runner.run(way)]
        except APIResponseError:
            assert server != Server(totals=server.totals)
            return "error"
    expected = [record.id for record in (shop.records[::-1] if resource == "customers" else shop.records)]
    if server.wraps == "circle":
        found = found[: len(expected)]  # those of the last page come twice
    return "everything" if found == expected else f"missed by {seed}: {server}"


def test_a_pager_gives_everything_or_an_error(thoroughly: int) -> None:
    """Iterating a list that stands still ends with all of its records in order or with an error, however odd it is."""
    runs = 3000 * thoroughly
    ends = Counter(map(walk, range(runs)))

    sys.stdout.write(f"{runs} lists that stand still, iterated: {dict(ends)}\n")
    assert set(ends) == {"everything", "error"}
    assert ends["everything"] > runs // 2
