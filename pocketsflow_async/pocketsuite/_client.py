"""The client of PocketSuite's gateway, and where its users grant access."""

from typing import Any, Literal

from pocketsflow_async import _annotated, _oauth2
from pocketsflow_async._base_client import Client
from pocketsflow_async._config import MAX_RESPONSE_SIZE, RateLimit, RetryPolicy, check_address
from pocketsflow_async._generated.pocketsuite.resources import Resources
from pocketsflow_async._operation import Operation
from pocketsflow_async._provisional import Warner
from pocketsflow_async.errors import ConfigurationError


class OAuth2(_oauth2.OAuth2):
    """Access to a PocketSuite account."""

    __doc__ = _oauth2.OAuth2.__doc__

    AUTHORIZATION_URL = "https://api.pocketsuite.io/gateway/oauth/authorize"
    TOKEN_URL = "https://api.pocketsuite.io/gateway/oauth/token"  # noqa: S105 - an address
    SCOPES = ("read:bookings", "read:payments", "read:clients", "write:clients", "read:subaccounts")


class PocketSuite(Client, Resources):
    """A client of PocketSuite's gateway.

    Use it as `async with PocketSuite(oauth) as ps:`, or close it with `await ps.aclose()`. One client serves any number
    of concurrent calls of one event loop.

    Args:
        auth: who the client is.
        base_url: the address; else POCKETSUITE_BASE_URL, else https://api.pocketsuite.io/gateway/v1/zapier.
        timeout: seconds for one try; None for no limit.
        rate_limit: the limits to keep, together with all clients of this process that have the same host, `client_id`
            and limits; a `RateLimiter` of your own; or None to keep none. PocketSuite documents no limit: one request
            a second on average, and 60 at once, is what we think considerate.
        retry: when failed tries are repeated; an int is the number of further attempts. A call whose access token is
            refused is repeated once with a new one, if `attempts` allows.
        session: your own aiohttp session, which is not closed here. It does not serve the token address: `OAuth2` has
            a setting of its own.
        allow_insecure: accept plain http to hosts other than this machine.
        strict: `"warn"` compares every answer with the spec and warns once (`SpecDriftWarning`) of each field and enum
            value that it does not know.
        max_response_size: the most bytes of one response, counted after decompression; None for no limit. A response
            that is larger raises `APIResponseError`.

    Raises:
        ConfigurationError: no usable address, or a setting that means nothing.
    """

    URL_VARIABLE = "POCKETSUITE_BASE_URL"
    BASE_URL = "https://api.pocketsuite.io/gateway/v1/zapier"

    def __init__(
        self,
        auth: _oauth2.OAuth2,
        *,
        base_url: str | None = None,
        timeout: float | None = 30.0,
        rate_limit: "RateLimit | _annotated.RateLimiter | None" = RateLimit(sustained=60, burst=60),  # noqa: B008 - frozen
        retry: RetryPolicy | int = RetryPolicy(),  # noqa: B008 - frozen
        session: "_annotated.ClientSession | None" = None,
        allow_insecure: bool = False,
        strict: Literal["warn"] | None = None,
        max_response_size: int | None = MAX_RESPONSE_SIZE,
    ) -> None:
        if not isinstance(auth, _oauth2.OAuth2):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"auth must be an OAuth2, not a {type(auth).__name__}")
        address = check_address(
            base_url, variable=self.URL_VARIABLE, default=self.BASE_URL, allow_insecure=allow_insecure
        )
        Client.__init__(
            self,
            address,
            auth,
            timeout=timeout,
            rate_limit=rate_limit,
            retry=retry,
            session=session,
            strict=strict,
            max_response_size=max_response_size,
        )
        Resources.__init__(self, Warner(self._connection, explain=_inferred))


def _inferred(operation: Operation[Any]) -> str:
    return f"{operation.method} {operation.path} is inferred; the documentation names what it does, but no more"
