"""Sends one request once with aiohttp, and gives back the whole answer."""

import asyncio
import math
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import ClientResponse, ClientSession, ClientTimeout
from multidict import CIMultiDict
from yarl import URL

from pocketsflow_async._body import read_body, read_error_body
from pocketsflow_async._codings import ACCEPTED
from pocketsflow_async._config import MAX_RESPONSE_SIZE
from pocketsflow_async._credentials import Credentials
from pocketsflow_async._request import Request
from pocketsflow_async._response import Response
from pocketsflow_async._sending import Sending, Used
from pocketsflow_async._version import VERSION
from pocketsflow_async.errors import ConfigurationError, PocketsflowError

if TYPE_CHECKING:
    from pocketsflow_async._upload import Form

_CONNECT = 10.0
"""Seconds in which a connection must stand, if the timeout is not shorter."""

_PAGES_AT_HAND = 1 << 20
"""A block of this size is taken and freed once, which glibc learns from: blocks up to it come from the heap from then
on, and of the heap's end twice as much is kept. Otherwise the memory of every answer above 100 KB goes back to the
system and is asked for again, a page fault for each 4 KB of it: that takes longer than reading the answer."""


class Transport:
    """Sends requests below one base address with one client's credentials.

    Args:
        credentials: asked for every request that wants them.
        session: a session that somebody else owns and closes; without one, we open our own and close it.
        max_response_size: the most bytes of a body, before and after decompression; None for no limit.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        timeout: float | None,
        session: ClientSession | None = None,
        max_response_size: int | None = MAX_RESPONSE_SIZE,
    ) -> None:
        self._base_url = base_url
        base = URL(base_url, encoded=True)
        self._scheme, self._authority = base.scheme, base.raw_authority
        self._path = "" if base.raw_path == "/" else base.raw_path
        self._credentials = credentials
        self._timeout = _timeout(timeout)
        self._max_size = max_response_size
        self._session = session
        self._owned: ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._used = Used()
        # A request's own middlewares replace those of its session, and a session does not tell publicly which it has.
        self._middlewares: tuple[aiohttp.ClientMiddlewareType, ...] = tuple(getattr(session, "_middlewares", ()))
        agent = f"pocketsflow-async/{VERSION}"
        self._headers = CIMultiDict({"Accept": "application/json", "Accept-Encoding": ACCEPTED, "User-Agent": agent})

    async def send(self, request: Request) -> Response:
        """Send once and read the whole answer, whatever its status.

        Raises:
            APIConnectionError: no complete answer; `received` says whether the server may have seen the request.
            APIResponseError: a 2xx answer is larger than allowed, or its content coding cannot be undone.
            InvalidArgumentError: a file or generator of the caller failed while it was sent.
            ConfigurationError: the client or its session is closed, or belongs to another event loop.
        """
        session = self._usable_session()
        headers, body = self._headers, request.body
        if request.headers or body is not None:
            headers = headers.copy()
            headers.update(request.headers)
            if isinstance(body, bytes):
                headers["Content-Type"] = request.content_type
        authorization = self._credentials.authorization if request.auth else None
        sending = Sending(authorization, self._used, write=request.write)
        path, _, query = request.target.partition("?")
        url = URL.build(
            scheme=self._scheme, authority=self._authority, path=self._path + path, query_string=query, encoded=True
        )
        timeout = self._timeout if request.timeout is None else _timeout(request.timeout)
        began = asyncio.get_running_loop().time()
        parts: list[AsyncGenerator[bytes]] = []
        try:
            async with session.request(
                request.method,
                url,
                data=body if body is None or isinstance(body, bytes) else _form_data(body, parts),
                headers=headers,
                allow_redirects=False,
                raise_for_status=False,
                auto_decompress=False,
                timeout=timeout,
                middlewares=(sending, *self._middlewares),
            ) as answer:
                if 200 <= answer.status < 300:
                    ends = None if timeout.total is None else began + timeout.total
                    return Response(answer.status, answer.headers, await read_body(answer, self._max_size, ends))
                return self._redacted(answer, *await read_error_body(answer, self._max_size))
        except asyncio.CancelledError:
            request.begun = bool(sending.begun)
            # aiohttp cancels whoever waits for a connection when its session is closed.
            task, failure = asyncio.current_task(), self._unusable(session, sending)
            if failure is None or task is None or task.cancelling():
                raise
        except Exception as exc:  # noqa: BLE001 - whatever it is, nothing of aiohttp gets past here
            from pocketsflow_async._failures import failure_of  # what is needed only then is loaded then

            request.begun = bool(sending.begun)
            where = f"{request.name} at {self._base_url}"
            failure = self._unusable(session, sending) or failure_of(
                exc, where, sent=sending.begun, timeout=timeout, secrets=self._credentials.secrets
            )
        finally:
            if parts:
                await _close(parts)
        # Raised out here so that it does not carry aiohttp's error, whose fields hold the key, as its context.
        raise failure

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a transport is not pickled or copied: it holds the credentials")

    async def aclose(self) -> None:
        """Close our own session; somebody else's stays open."""
        self._closed = True
        session, self._owned = self._owned, None
        if session is not None:
            await session.close()

    def _usable_session(self) -> ClientSession:
        loop = asyncio.get_running_loop()
        if self._closed:
            raise ConfigurationError("the client is closed: build a new one")
        if self._loop is not loop:
            if self._loop is not None or getattr(self._session, "_loop", loop) is not loop:
                whose = "a client" if self._loop is not None else "a session"
                raise ConfigurationError(
                    f"{whose} belongs to one event loop, the one that first used it: "
                    "make another in this one, for example inside the function that asyncio.run() is given"
                )
            self._loop = loop
        return self._session or self._owned or self._open()

    def _open(self) -> ClientSession:
        bytes(_PAGES_AT_HAND)
        self._owned = ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._owned

    def _redacted(self, answer: ClientResponse, body: bytes, is_whole: bool) -> Response:
        """A response that becomes an error: a secret that the server repeats in it is not passed on."""
        from pocketsflow_async._redaction import Redactor

        redactor = Redactor(self._credentials.secrets)
        headers = CIMultiDict((redactor.text(name), redactor.text(value)) for name, value in answer.headers.items())
        return Response(answer.status, headers, redactor.body(body, is_whole=is_whole))

    def _unusable(self, session: ClientSession, sending: Sending) -> PocketsflowError | None:
        if sending.begun or not getattr(session, "closed", False):
            return None
        if self._closed:
            return ConfigurationError("the client was closed before the request was sent: build a new one")
        return ConfigurationError("the session that was given to the client is closed: build a new client with another")


def _timeout(seconds: float | None) -> ClientTimeout:
    """Exact to the end: aiohttp rounds times above its threshold up to the next full second; None for no limit."""
    connect = _CONNECT if seconds is None else min(_CONNECT, seconds / 2)
    return ClientTimeout(total=seconds, sock_connect=connect, ceil_threshold=math.inf)


def _form_data(form: "Form", parts: list[AsyncGenerator[bytes]]) -> aiohttp.FormData:
    from pocketsflow_async._upload import chunks

    data = aiohttp.FormData(quote_fields=False)  # names travel as they are, not percent-encoded
    for name, value in form.fields:
        data.add_field(name, value)
    for name, part in form.files:
        parts.append(chunks(part))
        data.add_field(name, parts[-1], filename=part.name, content_type=part.content_type)
    return data


async def _close(parts: list[AsyncGenerator[bytes]]) -> None:
    """End what was not sent to its end, so that a caller's generator is closed with the call, not some time later.

    aiohttp's writer, cancelled by now, may need some turns of the loop to leave. Where it is held up in the caller's
    own code, that code ends as it likes.
    """
    for part in parts:
        for _ in range(5):
            try:
                await part.aclose()
                break
            except RuntimeError:  # it is running
                await asyncio.sleep(0)
