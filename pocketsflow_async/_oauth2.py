"""OAuth 2.0 as credentials: access granted by a user, renewed in time, once for all calls, and never lost."""

import asyncio
import copy
import inspect
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal
from urllib.parse import quote_plus

import attrs

from pocketsflow_async import _annotated
from pocketsflow_async._authorization import AuthorizationRequest, authorization_request
from pocketsflow_async._config import RetryPolicy, Secret, check_base_url
from pocketsflow_async._connection import Connection
from pocketsflow_async._credentials import Key
from pocketsflow_async._invalid_requests import invalid_requests
from pocketsflow_async._operation import Operation
from pocketsflow_async._refusals import explained
from pocketsflow_async._tokens import Issued, Tokens, is_sendable, issued, read_tokens
from pocketsflow_async.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    PocketsflowError,
)

OnTokens = Callable[[Tokens], Any]
"""Stores new tokens; a plain function or an async one."""

_TOKEN: Operation[Any] = Operation("oauth.token", "POST", "", "", idempotency="never", auth=False, urlencoded=True)
# A refresh that may have arrived may have spent its refresh token: it is not repeated, as no write is without a key.
_TOKEN_BASIC = _TOKEN._replace(auth=True)

_PAUSE = 10.0
"""Seconds until another try, where renewing ahead of time failed and the token is good for some time yet."""
_FORCED = 3
"""Renewals within a minute that refused tokens may cause: where new ones are refused too, more would not help."""


class OAuth2:
    """Access by OAuth 2.0: an authorization code once, then tokens that are renewed.

    One object serves any number of clients of one event loop. Tokens are renewed a minute before they end (sooner than
    a tenth of their life only if that is less) and when one is refused, once for all calls that wait.

    Args:
        client_id: of your application.
        client_secret: of your application; None for one that has none.
        access_token: from an earlier authorization.
        refresh_token: from an earlier authorization.
        expires_at: when that access token ends; unknown when None.
        token_url: where codes and refresh tokens are exchanged.
        authorization_url: where users grant access.
        redirect_uri: where they come back to.
        on_tokens: called with the new `Tokens`, and awaited if it is async, before they are used. Where it raises,
            they are neither used nor forgotten: the calls fail with a `ConfigurationError`, and the next one hands
            them over again. It must not use the client itself.
        client_auth: whether the token address is shown id and secret in the `"body"` or by HTTP `"basic"`.
        timeout: seconds for one request to the token address.
        retry: for requests to the token address that certainly did not arrive; others are not repeated.
        session: your own aiohttp session for the token address, which is not closed here.
        allow_insecure: accept plain http to hosts other than this machine.
        clock: seconds that never go back; tokens and refusals are timed by it.

    Raises:
        ConfigurationError: a setting cannot be used.
    """

    AUTHORIZATION_URL: ClassVar[str] = ""
    TOKEN_URL: ClassVar[str] = ""
    SCOPES: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str | None = None,
        access_token: str | None = None,
        refresh_token: str | None = None,
        expires_at: datetime | None = None,
        token_url: str | None = None,
        authorization_url: str | None = None,
        redirect_uri: str | None = None,
        on_tokens: OnTokens | None = None,
        client_auth: Literal["body", "basic"] = "body",
        timeout: float = 30.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        session: "_annotated.ClientSession | None" = None,
        allow_insecure: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_texts(client_id, client_secret, access_token, refresh_token)
        if client_auth not in {"body", "basic"}:
            raise ConfigurationError(f'client_auth must be "body" or "basic", not {client_auth!r}')
        self.client_id = client_id
        self._client_secret = Secret(client_secret or "")
        self._token_url = token_url or self.TOKEN_URL  # a slash at its end is part of it
        check_base_url(self._token_url, allow_insecure=allow_insecure, setting="token_url")
        self._authorization_url = check_base_url(
            authorization_url or self.AUTHORIZATION_URL, allow_insecure=allow_insecure, setting="authorization_url"
        )
        self._redirect_uri = redirect_uri
        self._on_tokens = on_tokens
        self._client_auth = client_auth
        self._timeout = timeout
        self._retry = retry
        self._session = session
        self._clock = clock
        self._budget = invalid_requests(self._token_url, clock)
        given = Tokens(access_token or "", refresh_token, expires_at)
        self._used = issued(given, _until(expires_at), clock())
        self._pending: Issued | None = None
        self._refusal: AuthenticationError | None = None
        self._generation = 0
        self._forced: deque[float] = deque(maxlen=_FORCED)
        self._task: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------------- what programs call

    @property
    def tokens(self) -> Tokens | None:
        """The newest tokens, also those that `on_tokens` could not store yet; None before the first."""
        newest = (self._pending or self._used).tokens
        return newest if newest.access_token or newest.refresh_token else None

    def authorize_url(
        self,
        *,
        state: str | None = None,
        scopes: Iterable[str] | None = None,
        redirect_uri: str | None = None,
        pkce: bool = True,
    ) -> AuthorizationRequest:
        """Where to send a user to grant access.

        Args:
            state: comes back with the user; a random one when None.
            scopes: what is asked for; all that there are when None.
            redirect_uri: where they come back to; as given to the constructor when None.
            pkce: whether to bind the code to a secret of this request (S256).
        """
        return authorization_request(
            self._authorization_url,
            client_id=self.client_id,
            redirect_uri=redirect_uri or self._redirect_uri,
            scopes=self.SCOPES if scopes is None else scopes,
            state=state,
            pkce=pkce,
        )

    async def exchange(self, code: str, *, verifier: str | None = None, redirect_uri: str | None = None) -> Tokens:
        """Turn the code that a user came back with into tokens, which are used from now on.

        Look at `state` before: refused codes count against the limit of invalid requests.

        Args:
            code: from the query that the user came back with.
            verifier: of the `AuthorizationRequest`.
            redirect_uri: the one that the user was sent with; as given to the constructor when None.

        Raises:
            AuthenticationError: the code was refused.
            ConfigurationError: `on_tokens` raised, or the address refused too many requests.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri or self._redirect_uri}
        if verifier is not None:
            form["code_verifier"] = verifier
        while self._task is not None and self._flying():
            await asyncio.wait({self._running(self._task)})
        await self._outcome(self._begin(self._exchange(form)))
        return self._used.tokens

    async def refresh(self) -> Tokens:
        """Renew the tokens now, together with whoever is at it already.

        Raises:
            AuthenticationError: the refresh token was refused: authorize anew.
            ConfigurationError: there is no refresh token, `on_tokens` raised, or the address refused too many requests.
        """
        if self._pending is None and not self._used.tokens.refresh_token:
            raise ConfigurationError("there is no refresh token: authorize with authorize_url() and exchange()")
        await self._renew()
        return self._used.tokens

    def __repr__(self) -> str:
        return f"<{type(self).__name__} client_id={self.client_id!r}>"

    def __reduce__(self) -> Any:
        raise TypeError("OAuth2 is not pickled: it holds secrets; build it anew from them")

    # ------------------------------------------------------------------------------------- what clients ask

    @property
    def authorization(self) -> str:
        """The header's value, as of now."""
        return f"Bearer {self._used.tokens.access_token}"

    @property
    def identity(self) -> str:
        """Requests are counted by application."""
        return self.client_id

    @property
    def renewal(self) -> "OAuth2":
        """We renew ourselves."""
        return self

    @property
    def generation(self) -> int:
        """Counts the tokens that were in use."""
        return self._generation

    async def ready(self) -> None:
        """Wait until there is an access token that may be sent."""
        used = self._used
        if self._pending is None:
            if used.tokens.access_token and self._clock() < used.renew_at:
                return
            if not used.tokens.refresh_token:
                if used.tokens.access_token:
                    return  # whether it is over the server knows
                raise ConfigurationError("there are no tokens: authorize with authorize_url() and exchange()")
        try:
            await self._renew()
        except PocketsflowError:
            now, used = self._clock(), self._used
            if self._pending is not None or not used.tokens.access_token or now >= used.expires_at:
                raise
            if now >= used.renew_at:
                self._used = attrs.evolve(used, renew_at=min(now + _PAUSE, used.expires_at))

    async def refused(self, generation: int) -> bool:
        """See to it that another access token is in use than the one of that generation."""
        if generation != self._generation:
            return True
        if self._pending is None and not self._used.tokens.refresh_token:
            return False
        if not self._flying():
            now = self._clock()
            if len(self._forced) == _FORCED and now - self._forced[0] < 60.0:
                return False
            self._forced.append(now)
        await self._renew()
        return True

    async def settled(self) -> None:
        """Wait until nothing is being renewed."""
        task = self._task
        here = task is not None and task.get_loop() is asyncio.get_running_loop()
        if task is not None and here and task is not asyncio.current_task():
            await asyncio.wait({task})

    # ------------------------------------------------------------------------------------- one at a time

    def _flying(self) -> bool:
        return self._task is not None and not self._task.done() and not self._task.get_loop().is_closed()

    async def _renew(self) -> None:
        task = self._task if self._flying() else None
        await self._outcome(self._begin(self._renewal()) if task is None else self._running(task))

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work in a task of its own: whoever waits for it may be cancelled, and the tokens arrive all the same."""
        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(_look)
        return self._task

    def _running(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        if task is asyncio.current_task():
            raise ConfigurationError("on_tokens used the client, which waits for it: let it only store the tokens")
        if task.get_loop() is not asyncio.get_running_loop():
            raise ConfigurationError("the tokens are being renewed in another event loop: use one OAuth2 for each")
        return task

    async def _outcome(self, task: asyncio.Task[None]) -> None:
        await asyncio.wait({task})
        if task.cancelled():
            raise APIConnectionError("the event loop ended while the tokens were renewed")
        failure = task.exception()
        if isinstance(failure, PocketsflowError):
            error = copy.copy(failure)  # each that waits raises one of its own
            error.__cause__ = failure.__cause__
            raise error
        if failure is not None:
            raise failure

    async def _renewal(self) -> None:
        if self._pending is None:
            if self._refusal is not None:
                raise copy.copy(self._refusal)
            token = self._used.tokens.refresh_token or ""
            try:
                self._pending = await self._ask({"grant_type": "refresh_token", "refresh_token": token})
            except AuthenticationError as exc:
                self._refusal = exc
                raise
        await self._hand_over(self._pending)

    async def _exchange(self, form: dict[str, str | None]) -> None:
        self._pending = await self._ask(form)
        await self._hand_over(self._pending)

    async def _hand_over(self, new: Issued) -> None:
        """Let the tokens be stored, then use them."""
        failure: BaseException | None = None
        if self._on_tokens is not None:
            try:
                stored = self._on_tokens(new.tokens)
                if inspect.isawaitable(stored):
                    await stored
            except asyncio.CancelledError as exc:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                failure = exc
            except Exception as exc:  # noqa: BLE001 - whatever it is, the tokens are not stored
                failure = exc
        if failure is None:
            self._used, self._pending, self._refusal = new, None, None
            self._generation += 1
            return
        error = ConfigurationError(
            f"on_tokens raised {type(failure).__name__}: the new tokens are not used; they are kept (see `tokens`), "
            "and the next call hands them over again"
        )
        if not _shows(failure, new.tokens):
            error.__cause__ = failure
        raise error

    async def _ask(self, form: dict[str, str | None]) -> Issued:
        secret = self._client_secret.reveal()
        operation, key = _TOKEN, Key(Secret(""))
        if self._client_auth == "basic":
            pair = f"{quote_plus(self.client_id)}:{quote_plus(secret)}"
            operation, key = _TOKEN_BASIC, Key(Secret(b64encode(pair.encode()).decode()), scheme="Basic")
        else:
            form = {**form, "client_id": self.client_id, "client_secret": secret or None}
        connection = Connection(
            self._token_url, key, timeout=self._timeout, quota=self._budget, retry=self._retry, session=self._session
        )
        error: PocketsflowError
        try:
            response = await connection.send(operation, body=form)
            return read_tokens(response, self._clock(), refresh_token=form.get("refresh_token"))
        except APIStatusError as exc:
            hidden = [secret, key.identity, *(text for text in form.values() if text), self._used.tokens.access_token]
            error = explained(exc, form["grant_type"] or "", hidden)
        except APIResponseError as exc:
            error = exc
        finally:
            await connection.aclose()
        raise error  # out here, without what it was made from


def _look(task: asyncio.Task[None]) -> None:
    """Take note of an outcome for which nobody waits any more."""
    if not task.cancelled():
        task.exception()


def _shows(failure: BaseException, tokens: Tokens) -> bool:
    """Whether the text of an error, or of one that it came from, holds a token."""
    seen: BaseException | None = failure
    hidden = [text for text in (tokens.access_token, tokens.refresh_token) if text]
    while seen is not None:
        told = f"{seen} {seen!r} {getattr(seen, '__notes__', ())!r} {vars(seen)!r}"
        if any(text in told for text in hidden):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _until(moment: datetime | None) -> float | None:
    if moment is None:
        return None
    if moment.utcoffset() is None:
        raise ConfigurationError("expires_at has no time zone: give an aware datetime")
    return (moment - datetime.now(UTC)).total_seconds()


def _check_texts(client_id: Any, client_secret: Any, access_token: Any, refresh_token: Any) -> None:
    if not isinstance(client_id, str) or not client_id:
        raise ConfigurationError("client_id must be text and not empty")
    for name, value in (("client_secret", client_secret), ("refresh_token", refresh_token)):
        if value is not None and (not isinstance(value, str) or not value):
            raise ConfigurationError(f"{name} must be text and not empty")
    if access_token is not None and not is_sendable(access_token):
        raise ConfigurationError("access_token has white space or control characters in it: copy the token again")
