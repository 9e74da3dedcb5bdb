"""The only module that knows aiohttp: it sends one request once, and gives back the whole answer."""

import ssl
from importlib.metadata import version
from typing import Any

import aiohttp
from aiohttp import ClientSession, ClientTimeout
from multidict import CIMultiDict
from yarl import URL

from pocketsflow_async._config import Secret
from pocketsflow_async._request import Request
from pocketsflow_async._response import Response
from pocketsflow_async._upload import Form, chunks
from pocketsflow_async.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    InvalidArgumentError,
    PocketsflowError,
)

_TIMEOUTS = (TimeoutError, aiohttp.ServerTimeoutError)
_NEVER_ARRIVED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Transport:
    """Sends requests below one base address with one key.

    Args:
        session: a session that somebody else owns and closes; without one, we open our own and close it.
    """

    def __init__(self, base_url: str, key: Secret, *, timeout: float, session: ClientSession | None = None) -> None:
        self._base_url = base_url
        self._timeout = timeout
        self._client_timeout = ClientTimeout(total=timeout)
        self._session = session
        self._owned: ClientSession | None = None
        self._closed = False
        agent = f"pocketsflow-async/{version('pocketsflow-async')}"
        self._public = CIMultiDict({"Accept": "application/json", "User-Agent": agent})
        self._private = CIMultiDict(self._public, Authorization=f"Bearer {key.reveal()}")

    async def send(self, request: Request) -> Response:
        """Send once and read the whole answer, whatever its status.

        Raises:
            APIConnectionError: no complete answer; `received` says whether the server may have seen the request.
            ConfigurationError: the client was closed while the call waited.
        """
        if self._closed:
            raise ConfigurationError("the client is closed: build a new one")
        session = self._session or self._owned or self._open()
        headers = self._private if request.auth else self._public
        if request.headers or request.body is not None:
            headers = headers.copy()
            headers.update(request.headers)
            if isinstance(request.body, bytes):
                headers["Content-Type"] = "application/json"
        try:
            async with session.request(
                request.method,
                URL(self._base_url + request.target, encoded=True),
                data=_form_data(request.body) if isinstance(request.body, Form) else request.body,
                headers=headers,
                allow_redirects=False,
                raise_for_status=False,
                timeout=self._timeout_of(request),
            ) as answer:
                return Response(answer.status, answer.headers, await answer.read())
        except (aiohttp.ClientError, OSError) as exc:  # TimeoutError is an OSError
            failure = self._failure(request, exc)
        # Raised out here so that it does not carry aiohttp's error, whose fields hold the key, as its context.
        raise failure

    async def aclose(self) -> None:
        """Close our own session; somebody else's stays open."""
        self._closed = True
        session, self._owned = self._owned, None
        if session is not None:
            await session.close()

    def __reduce__(self) -> Any:
        raise TypeError("a transport is not pickled or copied: it holds the key")

    def _open(self) -> ClientSession:
        session = ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True)
        # On a reused connection that dropped, aiohttp would send GET, PUT and DELETE a second time by itself,
        # past the quota and the count of tries. There is no public switch for it.
        session._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._owned = session
        return session

    def _timeout_of(self, request: Request) -> ClientTimeout:
        return self._client_timeout if request.timeout is None else ClientTimeout(total=request.timeout)

    def _failure(self, request: Request, exc: Exception) -> PocketsflowError:
        where = f"{request.name} at {self._base_url}"
        received = not isinstance(exc, _NEVER_ARRIVED)
        if isinstance(exc, aiohttp.InvalidURL):
            return InvalidArgumentError(f"{where}: this is no address that can be asked")
        if isinstance(exc, _TIMEOUTS):
            seconds = self._timeout if request.timeout is None else request.timeout
            return APITimeoutError(f"{where}: no complete answer within {seconds:g} s", received=received)
        cause = getattr(exc, "os_error", None) or (exc if isinstance(exc, OSError) else None)
        failure = APIConnectionError(f"{where}: {_reason(exc)}", received=received)
        if isinstance(cause, OSError) and not isinstance(cause, aiohttp.ClientError):
            failure.__cause__ = cause
        return failure


def _form_data(form: Form) -> aiohttp.FormData:
    data = aiohttp.FormData(quote_fields=False)  # names travel as they are, not percent-encoded
    for name, value in form.fields:
        data.add_field(name, value)
    for name, upload in form.files:
        data.add_field(name, chunks(upload), filename=upload.name, content_type=upload.content_type)
    return data


def _reason(exc: Exception) -> str:
    if isinstance(exc, aiohttp.ClientConnectorDNSError):
        return "the host's name could not be resolved"
    if isinstance(exc, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
        return "the server's certificate could not be verified"
    if isinstance(exc, aiohttp.ClientSSLError):
        return "no secure connection could be made"
    if isinstance(exc, aiohttp.ClientConnectorError):
        return f"the connection was refused ({exc.os_error.strerror or type(exc.os_error).__name__})"
    if isinstance(exc, aiohttp.ServerDisconnectedError):
        return "the server closed the connection before it answered"
    if isinstance(exc, aiohttp.ClientPayloadError):
        return "the answer was cut off"
    if isinstance(exc, aiohttp.ClientResponseError):
        return "the answer is not valid HTTP"
    if isinstance(exc, OSError):
        return f"the connection was lost ({exc.strerror or type(exc).__name__})"
    return f"the request failed ({type(exc).__name__})"
