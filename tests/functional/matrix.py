"""What becomes of every kind of call under every kind of fault, observed with the default policy on a clock that jumps.

`python tests/functional/matrix.py` writes the table in docs/reliability.md anew.
"""

import asyncio
import contextlib
import errno
import math
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import attrs
import pytest

from pocketsflow_async import Pocketsflow, PocketsflowError, RateLimiter, RequestOptions
from pocketsflow_async._retry import delays
from pocketsflow_async.sandbox import Sandbox

sys.path.append(str(Path(__file__).parent.parent))  # as a command it begins in its own folder

from virtual_loop import VirtualLoop

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
BEGIN = "<!-- matrix: written by `python tests/functional/matrix.py` -->"
END = "<!-- /matrix -->"

REFUSED = "refused"
FAULTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "connection refused": (REFUSED, {}),
    "reset before the work": ("reset_before", {}),
    "reset after the work": ("reset_after", {}),
    "body cut off": ("cut_body", {}),
    "stall after the headers": ("stall", {}),
    "429": ("status", {"status": 429}),
    "429, `Retry-After: 10`": ("status", {"status": 429, "retry_after": 10}),
    "429, `Retry-After` a date in 10 s": ("status", {"status": 429, "retry_date": 10}),
    "500": ("status", {"status": 500}),
    "503, `Retry-After: 10`": ("status", {"status": 503, "retry_after": 10}),
    "2xx with broken JSON": ("invalid_json", {}),
}
"""Each fault's name in the table, and how the sandbox makes it."""
ONCE, ALWAYS = "once", "always"

_GLANCE = 100.0
"""Virtual seconds between two looks of a stalling sandbox at its client: each costs as much as a request."""


class JumpingLoop(VirtualLoop):
    """A loop whose clock jumps to the next timer as soon as the sockets are quiet."""

    patience = 0.002
    soon = 0.001


@attrs.frozen
class Outcome:
    """What came of one call.

    Attributes:
        result: `answer`, or the name of the error's class.
        tries: how often the request was sent.
        done: how often the server did the work.
        pauses: seconds between the tries, all together.
        told: the outcome of each failed try, as the error tells them; None for an answer.
    """

    result: str
    tries: int
    done: int
    pauses: float
    told: tuple[str, ...] | None


@attrs.frozen
class Cell:
    """The same call with the shortest and with the longest draws for its pauses."""

    shortest: Outcome
    longest: Outcome

    def text(self) -> str:
        """What stands in the table."""
        one = self.shortest
        tries = "1 try" if one.tries == 1 else f"{one.tries} tries"
        done = {0: "not done", 1: "done once"}.get(one.done, f"done {one.done} times")
        result = one.result if one.result == "answer" else f"`{one.result}`"
        low, high = (f"{round(pauses, 1):g}" for pauses in sorted((one.pauses, self.longest.pauses)))
        waits = "" if one.tries == 1 else f", waits {low} s" if low == high else f", waits {low} to {high} s"
        return f"{result}, {tries}, {done}{waits}"


class _Watched:
    """A transport that notes when each try began and ended."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.clock = asyncio.get_running_loop().time
        self.spans: list[tuple[float, float]] = []

    async def send(self, request: Any) -> Any:
        began = self.clock()
        try:
            return await self.transport.send(request)
        finally:
            self.spans.append((began, self.clock()))

    async def aclose(self) -> None:
        await self.transport.aclose()

    def pauses(self) -> float:
        return sum(later[0] - earlier[1] for earlier, later in zip(self.spans, self.spans[1:], strict=False))


async def _product(pf: Pocketsflow) -> str:
    return (await pf.products.create(name="Atlas", price=1)).id or ""


async def _webhook(pf: Pocketsflow) -> str:
    return (await pf.webhooks.create(url="https://example.com", events=[])).id or ""


async def _nothing(_: Pocketsflow) -> str:
    return ""


def _keyed() -> RequestOptions:
    return RequestOptions(idempotency_key=str(uuid4()))


Call = Callable[[Pocketsflow, str], Awaitable[Any]]
NEW = {"name": "Atlas", "price": 1}

CALLS: Mapping[str, tuple[tuple[str, str], Callable[[Pocketsflow], Awaitable[str]], Call, Call]] = {
    "GET": (
        ("GET", "/products/{id}"),
        _product,
        lambda pf, one: pf.products.get(one),
        lambda pf, one: pf.request("GET", f"/products/{one}"),
    ),
    "POST with a key": (
        ("POST", "/products"),
        _nothing,
        lambda pf, _: pf.products.create(name="Atlas", price=1),
        lambda pf, _: pf.request("POST", "/products", json=NEW, options=_keyed()),
    ),
    "POST without a key": (
        ("POST", "/products/update/{id}"),
        _product,
        lambda pf, one: pf.products.update(one, price=2),
        lambda pf, one: pf.request("POST", f"/products/update/{one}", json={"price": 2}),
    ),
    "PUT": (
        ("PUT", "/webhooks/{id}"),
        _webhook,
        lambda pf, one: pf.webhooks.update(one, active=False),
        lambda pf, one: pf.request("PUT", f"/webhooks/{one}", json={"active": False}),
    ),
    "DELETE": (
        ("DELETE", "/products/{id}"),
        _product,
        lambda pf, one: pf.products.delete(one),
        lambda pf, one: pf.request("DELETE", f"/products/{one}"),
    ),
}
"""Each kind of call: its route, what must be there before, the typed method, and the same through `request`."""
METHOD, REQUEST = "method", "request"

Matrix = Mapping[tuple[str, str, str, str], Cell]
"""A cell for each fault, frequency, kind of call and road (method or request)."""


def observe() -> Matrix:
    """Play every cell."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runs = [runner.run(_observe(share)) for share in (0.0, 1.0)]
    return {place: Cell(runs[0][place], runs[1][place]) for place in runs[0]}


async def _observe(share: float) -> dict[tuple[str, str, str, str], Outcome]:
    found: dict[tuple[str, str, str, str], Outcome] = {}
    wall = asyncio.get_running_loop().time
    with _on_the_clock_of_the_loop(share):
        async with Sandbox(orders=1, rate_limit=None, wall_clock=wall) as sandbox:
            for fault in FAULTS:
                for often in (ONCE, ALWAYS):
                    for kind in CALLS:
                        for road in (METHOD, REQUEST):
                            found[fault, often, kind, road] = await _play(sandbox, fault, often, kind, road)
    return found


@contextlib.contextmanager
def _on_the_clock_of_the_loop(share: float) -> Iterator[None]:
    """Whatever reads a clock reads the loop's, and every draw of a pause is this share of what is possible."""
    clock = asyncio.get_running_loop().time

    class Calendar(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.fromtimestamp(clock(), tz)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(delays.__kwdefaults__, "clock", clock)
        patch.setitem(delays.__kwdefaults__, "spread", lambda low, high: low + (high - low) * share)
        patch.setattr("pocketsflow_async._response.datetime", Calendar)
        patch.setattr("pocketsflow_async.sandbox._mischief._GLANCE", _GLANCE)
        yield


async def _play(sandbox: Sandbox, fault: str, often: str, kind: str, road: str) -> Outcome:
    route, prepare, method, request = CALLS[kind]
    made, parameters = FAULTS[fault]
    loop: Any = asyncio.get_running_loop()
    refusing = _Refusing()
    async with contextlib.AsyncExitStack() as stack:
        helper = await stack.enter_async_context(_client(sandbox))
        one = await prepare(helper)
        session = await stack.enter_async_context(refusing.session()) if made == REFUSED else None
        pf = await stack.enter_async_context(_client(sandbox, session=session))
        executor: Any = pf._connection._executor
        executor.clock = loop.time
        executor.transport = watched = _Watched(executor.transport)
        times = 1 if often == ONCE else None
        if made == REFUSED:
            refusing.left = times
        else:
            sandbox.faults.add(made, times=times, **parameters)
        before = sandbox.work[route]
        loop.now = math.ceil(loop.now)  # dates have whole seconds
        result, told = "answer", None
        try:
            await (method if road == METHOD else request)(pf, one)
        except PocketsflowError as error:
            result, told = type(error).__name__, tuple(attempt.outcome for attempt in error.attempts)
        sandbox.faults.clear()
        return Outcome(result, len(watched.spans), sandbox.work[route] - before, watched.pauses(), told)


def _client(sandbox: Sandbox, **options: Any) -> Pocketsflow:
    quota = RateLimiter(clock=asyncio.get_running_loop().time)
    return Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=quota, **options)


class _Refusing:
    """Refuses to connect so many times; None for ever."""

    def __init__(self) -> None:
        self.left: int | None = 0

    def session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=self._socket))

    def _socket(self, address: Any) -> socket.socket:
        if self.left is None or self.left > 0:
            self.left = None if self.left is None else self.left - 1
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        return socket.socket(*address[:3])


def table(matrix: Matrix) -> str:
    """The matrix as Markdown; kinds of call that fare the same in every cell share a column."""
    columns: dict[tuple[str, ...], list[str]] = {}
    rows = [(fault, often) for fault in FAULTS for often in (ONCE, ALWAYS)]
    for kind in CALLS:
        cells = tuple(matrix[fault, often, kind, METHOD].text() for fault, often in rows)
        columns.setdefault(cells, []).append(kind)
    lines = [
        f"| fault | how often | {' | '.join(', '.join(kinds) for kinds in columns.values())} |",
        "|---" * (2 + len(columns)) + "|",
    ]
    for number, (fault, often) in enumerate(rows):
        lines.append(f"| {fault} | {often} | {' | '.join(cells[number] for cells in columns)} |")
    return "\n".join(lines)


def documented() -> str:
    """The table that stands in the document."""
    return DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0].strip()


def write() -> None:
    """Put the table into the document."""
    head, _, rest = DOCUMENT.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    DOCUMENT.write_text(f"{head}{BEGIN}\n\n{table(observe())}\n\n{END}{tail}")


if __name__ == "__main__":
    write()
