"""Rules for enums: texts, each once, and the names that a spec may give them."""

import re
from typing import Any

from codegen.lint.view import View, sequence, text

_MEMBER = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


def check(view: View, place: str, schema: dict[str, Any]) -> None:
    """Refuse values that no member can stand for, and names that are none."""
    seen: set[str] = set()
    for number, value in enumerate(sequence(schema["enum"])):
        here = f"{place}/enum/{number}"
        if value is None:
            view.refuse(here, "null is no member of an enum: write oneOf: [$ref, {type: 'null'}] where it is used")
        elif not isinstance(value, str):
            view.refuse(here, f"an enum has texts: put {value!r} in quotes, or use another type")
        elif value in seen:
            view.refuse(here, f"{value!r} is there twice: keep one")
        else:
            seen.add(value)
    if "x-enum-varnames" in schema:
        _given(view, f"{place}/x-enum-varnames", sequence(schema["x-enum-varnames"]), sequence(schema["enum"]))


def _given(view: View, place: str, names: list[Any], values: list[Any]) -> None:
    if len(names) != len(values):
        view.refuse(place, f"x-enum-varnames has {len(names)} names for {len(values)} values: name each of them")
    for number, name in enumerate(names):
        if not _MEMBER.fullmatch(text(name)):
            view.refuse(f"{place}/{number}", f"{name!r} is no name of a member: write it like PAST_DUE")
        elif name in names[:number]:
            view.refuse(f"{place}/{number}", f"{name} is there twice: give each value its own name")
