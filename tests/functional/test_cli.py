"""The command `pocketsflow`, as a process of its own."""

import asyncio
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest

from pocketsflow_async.cli import main
from pocketsflow_async.sandbox import Sandbox

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


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(orders=1230, seed=3, rate_limit=None, keys=[KEY]) as sandbox:
        yield sandbox


@pytest.fixture
def command(sandbox: Sandbox, tmp_path: Path) -> Command:
    return Command(sandbox.url, tmp_path)


async def test_it_exports_what_is_named(command: Command) -> None:
    """Each resource has its file; the table tells of each, and stderr of the progress in plain lines."""
    ended = await command.export("orders", "customers")

    assert ended.status == 0
    rows = [line.split() for line in ended.out.splitlines()]
    assert rows[0] == ["resource", "records", "expected", "duplicates", "gaps", "pages", "requests", "429s", "seconds"]
    assert [row[0] for row in rows[1:4]] == ["orders", "customers", "all"]
    assert rows[1][1] == "1230"
    assert len(command.read("orders.jsonl").splitlines()) == 1230
    assert rows[-1] == ["complete:", str(command.folder / "backup" / "manifest.json")]
    assert re.search(r"^orders: 1230 of 1230 records, ([\d,]+/s, )?done$", ended.err, re.MULTILINE)


async def test_json_is_all_that_it_prints(command: Command) -> None:
    """With --json each line is an object: the progress of every page, and at last the report; stderr is empty."""
    ended = await command.export("orders", "products", "--json", "--concurrency", "2")

    assert (ended.status, ended.err) == (0, "")
    *progress, report = ended.told
    assert {one["event"] for one in progress} == {"progress"}
    orders = [one for one in progress if one["resource"] == "orders"]
    assert [one["done"] for one in orders] == [False] * (len(orders) - 1) + [True]
    assert len(orders) > 5
    assert orders[-1].items() >= {"records": 1230, "expected": 1230, "quota": None}.items()
    assert (report["event"], report["complete"]) == ("report", True)
    assert {one["resource"]: one["records"] for one in report["resources"]}["orders"] == 1230
    assert Path(report["manifest"]).is_file()


async def test_json_tells_the_quota(command: Command) -> None:
    """Progress carries the state of the quota, where there is one."""
    ended = await command.run("export", "products", "--json", "--to", str(command.folder / "backup"))

    assert ended.told[0]["quota"]["limit"] == {"sustained": 100, "burst": 200, "period": 60.0}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "COMMAND"),
        ("export", "--to"),
        ("export cats --to x", "no such resource: cats; there are"),
        ("export --to x --format xml", "xml"),
        ("export --to x --compression rar", "rar"),
        ("export --to x --format csv --compression snappy", "snappy"),
        ("export --to x --since soon", "no date or time such as 2026-01-31: 'soon'"),
        ("export --to x --until last", "last"),
        ("export --to x --since 2026-02-01 --until 2026-01-01", "--since 2026-02-01 must be before"),
        ("export --to x --since 2026-02-01 --until 2026-02-01T00:00:00Z", "must be before"),
        ("export --to x --since 2026-02-01T10:00:00", "offset"),
        ("export --to x --since last --until 2026-02-01", "until"),
        ("export --to x --concurrency 0", "at least 1"),
        ("export --to x --concurrency many", "many"),
        ("audit", "DIR"),
        ("fly", "fly"),
    ],
)
async def test_wrong_usage_is_one_line(command: Command, sandbox: Sandbox, words: str, reason: str) -> None:
    """What cannot be asked for is status 2 and a line that names it; nothing is written, nothing is asked."""
    ended = await command.run(*(str(command.folder / "x") if word == "x" else word for word in words.split()))

    assert (ended.status, ended.out) == (2, "")
    assert ended.line.startswith("pocketsflow: ")
    assert reason in ended.line
    assert sandbox.received == 0
    assert list(command.folder.iterdir()) == []


@pytest.mark.parametrize(("format", "module"), [("parquet", "pyarrow"), ("duckdb", "duckdb")])
async def test_a_missing_extra_is_wrong_usage(command: Command, format: str, module: str) -> None:  # noqa: A002
    """A format whose package is not installed is status 2 and says what to install."""
    hide = f"import sys; sys.modules[{module!r}] = None; from pocketsflow_async.cli import main; sys.exit(main())"
    ended = await command.export("products", "--format", format, program=(sys.executable, "-c", hide))

    assert ended.status == 2
    assert f"format {format} needs {module}: pip install 'pocketsflow-async[{format}]'" in ended.line


@pytest.mark.parametrize("format", ["csv", "parquet", "sqlite", "duckdb"])
async def test_it_writes_every_format(command: Command, format: str) -> None:  # noqa: A002
    """Each format is one option away, and an audit of what was written finds nothing."""
    ended = await command.export("orders", "products", "--format", format)

    assert (ended.status, ended.err.count("done")) == (0, 2)
    assert (await command.run("audit", str(command.folder / "backup"))).status == 0


async def test_a_failure_is_one_line(command: Command) -> None:
    """A key that is refused, a server that is not there and a folder that is a file: status 1 and the reason."""
    (command.folder / "file").touch()

    refused = await command.export("products", POCKETSFLOW_API_KEY="pk_test_other", to="new")
    keyless = await command.export("products", POCKETSFLOW_API_KEY="", to="new")
    blocked = await command.export("products", to="file")

    assert [one.status for one in (refused, keyless, blocked)] == [1, 1, 1]
    assert "401" in refused.line
    assert "pk_test_other" not in refused.line
    assert keyless.line == "pocketsflow: no API key: pass api_key=… or set POCKETSFLOW_API_KEY"
    assert "file" in blocked.line


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
    assert await process.wait() == (0 if unbuffered else 1)  # argparse itself forgives what it notices


@posix
async def test_a_terminal_has_bars(command: Command) -> None:
    """On a terminal each resource has a bar with what is done and the rate; the table is not mixed with it."""
    import pty

    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("export", "orders", "webhooks", "--to", str(command.folder / "backup")),
        env={
            **os.environ,
            "POCKETSFLOW_API_KEY": KEY,
            "POCKETSFLOW_BASE_URL": command.url,
            "TERM": "xterm",
            "COLUMNS": "120",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    drawn = asyncio.create_task(asyncio.to_thread(_read_all, ours))
    assert process.stdout is not None
    out = await process.stdout.read()
    text = (await drawn).decode()

    assert await process.wait() == 0
    assert "━" in text
    assert "1,230 of 1,230" in text
    assert re.search(r"orders.*[\d,]+/s", text)
    assert "\x1b[?25l" in text  # the cursor is hidden while bars are drawn, and comes back
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert out.startswith(b"resource")


def _read_all(terminal: int) -> bytes:
    drawn = b""
    try:
        while piece := os.read(terminal, 65536):
            drawn += piece
    except OSError:  # Linux says so when the other side is closed
        pass
    os.close(terminal)
    return drawn


async def test_an_audit_names_what_differs(command: Command) -> None:
    """An untouched export is status 0, also against the API; a changed file is status 1 and its name."""
    folder = str(command.folder / "backup")
    await command.export("orders", "products")

    sound = await command.run("audit", folder)
    asked = await command.run("audit", folder, "--api", "--json")
    path = command.folder / "backup" / "orders.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    broken = await command.run("audit", folder)
    told = await command.run("audit", folder, "--json")
    missing = await command.run("audit", str(command.folder / "nowhere"))

    assert (sound.status, sound.err) == (0, "")
    assert "nothing differs" in sound.out.splitlines()[-1]
    assert (asked.status, asked.err, len(asked.told)) == (0, "", 1)
    assert asked.told[0].items() >= {"event": "audit", "sound": True, "resources": 2, "differences": []}.items()
    assert (broken.status, broken.err) == (1, "")
    assert "orders: " in broken.out
    assert re.search(r"\d+ differences?$", broken.out)
    assert told.status == 1
    assert {one["resource"] for one in told.told[0]["differences"]} == {"orders"}
    assert missing.status == 1
    assert "nowhere" in missing.line


async def test_new_orders_since_the_last_export_are_added(command: Command, sandbox: Sandbox) -> None:
    """`--since last` fetches what is new and keeps the rest."""
    await command.export("orders")
    new = sandbox.shop.insert_order()
    ended = await command.export("orders", "--since", "last", "--json")

    assert ended.told[-1]["resources"][0]["records"] == 1231
    assert new["_id"] in {json.loads(line)["_id"] for line in command.read("orders.jsonl").splitlines()}


def test_the_sandbox_is_one_option_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`pocketsflow export --sandbox` needs neither key nor network, and can be run again."""
    words = ["export", "orders", "customers", "--sandbox", "--orders", "300", "--to", str(tmp_path)]

    assert main(words) == 0
    assert main(words) == 0
    assert capsys.readouterr().err.count("orders: 300 of 300 records") == 2
    assert len((tmp_path / "orders.jsonl").read_bytes().splitlines()) == 300


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
