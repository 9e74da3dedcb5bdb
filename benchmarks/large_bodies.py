"""How long a large response holds up the event loop, and how long it takes to decode.

    python benchmarks/large_bodies.py [MB]

Each row: what the body is made of, seconds to decode it, the longest gap between two turns of the event loop in the
meantime, and the longest gap while the result was freed (which is the caller's).
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from pocketsflow_async._generated.pocketsflow.wire.creator_pages import CREATOR_PAGE
from pocketsflow_async._generated.pocketsflow.wire.orders import LIST_PAGE
from pocketsflow_async._response import Response, decode_any, error_from

ORDER = (
    b'{"_id":"65f0a1b2c3d4e5f6a7b8c9d0","userId":"u1","currency":"USD","createdAt":"2024-01-15T10:30:00.000Z",'
    b'"grossAmount":29.99,"netAmount":27.99,"customer":{"_id":"c1"},"product":{"_id":"p","name":"Course","price":29.99,'
    b'"type":"one-time","files":[{"name":"a.pdf","size":5}]},"isRefunded":false,"metadata":{"ref":"x","n":1}}'
)


def filled(element: bytes, size: int) -> bytes:
    """An array of so many bytes."""
    return b"[" + (element + b",") * (size // (len(element) + 1)) + element + b"]"


def page(records: bytes) -> bytes:
    """A page of orders."""
    return b'{"orders":' + records + b',"pagination":{"currentPage":1,"totalPages":1,"hasMore":false}}'


def error(body: bytes) -> Any:
    """What is told of an error."""
    return error_from(Response(500, {}, body), "orders.list")


def free(body: bytes) -> Any:
    """What `pf.request` gives."""
    return decode_any(Response(200, {}, body))


def bodies(size: int) -> list[tuple[str, Callable[[bytes], Any], bytes]]:
    """What is decoded, and how."""
    one, integers = b'{"_id":"a","%b":%b}', filled(b"1", size)
    return [
        ("request: integers", free, filled(b"1", size)),
        ("request: floats", free, filled(b"1.5", size)),
        ("request: strings", free, filled(b'"a"', size)),
        ("request: objects", free, filled(b'{"a":1}', size)),
        ("request: arrays", free, filled(b"[]", size)),
        ("request: orders", free, filled(ORDER, size)),
        ("request: one string", free, b'["' + b"a" * size + b'"]'),
        ("request: one escaped string", free, b'["' + rb"\"" * (size // 2) + b'"]'),
        ("request: half characters", free, filled(rb'"\ud83d"', size)),
        ("page: orders", LIST_PAGE.decode, page(filled(ORDER, size))),
        ("page: orders, unknown field", LIST_PAGE.decode, page(filled(ORDER[:-1] + b',"new":[1]}', size))),
        ("page: orders, leap second", LIST_PAGE.decode, page(filled(ORDER.replace(b"10:30:00", b"23:59:60"), size))),
        ("page: tiny orders", LIST_PAGE.decode, page(filled(b'{"_id":"a"}', size))),
        (
            "page: free-form integers",
            LIST_PAGE.decode,
            page(b"[" + one % (b"metadata", b'{"x":%b}' % integers) + b"]"),
        ),
        ("page: unknown objects", LIST_PAGE.decode, page(b"[" + one % (b"new", filled(b'{"a":1}', size)) + b"]")),
        ("raw page: orders", LIST_PAGE.raw, page(filled(ORDER, size))),
        ("raw page: tiny orders", LIST_PAGE.raw, page(filled(b'{"_id":"a"}', size))),
        ("raw page: half characters", LIST_PAGE.raw, page(filled(rb'{"_id":"a","x":"\ud83d"}', size))),
        ("raw page: unknown integers", LIST_PAGE.raw, page(b"[" + one % (b"new", filled(b"1", size)) + b"]")),
        ("model: list of models", CREATOR_PAGE.decode, b'{"products":' + filled(b'{"name":"a"}', size) + b"}"),
        ("error: integers", error, b'{"error":"x","details":' + filled(b"1", size) + b"}"),
        ("error: message of integers", error, b'{"message":' + filled(b"1", size) + b"}"),
        ("error: HTML", error, b"<p>caf\xc3\xa9</p>" * (size // 12)),
        ("error: bytes", error, b"\xff" * size),
    ]


async def measured(decode: Callable[[bytes], Any], body: bytes) -> tuple[float, float, float]:
    """Seconds to decode, the longest gap, and the longest while the result was freed."""
    gaps: list[float] = []

    async def tick() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - start)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.02)
    start = time.perf_counter()
    found = await asyncio.to_thread(decode, body)
    took = time.perf_counter() - start
    await asyncio.sleep(0.01)
    gap = max(gaps)
    gaps.clear()
    del found
    await asyncio.sleep(0.01)
    ticking.cancel()
    return took, gap, max(gaps)


def main() -> None:
    """Print a row for each kind of body."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 16
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    print(f"{megabytes:g} MB{'':24}seconds   gap in ms   freed in ms")
    for name, decode, body in bodies(int(megabytes * 1e6)):
        if wanted in name:
            took, gap, freed = asyncio.run(measured(decode, body))
            print(f"{name:30} {took:7.2f} {gap * 1000:11.0f} {freed * 1000:11.0f}", flush=True)


if __name__ == "__main__":
    main()
