from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import attrs
import pytest

from pocketsflow_async.sandbox import Sandbox

KEY = "pk_test_sandbox"


@attrs.frozen
class Answer:
    """One answer: its status, headers (any case) and decoded body."""

    status: int
    headers: Any
    body: Any
    raw: bytes


Ask = Callable[..., Awaitable[Answer]]


class Clock:
    """Seconds that move when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def asking() -> AsyncIterator[Callable[[Sandbox], Ask]]:
    """Turns a running sandbox into a function that asks it something."""
    async with aiohttp.ClientSession() as session:

        def to(sandbox: Sandbox) -> Ask:
            async def ask(verb: str, path: str, *, key: str | None = KEY, **options: Any) -> Answer:
                headers = {} if key is None else {"Authorization": f"Bearer {key}"}
                headers |= options.pop("headers", {})
                async with session.request(verb, sandbox.url + path, headers=headers, **options) as response:
                    body = await response.json() if verb != "HEAD" else None
                    return Answer(response.status, response.headers, body, await response.read())

            return ask

        yield to


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """300 orders and no quota."""
    async with Sandbox(orders=300, rate_limit=None) as running:
        yield running


@pytest.fixture
def ask(sandbox: Sandbox, asking: Callable[[Sandbox], Ask]) -> Ask:
    """Asks the sandbox of 300 orders."""
    return asking(sandbox)
