"""The client that users hold: settings, resources, and the way to any other endpoint."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from pocketsflow_async._config import (
    Mode,
    RateLimit,
    RequestOptions,
    RetryPolicy,
    check_base_url,
    check_key,
    mode_of,
)
from pocketsflow_async._connection import Connection
from pocketsflow_async._generated.pocketsflow.resources import Resources
from pocketsflow_async._request import any_operation
from pocketsflow_async._response import decode_any
from pocketsflow_async._unset import UNSET

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from pocketsflow_async._quota import QuotaState, RateLimiter
    from pocketsflow_async.preview import Preview


class Pocketsflow(Resources):
    """A client of the Pocketsflow API.

    Use it as `async with Pocketsflow() as pf:`, or close it with `await pf.aclose()`. One client serves any number
    of concurrent calls of one event loop.

    Args:
        api_key: the key; else the environment variable POCKETSFLOW_API_KEY.
        base_url: the address; else POCKETSFLOW_BASE_URL, else https://api.pocketsflow.com. A path in it is kept.
        timeout: seconds for one try.
        rate_limit: the limits to keep, together with all clients of this process that have the same host, key and
            limits; a `RateLimiter` of your own; or None to keep none.
        retry: when failed tries are repeated.
        session: your own aiohttp session, which is not closed here. Its own silent second sending of GET, PUT and
            DELETE on dropped connections stays as it is.
        allow_insecure: accept plain http to hosts other than this machine.
        strict: `"warn"` compares every answer with the spec and warns once (`SpecDriftWarning`) of each field and enum
            value that it does not know. Answers take about twice the time to read.

    Raises:
        ConfigurationError: no usable key or address, or a setting that means nothing.
    """

    KEY_VARIABLE = "POCKETSFLOW_API_KEY"
    URL_VARIABLE = "POCKETSFLOW_BASE_URL"
    BASE_URL = "https://api.pocketsflow.com"

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = 30.0,
        rate_limit: "RateLimit | RateLimiter | None" = RateLimit(),  # noqa: B008 - frozen
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        session: "ClientSession | None" = None,
        allow_insecure: bool = False,
        strict: Literal["warn"] | None = None,
    ) -> None:
        key = check_key(api_key, variable=self.KEY_VARIABLE)
        self._mode: Mode = mode_of(key)
        self._base_url = check_base_url(
            base_url or os.environ.get(self.URL_VARIABLE) or self.BASE_URL, allow_insecure=allow_insecure
        )
        self._connection = Connection(
            self._base_url,
            key,
            timeout=timeout,
            rate_limit=rate_limit,
            retry=retry,
            session=session,
            strict=strict,
        )
        super().__init__(self._connection)

    @cached_property
    def preview(self) -> "Preview":
        """Endpoints that the documentation names without giving a path; their first use warns."""
        from pocketsflow_async.preview import Preview

        return Preview(self._connection)

    @property
    def mode(self) -> Mode:
        """Which data the key sees: `"live"`, `"test"`, or `"unknown"` for a key without a known prefix."""
        return self._mode

    @property
    def quota(self) -> "QuotaState | None":
        """The quota as it is now: tokens, used, waiting, and when a call would go; None for a client without one."""
        quota = self._connection.quota
        return None if quota is None else quota.state()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = UNSET,
        options: RequestOptions | None = None,
    ) -> Any:
        """Ask any endpoint, documented or not, with the client's key, quota and retries.

        A write is repeated after a failure only if it certainly did not arrive, or if `options` bring an
        `idempotency_key`.

        Args:
            method: such as `"GET"`.
            path: below the base address, beginning with a slash, without a query.
            params: the query; None and UNSET are left out.
            json: the body.
            options: what this call does differently from its client.

        Returns:
            The decoded JSON as plain Python data; None for an empty answer.

        Raises:
            InvalidArgumentError: the method or path cannot be sent.
            APIResponseError: the answer is not JSON.
        """
        operation = any_operation(method, path)
        response = await self._connection.send(operation, params=params, body=json, options=options)
        return decode_any(response)

    def spec_patch(self) -> str:
        """All that answers held so far and the spec does not know: YAML to paste into the spec, empty for nothing.

        Raises:
            ConfigurationError: the client was built without `strict="warn"`.
        """
        return self._connection.spec_patch()

    async def aclose(self) -> None:
        """Close the client and the session that it opened; calls made later are refused."""
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        await self._connection.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._base_url} mode={self._mode}>"

    def __reduce__(self) -> Any:
        raise TypeError("a client is not pickled: it holds the key and open connections")
