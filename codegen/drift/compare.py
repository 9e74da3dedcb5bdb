"""Our spec against the vendor's document: endpoints first, then what goes in and what comes out."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from codegen.drift.document import Document, Endpoint
from codegen.drift.finding import Finding, Findings
from codegen.drift.plain import is_mapping
from codegen.drift.schemas import Comparison
from codegen.drift.shape import Part, Shapes

Endpoints = Mapping[tuple[str, str], Endpoint]
Body = Callable[[Document, Endpoint], tuple[str, Any, str] | None]


@attrs.frozen
class Drift:
    """What a comparison found.

    Attributes:
        findings: each difference, with the endpoints where it shows.
        confirmed: endpoints that were inferred, and that the vendor has.
        denied: endpoints that were inferred, and that the vendor does not have.
        notes: what could not be compared, and why.
        compared: how many endpoints both sides have.
    """

    findings: tuple[tuple[Finding, tuple[str, ...]], ...]
    confirmed: tuple[str, ...]
    denied: tuple[str, ...]
    notes: tuple[str, ...]
    compared: int


def compare(ours: Document, previews: Iterable[Document], theirs: Document) -> Drift:
    """Every difference between our documents and theirs. What `previews` describe is inferred: it may be wrong."""
    run = _Run(theirs)
    run.operations(ours, previews)
    run.webhooks(ours)
    return run.result()


class _Run:
    """One comparison under way."""

    def __init__(self, theirs: Document) -> None:
        self._theirs = theirs
        self._shapes = Shapes(theirs)
        self._findings = Findings()
        self._quiet: list[str] = []
        self._confirmed: list[str] = []
        self._denied: list[str] = []
        self._compared = 0

    def operations(self, ours: Document, previews: Iterable[Document]) -> None:
        base = ours.bases()[0]
        there, another = _there(self._theirs, {base + endpoint.key[1] for endpoint in ours.endpoints()}, base)
        if another:
            self._findings.add(another, "")
        matched: set[tuple[str, str]] = set()
        for document in (ours, *previews):
            pair = self._pair(document)
            for endpoint in document.endpoints():
                key = endpoint.key[0], document.bases()[0] + endpoint.key[1]
                if document is not ours or endpoint.node.get("x-stability") == "preview":
                    guessed = self._confirmed if key in there else self._denied
                    guessed.append(f"{endpoint.told} ({endpoint.name})")
                elif key not in there:
                    self._findings.add(Finding("endpoint-here", endpoint.told), endpoint.name)
                if key in there and key not in matched:
                    matched.add(key)
                    self._compared += 1
                    pair.compare(endpoint, there[key])
        self._only_there(endpoint for key, endpoint in there.items() if key not in matched)

    def webhooks(self, ours: Document) -> None:
        """Compare the events, where the vendor describes any."""
        there = {one.key: one for one in self._theirs.webhooks()}
        if not there:
            return
        pair = self._pair(ours)
        here = {one.key: one for one in ours.webhooks()}
        for key, event in here.items():
            if key in there:
                pair.bodies(event, there[key], Document.request, "event")
            else:
                self._findings.add(Finding("endpoint-here", event.told), event.name)
        self._only_there(event for key, event in there.items() if key not in here)

    def result(self) -> Drift:
        if self._quiet:
            names = ", ".join(self._quiet)
            self._theirs.notes[f"{self._theirs.name}: it does not say what these answer: {names}"] = None
        return Drift(
            tuple(self._findings),
            tuple(self._confirmed),
            tuple(self._denied),
            tuple(self._theirs.notes),
            self._compared,
        )

    def _only_there(self, endpoints: Iterable[Endpoint]) -> None:
        for endpoint in endpoints:
            self._findings.add(Finding("endpoint-there", endpoint.told), endpoint.name)

    def _pair(self, ours: Document) -> "_Pair":
        return _Pair(ours, self._theirs, Shapes(ours), self._shapes, self._findings, self._quiet)


def _there(theirs: Document, known: set[str], our_base: str) -> tuple[Endpoints, Finding | None]:
    """Their endpoints by method and whole path, under the base path with which most of them are known to us.

    Where that is not what one of their servers says, their addresses differ from ours as a whole: one difference.
    """
    endpoints = list(theirs.endpoints())
    bases = theirs.bases()
    prefix = _common([one.key[1] for one in endpoints])
    tries = [(base, "") for base in (*bases, "")] + [(our_base, prefix)] * bool(prefix)

    def placed(base: str, cut: str) -> dict[tuple[str, str], Endpoint]:
        return {(one.key[0], (base + one.key[1].removeprefix(cut)) or "/"): one for one in endpoints}

    best = max(tries, key=lambda one: sum(path in known for _, path in placed(*one)))
    if best[1] or best[0] not in bases:
        told = bases[0] + best[1]
        return placed(*best), Finding("base", "base path", "", our_base or "/", told or "/")
    return placed(*best), None


def _common(paths: list[str]) -> str:
    """The whole segments that all paths begin with."""
    split = [path.split("/")[1:-1] for path in paths]
    found = ""
    for parts in zip(*split, strict=False):
        if len(set(parts)) > 1 or "{" in parts[0]:
            break
        found += f"/{parts[0]}"
    return found if paths else ""


@attrs.frozen
class _Pair:
    """Both documents, and what they say of one endpoint."""

    ours: Document
    theirs: Document
    our_shapes: Shapes
    their_shapes: Shapes
    findings: Findings
    quiet: list[str]

    def compare(self, here: Endpoint, there: Endpoint) -> None:
        self._parameters(here, there)
        self.bodies(here, there, Document.request, "request")
        self.bodies(here, there, Document.answer, "answer")

    def bodies(self, here: Endpoint, there: Endpoint, read: Body, side: str) -> None:
        """Compare what is sent, or answered."""
        mine, other = read(self.ours, here), read(self.theirs, there)
        where = f"{here.name or here.told} {side}"
        if other is None or mine is None:
            if mine is not None and side == "answer":
                self.quiet.append(here.name or here.told)
            elif (other is None) != (mine is None):
                kind = "field-here" if other is None else "field-there"
                said = [one[0] if one else "" for one in (mine, other)]
                self.findings.add(Finding(kind, where, side, *said), here.name or here.told)
            return
        if mine[0] != other[0]:
            self.findings.add(Finding("type", where, side, mine[0], other[0]), here.name or here.told)
            return
        parts = Part(*mine[1:]), self._unwrapped(here, Part(*other[1:]))
        self._comparison(here, side).compare(*parts, where)

    def _parameters(self, here: Endpoint, there: Endpoint) -> None:
        mine, other = self.ours.parameters(here), self.theirs.parameters(there)
        comparison = self._comparison(here, "request")
        for key in dict.fromkeys((*mine, *other)):
            where = f"{here.name or here.told}({key[1] if key[0] != 'path' else f'id {key[1]}'})"
            if key not in mine or key not in other:
                if key[0] == "path":
                    continue  # the path itself says that it is there
                kind, node = ("field-here", mine[key]) if key in mine else ("field-there", other[key])
                said = f"{key[0]} parameter{', required' if node[0].get('required') is True else ''}"
                told = (said, "") if key in mine else ("", said)
                self.findings.add(Finding(kind, where, "request", *told), here.name or here.told)
                continue
            must = [key[0] == "path" or side[key][0].get("required") is True for side in (mine, other)]
            if must[0] != must[1]:
                said_must = ["required" if one else "optional" for one in must]
                self.findings.add(Finding("required", where, "request", *said_must), here.name or here.told)
            comparison.compare(_schema(*mine[key]), _schema(*other[key]), where)

    def _unwrapped(self, here: Endpoint, there: Part) -> Part:
        """Their answer without the wrapping that our client takes off by itself."""
        shape = self.their_shapes.of(there)
        for key in here.node.get("x-unwrap", ()):
            if key in shape.fields:
                return shape.fields[key]
        return there

    def _comparison(self, here: Endpoint, side: str) -> Comparison:
        return Comparison(self.our_shapes, self.their_shapes, self.findings, side, here.name or here.told)


def _schema(node: dict[str, Any], place: str) -> Part:
    """A parameter's schema, which may stand in a media type."""
    content = node.get("content")
    for media in content.values() if is_mapping(content) else ():
        if is_mapping(media) and "schema" in media:
            return Part(media["schema"], f"{place}/content")
    return Part(node.get("schema"), f"{place}/schema")
