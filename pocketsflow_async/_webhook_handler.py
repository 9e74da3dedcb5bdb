"""An aiohttp handler that acknowledges a delivery only when it was handled, and handles it once."""

import asyncio
import hashlib
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import copy_context
from typing import Any, Literal, Protocol, cast

from aiohttp import web

from pocketsflow_async._webhook_claims import LEASE, Claims
from pocketsflow_async.errors import ConfigurationError, WebhookVerificationError
from pocketsflow_async.webhooks import Event

OnEvent = Callable[[Event], Awaitable[object]] | Callable[[Event], object]
Claim = Literal["new", "running", "done"]

_EXTEND_EVERY = LEASE / 3
_log = logging.getLogger("pocketsflow_async.webhooks")


class EventStore(Protocol):
    """Remembers which deliveries were handled; a table with a unique key does.

    A claim is a lease: it must expire `LEASE` seconds after the last `claim` or `extend`, so that a delivery whose
    process was killed can be claimed again. A store may also have ``async def extend(self, key: str) -> None``, which
    is called three times in each lease while `on_event` runs. Without it, choose a lease that is longer than
    `on_event` ever takes.
    """

    async def claim(self, key: str) -> Claim:
        """Claim a delivery: `new` if it is ours now, `running` while another claim holds, `done` if it was handled."""
        ...

    async def finish(self, key: str) -> None:
        """The delivery was handled."""
        ...

    async def release(self, key: str) -> None:
        """Handling failed: the delivery may be claimed again at once."""
        ...


class MemoryStore:
    """Remembers deliveries in this process's memory.

    Args:
        keep: seconds for which a handled delivery is remembered.
        most: how many are remembered at most; the oldest are forgotten first.
        lease: seconds after which a claim expires.
    """

    def __init__(
        self,
        *,
        keep: float = 86_400.0,
        most: int = 100_000,
        lease: float = LEASE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep = keep
        self._most = most
        self._lease = lease
        self._clock = clock
        self._running: dict[str, float] = {}
        self._done: dict[str, float] = {}

    async def claim(self, key: str) -> Claim:
        """Claim a delivery, unless it is being handled or was."""
        now = self._clock()
        while self._done and (len(self._done) > self._most or next(iter(self._done.values())) <= now):
            del self._done[next(iter(self._done))]
        if key in self._done:
            return "done"
        if self._running.get(key, now) > now:
            return "running"
        self._running[key] = now + self._lease
        return "new"

    async def extend(self, key: str) -> None:
        """Begin the lease of a claimed delivery again."""
        if key in self._running:
            self._running[key] = self._clock() + self._lease

    async def finish(self, key: str) -> None:
        """Remember a delivery as handled."""
        self._running.pop(key, None)
        self._done.pop(key, None)  # goes to the end again
        self._done[key] = self._clock() + self._keep

    async def release(self, key: str) -> None:
        """Forget a delivery that failed."""
        self._running.pop(key, None)


class Handler(Protocol):
    """What aiohttp calls with a request."""

    async def __call__(self, request: web.Request) -> web.Response:
        """Answer one delivery."""
        ...

    async def drain(self) -> None:
        """Wait until everything that was taken on is handled; for the application's shutdown."""
        ...


Outcome = Literal["handled", "duplicate", "running", "failed", "late", "unavailable"]

_RESPONSES: dict[Outcome, tuple[int, dict[str, object]]] = {
    "handled": (200, {"received": True}),
    "duplicate": (200, {"received": True, "duplicate": True}),
    "running": (503, {"error": "this delivery is being handled"}),
    "failed": (500, {"error": "the event could not be handled"}),
    "late": (503, {"error": "not handled yet; it goes on"}),
    "unavailable": (503, {"error": "the store of handled deliveries is not available"}),
}


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
        self._on_event = as_async(on_event)
        self._construct = construct
        self._claims = Claims(store)
        self._answer_within = answer_within
        self._tasks: dict[str, asyncio.Task[Outcome]] = {}

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one delivery."""
        try:
            body = await request.read()
        except web.HTTPException as exc:  # larger than the application allows
            return _rejected(exc.status, exc.reason)
        except Exception as exc:  # noqa: BLE001 - a stranger may send anything, and gets a 400 for it
            request.content.feed_eof()  # aiohttp would read the rest, and log a traceback
            response = _rejected(400, f"the body could not be read ({type(exc).__name__})")
            response.force_close()
            return response
        try:
            event = self._construct(body, request.headers)
        except WebhookVerificationError as exc:
            return _rejected(401, str(exc))
        key = hashlib.sha256(event.type.encode("utf-8", "replace") + b"\0" + event.body).hexdigest()
        task = self._tasks.get(key)
        is_new = task is None or task.get_loop().is_closed()
        if task is None or is_new:
            task = self._tasks[key] = asyncio.create_task(self._handle_once(event, key))
            task.add_done_callback(lambda _: self._tasks.pop(key))
        if self._claims.was_handled(key):
            return _response("duplicate")
        if not is_new:
            return _response("running")
        done, _ = await asyncio.wait({task}, timeout=self._answer_within)
        if not done:
            return _response("handled" if self._claims.was_handled(key) else "late")
        return _response("failed" if task.cancelled() else task.result())

    async def drain(self) -> None:
        """Wait until everything that this event loop took on is handled; for the application's shutdown."""
        loop = asyncio.get_running_loop()
        while tasks := {task for task in list(self._tasks.values()) if task.get_loop() is loop}:
            await asyncio.wait(tasks)

    async def _handle_once(self, event: Event, key: str) -> Outcome:
        claim = await self._claims.claim(key)
        if claim != "new":
            return "unavailable" if claim is None else "duplicate" if claim == "done" else "running"
        # A task of its own: whatever on_event raises, cancellation included, ends that task and not this one.
        work = asyncio.create_task(self._call(event))
        try:
            while not (await asyncio.wait({work}, timeout=_EXTEND_EVERY))[0]:
                await self._claims.extend(key)
        except asyncio.CancelledError:  # the program ends
            work.cancel()
            await asyncio.wait({work})
            await self._claims.settle(key, handled=_outcome(work) is None)
            raise
        failure = _outcome(work)
        if failure is not None:
            _log.error("the handler of %r failed", event.type, exc_info=failure)
        await self._claims.settle(key, handled=failure is None)
        return "handled" if failure is None else "failed"

    async def _call(self, event: Event) -> BaseException | None:
        """Call `on_event`; what it raised is returned, because a task that raises `SystemExit` ends the event loop."""
        try:
            await self._on_event(event)
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # noqa: BLE001 - whatever the caller's function raises is answered with 500
            return exc
        return None


def as_async(on_event: OnEvent) -> Callable[[Event], Any]:
    """The function as an async one: a plain function runs in a thread, so that it does not block the event loop.

    Raises:
        ConfigurationError: it is a generator function, which does nothing when it is called.
    """
    if inspect.isgeneratorfunction(on_event) or inspect.isasyncgenfunction(on_event):
        raise ConfigurationError("on_event must not be a generator function: its body would never run; remove `yield`")
    if inspect.iscoroutinefunction(on_event) or inspect.iscoroutinefunction(type(on_event).__call__):
        return on_event

    def call(event: Event) -> tuple[Any, BaseException | None]:
        try:
            return on_event(event), None
        except BaseException as exc:  # noqa: BLE001 - a future cannot hold each of them: StopIteration would hang it
            return None, exc

    async def handle(event: Event) -> None:
        context = copy_context()
        work = asyncio.get_running_loop().run_in_executor(None, lambda: context.run(call, event))
        is_cancelled = False
        while not work.done():
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:  # a thread cannot be cancelled, and its outcome counts
                is_cancelled = True
        result, error = work.result()
        if error is not None:
            raise error
        if inspect.isawaitable(result):
            if is_cancelled:
                if inspect.iscoroutine(result):
                    result.close()
                raise asyncio.CancelledError
            await result

    return handle


def _outcome(work: "asyncio.Task[BaseException | None]") -> BaseException | None:
    """What `on_event` raised."""
    return _failure(work) or work.result()


def _failure(work: "asyncio.Future[Any]") -> BaseException | None:
    return asyncio.CancelledError() if work.cancelled() else work.exception()


def _response(outcome: Outcome) -> web.Response:
    status, body = _RESPONSES[outcome]
    return web.json_response(body, status=status)


def _rejected(status: int, reason: str) -> web.Response:
    _log.warning("a webhook delivery was rejected with %d: %s", status, reason)
    return web.json_response({"error": reason}, status=status)


def as_handler(deliveries: Deliveries) -> Handler:
    """A plain async function, which is what aiohttp wants as a handler."""

    async def handle(request: web.Request) -> web.Response:
        return await deliveries.answer(request)

    handle.drain = deliveries.drain  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    return cast("Handler", handle)
