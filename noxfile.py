"""Every check by name: `nox` runs what a change must pass, `nox -s lint` one of them, `nox -s nightly` all there is.

Sessions install what uv.lock says, so that what passes today passes in a year; `newest`, `minimums` and
`newest_generator` are there to look beyond it.
"""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = True  # only what works is asked for, see _present

PYPROJECT = nox.project.load_toml("pyproject.toml")
WORKERS = str(max(2, min(8, os.cpu_count() or 2)))
SIDE_BY_SIDE = ("-n", WORKERS, "--dist", "worksteal")
SHUFFLED = (*SIDE_BY_SIDE, "-p", "randomly")


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
OLDEST, LATEST = PYTHONS[0], PYTHONS[-1]


def _sync(session: nox.Session, *options: str) -> None:
    """Make the environment what uv.lock says, for these options of `uv sync`."""
    session.run_install("uv", "sync", "--quiet", "--active", "--frozen", "--no-default-groups", *options)


def _sync_package(session: nox.Session, *groups: str) -> None:
    """Install groups, and the package from this folder, which what the lock has of hatchling builds."""
    wanted = [f"--group={group}" for group in (*groups, "build")]
    _sync(session, "--no-build-isolation-package=pocketsflow-async", "--extra=cli", *wanted)


def _pytest(session: nox.Session, *options: str) -> None:
    """Run the tests that are asked for, or else all that these options leave."""
    session.run("python", "-m", "pytest", *(session.posargs or (*SIDE_BY_SIDE, *options)))


@nox.session(python=LATEST)
def lint(session: nox.Session) -> None:
    _sync(session, "--only-group=lint")
    session.run("uv", "lock", "--check", "--offline", "--quiet", external=True)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=LATEST)
def typing(session: nox.Session) -> None:
    _sync_package(session, "typing")
    with ThreadPoolExecutor() as pool:
        list(pool.map(session.run, ["mypy", "pyright"]))


@nox.session(python=LATEST)
def codegen(session: nox.Session) -> None:
    """Write the generated packages anew."""
    _sync_package(session, "codegen")
    session.run("python", "-m", "codegen")


@nox.session(python=LATEST)
def codegen_check(session: nox.Session) -> None:
    _sync_package(session, "codegen")
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
    _sync_package(session, "codegen")
    session.run("python", "-m", "codegen", "api", *session.posargs)


@nox.session(python=LATEST)
def diff(session: nox.Session) -> None:
    """Say what changed for users since the last release, or since the revision that is given."""
    _sync_package(session, "codegen")
    session.run("python", "-m", "codegen", "diff", *session.posargs)


@nox.session(python=LATEST)
def drift(session: nox.Session) -> None:
    """Hold the spec against the vendor's own document; another address, file or options may be given."""
    _sync_package(session, "codegen")
    given = session.posargs or ["https://api.pocketsflow.com/docs.json", "--spec", "pocketsflow"]
    session.run("python", "-m", "codegen", "drift", *given)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests: on the newest Python all of them, with coverage; on another those that hang on its release."""
    _sync_package(session, "test")
    if session.python != LATEST or session.posargs:
        _pytest(session, "-m", "not once")
        return
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *SIDE_BY_SIDE)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", "--skip-covered")


@nox.session(python=OLDEST)
def wheel(session: nox.Session) -> None:
    """Build the wheel, look into it, and run the tests that need no repository against it, on the oldest Python."""
    _sync(session, "--no-install-project", "--extra=cli", "--group=test", "--group=build")
    out = Path(session.create_tmp()).resolve()
    shutil.rmtree(out / "dist", ignore_errors=True)
    session.run("uv", "build", "--quiet", "--no-build-isolation", "--out-dir", str(out / "dist"), external=True)
    built = next((out / "dist").glob("*.whl"))
    session.run("python", "tests/check_wheel.py", str(built))
    session.install("--no-deps", "--reinstall", str(built))
    shutil.rmtree(out / "tests", ignore_errors=True)
    away = shutil.ignore_patterns("codegen", "typing", "project", "strangers", "__pycache__")
    shutil.copytree("tests", out / "tests", ignore=away)
    shutil.copy("pyproject.toml", out)
    session.chdir(out)
    _pytest(session, "-m", "not once", "-p", "no:cacheprovider")


@nox.session(python=LATEST)
def newest(session: nox.Session) -> None:
    """Run types and tests with the newest release of everything, whatever uv.lock says."""
    session.install("--upgrade", "-e", ".[cli]", "--group=test", "--group=typing")
    session.run("mypy")
    session.run("pyright")
    _pytest(session)


@nox.session(python=OLDEST)
def minimums(session: nox.Session) -> None:
    """Run the tests with the lowest release of everything that pyproject.toml allows."""
    session.install("--resolution=lowest-direct", "-e", ".[cli]", "--group=test")
    # The bars of the benchmarks compare with what the locked releases of others take.
    session.env["PYTEST_ADDOPTS"] = "--ignore=tests/project/test_benchmarks.py"
    _pytest(session)


@nox.session(python=LATEST)
def thorough(session: nox.Session) -> None:
    """Run all tests with ten times the examples, rounds and records, new ones each time, in any order."""
    _sync_package(session, "test")
    session.run("python", "-m", "pytest", *SHUFFLED, env={"POCKETSFLOW_TESTS": "nightly"})


@nox.session(python=False)
def nightly(session: nox.Session) -> None:
    """Run everything: `thorough`, all tests on every Python, with the newest and the lowest releases, in any order."""
    for name in [*CHECKS, "thorough"]:
        session.notify(name)
    for name in [*(f"tests-{version}" for version in PYTHONS), "wheel", "newest", "minimums"]:
        session.notify(name, posargs=SHUFFLED)


# The oldest Python runs the tests against the built wheel; its `tests` session would say the same again.
CHECKS = ["lint", "typing", "codegen_check", "api"]
nox.options.sessions = [*CHECKS, *(f"tests-{version}" for version in PYTHONS[1:] or PYTHONS), "wheel"]
