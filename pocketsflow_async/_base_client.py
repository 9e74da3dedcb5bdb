"""What every client is, whatever API it is for: settings, a connection, and the way to any endpoint."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pocketsflow_async import _annotated
from pocketsflow_async._config import RateLimit, RequestOptions, RetryPolicy
from pocketsflow_async._connection import Connection
from pocketsflow_async._credentials import Credentials
from pocketsflow_async._unset import UNSET


class Client:
    """A client of one API; the resources come from what was generated for it.

    Args:
        base_url: the checked address.
        credentials: who the client is.
        timeout: seconds for one try.
        rate_limit: as the user gave it.
        retry: when failed tries are repeated.
        session: the user's own aiohttp session, or None.
        strict: whether answers are compared with the spec.
        max_response_size: the most bytes of a response, or None.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        timeout: float | None,
        rate_limit: "RateLimit | _annotated.RateLimiter | None",
        retry: RetryPolicy | int,
        session: "_annotated.ClientSession | None",
        strict: Literal["warn"] | None,
        max_response_size: int | None,
    ) -> None:
        self._base_url = base_url
        from pocketsflow_async._shared_quota import quota_of

        self._quota = quota_of(rate_limit, base_url, credentials.identity)
        self._connection = Connection(
            base_url,
            credentials,
            timeout=timeout,
            quota=self._quota,
            retry=retry,
            session=session,
            strict=strict,
            max_response_size=max_response_size,
        )

    @property
    def base_url(self) -> str:
        """The address that is asked, without a slash at its end."""
        return self._base_url

    @property
    def quota(self) -> "_annotated.QuotaState | None":
        """The quota as it is now: tokens, used, waiting, and when a call would go; None for a client without one."""
        return None if self._quota is None else self._quota.state()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = UNSET,
        options: RequestOptions | None = None,
    ) -> Any:
        """Ask any endpoint, documented or not, with the client's credentials, quota and retries.

        A write is repeated after a failure only if it certainly did not arrive, or if `options` bring an
        `idempotency_key`.

        Args:
            method: such as `"GET"`.
            path: below the base address, beginning with a slash, without a query.
            params: the query, by name; a list gives several values of one name, None and UNSET are left out.
            json: the body.
            options: what this call does differently from its client.

        Returns:
            The decoded JSON as plain Python data; None for an empty answer.

        Raises:
            InvalidArgumentError: the method, the path, a parameter or the body cannot be sent.
            APIResponseError: the answer is not JSON.
        """
        from pocketsflow_async._request import any_operation, check_params

        operation = any_operation(method, path)
        check_params(operation.name, params)
        return await self._connection.request(operation, params=params, body=json, options=options)

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
        return f"<{type(self).__name__} {self._base_url}>"

    def __reduce__(self) -> Any:
        raise TypeError("a client is not pickled: it holds the key and open connections")
