"""Webhooks delivered for real: signed, once, in the background, and only to this machine unless told otherwise."""

import asyncio
import hmac
from collections import deque
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

import aiohttp
import attrs
import msgspec
from yarl import URL

from pocketsflow_async.sandbox._store import Record, Store

_MOST: Final = 1000
_TIMEOUT: Final = 5.0


@attrs.frozen
class Delivery:
    """One event on its way to one webhook, and what became of it.

    Attributes:
        event: its name.
        webhook_id: who was told.
        url: where.
        status: what was answered; None when nothing was.
        error: why nothing was answered; None when something was.
    """

    event: str
    webhook_id: str
    url: str
    status: int | None = None
    error: str | None = None


class Deliveries:
    """Sends events to the webhooks that want them.

    Args:
        clock: seconds since 1970, for the timestamp.
        anywhere: whether other machines are told too.

    Attributes:
        done: the last deliveries, oldest first.
    """

    def __init__(self, clock: Callable[[], float], *, anywhere: bool) -> None:
        self.done: deque[Delivery] = deque(maxlen=_MOST)
        self._clock = clock
        self._anywhere = anywhere
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def send_all(self, store: Store) -> None:
        """Set everything on its way that the store wants to tell."""
        for told in store.take_told():
            for webhook in reversed(store.table("webhooks").newest_first()):
                wants = webhook["active"] and told.event in webhook["events"]
                if told.webhook_id == webhook["_id"] or (told.webhook_id is None and wants):
                    self._send(told.event, told.payload, webhook, store.webhook_secrets[webhook["_id"]])

    def _send(self, event: str, payload: Record, webhook: Record, secret: str) -> None:
        delivery = Delivery(event, webhook["_id"], webhook["url"])
        body = msgspec.json.encode({**payload, "webhookId": delivery.webhook_id})
        headers = {
            "X-Pocketsflow-Event": event,
            "X-Pocketsflow-Signature": hmac.digest(secret.encode(), body, "sha256").hex(),
            "X-Pocketsflow-Timestamp": str(round(self._clock() * 1000)),
        }
        self.send(delivery, body, headers)

    def send(self, delivery: Delivery, body: bytes, headers: dict[str, str]) -> None:
        """Set one delivery on its way."""
        url = URL(delivery.url)
        if not self._anywhere and not _is_here(url.host or ""):
            error = "not an address of this machine; Sandbox(deliver_anywhere=True) delivers there too"
            self.done.append(attrs.evolve(delivery, error=error))
            return
        if len(self._tasks) >= _MOST:
            self.done.append(attrs.evolve(delivery, error=f"{_MOST} deliveries are on their way already"))
            return
        headers = {"Content-Type": "application/json", **headers}
        task = asyncio.create_task(self._deliver(delivery, url, body, headers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery, url: URL, body: bytes, headers: dict[str, str]) -> None:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                delivery = attrs.evolve(delivery, status=response.status)
        except TimeoutError:
            delivery = attrs.evolve(delivery, error=f"no answer within {_TIMEOUT:.0f} seconds")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            delivery = attrs.evolve(delivery, error=f"{type(error).__name__}: {error}")
        self.done.append(delivery)

    async def settled(self) -> None:
        """Wait until nothing is on its way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def aclose(self) -> None:
        """Give up what is still on its way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def is_web_address(text: str) -> bool:
    """Whether events could be sent there."""
    try:
        url = URL(text)
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
