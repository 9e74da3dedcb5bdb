"""An address on this machine where a sandbox answers: opened, closed, and its requests counted."""

import math
from collections import Counter
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from pocketsflow_async._config import RateLimit
from pocketsflow_async._values import is_text, shown, whole
from pocketsflow_async.errors import ConfigurationError
from pocketsflow_async.sandbox._control import Control
from pocketsflow_async.sandbox._deliveries import Deliveries, Delivery
from pocketsflow_async.sandbox._faults import Faults
from pocketsflow_async.sandbox._forms import UploadedFile
from pocketsflow_async.sandbox._origins import same_origin_only
from pocketsflow_async.sandbox._server import Server

NOT_RUNNING = "the sandbox is not running: use `async with` or await start() first"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - named to be replaced in the address


class Site:
    """What all sandboxes have in common. A subclass fills in `_server` and `_control` before it is started.

    Args:
        host: the address to listen on.
        port: 0 takes any free one.
        faults: what goes wrong.
        deliveries: where events go.

    Attributes:
        faults: what goes wrong; nothing, until something is added.
    """

    _server: Server
    _control: Control

    def __init__(self, *, host: str, port: int, faults: Faults, deliveries: Deliveries) -> None:
        if not is_text(host) or not host:
            raise ConfigurationError(f"host must be the address to listen on, as text, not {shown(host)}")
        self.faults = faults
        self._deliveries = deliveries
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """The base address, such as http://127.0.0.1:8787.

        Raises:
            ConfigurationError: the sandbox is not running.
        """
        if self._runner is None:
            raise ConfigurationError(NOT_RUNNING)
        return self._url

    @property
    def received(self) -> int:
        """How many requests have come, refused ones included."""
        return self._server.received

    @property
    def requests(self) -> Counter[tuple[str, str, int]]:
        """How often each (verb, route, status) has come.

        The route is as in the spec, or `*` if none fits; the status is 0 when a fault left no answer.
        """
        return self._server.requests

    @property
    def work(self) -> Counter[tuple[str, str]]:
        """How often the work of each (verb, route) was really done, whatever became of the answer."""
        return self._server.work

    @property
    def uploads(self) -> list[UploadedFile]:
        """The last 1000 files that came, oldest first, whatever their requests were answered."""
        return list(self._server.uploads)

    @property
    def deliveries(self) -> list[Delivery]:
        """The last 1000 deliveries to webhooks that have come to an end, oldest first."""
        return list(self._deliveries.done)

    async def delivered(self) -> None:
        """Wait until no delivery to a webhook is on its way."""
        await self._deliveries.settled()

    async def start(self) -> None:
        """Open the port.

        Raises:
            ConfigurationError: the port cannot be opened, or is open already.
        """
        if self._runner is not None:
            raise ConfigurationError(f"the sandbox is already running at {self._url}")
        app = self._server.application(self._control)
        app.middlewares.append(same_origin_only(self._host))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as exc:
            await runner.cleanup()
            reason = exc.strerror or str(exc)
            raise ConfigurationError(
                f"the sandbox cannot listen on {self._host}, port {self._port} ({reason}): "
                "choose another port, or 0 for any free one"
            ) from exc
        host, port = runner.addresses[0][:2]
        host = str(_EVERYWHERE.get(host, host))
        self._url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._runner = runner

    async def aclose(self) -> None:
        """Close the port and every connection; the records stay. Closing twice does no harm."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._server.stop()
            await runner.cleanup()
            await self._deliveries.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


def check_whole(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> None:
    """Refuse what is no whole number within these bounds."""
    found = whole(value)
    if found is None or not least <= found <= most:
        span = "" if math.isinf(most) else f" from {least} to {most}"
        raise ConfigurationError(f"{name} must be a whole number{span}, not {shown(value)}")


def check_limit(limit: Any) -> None:
    """Refuse what is no limit of requests."""
    if limit is not None and not isinstance(limit, RateLimit):
        raise ConfigurationError(f"rate_limit must be a RateLimit or None, not {shown(limit)}")
