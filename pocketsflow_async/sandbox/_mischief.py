"""How the faults are played, down to the socket."""

import asyncio
import contextlib
import math
import socket
import struct
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from pocketsflow_async.sandbox._bodies import Answer
from pocketsflow_async.sandbox._faults import Fault

_GLANCE: Final = 0.01  # seconds between two looks at whether the client is still there
_RESET: Final = struct.pack("ii", 1, 0)  # linger for no time: close() then sends RST
_PAGE: Final = b"<!doctype html><title>Something else</title><p>This is not the API.</p>\n"


class Instead(Exception):  # noqa: N818 - no error, but an answer that comes instead of the real one
    """A fault answers in the place of the API.

    Args:
        answer: what is sent.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Gone(Exception):  # noqa: N818 - no error, but the end of a connection
    """There is nobody to answer any more."""


class Mischief:
    """Plays faults until the sandbox is closed.

    Args:
        wall_clock: seconds since 1970; `Retry-After` as a date is counted from it.
    """

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._closing = asyncio.Event()

    def stop(self) -> None:
        """End every pause."""
        self._closing.set()

    async def before(self, fault: Fault, request: web.Request) -> None:
        """What a fault does before the work is done.

        Raises:
            Instead: the work is not done.
            Gone: nor is there an answer.
        """
        if fault.kind == "status":
            raise Instead(_answer(fault.parameters, self._wall_clock()))
        if fault.kind == "reset_before":
            reset(request)
            raise Gone
        if fault.kind == "delay" and not await self._pause(request, fault.parameters["seconds"]):
            reset(request)
            raise Gone

    async def after(self, fault: Fault, request: web.Request, response: web.Response) -> web.StreamResponse:
        """What a fault makes of an answer to work that was done."""
        body = response.body if isinstance(response.body, bytes) else b""
        headers = dict(response.headers)
        if fault.kind == "wrong_type":
            return web.Response(body=_PAGE, headers={**headers, "Content-Type": "text/html; charset=utf-8"})
        if fault.kind == "invalid_json":
            return web.Response(status=response.status, body=body[: len(body) // 2] + b'{"', headers=headers)
        if fault.kind == "wrong_shape":
            shape = fault.parameters["body"] if "body" in fault.parameters else _other_shape(body)
            return web.Response(status=response.status, body=msgspec.json.encode(shape), headers=headers)
        if fault.kind == "reset_after":
            reset(request)
            return response
        if fault.kind in {"cut_body", "stall", "slow_drip"}:
            stream = web.StreamResponse(status=response.status, headers=headers)
            stream.content_length = len(body)
            await stream.prepare(request)
            with contextlib.suppress(ConnectionError):  # who goes away early has seen enough
                await self._trickle(fault, request, stream, body)
            return stream
        return response

    async def _trickle(self, fault: Fault, request: web.Request, stream: web.StreamResponse, body: bytes) -> None:
        if fault.kind == "slow_drip":
            size = max(1, -(-len(body) // fault.parameters.get("pieces", 10)))
            for start in range(0, len(body), size):
                if start and not await self._pause(request, fault.parameters.get("pause", 0.01)):
                    break
                await stream.write(body[start : start + size])
            else:
                await stream.write_eof()
                return
        elif fault.kind == "cut_body":
            await stream.write(body[: len(body) // 2])
        else:
            await self._pause(request, fault.parameters.get("seconds"))
        if request.transport is not None:
            request.transport.close()  # what was written still goes out

    async def _pause(self, request: web.Request, seconds: float | None) -> bool:
        """Wait for a time, or without one for ever; False once the client or the sandbox goes away."""
        clock = asyncio.get_running_loop().time
        end = None if seconds is None else clock() + seconds
        while request.transport is not None and not request.transport.is_closing():
            left = _GLANCE if end is None else end - clock()
            if left <= 0:
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), min(left, _GLANCE))
                return False
        return False


def shown_status(fault: Fault | None, status: int) -> int:
    """The status that the client sees; 0 when it sees none."""
    if fault is None:
        return status
    return {"reset_after": 0, "wrong_type": 200}.get(fault.kind, status)


def reset(request: web.Request) -> None:
    """End the connection as if a cable were cut."""
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()


def _answer(parameters: dict[str, Any], now: float) -> Answer:
    status: int = parameters["status"]
    phrase = next((known.phrase for known in HTTPStatus if known == status), "Unknown")
    plain = {"error": phrase, "code": phrase.upper().replace(" ", "_").replace("-", "_")}
    headers: dict[str, str] = {}
    if "retry_after" in parameters:
        headers["Retry-After"] = str(parameters["retry_after"])
    elif "retry_date" in parameters:  # a date has whole seconds: rounded up, it does not ask to come too early
        headers["Retry-After"] = formatdate(math.ceil(round(now + parameters["retry_date"], 3)), usegmt=True)
        headers["Date"] = formatdate(now, usegmt=True)
    return Answer(status, msgspec.json.encode(parameters.get("body", plain)), headers)


def _other_shape(body: bytes) -> Any:
    """Valid JSON that is a list where an object was expected, and the other way round."""
    return {"unexpected": True} if body.startswith(b"[") else [{"unexpected": True}]
