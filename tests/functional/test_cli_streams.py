"""The command with streams that are closed, full, or of a narrow encoding."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import posix

COMMAND = f"{sys.executable} -m pocketsflow_async.cli export products --sandbox --to"


def run(words: str, folder: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S602 - the shell closes the streams
        f"{COMMAND} backup {words}", shell=True, cwd=folder, capture_output=True, check=False, env=more or None
    )


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_hindrance(tmp_path: Path, closed: str) -> None:
    """Where the caller closed stdout or stderr, the export is done, and nothing is printed into its files."""
    done = run(f"--format sqlite {closed}", tmp_path)

    assert done.returncode == 0
    assert b"rror" not in done.stdout + done.stderr
    audit = subprocess.run(
        [sys.executable, "-m", "pocketsflow_async.cli", "audit", "backup"], cwd=tmp_path, check=False
    )
    assert audit.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Where stdout takes nothing, the status is 1 and stderr says why in one line; the files stand."""
    done = run(">/dev/full", tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == b"pocketsflow: [Errno 28] No space left on device"
    assert (tmp_path / "backup/manifest.json").exists()


@posix
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8:strict"])
def test_no_encoding_is_too_narrow(tmp_path: Path, encoding: str) -> None:
    """A path beyond the encoding of the streams is printed with escapes, as text and as JSON."""
    folder = tmp_path / "caf\u00e9 \u20ac \udcff"
    folder.mkdir()
    words = run("", folder, PYTHONIOENCODING=encoding, PYTHONUTF8="1")
    told = run("--json", folder, PYTHONIOENCODING=encoding, PYTHONUTF8="1")

    assert (words.returncode, told.returncode) == (0, 0)
    assert b"complete: backup" in words.stdout
    assert json.loads(told.stdout.splitlines()[-1])["complete"] is True


@posix
def test_words_that_drive_a_terminal_are_escaped(tmp_path: Path) -> None:
    """A wrong word comes back in the complaint with its control characters escaped."""
    done = run(r"""--format "$(printf '\033[2J')" """, tmp_path)

    assert done.returncode == 2
    assert b"\x1b" not in done.stderr
    assert rb"\x1b[2J" in done.stderr
