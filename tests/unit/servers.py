"""A server for the tests of the transport: it does on a real socket what the script says, and counts what it got."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import attrs


@attrs.frozen
class Received:
    """One request as it arrived."""

    connection: int
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        """All values of one header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


Act = Callable[[asyncio.StreamWriter], Awaitable[bool]]
"""Answers one request; says whether the connection stays open."""


def reply(status: int = 200, body: bytes = b"{}", *, keep: bool = True, **headers: str) -> Act:
    """A whole answer."""
    fields = {"Content-Length": str(len(body)), **{name.replace("_", "-"): text for name, text in headers.items()}}
    head = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
    return raw(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body, keep=keep)


def raw(text: bytes, *, keep: bool = False) -> Act:
    """Just these bytes."""

    async def act(writer: asyncio.StreamWriter) -> bool:
        writer.write(text)
        await writer.drain()
        return keep

    return act


async def drop(_: asyncio.StreamWriter) -> bool:
    """Close the connection without a word."""
    return False


async def reset(writer: asyncio.StreamWriter) -> bool:
    """Break the connection as a crashed machine would."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


async def hang(_: asyncio.StreamWriter) -> bool:
    """Never answer."""
    await asyncio.Event().wait()
    return False


def then_hang(text: bytes) -> Act:
    """Send these bytes, and then nothing more."""

    async def act(writer: asyncio.StreamWriter) -> bool:
        await raw(text)(writer)
        return await hang(writer)

    return act


def then_reset(text: bytes) -> Act:
    """Send these bytes, and then break the connection when they have arrived."""

    async def act(writer: asyncio.StreamWriter) -> bool:
        await raw(text)(writer)
        await asyncio.sleep(0.02)  # a reset overtakes what still lies in the buffers
        return await reset(writer)

    return act


class ScriptedServer:
    """Does what the script says, the last act again and again; with a context, behind TLS."""

    def __init__(self, *script: Act, tls: ssl.SSLContext | None = None) -> None:
        self.script = list(script)
        self.tls = tls
        self.received: list[Received] = []
        self.got_one = asyncio.Event()
        self.connections = 0
        self.url = ""
        self.greeting = b""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop_listening(self) -> None:
        """Refuse further connections."""
        self._server.close()
        await asyncio.sleep(0)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._talk(reader, writer, self.connections))
        self._tasks.add(task)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        writer.write(self.greeting)
        try:
            while (request := await self._read(reader, connection)) is not None:
                self.received.append(request)
                self.got_one.set()
                act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if not await act(writer):
                    break
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, connection: int) -> Received | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.strip().split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        method, target, _ = first.split(" ")
        return Received(connection, method, target, headers, await reader.readexactly(length))
