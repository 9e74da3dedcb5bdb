"""What the tests of PocketSuite share: a clock that both sides go by, and a place where tokens are stored."""

import asyncio
from typing import Any

from pocketsflow_async import PocketsflowError, RetryPolicy
from pocketsflow_async.pocketsuite import PocketSuite, Tokens
from pocketsflow_async.sandbox.pocketsuite import PocketSuiteSandbox

TOKEN = "/gateway/oauth/token"
NOTES = "/gateway/v1/zapier/client/notes"
QUICK = RetryPolicy(attempts=3, base_delay=0.0)


class Clock:
    """Seconds that move when a test says so; one for each test, since refusals are remembered by clock."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Vault:
    """Stores tokens as a program would; async, and broken on demand."""

    def __init__(self) -> None:
        self.stored: list[Tokens] = []
        self.failures: list[BaseException] = []

    async def __call__(self, tokens: Tokens) -> None:
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        self.stored.append(tokens)


def client(sandbox: PocketSuiteSandbox, oauth: Any, **settings: Any) -> PocketSuite:
    """A client without a quota, quick to try again."""
    return PocketSuite(oauth, base_url=sandbox.url, **{"rate_limit": None, "retry": QUICK, **settings})


def asked(sandbox: PocketSuiteSandbox, path: str = TOKEN) -> dict[int, int]:
    """How often a path was asked, by status."""
    return {status: times for (_, route, status), times in sandbox.requests.items() if route == path}


async def many(ps: PocketSuite, times: int = 50) -> list[object]:
    """So many calls at once, and what became of them."""
    calls = (ps.client_notes.create(note=f"note {number}") for number in range(times))
    return await asyncio.gather(*calls, return_exceptions=True)


def errors(outcomes: list[object]) -> list[PocketsflowError]:
    return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
