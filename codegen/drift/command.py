"""`python -m codegen drift`: hold our spec against the vendor's own document."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from codegen.complaint import CommandError
from codegen.drift.compare import compare
from codegen.drift.document import Document
from codegen.drift.report import as_json, markdown
from codegen.drift.source import parse, read
from codegen.spec import Spec, load

ROOT = Path(__file__).resolve().parents[2]
PREVIEW = "-preview"
"""The end of the name of a spec that describes what is inferred, beside the one whose name it begins with."""


def drift(arguments: Sequence[str]) -> int:
    """Report every difference; 1 if there is one.

    Raises:
        CommandError: the document cannot be read.
        SpecError: our spec cannot be read.
    """
    parser = argparse.ArgumentParser(prog="python -m codegen drift", description="Hold our spec against the vendor's.")
    parser.add_argument("source", metavar="URL_OR_FILE", help="OpenAPI 3.0 or 3.1 in JSON or YAML; - is standard input")
    parser.add_argument("--spec", metavar="NAME", help="which of our specs; else the one with the most paths in common")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report there")
    parser.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="for the download; 30")
    parser.add_argument("--specs", type=Path, default=ROOT / "openapi", metavar="DIR", help="where our specs are")
    given = parser.parse_args(arguments)
    if not given.timeout > 0:
        raise CommandError("--timeout: give a number of seconds above 0")
    theirs = Document("there", parse(given.source, read(given.source, given.timeout)))
    specs = [load(path) for path in sorted(given.specs.glob("*.yaml"))]
    if not specs:
        raise CommandError(f"{given.specs}: there is no spec (*.yaml) in this folder")
    mine = _chosen(specs, given.spec, theirs)
    previews = [one for one in specs if one.path.stem == mine.path.stem + PREVIEW]
    found = compare(_document(mine), [_document(one) for one in previews], theirs)
    text = (as_json if given.json else markdown)(found, mine.path.name, given.source)
    try:
        if given.out is None:
            sys.stdout.write(text)
        else:
            given.out.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise CommandError(f"{given.out}: the report cannot be written: {exc.strerror}") from None
    return 1 if found.findings else 0


def _chosen(specs: list[Spec], name: str | None, theirs: Document) -> Spec:
    """The spec of that name; else the one that has the most endpoints in common with the document, or at all."""
    if name is not None:
        asked = [one for one in specs if name in {one.path.stem, one.path.name, one.name}]
        if not asked:
            raise CommandError(f"--spec {name}: there are {', '.join(one.path.stem for one in specs)}")
        return asked[0]
    there = {one.key for one in theirs.endpoints()}

    def likeness(spec: Spec) -> tuple[int, int]:
        here = [endpoint.key for endpoint in _document(spec).endpoints()]
        ends = [any(method == other and path.endswith(one) for other, path in there) for method, one in here]
        return sum(ends), len(here)

    return max([one for one in specs if not one.path.stem.endswith(PREVIEW)] or specs, key=likeness)


def _document(spec: Spec) -> Document:
    return Document(spec.path.name, spec.data)
