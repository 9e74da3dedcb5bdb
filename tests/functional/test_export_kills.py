"""An export that is killed, at any moment, and continued: the files are those of an undisturbed one."""

import asyncio
import json
import random
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pocketsflow_async.sandbox import Sandbox

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform == "win32", reason="forks, and kills with SIGKILL"),
]

FORKER = """
import asyncio, json, os, signal, sys, threading
import aiohttp
import pocketsflow_async._executor, pocketsflow_async._transport
from pocketsflow_async import Pocketsflow
from pocketsflow_async.export import _spool, export
_spool._BETWEEN_COMMITS = 0.01

calls = 0

def die_at(step):
    left = [step]
    def counted(function):
        def call(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)
        return call
    for name in ("fsync", "replace", "link", "unlink", "rename", "truncate"):
        setattr(os, name, counted(getattr(os, name)))

def die_after(most):
    def count(frame, event, _):
        global calls
        calls += event == "call"
        if calls == most:
            os.kill(os.getpid(), signal.SIGKILL)
    threading.setprofile(count)
    sys.setprofile(count)

async def run(order):
    async with Pocketsflow("pk_test_sandbox", base_url=order["url"], rate_limit=None) as pf:
        await export(pf, order["resources"], to=order["to"], format=order["format"],
            concurrency=3, since=order.get("since"))

for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
        try:
            if "die_at" in order:
                die_at(order["die_at"])
            if "die_after" in order:
                die_after(order["die_after"])
            asyncio.run(run(order))
            sys.setprofile(None)
            if "die_after" in order:
                print(json.dumps({"calls": calls}), flush=True)
        except BaseException as exc:
            print(json.dumps({"error": repr(exc)}), flush=True)
            os._exit(1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    print(json.dumps({"status": status}), flush=True)
"""
"""Forks a child for every export, so that fifty of them do not import everything fifty times."""


class Forker:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.stdin, self.stdout = process.stdin, process.stdout

    async def run(self, **order: object) -> dict[str, int]:
        """Export, until the end or until it is killed: the status, and how many functions were called."""
        self.stdin.write(json.dumps(order).encode() + b"\n")
        told: dict[str, int] = {}
        while "status" not in told:
            told |= json.loads(await self.stdout.readline())
            assert "error" not in told, told
        return told


@asynccontextmanager
async def forker() -> AsyncIterator[Forker]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FORKER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Forker(process)
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        await process.wait()


def files(folder: Path) -> dict[str, bytes]:
    """Everything in a folder but the manifest, which tells the time."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def phase(folder: Path) -> str:
    """How far the export had come."""
    work = folder / ".pocketsflow-export"
    if (work / "manifest.json").exists():
        return "naming"
    if (work / "out").exists():
        return "converting"
    return "fetching" if any(path.stat().st_size for path in work.glob("*.journal")) else "starting"


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
async def test_25_kills_at_random_moments(tmp_path: Path, kind: str, thoroughly: int) -> None:
    """Killed with SIGKILL and continued, again and again: each time the files are those of an undisturbed export.

    A moment is a number of function calls and not a time, so that a busy machine kills where an idle one does.
    """
    dice = random.Random(50)
    names = ["orders", "customers", "payments"]
    async with Sandbox(orders=600, seed=6, rate_limit=None) as sandbox, forker() as forks:
        order = {"url": sandbox.url, "resources": names, "format": kind}
        whole = (await forks.run(**order, to=str(tmp_path / "calm"), die_after=-1))["calls"]
        calm = files(tmp_path / "calm")

        kills: Counter[str] = Counter()
        storm = tmp_path / "storm"
        while kills.total() < 25 * thoroughly:
            killed = await forks.run(**order, to=str(storm), die_after=dice.randrange(whole))
            if killed["status"] != 0:
                kills[phase(storm)] += 1
                assert (await forks.run(**order, to=str(storm)))["status"] == 0
            assert files(storm) == calm
            shutil.rmtree(storm)

    assert kills["fetching"] >= 5


@pytest.mark.parametrize(("kind", "since"), [("jsonl", None), ("jsonl", "last"), ("sqlite", "last")])
async def test_a_kill_at_every_step_on_the_disk(tmp_path: Path, kind: str, since: str | None) -> None:
    """Killed just before every call that makes something durable or gives it a name, up to the last one."""
    storm = tmp_path / "storm"
    async with Sandbox(orders=450, seed=6, rate_limit=None) as sandbox, forker() as forks:
        order = {"url": sandbox.url, "resources": ["orders", "products"], "format": kind}
        if since == "last":
            assert (await forks.run(**order, to=str(tmp_path / "before")))["status"] == 0
            order["since"] = since
            shutil.copytree(tmp_path / "before", tmp_path / "calm")
            sandbox.shop.update_order(sandbox.shop.order(0)["_id"], {"country": "NZ"})
            sandbox.shop.insert_order()
        assert (await forks.run(**order, to=str(tmp_path / "calm")))["status"] == 0
        calm = files(tmp_path / "calm")
        seen: Counter[str] = Counter()
        for step in range(1, 200):
            if since == "last":
                shutil.copytree(tmp_path / "before", storm)
            status = (await forks.run(**order, to=str(storm), die_at=step))["status"]
            if status == 0:
                break
            seen[phase(storm)] += 1
            assert (await forks.run(**order, to=str(storm)))["status"] == 0
            assert files(storm) == calm, step
            shutil.rmtree(storm)
        assert status == 0

    assert {"starting", "fetching", "converting", "naming"} <= set(seen)
