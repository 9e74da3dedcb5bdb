"""The example of CONTRIBUTING.md is what the generator does."""

import difflib
import re
from pathlib import Path

import pytest
from newest_generator import differences

from codegen.__main__ import ROOT, main

SPEC = ROOT / "openapi" / "pocketsflow.yaml"
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


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
