"""The benchmarks run, and what does not hang on the clock is held to its bar."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


def rows(script: str, *words: str) -> dict[str, list[str]]:
    """The rows of a benchmark's table, by their first cell."""
    command = [sys.executable, "-W", "error", str(BENCHMARKS / script), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert done.returncode == 0, done.stderr
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if "|" in line]
    return {name: rest for name, *rest in cells[2:]}


def test_the_road_of_a_call_can_be_measured() -> None:
    """Every case runs; what models take of memory is counted, not timed, and stays within its bars."""
    found = rows("road.py", "--short")

    assert len(found) == 11
    held = {name: cells for name, cells in found.items() if "memory" in name or "extra" in name}
    assert [cells[-1] for cells in held.values()] == ["yes", "yes"], held


def test_exports_can_be_measured() -> None:
    """Ours and what somebody would write by hand export the same pages."""
    found = rows("exports.py", "3")

    assert {"ours, jsonl", "ours, csv", "ours, parquet", "aiohttp + orjson by hand"} <= found.keys()
