"""Whatever fails below the transport becomes an error of our tree, with nothing of aiohttp hanging on it."""

import ssl
from collections.abc import Iterator

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from pocketsflow_async._redaction import redact_error
from pocketsflow_async._response import Response
from pocketsflow_async._sending import EarlyError, SentOnceError
from pocketsflow_async.errors import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    InvalidArgumentError,
    PocketsflowError,
)

_NEVER_ARRIVED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ServerFingerprintMismatch)
_WRONG_CERTIFICATE = (
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ServerFingerprintMismatch,
    ssl.SSLCertVerificationError,
)


def failure_of(
    exc: Exception, where: str, *, sent: bool | None, timeout: aiohttp.ClientTimeout, secrets: tuple[str, ...] = ()
) -> PocketsflowError:
    """The error that a caller sees.

    Args:
        exc: what aiohttp, or what it calls, raised.
        where: how its message begins.
        sent: whether the request began to be written; None when nobody watched.
        timeout: what was allowed.
        secrets: what must not show in it.
    """
    if isinstance(exc, SentOnceError) and isinstance(exc.__cause__, Exception):
        exc = exc.__cause__
    if isinstance(exc, APIResponseError):  # from reading the body: it may hold secrets
        return redact_error(exc, secrets, where, Response(exc.status, {}, exc.body))
    for cause in _causes(exc):
        if isinstance(cause, InvalidArgumentError):  # the caller's own upload failed
            return cause
    if isinstance(exc, aiohttp.InvalidURL):
        return InvalidArgumentError(f"{where}: this is no address that can be asked")
    received = not isinstance(exc, _NEVER_ARRIVED) if sent is None else sent
    if isinstance(exc, TimeoutError):
        allowed = timeout.sock_connect if isinstance(exc, aiohttp.ConnectionTimeoutError) else timeout.total
        missing = "complete answer" if received else "connection"
        within = "in time" if allowed is None else f"within {allowed:g} s"
        return APITimeoutError(f"{where}: no {missing} {within}", received=received)
    failure = APIConnectionError(f"{where}: {_reason(exc)}", received=received, temporary=_is_temporary(exc))
    failure.__cause__ = _plain(exc)
    return failure


def _is_temporary(exc: Exception) -> bool:
    if isinstance(exc, aiohttp.ClientHttpProxyError):
        return exc.status >= 500
    known = isinstance(exc, aiohttp.ClientError | HttpProcessingError | OSError)
    return known and not isinstance(exc, _WRONG_CERTIFICATE)


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    while exc is not None:
        yield exc
        exc = exc.__cause__


def _plain(exc: Exception) -> Exception | None:
    """The error below, if it leads to nothing that holds a request's headers."""
    inner = getattr(exc, "certificate_error", None) or getattr(exc, "os_error", exc)
    is_plain = isinstance(inner, Exception) and inner.__cause__ is None and inner.__context__ is None
    foreign = isinstance(inner, aiohttp.ClientError | HttpProcessingError | UnicodeError)
    return inner if is_plain and not foreign else None


def _reason(exc: Exception) -> str:
    if isinstance(exc, aiohttp.ClientConnectorDNSError):
        return "the host's name could not be resolved"
    if isinstance(exc, _WRONG_CERTIFICATE):
        return "the server's certificate could not be verified"
    if isinstance(exc, aiohttp.ClientSSLError | ssl.SSLError):
        return "no secure connection could be made"
    if isinstance(exc, aiohttp.ClientProxyConnectionError):
        return f"the proxy could not be reached ({_words(exc.os_error)})"
    if isinstance(exc, aiohttp.ClientHttpProxyError):
        return f"the proxy refused to connect (status {exc.status})"
    if isinstance(exc, aiohttp.ClientConnectorError):
        return f"the connection was refused ({_words(exc.os_error)})"
    if isinstance(exc, aiohttp.ServerDisconnectedError):
        return "the server closed the connection before it answered"
    if isinstance(exc, EarlyError):
        return "something arrived on new connections, or they ended, before the request was sent"
    if isinstance(exc, aiohttp.ClientPayloadError):
        return "the answer was cut off"
    if isinstance(exc, aiohttp.ClientResponseError | HttpProcessingError):
        return "the answer is not valid HTTP"
    if isinstance(exc, OSError):
        return f"the connection was lost ({_words(exc)})"
    return f"the request failed ({type(exc).__name__})"


def _words(exc: OSError) -> str:
    return exc.strerror or type(exc).__name__
