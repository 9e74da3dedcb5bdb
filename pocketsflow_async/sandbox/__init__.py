"""A local Pocketsflow that behaves: for tests, for trying things out, and for exports of any size.

async with Sandbox(orders=5000, seed=7) as sandbox:
    async with Pocketsflow("pk_test_sandbox", base_url=sandbox.url) as pf:
        ...
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from pocketsflow_async._config import RateLimit, check_clock, check_flag
from pocketsflow_async._json import is_collection
from pocketsflow_async._values import is_text, shown
from pocketsflow_async.errors import ConfigurationError, InvalidArgumentError
from pocketsflow_async.sandbox._calls import Refused
from pocketsflow_async.sandbox._checkout import complete
from pocketsflow_async.sandbox._control import Control
from pocketsflow_async.sandbox._deliveries import Deliveries, Delivery
from pocketsflow_async.sandbox._docs import Docs
from pocketsflow_async.sandbox._events import tell_of_checkout
from pocketsflow_async.sandbox._faults import Fault, Faults
from pocketsflow_async.sandbox._forms import UploadedFile
from pocketsflow_async.sandbox._ids import MOST_RECORDS
from pocketsflow_async.sandbox._quota import Quota
from pocketsflow_async.sandbox._routes import Routes, read_spec
from pocketsflow_async.sandbox._server import Server
from pocketsflow_async.sandbox._shop import Shop
from pocketsflow_async.sandbox._site import NOT_RUNNING, Site, check_limit, check_whole
from pocketsflow_async.sandbox._store import Store
from pocketsflow_async.sandbox._validation import compile_checks

__all__ = ["Delivery", "Fault", "Faults", "RateLimit", "Sandbox", "Shop", "UploadedFile"]


class Sandbox(Site):
    """A Pocketsflow server on this machine, with invented data and the documented quota.

    The same seed and number of orders give the same records on every machine. Changes made through the API
    live as long as this object; `async with` or `start` and `aclose` only open and close the port.

    Args:
        orders: how many orders there are; customers, refunds and the rest follow from them.
        seed: another seed, other data.
        host: the address to listen on.
        port: 0 takes any free one.
        rate_limit: what each key may ask, and each address where no key is needed; None for no limit.
        keys: the bearer keys that are let in.
        clock: seconds that only ever grow; the quota is counted with it.
        wall_clock: seconds since 1970; webhook deliveries and dates in `Retry-After` are told by it.
        deliver_anywhere: whether webhooks on other machines are told of events too.
        preview: whether the endpoints with inferred paths are there too; without them they answer 404.

    Attributes:
        faults: what goes wrong; nothing, until something is added.
        shop: changes orders while somebody reads them.

    Raises:
        ConfigurationError: an argument cannot be used, or jsonschema is not installed.
    """

    def __init__(
        self,
        *,
        orders: int = 500,
        seed: int = 7,
        host: str = "127.0.0.1",
        port: int = 0,
        rate_limit: RateLimit | None = RateLimit(),  # noqa: B008 - frozen
        keys: Iterable[str] = ("pk_test_sandbox",),
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        deliver_anywhere: bool = False,
        preview: bool = True,
    ) -> None:
        check_whole("orders", orders, 0, MOST_RECORDS)
        check_whole("seed", seed)
        check_whole("port", port, 0, 65535)
        for name, flag in (("deliver_anywhere", deliver_anywhere), ("preview", preview)):
            check_flag(name, flag)
        for name, function in (("clock", clock), ("wall_clock", wall_clock)):
            check_clock(name, function)
        known = _known_keys(keys)
        check_limit(rate_limit)
        quota = None if rate_limit is None else Quota(rate_limit, clock)
        spec = read_spec()
        specs = [spec, read_spec("pocketsflow_preview")] if preview else [spec]
        super().__init__(
            host=host,
            port=port,
            faults=Faults(seed, {path for one in specs for path in one["paths"]}),
            deliveries=Deliveries(wall_clock, anywhere=deliver_anywhere),
        )
        self._store = Store(orders, seed)
        self.shop = Shop(self._store, seed, wall_clock)
        checks = {route: check for one in reversed(specs) for route, check in compile_checks(one).items()}
        self._server = Server(
            store=self._store,
            routes=Routes(*specs),
            checks=checks,
            keys=frozenset(known),
            quota=quota,
            faults=self.faults,
            done=lambda: self._deliveries.send_all(self._store),
            wall_clock=wall_clock,
        )
        self._control = Control(self.faults, Docs(spec), self._complete, lambda: self.url, self.shop)

    async def complete_checkout(self, session_id: str, *, email: str | None = None) -> dict[str, Any]:
        """Pay on a checkout page, as its buyer would.

        Args:
            session_id: the `id` of the checkout session.
            email: of the buyer; else the one that was given for the session.

        Returns:
            The new order, or for a subscription offer the new membership, as the API shows it.

        Raises:
            ConfigurationError: the sandbox is not running.
            InvalidArgumentError: the page cannot be paid on.
        """
        for name, text in (("session_id", session_id), ("email", "" if email is None else email)):
            if not is_text(text):
                raise InvalidArgumentError(f"complete_checkout: {name} must be text, not {shown(text)}")
        if self._runner is None:
            raise ConfigurationError(NOT_RUNNING)
        try:
            record = msgspec.json.encode(self._complete(session_id, email))
        except Refused as refused:
            raise InvalidArgumentError(refused.message) from None
        return msgspec.json.decode(record, type=dict[str, Any])

    def _complete(self, session_id: str, email: str | None) -> dict[str, Any]:
        outcome = complete(self._store, session_id, email)
        tell_of_checkout(self._store, outcome)
        self._deliveries.send_all(self._store)
        return outcome.record


def _known_keys(keys: Any) -> tuple[str, ...]:
    known: tuple[Any, ...] = tuple(keys) if is_collection(keys) else ()
    if not known or not all(isinstance(key, str) and key and key == key.strip() for key in known):
        raise ConfigurationError("keys must be texts with no space around them, such as ('pk_test_sandbox',)")
    return known
