"""Goes with one request through aiohttp, and sees to it that the response belongs to this request.

aiohttp hands out an idle connection as long as it is open, whatever arrived on it meanwhile, and takes what arrived
for the response to the next request. RFC 9112, section 9.2, wants such a connection closed.
"""

import asyncio
import select
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from multidict import CIMultiDict

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

_NEW_CONNECTIONS = 3
"""How many connections without an earlier request of ours may be unusable, one after the other."""

_APART = ("Proxy-Connection", "keep-alive")
"""A header for proxies. aiohttp never gives a request that has it the connection of one that has it not. Without a
proxy it is not sent; proxies know it from browsers."""

Used = dict["ResponseHandler", Callable[[], object]]
"""The connections that carried a read of ours, each with a look at whether its socket has something to read."""


class SentOnceError(aiohttp.ClientConnectionError):
    """Stands for a failure after which aiohttp would send again by itself; the failure is its cause."""


class EarlyError(aiohttp.ClientConnectionError):
    """A connection cannot be used: something arrived before the request was written, or it ended. Nothing was sent."""

    def __init__(self, *, is_new: bool) -> None:
        super().__init__()
        self.is_new = is_new


class Sending:
    """A middleware around every other one.

    - It puts our key over whatever the session, its `auth` or a .netrc file would send.
    - It looks at the connection right before the request is written: if something has arrived already, the connection
      is closed and the next one is taken. A write always goes on a new connection.
    - It sees whether the request began to be written.
    - It keeps aiohttp from sending GET, PUT and DELETE a second time by itself, past the quota and the count of tries,
      when a reused connection turns out to be dropped.

    Args:
        authorization: the header's value, or None for none.
        used: the connections of the client so far.
        write: whether the request must not go on a connection that was used before.
    """

    __slots__ = ("_authorization", "_request", "_send", "_used", "_write")

    def __init__(self, authorization: str | None, used: Used, *, write: bool) -> None:
        self._authorization = authorization
        self._used = used
        self._write = write
        self._request: ClientRequest | None = None
        self._send: Callable[[Connection], Awaitable[ClientResponse]]

    @property
    def begun(self) -> bool | None:
        """Whether the request's head may have been written; None if it never came to us."""
        return None if self._request is None else getattr(self._request, "response", self) is not None

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        self._request = request
        if self._authorization is not None:
            request.headers["Authorization"] = self._authorization
        else:
            request.headers.popall("Authorization", None)
        send = getattr(request, "send", None)
        if self._write or send is None:  # if there were no way to look at connections, none would be used twice
            request.headers["Connection"] = "close"
            request.proxy_headers = CIMultiDict([*(request.proxy_headers or {}).items(), _APART])
        if send is not None:
            self._send = send
            request.send = self._checked  # type: ignore[method-assign]
        new = 0
        try:
            while True:
                try:
                    return await handler(request)
                except EarlyError as exc:
                    new += exc.is_new
                    if new == _NEW_CONNECTIONS:
                        raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as exc:
            raise SentOnceError from exc
        finally:
            vars(request).pop("send", None)  # it leads back to the request

    async def _checked(self, conn: "Connection") -> ClientResponse:
        """Stands in for the request's `send`, which writes it. If it raises, aiohttp closes the connection."""
        protocol: Any = conn.protocol
        readable = self._used.get(protocol)
        if readable is None:
            is_quiet = await self._is_quiet_at_first(protocol)
        else:  # what aiohttp has read is queued; what arrived just now still lies in the socket
            is_quiet = not (self._write or len(protocol) or readable())
        if not is_quiet:
            raise EarlyError(is_new=readable is None)
        if self._write:
            protocol.force_close()
        return await self._send(conn)

    async def _is_quiet_at_first(self, protocol: "ResponseHandler") -> bool:
        transport: Any = protocol.transport
        readable = _look(transport.get_extra_info("socket"))
        if not self._write:
            for closed in [one for one in self._used if one.transport is None]:
                del self._used[closed]
            self._used[protocol] = readable
        if readable():
            if transport.get_extra_info("ssl_object") is None:
                return False
            for _ in range(2):  # mostly it is what TLS sends after the handshake: the event loop reads it now
                await asyncio.sleep(0)
        return not protocol.should_close


def _look(socket: Any) -> Callable[[], object]:
    """A function that says whether the socket has something to read, or has ended. It does not wait."""
    if socket is None:
        return bool
    if not hasattr(select, "poll"):  # Windows
        return lambda: select.select([socket], [], [], 0)[0]
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return lambda: poll.poll(0)
