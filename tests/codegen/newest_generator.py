"""What the installed release of datamodel-code-generator makes of our specs, held against what is committed.

`nox -s newest_generator` runs this with the newest release. Ends with 1 when anything would change, or fails.
"""

import difflib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACES = {
    ROOT / "tests" / "codegen" / "golden": ROOT / "tests" / "codegen" / "golden" / "expected",
    ROOT / "openapi": ROOT / "pocketsflow_async" / "_generated",
}


def main(places: dict[Path, Path] = PLACES) -> int:
    """Print the differences and what they come to."""
    told: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (specs, committed) in enumerate(places.items()):
            fresh = Path(folder) / str(number)
            command = [sys.executable, "-m", "codegen", "--specs", str(specs), "--out", str(fresh)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - ours
            if done.returncode:
                told.append(f"{specs.name}: nothing is generated any more:\n{done.stderr}")
            else:
                told += differences(committed, fresh)
    sys.stdout.writelines(told)
    found = f"{len(told)} difference(s)" if told else "the same output"
    sys.stdout.write(f"datamodel-code-generator {version('datamodel-code-generator')}: {found}\n")
    return 1 if told else 0


def differences(old: Path, new: Path) -> Iterator[str]:
    """A unified diff of each file that is not the same in both folders."""
    before, after = _texts(old), _texts(new)
    for name in sorted(before.keys() | after.keys()):
        lines = difflib.unified_diff(
            before.get(name, "").splitlines(keepends=True),
            after.get(name, "").splitlines(keepends=True),
            f"committed/{name}",
            f"now/{name}",
        )
        text = "".join(lines)
        if text:
            yield text


def _texts(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


if __name__ == "__main__":
    sys.exit(main())
