"""The claims that this process holds on deliveries, over a store that may fail or hang."""

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any, Final

from pocketsflow_async._values import shown

if TYPE_CHECKING:
    from pocketsflow_async._webhook_handler import Claim, EventStore

LEASE = 60.0
"""Seconds after which a claim that was not extended, finished or released expires."""

_PAUSES = (0.0, 0.05, 0.2)
"""Seconds before each attempt to report an outcome to the store."""

_TIMEOUT = 10.0
"""Seconds that one call of the store may take."""

_UNREPORTED = 10_000
"""Outcomes that the store could not take, remembered in this process at most."""

_CLAIMS: Final[list["Claim"]] = ["new", "running", "done"]
_FAILED: Final = object()
_log = logging.getLogger("pocketsflow_async.webhooks")


class Claims:
    """Claims deliveries in a store. An outcome that the store could not take is reported with the next delivery."""

    def __init__(self, store: "EventStore") -> None:
        self._store = store
        self._can_extend = callable(getattr(store, "extend", None))
        self._unreported: dict[str, tuple[bool, float]] = {}

    def was_handled(self, key: str) -> bool:
        """Whether a delivery was handled, and the store has not taken it yet."""
        return self._unreported.get(key, (False, 0.0))[0]

    async def claim(self, key: str) -> "Claim | None":
        """What the store says; None where it fails."""
        if self.was_handled(key):
            await self.settle(key, handled=True)
            return "done"
        _, until = self._unreported.pop(key, (False, 0.0))
        if until > asyncio.get_running_loop().time():  # later the claim has expired, and may be another process's
            await self._call("release", key)
        claim = await self._call("claim", key)
        if isinstance(claim, str) and claim in _CLAIMS:
            return _CLAIMS[_CLAIMS.index(claim)]
        if claim is not _FAILED:
            _log.error('the claim of a store must return "new", "running" or "done", not %s', shown(claim))
        return None

    async def extend(self, key: str) -> None:
        """Begin the lease of a claim again, if the store can."""
        if self._can_extend:
            await self._call("extend", key)

    async def settle(self, key: str, *, handled: bool) -> None:
        """Report an outcome; where the store fails, a few times."""
        self._unreported[key] = handled, asyncio.get_running_loop().time() + LEASE
        if len(self._unreported) > _UNREPORTED:
            del self._unreported[next(iter(self._unreported))]
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            if await self._call("finish" if handled else "release", key) is not _FAILED:
                self._unreported.pop(key, None)
                return

    async def _call(self, name: str, key: str) -> Any:
        """The result of a method; `_FAILED`, and an error in the log, where it raised, was cancelled or is too slow."""

        async def call() -> tuple[Any, BaseException | None]:
            try:
                result = getattr(self._store, name)(key)
                return (await result if inspect.isawaitable(result) else result), None
            except KeyboardInterrupt:
                raise
            except BaseException as exc:  # noqa: BLE001 - a task that raises SystemExit would end the event loop
                return None, exc

        work = asyncio.create_task(call())
        try:
            done, _ = await asyncio.wait({work}, timeout=_TIMEOUT)
        finally:
            work.cancel()  # nothing, where it is done
        if not done:
            _log.error("the store could not %s a delivery within %g s", name, _TIMEOUT)
            return _FAILED
        result, failure = (None, asyncio.CancelledError()) if work.cancelled() else work.result()
        if failure is None:
            return result
        _log.error("the store could not %s a delivery", name, exc_info=failure)
        return _FAILED
