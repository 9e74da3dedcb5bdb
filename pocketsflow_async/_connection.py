"""Opens the executor and everything heavy behind it at first use, off the event loop, and closes it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pocketsflow_async._config import (
    MAX_RESPONSE_SIZE,
    RequestOptions,
    RetryPolicy,
    check_retry,
    check_session,
    check_size,
)
from pocketsflow_async._values import shown
from pocketsflow_async.errors import ConfigurationError

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from pocketsflow_async._credentials import Credentials
    from pocketsflow_async._drift import Drift
    from pocketsflow_async._executor import Executor
    from pocketsflow_async._operation import Operation
    from pocketsflow_async._page import Unread
    from pocketsflow_async._quota import Turns
    from pocketsflow_async._response import Response

T = TypeVar("T")


class Connection:
    """What the resources of one client call through.

    Args:
        base_url: the checked address.
        credentials: who the client is.
        timeout: seconds for one try.
        quota: what every try waits for; None for nothing.
        retry: the client's policy.
        session: somebody else's aiohttp session, or None to open one.
        strict: whether to warn of what answers hold that the spec does not know.
        max_response_size: the most bytes of a response; None for no limit.
    """

    def __init__(
        self,
        base_url: str,
        credentials: "Credentials",
        *,
        timeout: float | None,
        quota: "Turns | None",
        retry: RetryPolicy | int,
        session: "ClientSession | None",
        strict: Literal["warn"] | None = None,
        max_response_size: int | None = MAX_RESPONSE_SIZE,
    ) -> None:
        check_session(session)
        self._base_url = base_url
        self._credentials = credentials
        self._timeout = RequestOptions(timeout=timeout).timeout  # refuses what is no number of seconds
        self.quota = quota
        self._retry = check_retry(retry)
        self._session = session
        self._max_response_size = check_size(max_response_size)
        self._drift = _drift(strict, credentials)
        self._executor: Executor | None = None
        self._closed = False

    async def open(self) -> "Executor":
        """The executor, made ready: aiohttp, the decoders and the converter are loaded in a thread."""
        if not self._closed:
            import asyncio

            await asyncio.to_thread(_load)
        if self._closed:
            raise ConfigurationError("the client is closed: build a new one")
        if self._executor is None:
            from pocketsflow_async._executor import Executor
            from pocketsflow_async._transport import Transport

            transport = Transport(
                self._base_url,
                self._credentials,
                timeout=self._timeout,
                session=self._session,
                max_response_size=self._max_response_size,
            )
            self._executor = Executor(
                transport,
                self.quota,
                self._retry,
                drift=self._drift,
                renewal=self._credentials.renewal,
                secrets=lambda: self._credentials.secrets,
            )
        return self._executor

    async def call(self, operation: "Operation[T]", **arguments: Any) -> T:
        """Carry out an operation and give back its typed answer."""
        executor = self._executor or await self.open()
        return await executor.call(operation, **arguments)

    async def fetch(self, operation: "Operation[Any]", **arguments: Any) -> "Unread":
        """One page of a list, not decoded yet."""
        executor = self._executor or await self.open()
        return await executor.fetch(operation, **arguments)

    async def request(self, operation: "Operation[Any]", **arguments: Any) -> Any:
        """Carry out an operation and give back its answer as plain data, whatever its shape."""
        executor = self._executor or await self.open()
        return await executor.request(operation, **arguments)

    async def send(self, operation: "Operation[Any]", **arguments: Any) -> "Response":
        """Carry out an operation and give back its 2xx answer as bytes."""
        executor = self._executor or await self.open()
        return await executor.send(operation, **arguments)

    def spec_patch(self) -> str:
        """What answers held so far that the spec does not know, as YAML."""
        if self._drift is None:
            raise ConfigurationError('the client does not compare answers with the spec: build it with strict="warn"')
        return self._drift.patch()

    async def aclose(self) -> None:
        """Close what was opened; every later call is refused, and those that wait to be sent end at once."""
        self._closed = True
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.idle.close()
        if self._credentials.renewal is not None:
            await self._credentials.renewal.settled()
        if self.quota is not None:
            from pocketsflow_async._shared_quota import keep

            keep(self.quota)
        if executor is not None:
            await executor.transport.aclose()


def _drift(strict: Any, credentials: "Credentials") -> "Drift | None":
    if strict is None:
        return None
    if not isinstance(strict, str) or strict != "warn":
        raise ConfigurationError(f'strict must be "warn" or None, not {shown(strict)}')
    from pocketsflow_async._drift import Drift

    return Drift(lambda: credentials.secrets)


def _load() -> None:
    import_module("pocketsflow_async._transport")
    import_module("pocketsflow_async._executor")
