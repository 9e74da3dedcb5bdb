"""What the spec lacks, written as YAML to paste: types are inferred from what was seen."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import attrs

from pocketsflow_async._json import is_array, is_object

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NO_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


@attrs.frozen(order=True)
class Place:
    """Where the spec falls short: a schema, and the field or enum value that it lacks."""

    spec: str
    schema: str
    name: str
    is_value: bool


def kind_of(value: Any) -> str:
    """The spec's words for a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, str):
        return _kind_of_text(value)
    if is_object(value):
        return "object"
    if is_array(value):
        return " ".join(["array", *sorted({kind_of(one).partition(" ")[0] for one in value})])
    return "number"


def _kind_of_text(text: str) -> str:
    for form, (shape, read) in _FORMS.items():
        if shape.match(text):
            try:
                if getattr(read(text), "tzinfo", True):
                    return form
            except ValueError:
                pass
    return "string"


_FORMS: dict[str, tuple[re.Pattern[str], Callable[[str], Any]]] = {
    "date": (re.compile(r"\d{4}-\d\d-\d\d$"), date.fromisoformat),
    "date-time": (re.compile(r"\d{4}-\d\d-\d\d[Tt]"), datetime.fromisoformat),
}
_WRITTEN = {
    "string": "type: string",
    "date": "type: string, format: date",
    "date-time": "type: string, format: date-time",
    "integer": "type: integer",
    "number": "type: number, format: decimal",
    "boolean": "type: boolean",
    "object": "type: object, additionalProperties: true",
}


def _schema(kinds: frozenset[str]) -> str:
    """The inside of a schema that takes all kinds of value that were seen."""
    arrays = [kind for kind in kinds if kind.startswith("array")]
    found = {kind for kind in kinds if kind in _WRITTEN}
    if len(found & {"string", "date", "date-time"}) > 1:
        found = found - {"date", "date-time"} | {"string"}
    if "number" in found:
        found.discard("integer")
    texts = [_WRITTEN[kind] for kind in _WRITTEN if kind in found]
    if arrays:
        items = frozenset(word for kind in arrays for word in kind.split()[1:])
        inner = "" if "null" in items else _schema(items)
        texts.append(f"type: array, items: {{{inner}}}")
    if len(texts) > 1:
        return "anyOf: [" + ", ".join(f"{{{text}}}" for text in texts) + "]" if "null" not in kinds else ""
    text = texts[0] if texts else ""
    if "null" in kinds and text:
        word, _, rest = text.removeprefix("type: ").partition(",")
        return f'type: [{word}, "null"]' + (f",{rest}" if rest else "")
    return text


def patch(spec: str, seen: Mapping[Place, frozenset[str]]) -> str:
    """The places of one spec, with the kinds of value seen at each, as a document that names its file."""
    lines = [f"# {spec}", "components:", "  schemas:"]
    for schema in dict.fromkeys(place.schema for place in seen):
        here = {place: kinds for place, kinds in seen.items() if place.schema == schema}
        lines.append(f"    {schema}:")
        lines.append("      enum:" if next(iter(here)).is_value else "      properties:")
        for place, kinds in here.items():
            if place.is_value:
                lines.append(f"        - {_quoted(place.name)}  # x-stability: observed")
            else:
                told = ", ".join(filter(None, (_schema(kinds), "x-stability: observed")))
                lines.append(f"        {_quoted(place.name)}: {{{told}}}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Text as YAML reads it back, whatever is in it."""
    if _PLAIN_NAME.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text) + '"'
