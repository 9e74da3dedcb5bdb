"""The example of CONTRIBUTING.md is what the generator does."""

import difflib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from newest_generator import differences

from codegen.__main__ import ROOT, main

SPEC = ROOT / "openapi" / "pocketsflow.yaml"
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(
    "/orders/{id}/receipt:" in SPEC.read_text(encoding="utf-8"), reason="the example is carried out already"
)


def block(name: str) -> str:
    """The code block below a mark."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found, name
    return found[1]


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the generator changes after the example's edit: the changed lines of each file, in order."""
    folder = tmp_path_factory.mktemp("example")
    trees: list[Path] = []
    for name, text in (("before", SPEC.read_text(encoding="utf-8")), ("after", edited())):
        (folder / name / "openapi").mkdir(parents=True)
        (folder / name / "openapi" / SPEC.name).write_text(text, encoding="utf-8")
        trees.append(folder / name / "out")
        assert main(["--specs", str(folder / name / "openapi"), "--out", str(trees[-1])]) == 0
    found: dict[str, list[str]] = {}
    for text in differences(*trees):
        _, new, *lines = text.splitlines()
        found[new.removeprefix("+++ now/")] = [line for line in lines if line[0] in "+-"]
    return found


def edited() -> str:
    """The spec with each part of the example in its place."""
    text = SPEC.read_text(encoding="utf-8")
    for where, part in re.findall(r"# [^\n]*, before (\S+):\n(.*?)\n*(?=\n#|\Z)", block("endpoint"), re.DOTALL):
        (line,) = re.findall(rf"^ +{re.escape(where)}:$", text, re.MULTILINE)
        text = text.replace(f"\n{line}\n", f"\n{part}\n\n{line}\n", 1)
    return text


def test_the_edit_is_only_added() -> None:
    """The example adds lines to the spec, in two places, and changes none."""
    before, after = SPEC.read_text(encoding="utf-8").splitlines(), edited().splitlines()
    added = [line for line in block("endpoint").splitlines() if line and not line.startswith("#")]

    changed = [line for line in difflib.ndiff(before, after) if line[0] != " "]

    assert sorted(line[2:] for line in changed if line[2:]) == sorted(added)
    assert {line[0] for line in changed} == {"+"}


def test_the_diff_is_the_generators(changes: dict[str, list[str]]) -> None:
    """Every file and line of the documented diff is in the real one, in that order, and no file is kept back."""
    told: dict[str, list[str]] = {}
    for line in block("diff").splitlines():
        if line.startswith("+++ "):
            lines = told.setdefault(line.removeprefix("+++ "), [])
        elif line != "…":
            lines.append(line)

    assert told.keys() == changes.keys()
    for name, lines in told.items():
        rest = iter(changes[name])
        assert [line for line in lines if line not in rest] == [], name
        assert lines


def test_nothing_is_taken_away(changes: dict[str, list[str]]) -> None:
    """A new endpoint changes imports and adds the rest: nothing that users have goes away."""
    for name, lines in changes.items():
        gone = [line for line in lines if line[0] == "-" and "import" not in line]
        assert not [line for line in gone if f"+{line[1:]}" not in lines and name != "pocketsflow/openapi.json"], name


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree in which the example was carried out, to the last step but the sandbox's function."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("codegen", "openapi", "pocketsflow_async", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    for name in ("pyproject.toml", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder)
    (folder / "openapi" / SPEC.name).write_text(edited(), encoding="utf-8")
    status, told = python(folder, "-m", "codegen")
    assert status == 0, told
    assert "wrote _generated/pocketsflow/operations/orders.py" in told.splitlines()
    return folder


def python(folder: Path, *words: str) -> tuple[int, str]:
    """Run Python in a copy of the tree, on the packages of the copy."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_example_ends_green(copy: Path) -> None:
    """Without the sandbox's function a test says which one is missing and where it goes; with it all tests pass."""
    receipt = "tests/sandbox/test_sandbox_spec.py::test_every_get_answers_what_the_spec_says[/orders/{id}/receipt]"
    status, told = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", receipt)
    assert status == 1
    assert "no sandbox function for orders.receipt: add it to SALES in sandbox/_answers_sales.py" in told

    sales = copy / "pocketsflow_async" / "sandbox" / "_answers_sales.py"
    function, entry = re.findall(r"# [^\n]*:\n(.*?)\n*(?=\n# |\Z)", block("sandbox"), re.DOTALL)
    text = sales.read_text(encoding="utf-8").replace("SALES: Final", f"{function}\n\n\nSALES: Final", 1)
    sales.write_text(text.replace('    ("refunds", "list")', f'{entry}\n    ("refunds", "list")', 1), encoding="utf-8")
    affected = (
        "tests/sandbox/test_sandbox_spec.py",
        "tests/codegen/test_drift_command.py::test_the_sandbox_shows_no_drift",
        "tests/codegen/test_contributing.py",
        "tests/codegen/test_codegen_command.py::test_the_committed_code_is_up_to_date",
    )
    status, told = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *affected)
    assert status == 0, told
