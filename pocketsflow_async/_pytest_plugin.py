"""What pytest finds when the package is installed: the fixture `pocketsflow_sandbox`.

The sandbox runs in a thread with an event loop of its own, so that plain and async tests can use it alike, whatever
plugin runs the async ones.
"""

import asyncio
from collections.abc import Iterator
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pocketsflow_async.sandbox import Sandbox


@pytest.fixture
def pocketsflow_sandbox_options() -> dict[str, Any]:
    """The arguments of the sandbox; define a fixture of this name to give others."""
    return {"orders": 50, "rate_limit": None}


@pytest.fixture
def pocketsflow_sandbox(pocketsflow_sandbox_options: dict[str, Any]) -> "Iterator[Sandbox]":
    """A local Pocketsflow for one test; its key is `pk_test_sandbox`, its address `.url`."""
    from pocketsflow_async.sandbox import Sandbox

    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="pocketsflow_sandbox", daemon=True)
    thread.start()
    sandbox = Sandbox(**pocketsflow_sandbox_options)
    try:
        asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result()
        try:
            yield sandbox
        finally:
            asyncio.run_coroutine_threadsafe(sandbox.aclose(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
