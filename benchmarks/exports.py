"""Records a second of CPU: our exports beside what somebody would write by hand.

    python benchmarks/exports.py [PAGES]

Every exporter is a process of its own, which reads so many pages of 100 orders, 8 at a time where it can, and writes
them to a file. What counts is the CPU of the whole process, start included, in turns, the best of three. The Node SDK
needs `npm ci` in tests/strangers; without it its row is left out.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from road import HERE, server

STRANGERS = HERE.parent / "tests" / "strangers"
ROUNDS = 3

OURS = """
import asyncio, sys
from pocketsflow_async import Pocketsflow
from pocketsflow_async.export import export
async def main(url, folder, format):
    async with Pocketsflow("pk_test_sandbox", base_url=url, rate_limit=None) as pf:
        await export(pf, ["orders"], to=folder, format=format, concurrency=8)
asyncio.run(main(*sys.argv[1:]))
"""

BY_HAND = """
import asyncio, sys
import aiohttp, orjson
async def main(url, folder, pages):
    numbers = iter(range(1, int(pages) + 1))
    headers = {"Authorization": "Bearer pk_test_sandbox"}
    async with aiohttp.ClientSession(headers=headers) as session:
        with open(folder + "/orders.jsonl", "wb") as file:
            async def worker():
                for number in numbers:
                    async with session.get(f"{url}/orders?page={number}&pageSize=100") as answer:
                        for order in orjson.loads(await answer.read())["orders"]:
                            file.write(orjson.dumps(order) + b"\\n")
            await asyncio.gather(*[worker() for _ in range(8)])
asyncio.run(main(*sys.argv[1:]))
"""

HTTPX = """
import asyncio, sys
import httpx
from httpx_models import OrdersPage
async def main(url, folder, pages):
    numbers = iter(range(1, int(pages) + 1))
    headers = {"Authorization": "Bearer pk_test_sandbox"}
    async with httpx.AsyncClient(headers=headers) as client:
        with open(folder + "/orders.jsonl", "w") as file:
            async def worker():
                for number in numbers:
                    answer = await client.get(f"{url}/orders?page={number}&pageSize=100")
                    for order in OrdersPage.model_validate_json(answer.content).orders:
                        file.write(order.model_dump_json(by_alias=True, exclude_unset=True) + "\\n")
            await asyncio.gather(*[worker() for _ in range(8)])
asyncio.run(main(*sys.argv[1:]))
"""

NODE = """
import { createWriteStream } from "node:fs";
import { Pocketsflow } from "pocketsflow";
const [url, folder, pages] = process.argv.slice(1);
const client = new Pocketsflow({ apiKey: "pk_test_sandbox", baseUrl: url });
const file = createWriteStream(folder + "/orders.jsonl");
let next = 1;
async function worker() {
  while (next <= Number(pages)) {
    const page = await client.orders.list({ page: next++, pageSize: 100 });
    for (const order of page.orders) file.write(JSON.stringify(order) + "\\n");
  }
}
await Promise.all(Array.from({ length: 8 }, worker));
file.end();
"""


def cpu_of(command: list[str], folder: Path, cwd: Path) -> float:
    """CPU seconds of a process and its threads; it must have written something."""
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not any(path.is_file() for path in folder.rglob("*")):
        raise SystemExit(f"{command[0]} failed")
    return used.ru_utime + used.ru_stime


def main() -> None:
    pages = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    python = [sys.executable, "-c"]
    exporters: dict[str, tuple[list[str], list[str], Path]] = {
        "aiohttp + orjson by hand": ([*python, BY_HAND], [str(pages)], HERE),
        **{f"ours, {name}": ([*python, OURS], [name], HERE) for name in ("jsonl", "csv", "parquet", "sqlite")},
        "httpx + pydantic": ([*python, HTTPX], [str(pages)], HERE),
    }
    node = shutil.which("node")
    if node is not None and (STRANGERS / "node_modules").is_dir():
        exporters["official Node SDK"] = ([node, "--input-type=module", "-e", NODE], [str(pages)], STRANGERS)
    best = dict.fromkeys(exporters, float("inf"))
    with server() as url:
        for _ in range(ROUNDS if pages >= 100 else 1):  # a few pages only show that everything runs
            for name, (command, words, cwd) in exporters.items():
                with tempfile.TemporaryDirectory() as folder:
                    used = cpu_of([*command, f"{url}/{pages}", folder, *words], Path(folder), cwd)
                best[name] = min(best[name], used)
    base = best["aiohttp + orjson by hand"]
    print("| exporter | records a second of CPU | CPU, against by hand |\n|---|---|---|")
    for name, used in best.items():
        print(f"| {name} | {pages * 100 / used:,.0f} | {used / base:.2f} |")


if __name__ == "__main__":
    main()
