"""`python -m codegen diff` and `python -m codegen api`."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from codegen.complaint import CommandError
from codegen.diff.apis import apis_now, apis_then
from codegen.diff.change import LEVELS, Change
from codegen.diff.compare import compare_all
from codegen.diff.declared import declared, undeclared
from codegen.diff.models import spread_bodies
from codegen.diff.public import PACKAGE, public_changes
from codegen.diff.report import Report, fragment
from codegen.diff.revision import Revision, find, is_repository, is_shallow, last_release, unpack, version
from codegen.ir import Api

ROOT = Path(__file__).resolve().parents[2]


def diff(arguments: Sequence[str]) -> int:
    """Report what changed for users since a revision; 1 only if `--fail-on` says so.

    Raises:
        CommandError: there is nothing to compare with.
        SpecError: today's spec is refused.
    """
    parser = argparse.ArgumentParser(prog="python -m codegen diff", description="Report what changed for users.")
    parser.add_argument("ref", nargs="?", metavar="REF", help="a tag, branch or commit; else the last release")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report there")
    parser.add_argument(
        "--fail-on", choices=LEVELS, metavar="LEVEL", help=f"{', '.join(LEVELS)}: exit with 1 from there on"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    report = look(given.root, find(given.root, given.ref))
    text = report.json() if given.json else report.markdown()
    if given.out is None:
        sys.stdout.write(text)
    else:
        try:
            given.out.write_text(text, encoding="utf-8")
        except OSError as exc:
            raise CommandError(f"{given.out}: the report cannot be written: {exc.strerror}") from None
    bad = LEVELS[: LEVELS.index(given.fail_on) + 1] if given.fail_on else ()
    return 1 if any(change.level in bad for change in report.changes) else 0


def api(arguments: Sequence[str]) -> int:
    """Fail if the public API breaks what the last release promised and CHANGELOG.md does not say so."""
    parser = argparse.ArgumentParser(prog="python -m codegen api", description="Fail on an undeclared break.")
    parser.add_argument("ref", nargs="?", metavar="REF", help="a tag, branch or commit; else the last release")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    since = _released(given.root, given.ref)
    if isinstance(since, str):
        print(since)
        return 0
    report = look(given.root, since)
    breaks = [change for change in report.changes if change.level == "breaking"]
    open_ones = undeclared(breaks, declared(given.root / "CHANGELOG.md"))
    for note in report.notes:
        print(note)
    if not open_ones:
        print(f"{len(breaks)} break(s) since {since}, each declared in CHANGELOG.md")
        return 0
    print(f"{len(open_ones)} break(s) since {since} that CHANGELOG.md does not declare", file=sys.stderr)
    print("Undo them, or add to the newest section of CHANGELOG.md, in your own words:", file=sys.stderr)
    print(fragment(open_ones), end="", file=sys.stderr)
    return 1


def look(root: Path, since: Revision) -> Report:
    """Compare a tree with what stood there at a revision."""
    now = apis_now(root / "openapi")
    with tempfile.TemporaryDirectory(prefix="codegen-") as folder:
        then = Path(folder)
        unpack(root, since.commit, then)
        before, notes = apis_then(then / "openapi")
        lost = {name for name in notes if name not in {one.name for one in before}}
        changes = compare_all(before, [one for one in now if one.name not in lost])
        said = list(notes.values())
        if all((tree / PACKAGE).is_dir() for tree in (then, root)):
            changes += list(_beside(public_changes(then, root), changes, [*before, *now]))
        else:
            said.append(f"the package {PACKAGE} is not on both sides, so only the specs are compared")
        return Report(
            since=str(since),
            version=version(then),
            now=version(root),
            changes=tuple(sorted(changes, key=lambda one: LEVELS.index(one.level))),
            notes=tuple(said),
        )


def _released(root: Path, ref: str | None) -> Revision | str:
    """The revision that made promises, or why there is none."""
    if ref is not None:
        return find(root, ref)
    if not is_repository(root):
        return "This is no git repository: there is no release to compare with."
    if tag := last_release(root):
        return tag
    if is_shallow(root):
        return "This clone is shallow and holds no release; to compare with the last one: git fetch --unshallow --tags"
    return "Nothing is released yet (no tag), so nothing can break."


def _beside(found: list[Change], told: list[Change], apis: list[Api]) -> Iterator[Change]:
    """What griffe found beyond what the specs told: not about the same thing, nor about what it is in."""
    said = {(one.api, one.where, one.level) for one in told}
    whole = {(one.api, one.where) for one in told if one.kind in {"added", "removed", "renamed"}}
    whole |= {(one.api, one.text.split("`")[1]) for one in told if one.kind == "renamed"}
    # The fields of these are told as the arguments of their method.
    bodies = {(api.name, name) for api in apis for name in spread_bodies(api)}
    for one in found:
        around = {(one.api, name) for name in (one.api, one.where, *one.names)}
        inside = {(one.api, name) for name in one.names[1:]}
        if (one.api, one.where, one.level) not in said and not around & whole and not inside & bodies:
            yield one
