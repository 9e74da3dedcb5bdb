"""The command `pocketsflow`: export an account, or run the sandbox."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from importlib.metadata import version

from pocketsflow_async._client import Pocketsflow
from pocketsflow_async._config import RateLimit
from pocketsflow_async._progress import report_to, table
from pocketsflow_async.errors import PocketsflowError
from pocketsflow_async.export import RESOURCES, ExportReport, export
from pocketsflow_async.sandbox import Sandbox

_SANDBOX_KEY = "pk_test_sandbox"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all was done, 1 when not, 2 for wrong usage, 130 when interrupted."""
    given = _parser().parse_args(arguments)
    try:
        status: int = asyncio.run(given.run(given))
    except PocketsflowError as exc:
        print(f"pocketsflow: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pocketsflow: interrupted", file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pocketsflow", description="Work with a Pocketsflow account.")
    parser.add_argument("--version", action="version", version=version("pocketsflow-async"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser(
        "export",
        help="write every record of an account to files",
        description="Write every record to JSON Lines files, one for each resource. The key comes from "
        "POCKETSFLOW_API_KEY, the address from POCKETSFLOW_BASE_URL if that is set.",
    )
    run.add_argument("resources", nargs="*", metavar="RESOURCE", help=f"all when none is named: {', '.join(RESOURCES)}")
    run.add_argument("--to", required=True, metavar="DIR", help="the folder of the files")
    run.add_argument("--concurrency", type=_count, default=8, metavar="N", help="pages fetched side by side (8)")
    run.add_argument("--no-quota", action="store_true", help="send as fast as the server answers, risking 429s")
    run.add_argument("--sandbox", action="store_true", help="export a local sandbox: no key and no network needed")
    _sandbox_arguments(run)
    run.set_defaults(run=_export)

    serve = commands.add_parser("sandbox", help="run a local Pocketsflow", description="Run a local Pocketsflow.")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, default=8787, help="0 for any free one (8787)")
    serve.add_argument("--no-quota", action="store_true", help="never answer 429")
    _sandbox_arguments(serve)
    serve.set_defaults(run=_serve)
    return parser


def _sandbox_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--orders", type=int, default=500, metavar="N", help="orders that the sandbox has (500)")
    parser.add_argument("--seed", type=int, default=7, metavar="N", help="seed of the sandbox's data (7)")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


async def _export(given: argparse.Namespace) -> int:
    rate_limit = None if given.no_quota else RateLimit()
    if given.sandbox:
        quota = None if given.no_quota else RateLimit()
        async with (
            Sandbox(orders=given.orders, seed=given.seed, rate_limit=quota) as sandbox,
            Pocketsflow(_SANDBOX_KEY, base_url=sandbox.url, rate_limit=rate_limit) as pf,
        ):
            report = await _export_all(pf, given)
    else:
        async with Pocketsflow(rate_limit=rate_limit) as pf:
            report = await _export_all(pf, given)
    print(table(report))
    return 0


async def _export_all(pf: Pocketsflow, given: argparse.Namespace) -> ExportReport:
    with report_to(sys.stderr) as progress:
        return await export(pf, given.resources or None, to=given.to, concurrency=given.concurrency, progress=progress)


async def _serve(given: argparse.Namespace) -> int:
    quota = None if given.no_quota else RateLimit()
    async with Sandbox(
        orders=given.orders, seed=given.seed, host=given.host, port=given.port, rate_limit=quota
    ) as sandbox:
        print(f"Pocketsflow sandbox at {sandbox.url}, key {_SANDBOX_KEY}; Ctrl-C ends it", flush=True)
        await asyncio.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
