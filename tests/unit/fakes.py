"""What the unit tests put in the place of the network and of time."""

import asyncio
import functools
import pickle
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec

from multidict import CIMultiDict
from virtual_loop import VirtualLoop

from pocketsflow_async import Page
from pocketsflow_async._operation import Operation, Paging
from pocketsflow_async._page import RawPage, Unread
from pocketsflow_async._request import Request
from pocketsflow_async._response import Response
from pocketsflow_async.errors import APIConnectionError
from pocketsflow_async.models import Pagination

P = ParamSpec("P")


def virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Runs an async test in a loop of its own whose time is not waited for; no task may outlive the test."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(_alone(test(*args, **kwargs)))

    return run


async def _alone(test: Coroutine[Any, Any, None]) -> None:
    await test
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left behind: {left}"


def now() -> float:
    """Seconds since the virtual loop began."""
    return asyncio.get_running_loop().time()


async def settle() -> None:
    """Let everything run that can run without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Let everything run until the condition holds."""
    while True:
        if condition():
            return
        await asyncio.sleep(0)


class Clock:
    """Seconds that move when a test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


Reply = Response | Callable[[], Exception] | Callable[[Request], Awaitable[Response]]


class FakeTransport:
    """Answers with scripted replies in turn, the last one again and again, and remembers what was sent when."""

    def __init__(self, *replies: Any, latency: float = 0.0) -> None:
        self.replies = deque(replies)
        self.latency = latency
        self.requests: list[Request] = []
        self.times: list[float] = []
        self.closed = False

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        self.times.append(now())
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        if self.latency:
            await asyncio.sleep(self.latency)
        if isinstance(reply, Response):
            return reply
        raise reply()

    async def aclose(self) -> None:
        self.closed = True


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> Response:
    """An answer; `retry_after="3"` becomes the header `Retry-After: 3`."""
    return Response(status, CIMultiDict({name.replace("_", "-"): text for name, text in headers.items()}), body)


def lost() -> Exception:
    """The request may have arrived; no answer came."""
    return APIConnectionError("lost", received=True)


def refused() -> Exception:
    """The request never arrived."""
    return APIConnectionError("refused", received=False)


def pickled(value: Any) -> Any:
    """What comes back from a pickle of the value."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes


MESSAGE = "pocketsflow_async._generated.pocketsflow.wire.common:MESSAGE"


def operation(**changes: Any) -> Operation[Any]:
    """A read that is answered with a message, unless changed."""
    fields = {"name": "things.get", "method": "GET", "path": "/things", "answer": MESSAGE, "idempotency": "safe"}
    return Operation(**(fields | changes))


class FakeCaller:
    """A list of so many records, served page by page in the style that the operation names."""

    def __init__(self, total: int, *, latency: Callable[[int], float] = lambda _: 0.0) -> None:
        self.total = total
        self.latency = latency
        self.asked: list[dict[str, Any]] = []
        self.options: list[Any] = []
        self.in_flight = self.most_in_flight = self.given_up = 0
        self.failing: dict[int, Exception] = {}

    async def call(self, operation, *, ids=(), params=None, body=None, options=None) -> Page[int]:
        assert ids == ()
        assert (body if operation.paging.style == "body-page" else params) is not None
        self.options.append(options)
        return await self._serve(operation.paging, params if body is None else body)

    async def fetch(self, operation, *, raw=False, **arguments: Any) -> Unread:
        page = await self.call(operation, **arguments)
        return lambda: RawPage(page.items, page.pagination) if raw else page

    async def _serve(self, paging: Paging, asked: dict[str, Any]) -> Page[int]:
        number = len(self.asked)
        self.asked.append(asked)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency(number))
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        finally:
            self.in_flight -= 1
        if number in self.failing:
            raise self.failing[number]
        return self.page(paging, asked)

    def page(self, paging: Paging, asked: dict[str, Any]) -> Page[int]:
        if paging.style == "none":
            return Page(items=list(range(self.total)))
        if paging.style == "offset":
            begin = asked.get("offset", 0)
            return Page(items=list(range(begin, min(begin + asked["limit"], self.total))))
        current, size = asked.get("page", 1), asked.get("pageSize", 20)
        pages = -(-self.total // size)
        told = Pagination(current_page=current, total_pages=pages, has_more=current < pages)
        items = list(range((current - 1) * size, min(current * size, self.total)))
        return Page(items=items, has_more=told.has_more, pagination=told)
