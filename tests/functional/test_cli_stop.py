"""How the command `pocketsflow` is stopped: by signals, and by readers who go away."""

import asyncio
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from commands import COMMAND, KEY, Command, Ended, posix

from pocketsflow_async.sandbox import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(orders=1230, seed=3, rate_limit=None, keys=[KEY]) as sandbox:
        yield sandbox


@pytest.fixture
def command(sandbox: Sandbox, tmp_path: Path) -> Command:
    return Command(sandbox.url, tmp_path)


async def _interrupted(command: Command, sandbox: Sandbox, number: int, *words: str, **more) -> Ended:
    """An export that gets a signal in the middle."""
    sandbox.faults.add("delay", seconds=0.05, path="/orders")
    process = await command.start(
        "export",
        "orders",
        "--to",
        str(command.folder / "my backup"),
        "--no-quota",
        "--json",
        "--concurrency",
        "1",
        *words,
        **more,
    )
    assert process.stdout is not None
    for _ in range(4):
        await process.stdout.readline()
    process.send_signal(number)
    ended = await command.ended(process)
    sandbox.faults.clear()
    return ended


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_export_says_how_to_continue(command: Command, sandbox: Sandbox, number: int) -> None:
    """The status is 130, and the command that is printed, run as it is, ends as if nothing had happened."""
    ended = await _interrupted(command, sandbox, number, "--no-resume")
    assert ended.status == 130
    assert ended.line.startswith("pocketsflow: interrupted; this continues: ")
    assert not (command.folder / "my backup" / "orders.jsonl").exists()

    again = shlex.split(ended.line.partition("continues: ")[2])
    before = sandbox.requests["GET", "/orders", 200]
    resumed = await command.run(*again[1:], program=(again[0],))
    asked = sandbox.requests["GET", "/orders", 200] - before
    undisturbed = await command.export("orders", to="whole")

    assert "--no-resume" not in again
    assert (resumed.status, undisturbed.status) == (0, 0)
    assert resumed.told[-1]["resources"][0]["resumed"] is True
    assert asked < sandbox.requests["GET", "/orders", 200] - before - asked
    assert command.read("orders.jsonl", "my backup") == command.read("orders.jsonl", "whole")


@posix
async def test_a_second_interrupt_ends_at_once(command: Command) -> None:
    """Work that does not stop is left to the system when somebody insists."""
    stubborn = """
import asyncio
from pocketsflow_async.cli._interrupts import interruptible
async def work():
    with interruptible(lambda: print("told", flush=True)):
        while True:
            try:
                print("working", flush=True)
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                pass
asyncio.run(work())
"""
    process = await command.start(program=(sys.executable, "-c", stubborn))
    assert process.stdout is not None
    try:
        for line in (b"working\n", b"told\n", b"working\n"):
            assert await process.stdout.readline() == line
            if line != b"told\n":
                process.send_signal(signal.SIGINT)
        ended = await asyncio.wait_for(command.ended(process), 30)
    finally:
        if process.returncode is None:
            process.kill()

    assert ended.status == -signal.SIGINT


@posix
async def test_an_ignored_interrupt_stays_ignored(command: Command, sandbox: Sandbox) -> None:
    """Where the shell had SIGINT ignored, as for a command in the background of a script, it stops nothing."""
    ignoring = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
from pocketsflow_async.cli import main
sys.exit(main())
"""

    ended = await _interrupted(command, sandbox, signal.SIGINT, program=(sys.executable, "-c", ignoring))

    assert (ended.status, ended.err) == (0, "")


@posix
@pytest.mark.parametrize("words", ["audit .", "sandbox --port 0"])
async def test_other_commands_are_interrupted_too(command: Command, words: str) -> None:
    """Ctrl-C is status 130 and one line, also while the program is still loading."""
    wait = f"""
import signal, sys
from pocketsflow_async.cli import main
class Interrupting:
    def find_spec(self, name, *rest):
        if name == "pocketsflow_async.cli._commands":
            signal.raise_signal(signal.SIGINT)
if {words.startswith("audit")}:
    sys.meta_path.insert(0, Interrupting())
sys.exit(main())
"""
    process = await command.start(*words.split(), program=(sys.executable, "-c", wait))
    if words.startswith("sandbox"):
        assert process.stdout is not None
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)
    ended = await command.ended(process)

    assert (ended.status, ended.line) == (130, "pocketsflow: interrupted")


@posix
@pytest.mark.parametrize("words", [("--json",), ()])
async def test_a_closed_pipe_ends_quietly(command: Command, words: tuple[str, ...]) -> None:
    """When nobody reads on, the export stops without a word, and can be continued."""
    process = await command.start(
        "export",
        "orders",
        "products",
        *words,
        "--no-quota",
        "--concurrency",
        "1",
        "--to",
        str(command.folder / "backup"),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    if words:
        await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined]
    err = await process.stderr.read()

    assert await process.wait() == 1
    assert [line for line in err.splitlines() if b"records" not in line] == []
    assert (await command.export("orders", "products", "--concurrency", "1")).status == 0
    assert len(command.read("orders.jsonl").splitlines()) == 1230


@posix
@pytest.mark.parametrize("unbuffered", ["", "1"])
async def test_help_that_nobody_reads_ends_quietly(command: Command, unbuffered: str) -> None:
    """`pocketsflow --help` into a closed pipe ends without a word."""
    process = await command.start("--help", PYTHONUNBUFFERED=unbuffered)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout._transport.close()  # type: ignore[attr-defined]

    assert await process.stderr.read() == b""
    assert await process.wait() in {0, 1}  # argparse itself forgives what it notices, which hangs on the moment


@pytest.mark.parametrize(
    ("program", "found", "command"),
    [
        ("/opt/venv/bin/pocketsflow", "/opt/venv/bin/pocketsflow", "pocketsflow"),
        ("/opt/venv/bin/pocketsflow", "/usr/bin/pocketsflow", "/opt/venv/bin/pocketsflow"),
        ("/opt/venv/bin/pocketsflow", None, "/opt/venv/bin/pocketsflow"),
        ("/opt/pocketsflow_async/cli/__main__.py", None, shlex.join(COMMAND)),
        ("-c", None, "pocketsflow"),
    ],
)
def test_the_command_that_continues_can_be_typed_as_it_is(
    monkeypatch: pytest.MonkeyPatch, program: str, found: str | None, command: str
) -> None:
    """It names the program as it was started, quotes what needs quotes, and never begins anew."""
    from pocketsflow_async.cli import _commands

    monkeypatch.setattr("sys.argv", [program])
    monkeypatch.setattr("shutil.which", lambda _: found)

    again = _commands._again(["export", "--to", "my backup", "--no-resume", "--until", "2026-01-31"])

    assert again == f"{command} export --to 'my backup' --until 2026-01-31"
