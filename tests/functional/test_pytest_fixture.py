import asyncio
from typing import Any

import pytest

from pocketsflow_async import Pocketsflow
from pocketsflow_async.sandbox import Sandbox


async def orders(sandbox: Sandbox) -> int:
    """How many orders the sandbox has."""
    async with Pocketsflow("pk_test_sandbox", base_url=sandbox.url) as pf:
        return len(await pf.orders.list().collect())


async def test_async_tests_have_a_sandbox(pocketsflow_sandbox: Sandbox) -> None:
    """The fixture comes with the package: nothing is imported for it."""
    assert await orders(pocketsflow_sandbox) == 50


def test_plain_tests_have_a_sandbox(pocketsflow_sandbox: Sandbox) -> None:
    """A test that is not async can use it as well, and look at what came."""
    assert asyncio.run(orders(pocketsflow_sandbox)) == 50
    assert pocketsflow_sandbox.requests["GET", "/orders", 200] == 1


class TestOptions:
    """Where a fixture of one's own gives the options."""

    @pytest.fixture
    def pocketsflow_sandbox_options(self) -> dict[str, Any]:
        return {"orders": 3}

    async def test_the_options_can_be_given(self, pocketsflow_sandbox: Sandbox) -> None:
        """Another fixture of the options' name makes another sandbox."""
        assert await orders(pocketsflow_sandbox) == 3
