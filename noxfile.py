"""Every check by name. `nox` runs them all; `nox -s lint` runs one."""

import os
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True  # only what works is asked for, see _present

PYPROJECT = nox.project.load_toml("pyproject.toml")


def _present(versions: list[str]) -> list[str]:
    """The Pythons of this machine that really start, made findable by name."""
    found = []
    for version in versions:
        homes = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin"))
        for path in [shutil.which(f"python{version}"), *(f"{home}/python{version}" for home in homes)]:
            if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
                os.environ["PATH"] = f"{Path(path).parent}{os.pathsep}{os.environ['PATH']}"
                found.append(version)
                break
    return found


PYTHONS = _present(nox.project.python_versions(PYPROJECT))
LATEST = PYTHONS[-1]


def _install(session: nox.Session, *groups: str) -> None:
    session.install("-e", ".[cli]", *nox.project.dependency_groups(PYPROJECT, *groups))


@nox.session(python=LATEST)
def lint(session: nox.Session) -> None:
    session.install(*nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=LATEST)
def typing(session: nox.Session) -> None:
    _install(session, "typing")
    session.run("mypy")
    session.run("pyright")


@nox.session(python=LATEST)
def codegen(session: nox.Session) -> None:
    """Write the generated packages anew."""
    session.install("-e", ".", *nox.project.dependency_groups(PYPROJECT, "codegen"))
    session.run("python", "-m", "codegen")


@nox.session(python=LATEST)
def codegen_check(session: nox.Session) -> None:
    session.install("-e", ".", *nox.project.dependency_groups(PYPROJECT, "codegen"))
    session.run("python", "-m", "codegen", "--check")


@nox.session(python=LATEST)
def newest_generator(session: nox.Session) -> None:
    """What the newest datamodel-code-generator would change in the golden record and in the generated packages."""
    pinned = nox.project.dependency_groups(PYPROJECT, "codegen")
    others = [one for one in pinned if not one.startswith("datamodel-code-generator")]
    session.install("--upgrade", "-e", ".", "datamodel-code-generator", *others)
    session.run("python", "tests/codegen/newest_generator.py")


@nox.session(python=LATEST)
def api(session: nox.Session) -> None:
    """Fail if the public API breaks what the last release promised, unless CHANGELOG.md declares it."""
    session.install("-e", ".", *nox.project.dependency_groups(PYPROJECT, "codegen"))
    session.run("python", "-m", "codegen", "api", *session.posargs)


@nox.session(python=LATEST)
def diff(session: nox.Session) -> None:
    """Say what changed for users since the last release, or since the revision that is given."""
    session.install("-e", ".", *nox.project.dependency_groups(PYPROJECT, "codegen"))
    session.run("python", "-m", "codegen", "diff", *session.posargs)


@nox.session(python=LATEST)
def drift(session: nox.Session) -> None:
    """Hold the spec against the vendor's own document; another address, file or options may be given."""
    session.install("-e", ".", *nox.project.dependency_groups(PYPROJECT, "codegen"))
    given = session.posargs or ["https://api.pocketsflow.com/docs.json", "--spec", "pocketsflow"]
    session.run("python", "-m", "codegen", "drift", *given)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    _install(session, "test")
    if session.posargs:
        session.run("python", "-m", "pytest", *session.posargs)
        return
    if session.python != LATEST:
        # What foreign clients and servers say does not hang on the release of Python.
        session.run("python", "-m", "pytest", "--ignore=tests/strangers")
        return
    session.run("coverage", "run", "-m", "pytest")
    session.run("coverage", "report", "--skip-covered")


@nox.session(python=LATEST)
def build(session: nox.Session) -> None:
    """Build the wheel, look into it, and run the tests that need no repository against it alone."""
    session.install("build[uv]", *nox.project.dependency_groups(PYPROJECT, "test"))
    out = Path(session.create_tmp()).resolve()
    shutil.rmtree(out / "dist", ignore_errors=True)
    session.run("python", "-m", "build", "--installer=uv", "--outdir", str(out / "dist"), silent=True)
    wheel = next((out / "dist").glob("*.whl"))
    session.run("python", "tests/check_wheel.py", str(wheel))
    session.install("--force-reinstall", f"{wheel}[cli]")
    shutil.rmtree(out / "tests", ignore_errors=True)
    away = shutil.ignore_patterns("codegen", "typing", "project", "strangers", "__pycache__")
    shutil.copytree("tests", out / "tests", ignore=away)
    shutil.copy("pyproject.toml", out)
    session.chdir(out)
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider")


nox.options.sessions = ["lint", "typing", "codegen_check", "api", "tests", "build"]
