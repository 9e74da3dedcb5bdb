"""A server that is no bottleneck: it sends canned answers without looking closely.

`GET /orders?page=N` is a page of 100 orders (about 110 KB) of a list without end; below `/PAGES` the list has so many
pages. The orders of all pages differ by nothing but their ids. Any other path is one small order. Run as a program, it
prints its address and serves until its standard input ends.
"""

import asyncio
import json
import re
import sys

import aiohttp

from pocketsflow_async.sandbox import Sandbox

ENDLESS = 100_000
_PAGE = re.compile(rb"GET /?(\d*)/orders\?(?:.*&)?page=(\d+)")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


_GAP = b"@" * 16
"""In the ids of a page's orders, where the page is told: later ones have smaller ids, as in a list from new to old."""


async def bodies() -> tuple[bytes, bytes]:
    """A page of orders up to where its own pagination begins, with a gap in each id, and one order."""
    key = {"Authorization": "Bearer pk_test_sandbox"}
    async with Sandbox(orders=300, seed=7, rate_limit=None) as sandbox, aiohttp.ClientSession(headers=key) as session:
        async with session.get(f"{sandbox.url}/orders?page=1&pageSize=100") as answer:
            page = await answer.read()
        names = [order["_id"].encode() for order in json.loads(page)["orders"]]
        async with session.get(f"{sandbox.url}/orders/{names[0].decode()}") as answer:
            order = await answer.read()
    for place, name in enumerate(names):
        page = page.replace(b'{"_id":"%b"' % name, b'{"_id":"%b%08x"' % (_GAP, 0xFFFFFFFF - place))
    return page.partition(b',"pagination"')[0], order


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
        page = self.page.replace(_GAP, b"%016x" % (0xFFFFFFFFFFFFFFFF - number))
        return _HEAD % (len(page) + len(tail)) + page + tail


async def main() -> None:
    page, order = await bodies()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Canned(page, order), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
