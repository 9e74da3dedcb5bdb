"""`python -m codegen`: write the generated packages. `--check`: say which files are stale, and write nothing.

`python -m codegen diff`, `api` and `drift` compare: see docs/regenerating.md.
"""

import argparse
import difflib
import shutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from codegen.build import build
from codegen.complaint import CommandError
from codegen.lint import lint
from codegen.problems import GeneratorError, SpecError
from codegen.render import render
from codegen.spec import load
from codegen.write import differences, prepare, replace

ROOT = Path(__file__).resolve().parent.parent


_HELP = """commands, each with a --help of its own:
  diff   what a change of the spec means for users
  api    whether a change breaks a promise that CHANGELOG.md does not declare
  drift  what the vendor's own document says otherwise
"""
COMMANDS = {
    "diff": "codegen.diff.command:diff",
    "api": "codegen.diff.command:api",
    "drift": "codegen.drift.command:drift",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate from every spec, or compare; 0 when all is well, 1 for stale files or a bad spec."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in COMMANDS:
        return _compare(words[0], words[1:])
    if words and not words[0].startswith("-"):
        print(_unknown(words[0]), file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(
        prog="python -m codegen",
        description=__doc__,
        epilog=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 if a generated file is not up to date")
    parser.add_argument("--specs", type=Path, default=ROOT / "openapi", metavar="DIR", help="where the specs are")
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "pocketsflow_async" / "_generated",
        metavar="DIR",
        help="where the generated packages go, one for each spec",
    )
    given = parser.parse_args(words)
    specs = sorted(given.specs.glob("*.yaml"))
    if not specs:
        print(f"{given.specs}: there is no spec (*.yaml) in this folder", file=sys.stderr)
        return 1
    try:
        return _generate(specs, given.out, check=given.check)
    except SpecError as exc:
        print(exc, file=sys.stderr)
        print(f"{len(exc.problems)} problem(s): nothing was written", file=sys.stderr)
        return 1
    except GeneratorError as exc:
        print(f"{exc}; nothing was written", file=sys.stderr)
        return 1
    except OSError as exc:
        print(f"{exc.filename or given.out}: {exc.strerror or exc}; nothing was written", file=sys.stderr)
        return 1


def _unknown(word: str) -> str:
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}, or none to generate"
    return f"{word!r} is no command: {advice}"


def _compare(command: str, words: list[str]) -> int:
    module, _, name = COMMANDS[command].partition(":")
    try:
        return int(getattr(import_module(module), name)(words))
    except (CommandError, SpecError) as exc:
        print(exc, file=sys.stderr)
        return 2


def _generate(specs: list[Path], out: Path, *, check: bool) -> int:
    files = {"__init__.py": '"""Generated code, a package for each API. See `python -m codegen`."""\n'}
    for path in specs:
        spec = load(path)
        lint(spec)
        api = build(spec, f"{path.parent.name}/{path.name}")
        files |= {f"{spec.name}/{name}": text for name, text in render(api, spec.data).items()}
    tree = prepare(files, out)
    try:
        changed = differences(tree, out)
        if not check and changed:
            replace(tree, out)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    if not check:
        for name in changed:
            file, _, how = name.partition(" (")
            print(f"{'removed' if how == 'left over)' else 'wrote'} {out.name}/{file}")
        print(f"{out.name} is up to date")
        return 0
    for name in changed:
        print(f"{out.name}/{name}")
    if changed:
        print(f"{len(changed)} generated file(s) not up to date: run `python -m codegen`", file=sys.stderr)
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
