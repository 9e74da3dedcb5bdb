"""Two schemas compared, side by side down to the last field."""

from collections.abc import Iterator

from codegen.drift.finding import Finding, Findings
from codegen.drift.shape import Part, Shape, Shapes

# Formats that mean something else than their neighbours; others are a matter of taste.
_TOLD_FORMATS = frozenset({"date", "date-time", "time", "binary"})
_DEEP = 60


class Comparison:
    """Compares the schemas of one endpoint's request or answer.

    Args:
        findings: where differences go.
        side: request or answer.
        endpoint: which one.
    """

    def __init__(self, ours: Shapes, theirs: Shapes, findings: Findings, side: str, endpoint: str) -> None:
        self._ours = ours
        self._theirs = theirs
        self._findings = findings
        self._side = side
        self._endpoint = endpoint
        self._seen: set[tuple[int, int, str]] = set()

    def compare(self, ours: Part, theirs: Part, where: str, *, optional: bool = False, depth: int = 0) -> None:
        """Compare two schemas, and everything in them; what was compared already is not compared again."""
        here, there = self._ours.of(ours), self._theirs.of(theirs)
        key = (id(here), id(there), here.name or where)
        if key in self._seen or depth > _DEEP:
            return
        self._seen.add(key)
        # An enum or an alias has no places of its own: the field that has it is the place.
        name = here.name if here.fields and here.name else where
        for kind, mine, other in _values(here, there, quiet_null=optional and self._side != "request"):
            self._add(kind, name if kind == "values" and here.name == name else where, mine, other)
        self._fields(here, there, name, depth)
        for inner, outer, ending in ((here.items, there.items, "[]"), (here.rest, there.rest, "{}")):
            if inner is not None and outer is not None:
                self.compare(inner, outer, f"{where}{ending}", depth=depth + 1)

    def _fields(self, here: Shape, there: Shape, name: str, depth: int) -> None:
        if not here.fields and (not there.fields or here.rest is not None or "object" not in here.types):
            return
        for field in dict.fromkeys((*here.fields, *there.fields)):
            place = (field in here.fields and _component(here.fields[field])) or f"{name}.{field}"
            if field not in there.fields:
                if there.fields:  # else nobody says what is in it
                    self._add("field-here", place, _told(self._ours.of(here.fields[field])), "")
                continue
            if field not in here.fields:
                self._add("field-there", place, "", _told(self._theirs.of(there.fields[field])))
                continue
            must = [field in shape.required for shape in (here, there)]
            if must[0] != must[1]:
                self._add("required", place, *("required" if one else "optional" for one in must))
            optional = not must[0]
            self.compare(here.fields[field], there.fields[field], place, optional=optional, depth=depth + 1)

    def _add(self, kind: str, where: str, here: str, there: str) -> None:
        self._findings.add(Finding(kind, where, self._side, here, there), self._endpoint)


def _values(here: Shape, there: Shape, *, quiet_null: bool) -> Iterator[tuple[str, str, str]]:
    """Differences of type, format, enum, limits and default; what the vendor does not say is no difference."""
    away = {"null"} if quiet_null else set[str]()
    if there.types and here.types - away != there.types - away:
        yield "type", _words(here.types), _words(there.types)
        if not here.types & there.types - {"null"}:
            return
    formats = [shape.formats & _TOLD_FORMATS for shape in (here, there)]
    if all(formats) and formats[0] != formats[1]:
        yield "type", _words(formats[0]), _words(formats[1])
    if (here.values is None) != (there.values is None) and "boolean" not in here.types:
        yield "enum", _enum(here.values), _enum(there.values)
    elif here.values is not None and there.values is not None:
        mine = [one for one in here.values if one not in there.values]
        other = [one for one in there.values if one not in here.values]
        if mine or other:
            yield "values", ", ".join(mine), ", ".join(other)
    for word, limit in there.limits.items():
        if here.limits.get(word) != limit:
            yield "limit", f"{word} {here.limits.get(word, 'none')}", f"{word} {limit}"
    if there.default is not None and here.default != there.default:
        yield "default", here.default or "none", there.default


def _component(field: Part) -> str:
    """Where a field stands that a component defines, which may be another one than has it."""
    match field.place.split("/")[1:]:
        case ["components", "schemas", name, *_, "properties", last]:
            return f"{name}.{last}"
        case _:
            return ""


def _told(shape: Shape) -> str:
    return shape.name or _words(shape.types) or "anything"


def _words(words: frozenset[str]) -> str:
    return " or ".join(sorted(words)) or "anything"


def _enum(values: tuple[str, ...] | None) -> str:
    return "any value" if values is None else ", ".join(values)
