"""What stood in the repository at a revision."""

import io
import subprocess
import tarfile
import tomllib
from pathlib import Path

import attrs

from codegen.complaint import CommandError

FOLDERS = ("openapi", "pocketsflow_async", "pyproject.toml")
"""What is looked at: the specs, the package, and the version."""


@attrs.frozen
class Revision:
    """A commit.

    Attributes:
        name: as it was asked for, or found.
        commit: its hash.
        why: how it was found.
    """

    name: str
    commit: str
    why: str

    def __str__(self) -> str:
        return f"{self.name} ({self.commit[:10]}, {self.why})"


def find(root: Path, asked: str | None) -> Revision:
    """The revision that was asked for; else the last release, else where this branch left main, else the last commit.

    Raises:
        CommandError: there is no such revision, or no repository.
    """
    if asked is not None:
        return Revision(asked, _commit(root, asked), "as asked")
    if tag := last_release(root):
        return tag
    for branch in ("main", "origin/main"):
        if base := _try(root, "merge-base", "HEAD", branch):
            head = _commit(root, "HEAD")
            return (
                Revision("HEAD", base, "the last commit")
                if base == head
                else Revision(branch, base, f"where this branch left {branch}")
            )
    return Revision("HEAD", _commit(root, "HEAD"), "the last commit")


def last_release(root: Path) -> Revision | None:
    """The newest tag that this commit descends from; None where there is none."""
    tag = _try(root, "describe", "--tags", "--abbrev=0", "HEAD")
    return Revision(tag, _commit(root, tag), "the last release") if tag else None


def is_repository(root: Path) -> bool:
    """Whether there is a git repository with a commit in it."""
    return _try(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") is not None


def is_shallow(root: Path) -> bool:
    """Whether the repository holds only the newest part of its history."""
    return _try(root, "rev-parse", "--is-shallow-repository") == "true"


def unpack(root: Path, commit: str, to: Path) -> None:
    """Write the specs, the package and `pyproject.toml` of a commit into a folder; what is not there is left out."""
    there = _git(root, "ls-tree", "--name-only", commit, "--", *FOLDERS).decode().split()
    if there:
        with tarfile.open(fileobj=io.BytesIO(_git(root, "archive", "--format=tar", commit, "--", *there))) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None  # Python 3.11.2 cannot filter
                if file is not None:
                    target = to / member.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(file.read())


def version(root: Path) -> str:
    """The package's version in a tree; 0.0.0 where it says none."""
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return str(project["version"])
    except (OSError, KeyError, TypeError, ValueError):
        return "0.0.0"


def _commit(root: Path, ref: str) -> str:
    if not is_repository(root):
        raise CommandError(
            f"{root.name}: this is no git repository with a commit in it, so there is nothing to compare"
        )
    found = _try(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if not found:
        hint = "; this clone is shallow: `git fetch --unshallow --tags`" if is_shallow(root) else ""
        raise CommandError(f"{ref!r} is no revision of this repository{hint}")
    return found


def _try(root: Path, *words: str) -> str | None:
    try:
        return _git(root, *words).decode().strip() or None
    except CommandError:
        return None


def _git(root: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, check=False)  # noqa: S603, S607 - ours
    except (OSError, ValueError) as exc:
        raise CommandError(f"git cannot be run: {exc}") from None
    if done.returncode:
        raise CommandError(f"git {words[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
