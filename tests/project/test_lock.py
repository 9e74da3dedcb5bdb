"""What a clone installs is written down, so that a check that passes today passes in a year."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
PINNED = {package["name"]: package for package in LOCK["package"]}


def test_every_package_comes_from_the_public_index() -> None:
    """The lock names the public index and its files, and no mirror of the machine that made it."""
    others = [package for package in LOCK["package"] if package["name"] != "pocketsflow-async"]
    files = [file for package in others for file in [package.get("sdist"), *package.get("wheels", [])] if file]

    assert {package["source"]["registry"] for package in others} == {"https://pypi.org/simple"}
    assert {file["url"].split("/packages/")[0] for file in files} == {"https://files.pythonhosted.org"}
    assert all(file["hash"].startswith("sha256:") for file in files)
    assert set(re.findall(r"https?://[^/\"]+", (ROOT / "uv.lock").read_text())) == {
        "https://files.pythonhosted.org",
        "https://pypi.org",
    }


def test_the_readme_installs_the_uv_that_is_locked() -> None:
    """The one thing that pip installs for the checks has its version in the README; everything else is in the lock."""
    assert re.findall(r"pip install --quiet (\S*uv\S*)", (ROOT / "README.md").read_text()) == [
        f"uv=={PINNED['uv']['version']}"
    ]


def test_the_build_backend_is_locked() -> None:
    """What builds the package is pinned like what tests it."""
    assert set(PYPROJECT["build-system"]["requires"]) <= set(PYPROJECT["dependency-groups"]["build"])
    assert {"editables", "hatchling", "pathspec", "trove-classifiers"} <= PINNED.keys()
