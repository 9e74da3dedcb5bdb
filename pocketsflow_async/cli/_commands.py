"""What each command does, and how it ends."""

import argparse
import asyncio
import os
import shlex
import shutil
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async._config import RateLimit
from pocketsflow_async.cli._arguments import read
from pocketsflow_async.cli._interrupts import interruptible
from pocketsflow_async.cli._progress import Objects, Show, show_on
from pocketsflow_async.cli._streams import forget_streams
from pocketsflow_async.cli._tables import audit_text, export_text
from pocketsflow_async.errors import ConfigurationError, InvalidArgumentError, PocketsflowError, printable
from pocketsflow_async.export import ExportReport, audit, export
from pocketsflow_async.sandbox import Sandbox

_SANDBOX_KEY = "pk_test_sandbox"

FAILED = 1
USAGE = 2
INTERRUPTED = 130


class _UsageError(Exception):
    """The command was called with what cannot be."""


def run(words: Sequence[str]) -> int:
    """Do what the words ask for, and give the exit status."""
    commands = {"export": _export, "audit": _audit, "sandbox": _serve}
    try:
        given = read(words)
        return asyncio.run(commands[given.command](given, words))
    except _UsageError as exc:
        return _complain(str(exc), USAGE)
    except PocketsflowError as exc:
        return _complain(str(exc))
    except BrokenPipeError:  # whoever read along has gone
        forget_streams()
        return FAILED
    except OSError as exc:
        forget_streams()
        return _complain(str(exc))
    except Exception as exc:  # noqa: BLE001 - a mistake of ours is told in one line too
        return _complain(f"unexpected {type(exc).__name__}: {exc}")


def _complain(text: str, status: int = FAILED) -> int:
    key = os.environ.get("POCKETSFLOW_API_KEY")
    line = printable(" ".join(text.split()))
    try:
        print(f"pocketsflow: {line.replace(key, '…') if key else line}", file=sys.stderr, flush=True)
    except OSError:
        forget_streams()
    return status


async def _export(given: argparse.Namespace, words: Sequence[str]) -> int:
    objects = Objects(sys.stdout) if given.json else None
    show: Show = objects or show_on(sys.stderr)
    with interruptible(show.stop) as interrupt:
        try:
            report = await _export_shown(given, show)
        except asyncio.CancelledError:
            if not interrupt.asked:
                raise
            return _complain(f"interrupted; this continues: {_again(words)}", INTERRUPTED)
    if objects is None:
        print(export_text(report), flush=True)
    else:
        objects.tell("report", report.as_dict())
    return 0 if report.complete else FAILED


async def _export_shown(given: argparse.Namespace, show: Show) -> ExportReport:
    async with _client(given) as pf:
        show.start()
        try:
            return await export(
                pf,
                given.resources or None,
                to=given.to,
                format=given.format,
                compression=given.compression,
                concurrency=given.concurrency,
                since=given.since,
                until=given.until,
                resume=not given.no_resume,
                progress=show.show,
            )
        except (ConfigurationError, InvalidArgumentError) as exc:
            raise _UsageError(str(exc)) from None
        finally:
            show.stop()


@asynccontextmanager
async def _client(given: argparse.Namespace) -> AsyncGenerator[Pocketsflow]:
    rate_limit = None if given.no_quota else RateLimit()
    if not given.sandbox:
        async with Pocketsflow(rate_limit=rate_limit) as pf:
            yield pf
        return
    async with (
        Sandbox(orders=given.orders, seed=given.seed, rate_limit=rate_limit) as sandbox,
        Pocketsflow(_SANDBOX_KEY, base_url=sandbox.url, rate_limit=rate_limit) as pf,
    ):
        yield pf


def _again(words: Sequence[str]) -> str:
    """The command that continues, to be typed as it is."""
    rest = [word for word in words if word != "--no-resume"]
    return shlex.join([*_program(Path(sys.argv[0])), *rest])


def _program(path: Path) -> list[str]:
    if path.name == "__main__.py":
        return [sys.executable, "-m", "pocketsflow_async.cli"]
    found = shutil.which("pocketsflow")
    on_the_path = path.name != "pocketsflow" or (found is not None and Path(found).resolve() == path.resolve())
    return ["pocketsflow"] if on_the_path else [str(path)]


async def _audit(given: argparse.Namespace, _words: Sequence[str]) -> int:
    if given.api:
        async with Pocketsflow() as pf:
            report = await audit(given.folder, pf)
    else:
        report = await audit(given.folder)
    if given.json:
        Objects(sys.stdout).tell("audit", report.as_dict())
    else:
        print(audit_text(report), flush=True)
    return 0 if report.sound else FAILED


async def _serve(given: argparse.Namespace, _words: Sequence[str]) -> int:
    quota = None if given.no_quota else RateLimit()
    async with Sandbox(
        orders=given.orders, seed=given.seed, host=given.host, port=given.port, rate_limit=quota
    ) as sandbox:
        print(f"Pocketsflow sandbox at {sandbox.url}, key {_SANDBOX_KEY}; Ctrl-C ends it", flush=True)
        await asyncio.Event().wait()
    return 0
