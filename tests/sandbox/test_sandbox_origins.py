"""What pages in a browser on the same machine can send to a sandbox."""

import asyncio

import aiohttp
import pytest

from pocketsflow_async.sandbox import Sandbox
from pocketsflow_async.sandbox._origins import _is_own
from pocketsflow_async.sandbox.pocketsuite import PocketSuiteSandbox

KEY = {"Authorization": "Bearer pk_test_sandbox"}
EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound to it
FAULT = {"kind": "status", "status": 503}


async def status(url: str, method: str = "GET", path: str = "/orders", **headers: str) -> int:
    json = FAULT if method == "POST" else None
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url + path, headers=KEY | headers, json=json) as response,
    ):
        return response.status


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "[::1", "192.0.2.7"]
)
async def test_a_foreign_host_reads_and_writes_nothing(host: str) -> None:
    """A name that somebody's DNS may point at this machine is rejected on every route."""
    async with Sandbox(orders=5) as sandbox:
        assert await status(sandbox.url, Host=host) == 403
        assert await status(sandbox.url, path="/_sandbox/faults", Host=host) == 403
        assert await status(sandbox.url, "POST", "/_sandbox/faults", Host=host) == 403
        assert list(sandbox.faults) == []


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1234", "LOCALHOST", "127.0.0.1", "[::1]:80", "shop.localhost"]
)
async def test_names_of_this_machine_are_welcome(host: str) -> None:
    """Localhost and loopback addresses are served, under any port: one may be forwarded."""
    async with Sandbox(orders=5) as sandbox:
        assert await status(sandbox.url, Host=host) == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://[", "http://localhost:1", "https://127.0.0.1", "[", ""]
)
async def test_pages_of_another_origin_write_nothing(origin: str) -> None:
    """Any method that writes is rejected from another origin; one from the sandbox's own pages is not."""
    async with Sandbox(orders=5) as sandbox:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert await status(sandbox.url, method, "/_sandbox/faults", Origin=origin) == 403
        assert list(sandbox.faults) == []
        assert await status(sandbox.url, Origin=origin) == 200
        assert await status(sandbox.url, "POST", "/_sandbox/faults", Origin=sandbox.url) < 300


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        (b"/orders", b"", b"200"),
        (b"http://localhost/orders", b"Host: localhost\r\n", b"200"),
        (b"http://evil.example/orders", b"Host: localhost\r\n", b"403"),
    ],
)
async def test_hosts_in_other_places(target: bytes, host: bytes, expected: bytes) -> None:
    """HTTP/1.0 needs no host; the one of an absolute target counts too."""
    async with Sandbox(orders=5) as sandbox:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(sandbox.url.rpartition(":")[2]))
        writer.write(b"GET %s HTTP/1.0\r\n%sAuthorization: Bearer pk_test_sandbox\r\n\r\n" % (target, host))
        assert (await reader.readline()).split()[1] == expected
        writer.close()


async def test_the_case_of_an_origin_does_not_matter() -> None:
    """A host in capitals is the same one."""
    async with Sandbox(orders=5) as sandbox:
        port = sandbox.url.rpartition(":")[2]
        headers = {"Host": f"LOCALHOST:{port}", "Origin": f"http://localhost:{port}"}
        assert await status(sandbox.url, "POST", "/_sandbox/faults", **headers) == 201


async def test_the_other_sandbox_does_the_same() -> None:
    """PocketSuite's sandbox rejects a foreign host too."""
    async with PocketSuiteSandbox() as sandbox:
        assert await status(sandbox.url, path="/clients", Host="evil.example") == 403


@pytest.mark.parametrize(
    ("host", "bound", "own"),
    [
        ("evil.example", EVERYWHERE, False),
        ("sandbox:8787", EVERYWHERE, True),
        ("host.docker.internal:8787", EVERYWHERE, True),
        ("192.0.2.7", EVERYWHERE, True),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.8", "192.0.2.7", False),
        ("sandbox", "127.0.0.1", False),
        ("box.example", "box.example", True),
        ("localhost", "::1", True),
        ("host.docker.internal:8787", "127.0.0.1", True),
        ("shop.test", "127.0.0.1", True),
        ("shop.test.evil.example", "127.0.0.1", False),
        ("sandbox.default.svc.cluster.local", EVERYWHERE, True),
        ("sandbox.local", "127.0.0.1", False),
        ("192.0.2.7", "box.example", True),
        ("192.0.2.7", "LOCALHOST", False),
        ("[fe80::1%eth0]:80", "::", True),
        ("", EVERYWHERE, False),
    ],
)
def test_a_sandbox_for_other_machines_takes_the_names_they_use(host: str, bound: str, own: bool) -> None:
    """Bound beyond this machine, container names and addresses count as its own; names in public DNS do not."""
    assert _is_own(host, bound) is own
