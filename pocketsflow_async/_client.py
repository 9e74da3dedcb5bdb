"""The client that users hold: settings and resources."""

from functools import cached_property
from typing import Literal

from pocketsflow_async import _annotated
from pocketsflow_async._base_client import Client
from pocketsflow_async._config import (
    MAX_RESPONSE_SIZE,
    MODES,
    Mode,
    RateLimit,
    RetryPolicy,
    Secret,
    check_address,
    check_key,
)
from pocketsflow_async._credentials import Key
from pocketsflow_async._generated.pocketsflow.resources import Resources


class Pocketsflow(Client, Resources):
    """A client of the Pocketsflow API.

    Use it as `async with Pocketsflow() as pf:`, or close it with `await pf.aclose()`. One client serves any number
    of concurrent calls of one event loop.

    Args:
        api_key: the key; else the environment variable POCKETSFLOW_API_KEY.
        base_url: the address; else POCKETSFLOW_BASE_URL, else https://api.pocketsflow.com. A path in it is kept.
        timeout: seconds for one try; None for no limit.
        rate_limit: the limits to keep, together with all clients of this process that have the same host, key and
            limits; a `RateLimiter` of your own; or None to keep none.
        retry: when failed tries are repeated; an int is the number of further attempts, so 0 never repeats.
        session: your own aiohttp session, which is not closed here. Its proxies, certificates and middlewares are
            used, its credentials are not.
        allow_insecure: accept plain http to hosts other than this machine.
        strict: `"warn"` compares every answer with the spec and warns once (`SpecDriftWarning`) of each field and enum
            value that it does not know. An answer takes about three times as long to read.
        max_response_size: the most bytes of one response, counted after decompression; None for no limit. A response
            that is larger raises `APIResponseError`.

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
        timeout: float | None = 30.0,
        rate_limit: "RateLimit | _annotated.RateLimiter | None" = RateLimit(),  # noqa: B008 - frozen
        retry: RetryPolicy | int = RetryPolicy(),  # noqa: B008 - frozen
        session: "_annotated.ClientSession | None" = None,
        allow_insecure: bool = False,
        strict: Literal["warn"] | None = None,
        max_response_size: int | None = MAX_RESPONSE_SIZE,
    ) -> None:
        key = check_key(api_key, variable=self.KEY_VARIABLE)
        self._mode: Mode = _mode_of(key)
        address = check_address(
            base_url, variable=self.URL_VARIABLE, default=self.BASE_URL, allow_insecure=allow_insecure
        )
        Client.__init__(
            self,
            address,
            Key(key),
            timeout=timeout,
            rate_limit=rate_limit,
            retry=retry,
            session=session,
            strict=strict,
            max_response_size=max_response_size,
        )
        Resources.__init__(self, self._connection)

    @cached_property
    def preview(self) -> "_annotated.Preview":
        """Endpoints that the documentation names without giving a path; their first use warns."""
        from pocketsflow_async.preview import Preview

        return Preview(self._connection)

    @property
    def mode(self) -> Mode:
        """Which data the key sees: `"live"`, `"test"`, or `"unknown"` for a key without a known prefix."""
        return self._mode

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._base_url} mode={self._mode}>"


def _mode_of(key: Secret) -> Mode:
    text = key.reveal()
    for prefix, mode in MODES.items():
        if text.startswith(prefix):
            return mode
    return "unknown"
