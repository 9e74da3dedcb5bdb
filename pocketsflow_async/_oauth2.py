"""OAuth 2.0 as credentials: access granted by a user, renewed in time, once for all calls, and never lost."""

import copy
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, ClassVar, Literal

import attrs

from pocketsflow_async import _annotated
from pocketsflow_async._authorization import AuthorizationRequest, authorization_request
from pocketsflow_async._config import RetryPolicy, Secret, check_base_url
from pocketsflow_async._grants import grant_of
from pocketsflow_async._invalid_requests import invalid_requests
from pocketsflow_async._oauth2_settings import (
    check_identity,
    check_scopes,
    check_settings,
    check_texts,
    check_transfer,
    seconds_until,
)
from pocketsflow_async._refusals import is_final
from pocketsflow_async._shared_quota import hashable
from pocketsflow_async._single_flight import SingleFlight
from pocketsflow_async._token_endpoint import TokenEndpoint
from pocketsflow_async._token_store import LoadTokens, OnTokens, TokenLock, TokenStore
from pocketsflow_async._tokens import Issued, Tokens, issued
from pocketsflow_async._values import shown
from pocketsflow_async.errors import AuthenticationError, ConfigurationError, InvalidArgumentError, PocketsflowError

_PAUSE = 10.0
"""Seconds until another try, where renewing ahead of time failed and the token is good for some time yet."""
_ABANDONED = 90.0
"""Seconds after which a refresh by another `OAuth2` of this process is not waited for, if its event loop stopped."""
_SPENT = 8
"""Former tokens that are still kept out of errors."""
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
        load_tokens: called before each refresh where several processes share one grant. A function, plain or async,
            that returns the `Tokens` that were stored last, or None. Tokens of another process are used, and nothing
            is sent.
        lock: held from `load_tokens` until `on_tokens` has returned, so that one process refreshes at a time: an async
            context manager, or a function that returns one.
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
        load_tokens: LoadTokens | None = None,
        lock: TokenLock | None = None,
        client_auth: Literal["body", "basic"] = "body",
        timeout: float = 30.0,
        retry: RetryPolicy | int = RetryPolicy(),  # noqa: B008 - frozen
        session: "_annotated.ClientSession | None" = None,
        allow_insecure: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_identity(client_id, client_secret, access_token, refresh_token)
        check_settings(client_auth=client_auth, redirect_uri=redirect_uri, expires_at=expires_at)
        check_transfer(timeout=timeout, retry=retry, session=session, clock=clock)
        self.client_id = client_id
        self._client_secret = Secret(client_secret or "")
        self._token_url = self.TOKEN_URL if token_url is None else token_url  # a slash at its end is part of it
        check_base_url(self._token_url, allow_insecure=allow_insecure, setting="token_url")
        self._authorization_url = check_base_url(
            self.AUTHORIZATION_URL if authorization_url is None else authorization_url,
            allow_insecure=allow_insecure,
            setting="authorization_url",
        )
        self._redirect_uri = redirect_uri
        self._store = TokenStore(on_tokens, load_tokens, lock)
        self._clock = clock
        self._endpoint = TokenEndpoint(
            url=self._token_url,
            client_id=client_id,
            client_secret=self._client_secret,
            client_auth=client_auth,
            timeout=timeout,
            retry=retry,
            session=session,
            budget=invalid_requests(self._token_url, clock),
            clock=clock,
        )
        given = Tokens(access_token or "", refresh_token, expires_at)
        self._used = issued(given, seconds_until(expires_at), clock())
        self._grant = grant_of(self._place, refresh_token)
        self._spent: deque[Secret] = deque(maxlen=_SPENT)
        self._is_fresh = False
        self._loaded: Tokens | None = None
        self._pending: Issued | None = None
        self._refusal: AuthenticationError | None = None
        self._generation = 0
        self._forced: deque[float] = deque(maxlen=_FORCED)
        self._flight = SingleFlight()

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
        check_texts("oauth.authorize_url", state=state, redirect_uri=redirect_uri)
        if not isinstance(pkce, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgumentError(f"oauth.authorize_url: pkce must be True or False, not {shown(pkce)}")
        return authorization_request(
            self._authorization_url,
            client_id=self.client_id,
            redirect_uri=redirect_uri or self._redirect_uri,
            scopes=self.SCOPES if scopes is None else check_scopes("oauth.authorize_url", scopes),
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
            InvalidArgumentError: there is no code; nothing was sent.
            AuthenticationError: the code was refused.
            ConfigurationError: `on_tokens` raised, or the address refused too many requests.
        """
        check_texts("oauth.exchange", required="code", code=code, verifier=verifier, redirect_uri=redirect_uri)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri or self._redirect_uri}
        if verifier is not None:
            form["code_verifier"] = verifier
        await self._flight.wait()
        await self._flight.run(self._exchange(form))
        return self._used.tokens

    async def refresh(self) -> Tokens:
        """Renew the tokens now, together with whoever is at it already.

        Raises:
            AuthenticationError: the refresh token was refused: authorize anew.
            ConfigurationError: there is no refresh token, `on_tokens` raised, or the address refused too many requests.
        """
        if not self._can_renew():
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
    def secrets(self) -> tuple[str, ...]:
        """What must show in no error: the client secret, and tokens in use, before and after."""
        issues = [self._used.tokens, *([self._pending.tokens] if self._pending else [])]
        texts = [text for one in issues for text in (one.access_token, one.refresh_token) if text]
        return (self._client_secret.reveal(), *texts, *(spent.reveal() for spent in self._spent))

    @property
    def renewal(self) -> "OAuth2":
        """We renew ourselves."""
        return self

    @property
    def generation(self) -> int:
        """Counts the tokens that were in use."""
        return self._generation

    @property
    def is_fresh(self) -> bool:
        """Whether the tokens in use were issued to this object, not to another one."""
        return self._is_fresh

    async def ready(self) -> None:
        """Wait until there is an access token that may be sent."""
        used = self._used
        if self._pending is None:
            if used.tokens.access_token and self._clock() < used.renew_at:
                return
            if not self._can_renew():
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
        if not self._can_renew():
            return False
        now, begins = self._clock(), not self._flight.is_flying()
        may_send = len(self._forced) < _FORCED or now - self._forced[0] >= 60.0
        if begins and may_send:
            self._forced.append(now)
        await self._renew(may_send=may_send)
        if begins and may_send and not self._is_fresh and now in self._forced:
            self._forced.remove(now)  # nothing was sent
        return generation != self._generation

    async def settled(self) -> None:
        """Wait until nothing is being renewed."""
        await self._flight.settled()

    # ------------------------------------------------------------------------------------- one at a time

    @property
    def _place(self) -> tuple[object, ...]:
        return self._token_url, self.client_id, hashable(self._clock)

    def _can_renew(self) -> bool:
        return self._pending is not None or bool(self._used.tokens.refresh_token) or self._store.load_tokens is not None

    async def _renew(self, *, may_send: bool = True) -> None:
        """Get newer tokens: those that somebody else got, else, where it may be sent, by a request."""
        await (self._flight.join() if self._flight.is_flying() else self._flight.run(self._renewal(may_send)))

    async def _renewal(self, may_send: bool) -> None:
        async with self._grant.alone(_ABANDONED), self._store.locked():
            if self._pending is None and not await self._found_newer() and may_send:
                await self._refresh()
            if self._pending is not None:
                await self._hand_over(self._pending)

    async def _found_newer(self) -> bool:
        """Whether another process or object has got tokens since; those that are good for some time are used."""
        stored, self._loaded = self._loaded, await self._store.load()
        newer, is_stored = self._grant.newest, False
        if self._loaded is not None and self._loaded != stored and self._is_news(self._loaded):
            newer, is_stored = issued(self._loaded, seconds_until(self._loaded.expires_at), self._clock()), True
            self._publish(newer)
        if newer is None or not self._is_news(newer.tokens):
            return False
        if not newer.tokens.access_token or self._clock() >= newer.renew_at:  # to be refreshed
            self._replace(newer)
            return False
        if is_stored:
            self._use(newer, fresh=False)
        else:
            self._pending, self._is_fresh = newer, False
        return True

    def _is_news(self, tokens: Tokens) -> bool:
        """Whether tokens are others than those in use, and were not in use before: a store may lag behind."""
        used = self._used.tokens
        former = {one.reveal() for one in self._spent}
        is_other = (tokens.access_token, tokens.refresh_token) != (used.access_token, used.refresh_token)
        return is_other and (tokens.access_token or tokens.refresh_token) not in former

    async def _refresh(self) -> None:
        """Get new tokens for the refresh token."""
        if self._refusal is not None:
            raise copy.copy(self._refusal)
        token = self._used.tokens.refresh_token
        if not token:
            if not self._used.tokens.access_token:
                raise ConfigurationError("there are no tokens: authorize with authorize_url() and exchange()")
            return
        try:
            form: dict[str, str | None] = {"grant_type": "refresh_token", "refresh_token": token}
            self._pending = await self._endpoint.request(form, self.secrets)
        except AuthenticationError as exc:
            if not is_final(exc):
                raise
            if await self._found_newer():  # somebody else used this refresh token first
                return
            if self._used.tokens.refresh_token == token:
                self._refusal = exc
            raise
        self._is_fresh = True
        self._publish(self._pending)

    def _publish(self, new: Issued) -> None:
        """Let the other objects of this process find the tokens, whichever of the grant's refresh tokens they have."""
        self._grant.newest = new
        grant_of(self._place, new.tokens.refresh_token, self._grant)

    async def _exchange(self, form: dict[str, str | None]) -> None:
        async with self._store.locked():
            self._pending = await self._endpoint.request(form, self.secrets)
            self._is_fresh = True
            self._grant = grant_of(self._place, self._pending.tokens.refresh_token)
            self._grant.newest = self._pending
            await self._hand_over(self._pending)

    async def _hand_over(self, new: Issued) -> None:
        """Let the tokens be stored, then use them."""
        await self._store.store(new.tokens)
        self._use(new, fresh=self._is_fresh)

    def _use(self, new: Issued, *, fresh: bool) -> None:
        self._replace(new)
        self._pending = None
        self._is_fresh = fresh
        self._generation += 1

    def _replace(self, new: Issued) -> None:
        former = self._used.tokens
        self._spent += [Secret(text) for text in (former.access_token, former.refresh_token) if text]
        self._used, self._refusal = new, None
