"""The specs of a folder as the values that are compared."""

from pathlib import Path

from codegen.build import build
from codegen.ir import Api
from codegen.lint import lint
from codegen.problems import SpecError
from codegen.spec import load


def apis_now(folder: Path) -> list[Api]:
    """Every spec of a folder.

    Raises:
        SpecError: today's rules refuse one.
    """
    found: list[Api] = []
    for path in sorted(folder.glob("*.yaml")):
        spec = load(path)
        lint(spec)
        found.append(build(spec, path.name))
    return found


def apis_then(folder: Path) -> tuple[list[Api], dict[str, str]]:
    """Every spec of a folder from the past, which today's rules may refuse: what could be read, and notes by API.

    A spec that is refused is compared all the same, as far as something can be made of it.
    """
    found: list[Api] = []
    notes: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        name = path.stem.replace("-", "_")
        refused: SpecError | None = None
        try:
            spec = load(path)
            name = spec.name
            try:
                lint(spec)
            except SpecError as exc:
                refused = exc
            found.append(build(spec, path.name))
        except SpecError as exc:
            notes[name] = f"{path.name} could not be read then, so it is not compared: {exc.problems[0]}"
        except Exception as exc:  # what breaks on a refused spec can be anything
            if refused is None:
                raise
            first = refused.problems[0]
            notes[name] = f"{path.name} is refused by today's rules and not compared ({type(exc).__name__}): {first}"
        else:
            if refused is not None:
                count = len(refused.problems)
                notes[name] = f"{path.name} is compared although today's rules refuse it: {count} problem(s)"
    return found, notes
