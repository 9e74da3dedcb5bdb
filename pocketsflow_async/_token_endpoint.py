"""Asks a token endpoint for tokens."""

import time
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote_plus

import attrs

from pocketsflow_async._config import RetryPolicy, Secret
from pocketsflow_async._connection import Connection
from pocketsflow_async._credentials import Key
from pocketsflow_async._invalid_requests import InvalidRequests
from pocketsflow_async._operation import Operation
from pocketsflow_async._refusals import explained, without_body
from pocketsflow_async._tokens import Issued, read_tokens
from pocketsflow_async.errors import APIResponseError, APIStatusError, PocketsflowError

if TYPE_CHECKING:
    from aiohttp import ClientSession

_TOKEN: Operation[Any] = Operation("oauth.token", "POST", "", "", idempotency="never", auth=False, urlencoded=True)
# A refresh that may have arrived may have spent its refresh token: it is not repeated, as no write is without a key.
_TOKEN_BASIC = _TOKEN._replace(auth=True)


@attrs.define
class TokenEndpoint:
    """One token endpoint, and how a client authenticates there.

    Attributes:
        client_auth: whether id and secret are sent in the `"body"` or by HTTP `"basic"`.
        budget: counts what the endpoint rejects.
    """

    url: str
    client_id: str
    client_secret: Secret = attrs.field(repr=False)
    client_auth: Literal["body", "basic"]
    timeout: float | None
    retry: RetryPolicy | int
    session: "ClientSession | None"
    budget: InvalidRequests
    clock: Callable[[], float] = time.monotonic

    async def request(self, form: dict[str, str | None], known: tuple[str, ...] = ()) -> Issued:
        """The tokens for a grant.

        Args:
            form: the fields of the request.
            known: further secrets that must show in no error.

        Raises:
            AuthenticationError: the grant or the client was rejected.
            PocketsflowError: there is no usable response.
        """
        secret = self.client_secret.reveal()
        sent = filter(None, (secret, *map(form.get, ("refresh_token", "code", "code_verifier"))))
        secrets = (*sent, *known)
        operation, key = _TOKEN, Key(Secret(""), others=secrets)
        if self.client_auth == "basic":
            pair = f"{quote_plus(self.client_id)}:{quote_plus(secret)}"
            operation = _TOKEN_BASIC
            key = Key(Secret(b64encode(pair.encode()).decode()), scheme="Basic", others=(*secrets, pair))
        else:
            form = {**form, "client_id": self.client_id, "client_secret": secret or None}
        connection = Connection(
            self.url, key, timeout=self.timeout, quota=self.budget, retry=self.retry, session=self.session
        )
        error: PocketsflowError
        try:
            response = await connection.send(operation, body=form)
            return read_tokens(response, self.clock(), refresh_token=form.get("refresh_token"))
        except APIStatusError as exc:
            error = explained(exc, form["grant_type"] or "")
        except APIResponseError as exc:
            error = without_body(exc)
        finally:
            await connection.aclose()
        raise error  # out here, without what it was made from
