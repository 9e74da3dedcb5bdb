"""Runs the command `pocketsflow` as a process of its own."""

import asyncio
import json
import os
import sys
from pathlib import Path

import attrs
import pytest

KEY = "pk_test_canary_of_the_command"
COMMAND = (sys.executable, "-m", "pocketsflow_async.cli")

posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals are POSIX")


@attrs.frozen
class Ended:
    """How a command ended."""

    status: int | None
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of stderr."""
        (line,) = self.err.splitlines()
        return line

    @property
    def told(self) -> list[dict]:
        """The JSON of stdout, line by line."""
        return [json.loads(line) for line in self.out.splitlines()]


@attrs.frozen
class Command:
    """Starts the command against a sandbox."""

    url: str
    folder: Path

    async def start(self, *words: str, program: tuple[str, ...] = COMMAND, **more: str) -> asyncio.subprocess.Process:
        """The running command."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("POCKETSFLOW_")}
        env |= {"POCKETSFLOW_API_KEY": KEY, "POCKETSFLOW_BASE_URL": self.url, "PYTHONUNBUFFERED": "", **more}
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *program, *words, env={name: value for name, value in env.items() if value}, stdout=pipe, stderr=pipe
        )

    async def run(self, *words: str, **more) -> Ended:
        """The command, when it has ended."""
        return await self.ended(await self.start(*words, **more))

    async def ended(self, process: asyncio.subprocess.Process) -> Ended:
        """What is left of a running one."""
        out, err = await process.communicate()
        assert KEY not in (text := (out + err).decode())
        assert "Traceback" not in text
        return Ended(process.returncode, out.decode(), err.decode())

    async def export(self, *words: str, to: str = "backup", **more) -> Ended:
        """An export into a folder below the test's."""
        return await self.run("export", *words, "--no-quota", "--to", str(self.folder / to), **more)

    def read(self, name: str, to: str = "backup") -> bytes:
        """One of its files."""
        return (self.folder / to / name).read_bytes()
