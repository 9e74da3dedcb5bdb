"""The words that the command understands."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import NoReturn, get_args

from pocketsflow_async.errors import printable
from pocketsflow_async.export import RESOURCES, Compression, Format


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"pocketsflow: {printable(message)} ({self.prog} --help tells more)\n")
        sys.exit(2)


def read(words: Sequence[str]) -> argparse.Namespace:
    """What the words ask for; its `command` is the command's name.

    Raises:
        SystemExit: they make no sense, or ask for help.
        BrokenPipeError: nobody reads the help.
    """
    parser = _parser()
    try:
        given = parser.parse_args(words)
    finally:
        sys.stdout.flush()  # of help that nobody reads, we want to know now
    if given.command == "export":
        _check_window(parser, given.since, given.until)
    return given


def _check_window(parser: argparse.ArgumentParser, since: str | None, until: str | None) -> None:
    if since is None or until is None:
        return
    if since == "last":
        parser.error("--since last goes on to now: give no --until")
    if _utc(since) >= _utc(until):
        parser.error(f"--since {since} must be before --until {until}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="pocketsflow", description="Work with a Pocketsflow account.")
    parser.add_argument("--version", action="version", version=version("pocketsflow-async"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    _add_export(
        commands.add_parser(
            "export",
            help="write every record of an account to files",
            description="Write every record to files and describe them in manifest.json. The key comes from "
            "POCKETSFLOW_API_KEY, the address from POCKETSFLOW_BASE_URL if that is set. The same command "
            "continues an export that was stopped.",
            epilog="Exit status: 0 complete, 1 failed, 2 wrong usage, 130 interrupted.",
        )
    )
    _add_audit(
        commands.add_parser(
            "audit",
            help="check an export",
            description="Check the files of an export against its manifest, and if asked against the API.",
            epilog="Exit status: 0 nothing differs, 1 something does or could not be checked, 2 wrong usage.",
        )
    )
    serve = commands.add_parser("sandbox", help="run a local Pocketsflow", description="Run a local Pocketsflow.")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, default=8787, help="0 for any free one (8787)")
    serve.add_argument("--no-quota", action="store_true", help="never answer 429")
    _add_data(serve)
    return parser


def _add_export(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "resources",
        nargs="*",
        type=_resource,
        metavar="RESOURCE",
        help=f"all when none is named: {', '.join(RESOURCES)}",
    )
    run.add_argument("--to", required=True, metavar="DIR", help="the folder of the files")
    run.add_argument("--format", choices=get_args(Format), default="jsonl", help="of the files (jsonl)")
    run.add_argument(
        "--compression", choices=get_args(Compression), help="gzip for jsonl and csv, zstd or snappy for parquet"
    )
    run.add_argument(
        "--since",
        type=_since,
        metavar="DATE",
        help="a date or time; or `last`: what is new or changed since the export that is in DIR",
    )
    run.add_argument("--until", type=_moment, metavar="DATE", help="a date or time (now)")
    run.add_argument("--concurrency", type=_count, default=8, metavar="N", help="pages fetched side by side (8)")
    run.add_argument("--no-resume", action="store_true", help="begin anew where an export was stopped")
    run.add_argument("--no-quota", action="store_true", help="send as fast as the server answers, risking 429s")
    run.add_argument("--json", action="store_true", help="tell progress and the report as one JSON object a line")
    run.add_argument("--sandbox", action="store_true", help="export a local sandbox: no key and no network needed")
    _add_data(run)


def _add_audit(check: argparse.ArgumentParser) -> None:
    check.add_argument("folder", metavar="DIR", help="the folder of the files")
    check.add_argument("--api", action="store_true", help="ask the API too what there is")
    check.add_argument("--json", action="store_true", help="tell the report as one JSON object")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--orders", type=int, default=500, metavar="N", help="orders that the sandbox has (500)")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="seed of the sandbox's data (7)")


def _resource(text: str) -> str:
    if text not in RESOURCES:
        raise argparse.ArgumentTypeError(f"no such resource: {text}; there are {', '.join(RESOURCES)}")
    return text


def _since(text: str) -> str:
    return text if text == "last" else _moment(text)


def _moment(text: str) -> str:
    try:
        _utc(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"no date or time such as 2026-01-31: {text!r}") from None
    return text


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text!r}")
    return int(text)
