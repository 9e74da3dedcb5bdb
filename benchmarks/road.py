"""Every bar of the road of one call, side by side in one run.

    python benchmarks/road.py [--short] [--only NAME …]

Each client runs in a process of its own against a server in another one, in turns, so that whatever else the machine
does hits all alike; the smallest figure of all rounds counts. CPU is the client's alone. `--short` only shows that
everything runs: its figures mean little.
"""

import argparse
import compileall
import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import pocketsflow_async

HERE = Path(__file__).parent
PACKAGES = ("aiohttp", "msgspec", "attrs", "orjson", "httpx", "pydantic")


class Bar(NamedTuple):
    """Something to be no more than so many times something else.

    Attributes:
        ours: our case, and `other` what it is held against.
        figure: which figure of the two counts.
        bar: the most that is allowed; for rates, where more is better, the least.
        count: how often the thing is done in a round.
    """

    name: str
    ours: str
    other: str
    figure: str
    bar: float
    count: int

    @property
    def more_is_better(self) -> bool:
        return self.figure == "rate"


BARS = (
    Bar("pages: CPU to fetch and type, 8 in flight", "ours_pages", "aiohttp_pages", "cpu", 1.6, 1000),
    Bar("pages: CPU of httpx and pydantic", "httpx_pages", "aiohttp_pages", "cpu", 99, 1000),
    Bar("small GET: CPU, 50 in flight, quota off", "ours_small", "aiohttp_small", "cpu", 1.8, 10_000),
    Bar("small GET: CPU, 50 in flight, quota on", "ours_small_quota", "aiohttp_small", "cpu", 1.8, 10_000),
    Bar("small GET: requests a second", "ours_small", "aiohttp_small", "rate", 0.55, 10_000),
    Bar("raw JSON Lines export: CPU", "ours_export", "aiohttp_bytes", "cpu", 2.0, 1000),
    Bar("import: ms over bare Python", "ours_import", "nothing_import", "ms", 60, 1),
    Bar("first request done, from a bare interpreter", "ours_first", "aiohttp_first", "wall", 1.25, 1),
    Bar("event loop: longest stall in ms while the first request is made", "ours_stall", "nothing", "ms", 20, 1),
    Bar("memory of 100,000 orders held as models", "ours_held", "dicts_held", "kb", 0.75, 1000),
    Bar("the same where `extra` is kept", "ours_held_extra", "dicts_held_extra", "kb", 1.0, 1000),
)


@contextmanager
def server() -> Iterator[str]:
    """The address of the server that is no bottleneck."""
    command = [sys.executable, str(HERE / "static_server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def run(case: str, url: str, count: int) -> dict[str, float]:
    """One round of one case."""
    command = [sys.executable, str(HERE / "clients.py"), case, url, str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(bars: list[Bar], url: str, *, rounds: int, share: float) -> Iterator[tuple[Bar, float, float]]:
    """Each bar with the best figures of ours and of the other."""
    cases: dict[str, int] = {}
    for bar in bars:
        for case in (bar.ours, bar.other):
            cases[case] = max(1, round(bar.count * share))
    found: dict[str, list[dict[str, float]]] = {case: [] for case in cases}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for case, count in cases.items():
            found[case].append(run(case, url, count))
    for bar in bars:
        ours, other = (_best(found[case], bar) for case in (bar.ours, bar.other))
        yield bar, ours, other


def _best(rounds: list[dict[str, float]], bar: Bar) -> float:
    if bar.more_is_better:
        return max(one["count"] / one["wall"] for one in rounds)
    return min(one[bar.figure] for one in rounds)


def _row(bar: Bar, ours: float, other: float) -> str:
    if bar.figure == "ms":
        value, limit = ours - other, f"≤ {bar.bar:g} ms"
        return f"| {bar.name} | {value:.0f} ms | {limit} | {'yes' if value <= bar.bar else '**no**'} |"
    ratio = ours / other
    holds = ratio >= bar.bar if bar.more_is_better else ratio <= bar.bar
    limit = f"{'≥' if bar.more_is_better else '≤'} {bar.bar:g}" if bar.bar < 99 else "-"
    return f"| {bar.name} | {ratio:.2f} | {limit} | {'yes' if holds else '**no**'} |"


def _machine() -> str:
    versions: dict[str, Any] = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def main() -> None:
    parser = argparse.ArgumentParser(description="The road of one call against its bars.")
    parser.add_argument("--short", action="store_true", help="one small round: does everything run?")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="bars whose name holds one of these")
    given = parser.parse_args()
    bars = [bar for bar in BARS if not given.only or any(word in bar.name for word in given.only)]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {_machine()}\n")
    print("| what | ratio | bar | held |\n|---|---|---|---|")
    compileall.compile_dir(Path(pocketsflow_async.__file__).parent, quiet=1)  # as an installer does
    with server() as url:
        rounds, share = (1, 0.02) if given.short else (9, 1.0)
        for bar, ours, other in measure(bars, url, rounds=rounds, share=share):
            print(_row(bar, ours, other), flush=True)


if __name__ == "__main__":
    main()
