"""A server that is no bottleneck: it sends canned answers without looking closely.

`GET /orders?page=N&pageSize=100` is a page of 100 orders (about 110 KB) of a list without end; below `/PAGES` the list
has 100 orders for each of so many pages. They differ by nothing but their ids from those 100 before. Any other path is
one small order. Run as a program, it prints its address and serves until its standard input ends.
"""

import asyncio
import json
import re
import sys

import aiohttp

from pocketsflow_async.sandbox import Sandbox

ENDLESS = 100_000
_LARGEST = 16**24 - 1
_PAGE = re.compile(rb"GET /?(\d*)/orders\?(?:.*&)?page=(\d+)(?:&pageSize=(\d+))?")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


async def bodies() -> tuple[list[bytes], bytes]:
    """The orders of a page, each from behind its id, and one order."""
    key = {"Authorization": "Bearer pk_test_sandbox"}
    async with Sandbox(orders=300, seed=7, rate_limit=None) as sandbox, aiohttp.ClientSession(headers=key) as session:
        async with session.get(f"{sandbox.url}/orders?page=1&pageSize=100") as answer:
            page = await answer.read()
        names = [order["_id"].encode() for order in json.loads(page)["orders"]]
        async with session.get(f"{sandbox.url}/orders/{names[0].decode()}") as answer:
            order = await answer.read()
    text = page.partition(b'],"pagination"')[0]
    starts = [text.index(b'{"_id":"%b"' % name) for name in names]
    ends = [*(start - 1 for start in starts[1:]), len(text)]
    return [text[start + len('{"_id":"') + 24 : end] for start, end in zip(starts, ends, strict=True)], order


class Canned(asyncio.Protocol):
    """Answers each request head that ends; requests have no bodies."""

    def __init__(self, page: list[bytes], order: bytes) -> None:
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
            asked = [int(text or 100) for text in found.groups(b"")[1:]] if found else []
            self.transport.write(self._page(int(found[1] or ENDLESS) * 100, *asked) if found else self.order)

    def _page(self, total: int, number: int, size: int) -> bytes:
        pages = -(-total // size)
        more = b"true" if number < pages else b"false"
        told = b'{"totalCount":%d,"totalPages":%d,"currentPage":%d,"pageSize":%d,"hasMore":%b}}'
        places = range((number - 1) * size, min(number * size, total))
        # Later orders have smaller ids, as in a list from new to old.
        orders = [b'{"_id":"%024x%b' % (_LARGEST - place, self.page[place % 100]) for place in places]
        body = b'{"orders":[%b],"pagination":%b' % (b",".join(orders), told % (total, pages, number, size, more))
        return _HEAD % len(body) + body


async def main() -> None:
    page, order = await bodies()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Canned(page, order), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
