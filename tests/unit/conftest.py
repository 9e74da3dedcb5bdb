import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from transports import Transports


@pytest.fixture
async def transport() -> AsyncIterator[Transports]:
    """Makes transports and closes them when the test is over."""
    async with Transports() as transports:
        yield transports


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
