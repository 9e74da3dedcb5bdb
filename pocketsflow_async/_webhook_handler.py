"""An aiohttp handler that acknowledges a delivery only when it was handled, and handles it once."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, Protocol, cast

from aiohttp import web

from pocketsflow_async.errors import WebhookVerificationError
from pocketsflow_async.webhooks import Event

OnEvent = Callable[[Event], Awaitable[object]]
Claim = Literal["new", "running", "done"]

_log = logging.getLogger("pocketsflow_async.webhooks")


class EventStore(Protocol):
    """Remembers which deliveries were handled; a table with a unique key does."""

    async def claim(self, key: str) -> Claim:
        """Take a delivery on: `new` if it is ours, `running` if somebody is at it, `done` if it was handled."""
        ...

    async def finish(self, key: str) -> None:
        """The delivery was handled."""
        ...

    async def release(self, key: str) -> None:
        """Handling failed; the delivery may be taken on again."""
        ...


class MemoryStore:
    """Remembers deliveries in this process's memory.

    Args:
        keep: seconds for which a handled delivery is remembered.
        most: how many are remembered at most; the oldest are forgotten first.
    """

    def __init__(
        self, *, keep: float = 86_400.0, most: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep = keep
        self._most = most
        self._clock = clock
        self._running: set[str] = set()
        self._done: dict[str, float] = {}

    async def claim(self, key: str) -> Claim:
        """Take a delivery on, unless it is being handled or was."""
        now = self._clock()
        while self._done and (len(self._done) > self._most or next(iter(self._done.values())) <= now):
            del self._done[next(iter(self._done))]
        if key in self._done:
            return "done"
        if key in self._running:
            return "running"
        self._running.add(key)
        return "new"

    async def finish(self, key: str) -> None:
        """Remember a delivery as handled."""
        self._running.discard(key)
        self._done[key] = self._clock() + self._keep

    async def release(self, key: str) -> None:
        """Forget a delivery that failed."""
        self._running.discard(key)


class Handler(Protocol):
    """What aiohttp calls with a request."""

    async def __call__(self, request: web.Request) -> web.Response:
        """Answer one delivery."""
        ...

    async def drain(self) -> None:
        """Wait until everything that was taken on is handled; for the application's shutdown."""
        ...


class Deliveries:
    """Takes deliveries on and answers them; see `webhooks.aiohttp_handler`."""

    def __init__(
        self,
        on_event: OnEvent,
        construct: Callable[[bytes, Mapping[str, str]], Event],
        *,
        store: EventStore,
        answer_within: float,
    ) -> None:
        self._on_event = on_event
        self._construct = construct
        self._store = store
        self._answer_within = answer_within
        self._tasks: set[asyncio.Task[bool]] = set()

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one delivery."""
        try:
            event = self._construct(await request.read(), request.headers)
        except WebhookVerificationError as exc:
            return web.json_response({"error": str(exc)}, status=401)
        key = hashlib.sha256(event.type.encode("utf-8", "replace") + b"\0" + event.body).hexdigest()
        claim = await self._store.claim(key)
        if claim == "done":
            return web.json_response({"received": True, "duplicate": True})
        if claim == "running":
            return web.json_response({"error": "this delivery is being handled"}, status=503)
        task = asyncio.create_task(self._handle(event, key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        done, _ = await asyncio.wait({task}, timeout=self._answer_within)
        if not done:
            return web.json_response({"error": "not handled yet; it goes on"}, status=503)
        if task.result():
            return web.json_response({"received": True})
        return web.json_response({"error": "the event could not be handled"}, status=500)

    async def drain(self) -> None:
        """Wait until everything that was taken on is handled; for the application's shutdown."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _handle(self, event: Event, key: str) -> bool:
        try:
            await self._on_event(event)
        except Exception:  # noqa: BLE001 - whatever the caller's function raises is answered with 500
            _log.exception("the handler of %s failed", event.type)
            await self._store.release(key)
            return False
        await self._store.finish(key)
        return True


def as_handler(deliveries: Deliveries) -> Handler:
    """A plain async function, which is what aiohttp wants as a handler."""

    async def handle(request: web.Request) -> web.Response:
        return await deliveries.answer(request)

    handle.drain = deliveries.drain  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    return cast("Handler", handle)
