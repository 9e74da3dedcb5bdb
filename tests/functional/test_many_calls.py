import asyncio
import gc
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from effort import THOROUGHLY

from pocketsflow_async import (
    Pocketsflow,
    PocketsflowError,
    RateLimit,
    RateLimiter,
    RequestOptions,
    RetryPolicy,
    Upload,
)
from pocketsflow_async._generated.pocketsflow_preview.models import Image
from pocketsflow_async.models import Product
from pocketsflow_async.sandbox import Sandbox

CALLS = 2500 * THOROUGHLY
QUICK = RetryPolicy(base_delay=0.1, max_delay=0.2)
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("delay", {"seconds": 0.05}),
    ("status", {"status": 429, "retry_after": 0.01}),
    ("status", {"status": 500}),
    ("status", {"status": 503, "retry_after": 0.02}),
    ("reset_before", {}),
    ("reset_after", {}),
    ("cut_body", {}),
    ("stall", {"seconds": 0.1}),
    ("slow_drip", {"pieces": 4, "pause": 0.01}),
    ("invalid_json", {}),
    ("wrong_shape", {}),
)
MOMENTS = {
    "quota": ("acquire",),
    "connecting": ("_create_connection", "_wait_for_available_connection"),
    "waiting": ("start",),
    "reading": ("readany",),
    "pausing": ("sleep",),
}
"""Where a call is, by the name of a function that it then waits in."""


@attrs.define(eq=False)
class Call:
    """One of the calls, and how far its body went out."""

    name: str
    task: "asyncio.Task[Any]" = attrs.field(init=False)
    sending: bool = False
    cancelled: bool = False

    def moment(self) -> str:
        """What it waits for."""
        names = set(_functions(self.task.get_coro()))
        found = next((moment for moment, marks in MOMENTS.items() if names & set(marks)), "elsewhere")
        return "sending" if found == "waiting" and self.sending else found

    async def body(self) -> AsyncIterator[bytes]:
        self.sending = True
        for _ in range(4):
            yield b"0123456789" * 1000
            await asyncio.sleep(0.005)
        self.sending = False


def _functions(waiting: Any) -> Iterator[str]:
    """The names of the coroutines that wait for each other, outermost first."""
    while waiting is not None:
        code = getattr(waiting, "cr_code", None) or getattr(waiting, "gi_code", None)
        if code is not None:
            yield code.co_name
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)


def _start(pf: Pocketsflow, number: int, draw: random.Random) -> Call:
    call = Call(f"write {number}")
    options = RequestOptions(deadline=draw.uniform(0.01, 4.0) if draw.random() < 0.1 else None)
    fields = {"name": call.name, "price": 1}
    roads: dict[str, Callable[[], Awaitable[Any]]] = {
        "typed read": lambda: pf.orders.list(page=number % 10 + 1, page_size=5, options=options),
        "any read": lambda: pf.request("GET", "/users/me", options=options),
        "write with a key": lambda: pf.products.create(**fields, options=options),
        "write without": lambda: pf.request("POST", "/products", json=fields, options=options),
        "upload": lambda: pf.preview.images.upload(file=Upload(call.body()), name=call.name, options=options),
    }
    (road,) = draw.choices(list(roads), weights=[30, 25, 20, 15, 10])

    async def run() -> Any:
        return await roads[road]()

    call.task = asyncio.create_task(run())
    return call


async def _cancel_some(calls: list[Call], draw: random.Random) -> Counter[str]:
    """Cancel calls until all are done, at each moment as often as it can be found."""
    hit: Counter[str] = Counter()
    while waiting := [call for call in calls if not call.task.done() and not call.cancelled]:
        for _ in range(5):
            seen = [(call.moment(), call) for call in draw.choices(waiting, k=20)]
            moment, call = min(seen, key=lambda one: hit[one[0]])
            if not call.cancelled:
                hit[moment] += 1
                call.cancelled = call.task.cancel()
        await asyncio.sleep(draw.uniform(0.0, 0.05))
    return hit


def _sockets() -> int:
    """How many sockets this process has open."""
    gc.collect()
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            found += str(link.readlink()).startswith("socket:")
        except FileNotFoundError:  # the listing's own
            continue
    return found


@pytest.mark.once
@pytest.mark.filterwarnings("ignore::pocketsflow_async.PreviewWarning")
@pytest.mark.parametrize("limit", [RateLimit(sustained=100_000, burst=2000, period=1.0), None], ids=str)
async def test_many_calls_leave_nothing_behind(limit: RateLimit | None) -> None:
    """2500 calls, faults, deadlines and cancellations: each call ends as it should, and everything is given back."""
    loop, draw = asyncio.get_running_loop(), random.Random(20)
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    sockets, tasks = _sockets(), asyncio.all_tasks()
    quota = None if limit is None else RateLimiter(limit)

    async with Sandbox(orders=230, rate_limit=None) as sandbox:
        faults = [sandbox.faults.add(kind, probability=0.05, **parameters) for kind, parameters in FAULTS]
        async with Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=quota, retry=QUICK) as pf:
            calls = [_start(pf, number, draw) for number in range(CALLS)]
            hit = await _cancel_some(calls, draw)
            ends = await asyncio.gather(*(call.task for call in calls), return_exceptions=True)
            executor: Any = pf._connection._executor
            connector = executor.transport._owned.connector
            held = len(connector._acquired)
        sandbox.faults.clear()
        async with Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=None) as pf:
            written = Counter([product.name async for product in pf.products.list()])
            written.update([image.name async for image in pf.preview.images.list()])

    kept = Counter({name: count for name, count in written.items() if name.startswith("write ")})
    assert {name: count for name, count in kept.items() if count > 1} == {}
    assert {end.name for end in ends if isinstance(end, Product | Image)} <= kept.keys()
    assert [call.name for call, end in zip(calls, ends, strict=True) if not _ended_well(call, end)] == []
    assert hit.keys() >= {*MOMENTS, "sending"} - ({"quota"} if quota is None else set())
    assert all(fault.hits >= 50 for fault in faults)
    if quota is not None:
        state = quota.state()
        assert (state.under_way, state.waiting, quota._waiters) == (0, 0, {})
    assert (held, connector.closed) == (0, True)
    assert asyncio.all_tasks() == tasks
    assert _sockets() == sockets
    assert complaints == []


def _ended_well(call: Call, end: object) -> bool:
    """A cancelled call is cancelled and nothing else; any other ends in an answer or an error of ours."""
    if call.cancelled:
        return isinstance(end, asyncio.CancelledError)
    return isinstance(end, PocketsflowError) or not isinstance(end, BaseException)
