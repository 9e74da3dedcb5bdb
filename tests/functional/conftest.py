from collections.abc import AsyncIterator

import pytest

from pocketsflow_async import Pocketsflow
from pocketsflow_async.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(orders=230, seed=3, rate_limit=None) as sandbox:
        yield sandbox


@pytest.fixture
async def pf(sandbox: Sandbox) -> AsyncIterator[Pocketsflow]:
    async with Pocketsflow("pk_test_sandbox", base_url=sandbox.url, rate_limit=None) as pf:
        yield pf
