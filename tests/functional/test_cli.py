"""The command `pocketsflow`, as a process of its own."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from commands import COMMAND, KEY, Command, posix

from pocketsflow_async.cli import main
from pocketsflow_async.sandbox import Sandbox


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
