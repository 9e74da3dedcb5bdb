import asyncio
import sys
from pathlib import Path

import pytest
from effort import THOROUGHLY

MANY = 100_000 * THOROUGHLY
"""A million at night."""

SERVE = """
import asyncio, sys
from pocketsflow_async.sandbox import Sandbox

async def main():
    async with Sandbox(orders=int(sys.argv[1]), seed=3, rate_limit=None) as sandbox:
        print(sandbox.url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""

EXPORT = """
import asyncio, sys
from pocketsflow_async import Pocketsflow
from pocketsflow_async.export import export

async def main():
    async with Pocketsflow("pk_test_sandbox", base_url=sys.argv[1], rate_limit=None) as pf:
        report = await export(pf, ["orders"], to=sys.argv[2], format=sys.argv[3])
    status = dict(line.split(":") for line in open("/proc/self/status"))
    print(report.resources[0].records, status["VmHWM"].split()[0])  # ru_maxrss would begin with what pytest has

asyncio.run(main())
"""


async def peak(orders: int, folder: Path, kind: str) -> int:
    """The most memory that a process needs to export so many orders."""
    serve = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, str(orders), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert serve.stdout is not None
    assert serve.stdin is not None
    try:
        url = (await serve.stdout.readline()).decode().strip()
        run = await asyncio.create_subprocess_exec(
            sys.executable, "-c", EXPORT, url, str(folder), kind, stdout=asyncio.subprocess.PIPE
        )
        records, memory = (await run.communicate())[0].split()
    finally:
        serve.stdin.close()
        await serve.wait()
    assert int(records) == orders
    return int(memory)


@pytest.mark.once
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the most memory of one process this way")
@pytest.mark.parametrize(("kind", "orders"), [("jsonl", MANY), ("csv", MANY // 2)])
async def test_memory_does_not_grow_with_the_list(tmp_path: Path, kind: str, orders: int) -> None:
    """An export of very many orders needs no more than 1.15 times the memory of one of 10,000."""
    few = await peak(10_000, tmp_path / "few", kind)
    many = await peak(orders, tmp_path / "many", kind)

    assert many <= few * 1.15
