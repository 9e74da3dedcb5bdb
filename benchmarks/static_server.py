"""A server that is no bottleneck: it sends canned answers without looking closely.

`GET /orders?page=N` is a page of 100 orders (about 110 KB) of a list without end; below `/PAGES` the list has so many
pages. Any other path is one small order. Run as a program, it prints its address and serves until its standard input
ends.
"""

import asyncio
import re
import sys

import aiohttp

from pocketsflow_async.sandbox import Sandbox

ENDLESS = 100_000
_PAGE = re.compile(rb"GET /?(\d*)/orders\?(?:.*&)?page=(\d+)")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


async def bodies() -> tuple[bytes, bytes]:
    """A page of orders up to where its own pagination begins, and one order."""
    key = {"Authorization": "Bearer pk_test_sandbox"}
    async with Sandbox(orders=300, seed=7, rate_limit=None) as sandbox, aiohttp.ClientSession(headers=key) as session:
        async with session.get(f"{sandbox.url}/orders?page=1&pageSize=100") as answer:
            page = (await answer.read()).partition(b',"pagination"')[0]
        first = re.search(rb'"_id":"(\w+)"', page)
        assert first is not None
        async with session.get(f"{sandbox.url}/orders/{first[1].decode()}") as answer:
            return page, await answer.read()


class Canned(asyncio.Protocol):
    """Answers each request head that ends; requests have no bodies."""

    def __init__(self, page: bytes, order: bytes) -> None:
        self.page = page
        self.order = _HEAD % len(order) + order
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self.rest = (self.rest + data).split(b"\r\n\r\n")
        for head in heads:
            line = head.partition(b"\r\n")[0]
            found = _PAGE.match(line)
            self.transport.write(self._page(int(found[1] or ENDLESS), int(found[2])) if found else self.order)

    def _page(self, pages: int, number: int) -> bytes:
        more = b"true" if number < pages else b"false"
        told = b'{"totalCount":%d,"totalPages":%d,"currentPage":%d,"pageSize":100,"hasMore":%s}}'
        tail = b',"pagination":' + told % (pages * 100, pages, number, more)
        return _HEAD % (len(self.page) + len(tail)) + self.page + tail


async def main() -> None:
    page, order = await bodies()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Canned(page, order), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
