import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"
OLDEST_NODE = 18
UNREACHABLE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH")


def unavailable(reason: str) -> NoReturn:
    """Skip what cannot run on this machine; where CI is set, nothing may be skipped."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must run this, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node."""
    found = shutil.which("node")
    if found is None:
        unavailable("node is not installed (Node.js 18.20 or newer is needed)")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    if int(version.strip().removeprefix("v").split(".")[0]) < OLDEST_NODE:
        unavailable(f"node {version.strip()} is too old (Node.js 18.20 or newer is needed)")
    return found


@pytest.fixture(scope="session")
def node_modules(node: str) -> Path:
    """The programs that package-lock.json pins, installed beside it; once for any number of test runs side by side."""
    npm = shutil.which("npm")
    if npm is None:
        unavailable("npm is not installed (it comes with Node.js)")
    wanted = hashlib.sha256(b"".join((HERE / f"package{end}.json").read_bytes() for end in ("", "-lock"))).hexdigest()
    stamp = NODE_MODULES / ".installed"
    with (HERE / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            install(npm)
            stamp.write_text(wanted)
    return NODE_MODULES


def install(npm: str) -> None:
    """Install exactly what the lock says; nothing of it runs while being installed."""
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, timeout=240)  # noqa: S603
    if done.returncode == 0:
        return
    if found := UNREACHABLE.search(done.stderr):
        unavailable(f"npm cannot reach its registry ({found[0]})")
    pytest.fail(f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}", pytrace=False)
