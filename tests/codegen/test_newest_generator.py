"""The comparison that `nox -s newest_generator` makes with the newest release, here made with the pinned one."""

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest
from newest_generator import PLACES, main

GOLDEN, EXPECTED = next(iter(PLACES.items()))
RELEASE = f"datamodel-code-generator {version('datamodel-code-generator')}"


def test_the_pinned_release_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """With the release that is pinned, all output is as committed: of the golden record and of every spec."""
    assert main() == 0
    assert capsys.readouterr().out == f"{RELEASE}: the same output\n"


def test_changes_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would change is shown as a diff, files that come or go included; the status says that there is some."""
    committed = tmp_path / "committed"
    shutil.copytree(EXPECTED, committed)
    models = committed / "hard" / "models" / "common.py"
    models.write_text(models.read_text().replace("lives: int | None", "lives: float | None"))
    (committed / "hard" / "operations" / "cages.py").unlink()
    (committed / "hard" / "gone.py").write_text("gone = 1\n")

    assert main({GOLDEN: committed}) == 1

    told = capsys.readouterr().out
    assert "--- committed/hard/models/common.py\n+++ now/hard/models/common.py\n" in told
    assert '\n-    lives: float | None = attrs.field(default=None, metadata={"json": "lives"})\n' in told
    assert '\n+    lives: int | None = attrs.field(default=None, metadata={"json": "lives"})\n' in told
    assert "\n+class Cages:\n" in told
    assert "\n-gone = 1\n" in told
    assert told.endswith(f"{RELEASE}: 3 difference(s)\n")


def test_a_release_that_fails_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing can be generated, the reason is shown."""
    (tmp_path / "bad.yaml").write_text("openapi: 3.1.0\n")

    assert main({tmp_path: EXPECTED}) == 1

    told = capsys.readouterr().out
    assert "nothing is generated any more:\n" in told
    assert "problem(s): nothing was written" in told
