"""The rendered text becomes a folder: all of it or nothing."""

import shutil
import subprocess
import tempfile
from importlib import import_module
from pathlib import Path

from codegen.problems import GeneratorError

WIDTH = 120


def prepare(files: dict[str, str], beside: Path) -> Path:
    """A finished tree in a new folder beside the place where it will go, so that moving it there is one step.

    Raises:
        GeneratorError: a file is not Python, the formatter failed, or the disk did.
    """
    beside.parent.mkdir(parents=True, exist_ok=True)
    tree = Path(tempfile.mkdtemp(prefix=f".{beside.name}-", dir=beside.parent))
    try:
        for name, text in files.items():
            if name.endswith(".py"):
                _check(name, text)
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        _format(tree)
    except BaseException:
        shutil.rmtree(tree)
        raise
    tree.chmod(0o755)  # mkdtemp makes it private
    return tree


def differences(new: Path, old: Path) -> list[str]:
    """The files that are missing, stale or left over in the old tree, by path below it."""
    before, after = _contents(old), _contents(new)
    return sorted(
        f"{name} ({'missing' if name not in before else 'left over' if name not in after else 'stale'})"
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
    )


def replace(new: Path, old: Path) -> None:
    """Put the new tree in the place of the old one; a failure leaves one of them whole."""
    aside = old.with_name(f".{old.name}-old")
    if aside.exists():
        shutil.rmtree(aside)
    if old.exists():
        old.rename(aside)
    try:
        new.rename(old)
    except OSError:
        if aside.exists():
            aside.rename(old)
        raise
    if aside.exists():
        shutil.rmtree(aside)


def _contents(tree: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _check(name: str, text: str) -> None:
    try:
        compile(text, name, "exec", dont_inherit=True)
    except SyntaxError as exc:
        line = (exc.text or "").strip()
        raise GeneratorError(
            f"{name}:{exc.lineno}: this is not Python ({exc.msg}: {line!r}): mend the template that wrote it"
        ) from exc


def _format(tree: Path) -> None:
    """Imports sorted and merged, then the layout; with fixed settings, whatever stands in the project's."""
    ruff: str = import_module("ruff").find_ruff_bin()  # started without a Python around it
    for words in (["check", "--select=I", "--fix"], ["format"]):
        command = [
            ruff,
            *words,
            "--isolated",
            "--no-cache",
            "--quiet",
            f"--line-length={WIDTH}",
            # Else a module that is not there yet would be taken for somebody else's.
            "--config=lint.isort.known-first-party=['pocketsflow_async']",
        ]
        done = subprocess.run([*command, str(tree)], capture_output=True, text=True, check=False)  # noqa: S603 - ours
        if done.returncode:
            told = " ".join(f"{done.stdout} {done.stderr}".split())
            raise GeneratorError(f"ruff could not format the generated files: {told[:300]}")
