"""Types compared: which one takes more values, and what that means on either side of a call."""

from typing import Literal

from codegen.diff.change import Level
from codegen.ir import Type

Side = Literal["answer", "request"]
Direction = Literal["same", "wider", "narrower", "other"]

LEVELS: dict[tuple[Side, Direction], Level] = {
    # Who reads an answer has not reckoned with the new values; fewer than before do no harm.
    ("answer", "wider"): "breaking",
    ("answer", "narrower"): "behaviour",
    ("answer", "other"): "breaking",
    # Who writes a request may send what is not taken any more; more than before does no harm.
    ("request", "wider"): "addition",
    ("request", "narrower"): "breaking",
    ("request", "other"): "breaking",
}

WORDS: dict[Direction, str] = {"wider": "was widened", "narrower": "was narrowed", "other": "changed its type"}

# What one kind takes of another: in an answer as Python classes, in a request as callers may write it.
_TAKES: dict[Side, frozenset[tuple[str, str]]] = {
    "answer": frozenset({("float", "int"), ("str", "enum")}),
    "request": frozenset(
        {
            ("float", "int"),
            ("decimal", "int"),
            ("decimal", "float"),
            ("float", "decimal"),
            ("str", "enum"),
            ("date", "datetime"),
        }
    ),
}
_SEVERAL = frozenset({"union", "choice"})
_SPELLED = {"decimal": "Decimal", "any": "Any", "file": "File", "none": "None"}


def direction(old: Type, new: Type, side: Side) -> Direction:
    """How the new type stands to the old one."""
    if old == new:
        return "same"
    more, less = _takes(new, old, side), _takes(old, new, side)
    if more and less:
        return "same"
    return "wider" if more else "narrower" if less else "other"


def spelled(type_: Type) -> str:
    """A type as Python writes it."""
    inner = [spelled(arg) for arg in type_.args]
    match type_.kind:
        case "list":
            return f"list[{inner[0]}]"
        case "map":
            return f"dict[str, {inner[0]}]"
        case "union" | "choice":
            return " | ".join(inner)
        case "model" | "enum":
            return type_.name
        case kind:
            return _SPELLED.get(kind, kind)


def _takes(wide: Type, narrow: Type, side: Side) -> bool:
    """Whether every value of one type is a value of the other."""
    if wide.kind == "any" or wide == narrow:
        return True
    if narrow.kind in _SEVERAL:
        return all(_takes(wide, member, side) for member in narrow.args)
    if wide.kind in _SEVERAL:
        return any(_takes(member, narrow, side) for member in wide.args)
    if wide.kind == narrow.kind and wide.kind in {"list", "map"}:
        return _takes(wide.args[0], narrow.args[0], side)
    return (wide.kind, narrow.kind) in _TAKES[side]
