"""The grants that several `OAuth2` objects of this process share: one refreshes at a time, and all use the result."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Hashable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from hashlib import blake2b
from threading import Lock
from weakref import WeakValueDictionary

from pocketsflow_async._tokens import Issued

_known: "WeakValueDictionary[Hashable, Grant]" = WeakValueDictionary()
_lock = Lock()

_NAMES = 16
"""Refresh tokens by which a grant is known at most: the last ones."""


class _Turn:
    """Held by the one that refreshes."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.over: Future[None] = Future()


class Grant:
    """What one user granted to one application.

    Attributes:
        newest: the tokens that were issued last in this process; None where none were.
        names: the keys by which it is known.
    """

    def __init__(self) -> None:
        self.newest: Issued | None = None
        self.names: deque[Hashable] = deque()
        self._held: _Turn | None = None
        self._lock = Lock()

    @asynccontextmanager
    async def alone(self, patience: float) -> AsyncGenerator[None]:
        """Keep the others away, in whatever event loop they are.

        Args:
            patience: seconds after which another's turn is ended, unless its event loop runs.
        """
        mine = _Turn()
        while (other := self._take(mine)) is not None:
            done, _ = await asyncio.wait({asyncio.wrap_future(other.over)}, timeout=patience)
            if not done and not other.loop.is_running():
                self._drop(other)
        try:
            yield
        finally:
            self._drop(mine)

    def _take(self, mine: _Turn) -> _Turn | None:
        with self._lock:
            if self._held is None or self._held.loop.is_closed():
                self._held = mine
            return None if self._held is mine else self._held

    def _drop(self, turn: _Turn) -> None:
        with self._lock:
            if self._held is turn:
                self._held = None
        if not turn.over.done():
            turn.over.set_result(None)


def grant_of(place: Hashable, refresh_token: str | None, grant: Grant | None = None) -> Grant:
    """The grant that a refresh token belongs to.

    Args:
        place: the token endpoint and the application.
        refresh_token: of the grant.
        grant: the grant for which this refresh token was issued now; known under it from now on.
    """
    key = place, blake2b((refresh_token or "").encode("utf-8", "surrogatepass")).digest()
    with _lock:
        found = grant or (_known.get(key) if refresh_token else None) or Grant()
        if refresh_token:
            _known[key] = found
            if key not in found.names:
                found.names.append(key)
            if len(found.names) > _NAMES and _known.get(former := found.names.popleft()) is found:
                del _known[former]
        return found
